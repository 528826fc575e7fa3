"""The stage `package`, run on a small base made here, with the real uv and wheels from the real index."""

from collections.abc import Mapping
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pytest

from mlagent.adapters.fakes import MemoryStore
from mlagent.config.images import Serving
from mlagent.core import digest, oci
from mlagent.core.context import Context, Outputs
from mlagent.engine.blobs import NodeBlobs
from mlagent.engine.child import LocalChildren
from mlagent.stages import package
from tests.small_base import make

BASE = "oci:../../base"
PLANTED = "planted-for-nobody-to-see"


class Told:
    """A log that remembers."""

    def __init__(self) -> None:
        """Nothing yet."""
        self.lines: list[str] = []

    def info(self, event: str, **_: object) -> None:
        self.lines.append(event)

    def warning(self, event: str, **_: object) -> None:
        self.lines.append(event)

    def progress(self, event: str, done: int, of: int, **_: object) -> None:
        self.lines.append(f"{event} {done}/{of}")

    def underway(self, event: str, done: float, of: int, **_: object) -> None:
        """Only drawn on a terminal."""

    def output(self, line: str) -> None:
        self.lines.append(line)


class Shop:
    """A project whose model is exported, in a folder of its own, with a node's folder of pieces."""

    def __init__(self, folder: Path, pieces: Path | None = None) -> None:
        """`folder` is made; `pieces` are the folder's own where no other is named."""
        self.project = folder / "project"
        self.project.mkdir(parents=True)
        self.log, self.folder, self.model = Told(), folder, b"a model"
        self.blobs = NodeBlobs(pieces or folder / "pieces", MemoryStore())
        self.outputs: Outputs | None = None
        self.work = folder

    def run(self, *asked: str, **settings: Any) -> oci.Manifest:
        """Run the stage once, in an empty folder; the manifest that it wrote."""
        self.work = self.folder / f"work-{len(list(self.folder.glob('work-*')))}"
        (self.work / "inputs").mkdir(parents=True)
        inputs = {"onnx": self.work / "inputs/any.onnx", "signature": self.work / "inputs/any.json"}
        inputs["onnx"].write_bytes(self.model)
        inputs["signature"].write_bytes(b"{}")
        config = package.Config(**{"base": BASE, **settings})
        self.outputs = package.run(config, inputs, self._context(inputs, asked))
        return manifest_in(self.work)

    def _context(self, inputs: Mapping[str, Path], asked: tuple[str, ...]) -> Context:
        nothing: Any = None
        return Context(
            project=self.project,
            work=self.work,
            kept=self.work,
            run_id="r",
            data=(),
            sections={"project": SimpleNamespace(name="risk"), "serving": Serving()},
            digests={name: digest.of_file(path) for name, path in inputs.items()},
            facts={},
            references={},
            worker=nothing,
            tools=LocalChildren(self.project, [], self.log),
            tracker=nothing,
            registry=nothing,
            ledger=nothing,
            remember=nothing,
            recall=nothing,
            approvals=nothing,
            blobs=self.blobs,
            asked=frozenset(asked),
            labels={},
            done=(),
            origin=cast("Any", None),
            log=self.log,
        )

    def image(self) -> str:
        """The digest of what was made last."""
        return digest.of_file(self.work / package.MANIFEST)

    def piece(self, descriptor: oci.Descriptor) -> bytes:
        """The bytes of a piece."""
        return self.blobs.path(descriptor.digest).read_bytes()


def manifest_in(work: Path) -> oci.Manifest:
    """The image that was written there."""
    import msgspec

    return msgspec.json.decode((work / package.MANIFEST).read_bytes(), type=oci.Manifest)


@pytest.fixture(scope="session")
def built(tmp_path_factory: pytest.TempPathFactory) -> Shop:
    """A project that was frozen from the real index and built on an empty node, once a session; look, and no more.

    Where it was built, a secret was in the environment.
    """
    folder = tmp_path_factory.mktemp("built")
    make(folder / "base")
    shop = Shop(folder / "one")
    with pytest.MonkeyPatch.context() as patch:
        for name in ("AWS_SECRET_ACCESS_KEY", "MLAGENT_REGISTRY_PASSWORD", "PIP_PASSWORD"):
            patch.setenv(name, PLANTED)
        shop.run()
    return shop


@pytest.fixture(scope="session")
def frozen(built: Shop) -> str:
    """Its lock."""
    return (built.project / "serving.lock").read_text()


@pytest.fixture
def small(tmp_path: Path) -> Path:
    """A folder with a base beside the projects in it."""
    make(tmp_path / "base")
    return tmp_path


@pytest.fixture
def shop(small: Path, built: Shop) -> Shop:
    """A project with an exported model, which has no lock yet, on the node that built before."""
    return Shop(small / "one", built.blobs.home)


@pytest.fixture
def locked(shop: Shop, frozen: str) -> Shop:
    """The same, whose lock is committed."""
    (shop.project / "serving.lock").write_text(frozen)
    return shop
