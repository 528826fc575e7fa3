"""A release in dictionaries, packed; and a cosign in this process, which takes what the fake signer signs."""

import subprocess
from collections.abc import Mapping
from contextlib import nullcontext
from pathlib import Path

import pytest

from mlagent import catalog
from mlagent.adapters import sealing
from mlagent.adapters.memory_images import MemoryImages
from mlagent.adapters.memory_signer import Board, MemorySigner
from mlagent.config.load import load
from mlagent.core.ports.signer import PublicKey
from mlagent.engine.pack import Given, Packed, pack
from mlagent.engine.workspace import Workspace
from mlagent.ledger import checkpoint
from mlagent.ledger.checkpoint import Sealed
from mlagent.ledger.standalone import verify
from tests.pack_house import Ended, Left, lay_signature, packed, unpacked
from tests.proofs_house import moment
from tests.signing_house import House

HOST = "registry.example"
PROJECT = "project: {name: risk}\ndata: {path: data.csv, target: y}\n"


class Scene:
    """A run and its evidence; `pack` may be told that there is no key, no signer."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.images, board = folder, MemoryImages(), Board()
        self.signer, self.stranger = MemorySigner(board), MemorySigner(board, "stranger")
        self.house = House(folder / "house", HOST)
        self.house.push(self.images)
        (folder / "project").mkdir()
        (folder / "project/mlpipeline.yaml").write_text(PROJECT)
        (folder / "project/data.csv").write_text("x,y\n1,0\n")
        settings = load(catalog.SECTIONS, folder / "project", {})
        self.workspace = Workspace(folder / "project", settings, catalog.STAGES)

    def sign(self) -> None:
        self.house.to(self.images, self.signer, None)
        lay_signature(self.house, self.signer, self.images)

    def leave(self, *without: str, signed: bool = True) -> Left:
        by = self.signer.by() if signed else None
        return Left(self.workspace.store, self.folder / "left", self.house, by, *without)

    def pack(self, *, signer: MemorySigner | None = None, keys: Mapping[str, PublicKey] | None = None) -> Packed:
        run = self.workspace.named("a1b2c3d4e5f6")
        known = keys if keys is not None else {"release": _key(self.signer)}
        sign = sealing.by(signer) if signer else None
        given = Given(
            page=b"<html>a page</html>",
            keys=known,
            good=sealing.verified_by(self.signer, known) if known else None,
            verifier=lambda: self.signer,
            images=lambda _: nullcontext(self.images),
            sign=sign,
            seal=self.seal,
        )
        return pack(self.workspace, run, given)

    def seal(self) -> Sealed:
        return checkpoint.take(self.workspace.ledger, moment(60), sealing.by(self.signer))

    def verify(self, files: Mapping[str, bytes], *keys: MemorySigner) -> Ended:
        """By the program in this process, with these keys given."""
        file = self.folder / "tried.zip"
        file.write_bytes(packed(files))
        return ended(file, *(self.key(one) for one in keys))

    def key(self, signer: MemorySigner) -> Path:
        file = self.folder / f"{sealing.fingerprint(_key(signer))[7:19]}.pub"
        file.write_text(_key(signer).pem)
        return file


def ended(pack: Path, *keys: Path) -> Ended:
    rows: list[str] = []

    def told(found: list[verify.Row]) -> int:
        rows.extend(f"{state} {says}" for state, says in found)
        return print_them(found)

    print_them = verify.told
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(verify, "told", told)
        status = verify.main([str(pack), *(f"--key={one}" for one in keys)])
    return Ended(status, rows)


def _key(signer: MemorySigner) -> PublicKey:
    by = signer.by()
    assert isinstance(by, PublicKey)
    return by


def imitated(_: verify.Trust, *said: str) -> subprocess.CompletedProcess[bytes]:
    """What cosign does, by the fake signer's seals."""
    if "--help" in said:
        return subprocess.CompletedProcess(said, 0, b"--insecure-ignore-tlog --new-bundle-format", b"")
    options = dict(one[2:].split("=", 1) for one in said if one.startswith("--"))
    by, board = PublicKey(Path(options["key"]).read_text()), MemorySigner(Board())
    blob, signature = Path(said[-2] if said[-1].startswith("--key") else said[-1]), Path(options["signature"])
    good = (
        _attests(options, by, blob, signature)
        if "attest" in said[0]
        else board.verify_blob(blob, signature.read_bytes(), by)
    )
    return subprocess.CompletedProcess(said, 0 if good else 1, b"", b"")


def _attests(options: Mapping[str, str], by: PublicKey, blob: Path, envelope: Path) -> bool:
    """Look for it as in a registry that has nothing else."""
    from mlagent.core.digest import of_file
    from mlagent.core.oci import Reference

    board, reference = Board(), Reference(host=HOST, path="any", digest=of_file(blob))
    board.envelopes[f"{reference.repository}@{reference.digest}"].append(envelope.read_bytes())
    try:
        return bool(MemorySigner(board).attestations(reference, options["type"], by))
    except (ValueError, KeyError):
        return False


@pytest.fixture(autouse=True)
def _a_cosign(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(verify.Trust, "_run", imitated)


@pytest.fixture
def scene(tmp_path: Path) -> Scene:
    return Scene(tmp_path)


@pytest.fixture(scope="module")
def evidence(tmp_path_factory: pytest.TempPathFactory) -> tuple[Scene, dict[str, bytes]]:
    """The pack of a release that has everything; tests change copies of it."""
    scene = Scene(tmp_path_factory.mktemp("pack"))
    scene.sign()
    scene.leave()
    return scene, unpacked(scene.pack(signer=scene.signer).data)
