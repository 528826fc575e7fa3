"""The stage `push`: by digest, without a tag, nothing twice, read back; not of a pull request."""

import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any, cast

import pytest

from mlagent.adapters.fakes import MemoryStore
from mlagent.adapters.oci_registry.refusals import Damaged
from mlagent.config.images import Registry
from mlagent.config.redact import Redactor
from mlagent.config.secret import Secret
from mlagent.core import oci
from mlagent.core.context import Context, Outputs
from mlagent.core.digest import of_bytes
from mlagent.core.ports.store import MissingBlob
from mlagent.engine.blobs import NodeBlobs
from mlagent.engine.log import open_log
from mlagent.errors import InfrastructureError
from mlagent.stages import push
from tests.contract.image_registries import Piece, piece
from tests.registry_server import PASSWORD, USER, Answer, Double, Fault

PATH = "acme/risk"


class Image:
    """A packaged image and the context of the stage; `opened` are the pieces that were asked for."""

    def __init__(self, folder: Path, host: str) -> None:
        self.folder, self.host = folder, host
        self.blobs = NodeBlobs(folder / "node", MemoryStore())
        self.opened: list[str] = []
        self.layers = [self.add(os.urandom(size)) for size in (50_000, 20_000, 10)]
        self.config = self.add(b'{"architecture": "amd64", "os": "linux"}')
        self.log = (folder / "log").open("w+")
        self.labels: Mapping[str, str] = {"build": "7"}
        self.base = f"{host}/library/python"
        self.settings: dict[str, Any] = {}

    def add(self, data: bytes) -> Piece:
        made = piece(self.folder, data)
        return made._replace(path=self.blobs.add(made.path, made.digest))

    @property
    def pieces(self) -> list[Piece]:
        return [self.config, *self.layers]

    @property
    def manifest(self) -> bytes:
        document = {
            "schemaVersion": 2,
            "mediaType": oci.MANIFEST,
            "config": {"mediaType": oci.CONFIG, "digest": self.config.digest, "size": self.config.size},
            "layers": [{"mediaType": oci.LAYER, "digest": one.digest, "size": one.size} for one in self.layers],
            "annotations": {push.BASE: self.base} if self.base else {},
        }
        return json.dumps(document).encode()

    def path(self, digest: str) -> Path:
        self.opened.append(digest)
        return self.blobs.path(digest)

    def run(self) -> Outputs:
        (self.folder / "work").mkdir(exist_ok=True)
        (self.folder / "manifest.json").write_bytes(self.manifest)
        self.opened.clear()
        missing = cast("Any", None)
        context = Context(
            project=self.folder, work=self.folder / "work", kept=self.folder, run_id="r", data=(),
            sections={"registry": Registry(repository=f"{self.host}/{PATH}", **self.settings)},
            digests={"image": of_bytes(self.manifest)}, facts={}, references={},
            worker=missing, tools=missing, tracker=missing, registry=missing,
            ledger=missing, remember=missing, recall=missing, approvals=missing, blobs=cast("Any", self),
            asked=frozenset(), labels=self.labels, done=(), origin=missing, log=open_log("lines", Redactor(), self.log),
        )  # fmt: skip
        return push.run(push.Config(), {"image": self.folder / "manifest.json"}, context)

    def pushed(self) -> Any:
        return json.loads((self.folder / "work" / "pushed.json").read_bytes())

    def said(self) -> str:
        self.log.seek(0)
        return self.log.read()


@pytest.fixture
def image(tmp_path: Path, double: Double) -> Any:
    made = Image(tmp_path, double.host)
    yield made
    made.log.close()


def test_the_first_push_sends_everything_and_says_so(image: Image, double: Double) -> None:
    outputs = image.run()
    digest = of_bytes(image.manifest)
    assert outputs.summary == f"{double.host}/{PATH}@{digest}: 4 of 4 pieces were new, 0.1 MB sent"
    assert double.manifests[PATH][digest] == (image.manifest, oci.MANIFEST)
    assert double.tags[PATH] == {}
    assert set(double.blobs[PATH]) == {one.digest for one in image.pieces}
    found = image.pushed()
    assert (found["repository"], found["digest"]) == (f"{double.host}/{PATH}", digest)
    assert found["size"] == len(image.manifest) + sum(one.size for one in image.pieces)
    assert found["moved"] == sum(one.size for one in image.pieces)
    assert [one["digest"] for one in found["pieces"]] == [one.digest for one in image.pieces]
    assert "4/4" in image.said()


def test_what_is_there_takes_one_request_and_no_file(image: Image, double: Double) -> None:
    image.run()
    double.seen.clear()
    outputs = image.run()
    assert outputs.summary.endswith(": was there already")
    assert [one.method for one in double.seen if one.target != "/v2/"] == ["GET"]
    assert image.opened == []
    assert image.pushed()["moved"] == 0


def test_of_a_new_model_only_its_pieces_travel(image: Image, double: Double) -> None:
    image.run()
    image.layers[2] = image.add(b"a new model")
    image.config = image.add(b'{"architecture": "amd64", "os": "linux", "of": "the new model"}')
    double.received = 0
    outputs = image.run()
    assert ": 2 of 4 pieces were new, 0.0 MB sent" in outputs.summary
    assert set(image.opened) == {image.layers[2].digest, image.config.digest}
    assert double.received == image.layers[2].size + image.config.size + len(image.manifest)


def test_the_bases_repository_lends_its_layers(image: Image, double: Double) -> None:
    double.blobs["library/python"][image.layers[0].digest] = image.layers[0].path.read_bytes()
    outputs = image.run()
    assert "3 of 4 pieces were new" in outputs.summary
    assert outputs.summary.endswith(", 1 lent by the base's repository")
    assert image.layers[0].digest not in image.opened


@pytest.mark.parametrize("base", ["", "oci:../base", "ghcr.io/acme/base@sha256:" + "0" * 64])
def test_a_base_from_elsewhere_lends_nothing(image: Image, double: Double, base: str) -> None:
    image.base = base
    image.run()
    assert not any("from=" in one.target for one in double.seen)


def test_a_piece_that_an_image_names_twice_travels_once(image: Image, double: Double) -> None:
    image.layers.append(image.layers[0])
    assert "4 of 4 pieces were new" in image.run().summary


@pytest.mark.parametrize(
    ("labels", "said"),
    [
        ({"pull_request": "17"}, "nothing is pushed of a pull request (17)"),
        ({"skipped": "gate"}, "nothing is pushed of a run that skips a stage (gate)"),
    ],
)
def test_nothing_is_pushed_of_what_may_not_ship(
    image: Image, double: Double, labels: Mapping[str, str], said: str
) -> None:
    image.labels = labels
    assert image.run().summary == said
    assert double.seen == []
    assert not (image.folder / "work" / "pushed.json").exists()


def test_another_manifest_that_comes_back_is_an_error_by_name(image: Image, double: Double) -> None:
    other = Answer(200, b'{"another": 1}', {"Content-Type": oci.MANIFEST})
    image.run()
    double.faults.append(Fault("GET", "manifests", other))
    with pytest.raises(Damaged, match=f"gave for {PATH}@{of_bytes(image.manifest)} bytes with the digest"):
        image.run()


def test_a_registry_that_takes_the_manifest_and_has_none_is_an_error(image: Image, double: Double) -> None:
    none = Answer(404, b"{}")
    double.faults += [Fault("GET", "manifests", none), Fault("GET", "manifests", none)]
    with pytest.raises(InfrastructureError, match="and does not have it now"):
        image.run()


def test_a_piece_that_was_lost_here_is_named(image: Image, double: Double) -> None:
    image.layers[1].path.unlink()
    with pytest.raises(MissingBlob, match=image.layers[1].digest):
        image.run()
    assert double.manifests[PATH] == {}


def test_the_planted_password_is_in_nothing_that_leaves(image: Image, double: Double) -> None:
    double.login = "basic"
    (image.folder / "password").write_text(PASSWORD)
    image.settings = {"username": USER, "password": Secret("file:password", image.folder)}
    double.faults.append(Fault("POST", "uploads"))
    outputs = image.run()
    left = [outputs.summary, image.said(), json.dumps(image.pushed()), *(one.target for one in double.seen)]
    assert "trying again" in image.said()
    assert not any(PASSWORD in one for one in left)


@pytest.mark.parametrize("repository", ["ghcr.io", "risk", "docker.io/risk", "index.docker.io/library/risk"])
def test_a_repository_that_is_only_a_host_or_a_name_is_refused(repository: str) -> None:
    with pytest.raises(ValueError, match="has no owner"):
        Registry(repository=repository)
    assert Registry(repository="acme/risk").repository == "acme/risk"
