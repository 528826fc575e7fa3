"""The evidence of a run, as engine and stages leave it: in the store, the ledger and the registry of images."""

import io
import json
import zipfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

import msgspec

from mlagent import __version__
from mlagent.adapters.ledgers.objects import ObjectLedger
from mlagent.adapters.signing import attached
from mlagent.config.redact import Redactor
from mlagent.core import digest
from mlagent.core.artifact import Stored
from mlagent.core.context import Done
from mlagent.core.oci import Manifest
from mlagent.core.ports.images import ImageRegistry
from mlagent.core.ports.ledger import Fact
from mlagent.core.ports.signer import By, Signer
from mlagent.core.ports.store import Store
from mlagent.engine.record import Records, RunRecord, StageRecord
from mlagent.ledger.standalone import verify
from mlagent.trust import provenance, record, stated, verdicts
from tests.good_release import ORIGIN, a_digest
from tests.proofs_house import fact
from tests.signing_house import ONNX, PATH, RUN, House

BEGUN = "2026-02-01T10:00:00.000+00:00"
CARD = b"# risk\n\nIntended use: to rank claims.\n"
DECISION = {"environment": "staging", "policy": a_digest("policy"), "decided": BEGUN, "passed": True, "findings": []}


class Ended(NamedTuple):
    """How verify.py ended: its status, and its rows."""

    status: int
    rows: list[str]

    def says(self, state: str, text: str) -> bool:
        return any(one.startswith(state) and text in one for one in self.rows)


class Left:
    """What a run left in a store; `without` names artifacts that it did not leave."""

    def __init__(self, store: Store, folder: Path, house: House, by: By | None, *without: str) -> None:
        """Write the blobs, the run's record, and what the ledger heard; `by` is who signed the image."""
        self.store, self.house, self._folder = store, house, folder
        self.ledger = ObjectLedger(store)
        folder.mkdir(parents=True, exist_ok=True)
        self.done = provenance.makers(house.chain)
        self.files = {name: data for name, data in self._files(by, without).items() if name not in without}
        self.run = self._run()
        self._told()
        Records(store, folder / "runs").save(self.run, None, Redactor())

    def _files(self, by: By | None, without: tuple[str, ...]) -> dict[str, bytes]:
        house = self.house
        manifest = msgspec.json.decode(house.manifest, type=Manifest)
        built = provenance.of(house.origin, self.done, RUN, manifest)
        where = record.Image(repository=house.image.repository, digest=house.digest, config=manifest.config.digest)
        made = record.Made(
            digests={"onnx": ONNX, "evaluation": a_digest("evaluation"), "sbom": digest.of_json(house.bill)},
            version=3,
            image=where if "pushed" not in without else None,
            provenance=digest.of_bytes(stated.comparable(msgspec.to_builtins(built))) if by else "",
            signed_by=stated.called(by) if by else "",
        )
        return {
            "onnx": b"the model",
            "image": house.manifest,
            "sbom": digest.canonical_json(house.bill),
            "pushed": b"{}",
            "release": record.write(record.of("risk", RUN, house.origin, self.done, made)),
            "card": CARD,
            "verdicts": digest.canonical_json(verdicts.of(self.done)),
            "decision@staging": digest.canonical_json({"image": str(house.image), **DECISION}),
        }

    def _run(self) -> RunRecord:
        makers = {
            "export": ("onnx",),
            "package": ("image", "sbom"),
            "push": ("pushed",),
            "release": ("release", "card", "verdicts"),
            "deploy@staging": ("decision@staging",),
        }
        stages = {one.stage: _stage(one) for one in self.done}
        for stage, names in makers.items():
            outputs = {name: self._stored(stage, name) for name in names if name in self.files}
            stages[stage] = _stage(next((one for one in self.done if one.stage == stage), None), outputs)
        return RunRecord(
            mlagent=__version__,
            run_id=RUN,
            attempt=1,
            build=7,
            project="risk",
            begun=BEGUN,
            commit=ORIGIN.commit,
            dirty=False,
            facts={"data": a_digest("data")},
            config={},
            config_sources={},
            stages=stages,
        )

    def _stored(self, stage: str, name: str) -> Stored:
        data = self.files[name]
        file = self._folder / "blob"
        file.write_bytes(data)
        named = ONNX if name == "onnx" else digest.of_bytes(data)  # the house's model is a name alone
        if name != "onnx":
            self.store.put(file, named)
        return Stored(f"{stage}/{name}", named, len(data))

    def _told(self) -> None:
        """Thirteen entries, seven of them about this run."""
        here = {"run": RUN, "build": 7}
        held = tuple(digest.of_bytes(self.files[one]) for one in ("release", "card", "verdicts") if one in self.files)
        release = self.house.digest if "pushed" in self.files else ONNX
        self.append(1, what="run-finished", environment="", run="0" * 12)
        self.append(2, what="data-accepted", environment="", release=a_digest("data"), **here)
        for at, subject in enumerate(("data", "gate", "load-test"), 3):
            self.append(at, model="fraud", run="f" * 12)
            self.append(at, what="verdict", environment="", release=release, details={"subject": subject}, **here)
        self.append(7, what="run-finished", environment="", release=release, details={"outcome": "done"}, **here)
        self.append(
            8, release=release, holds=(ONNX, *held), details={"record": "".join(held[:1]), "onnx": ONNX}, **here
        )
        self.append(9, what="promoted", run="1" * 12)
        self.append(10, what="acknowledged", environment="", details={"finding": release}, who="bob", run="")
        self.append(11, model="fraud")

    def append(self, turn: int, **changes: Any) -> None:
        """Tell the ledger of one more thing."""
        one: Fact = fact(turn, **changes)
        self.ledger.append(one)


def _stage(done: Done | None, outputs: Mapping[str, Stored] | None = None) -> StageRecord:
    return StageRecord(
        state="done",
        attempt=1,
        key=a_digest("key"),
        parts={},
        started=BEGUN,
        ended=BEGUN,
        seconds=1.0,
        outputs=dict(outputs or {}),
        verdicts=done.verdicts if done else (),
    )


def lay_signature(house: House, signer: Signer, registry: ImageRegistry) -> None:
    """Beside the image, as cosign does, by a signer that keeps its signatures elsewhere."""
    payload = house.folder / "payload.json"
    critical = {"identity": {}, "image": {"docker-manifest-digest": house.digest}, "type": "cosign"}
    payload.write_bytes(digest.canonical_json({"critical": critical, "optional": None}))
    said, empty = signer.sign_blob(payload).decode(), house.folder / "empty.json"
    empty.write_bytes(b"{}")
    pieces = [{"digest": digest.of_file(one), "size": one.stat().st_size, "mediaType": "m"} for one in (empty, payload)]
    for one, file in zip(pieces, (empty, payload), strict=True):
        registry.push(PATH, str(one["digest"]), lambda file=file: file)  # type: ignore[misc]
    layer = {**pieces[1], "annotations": {attached.SIGNATURE: said}}
    manifest = {"schemaVersion": 2, "mediaType": "m", "config": pieces[0], "layers": [layer]}
    registry.put_manifest(PATH, json.dumps(manifest).encode(), "m", attached.tag(house.image, "sig"))


def unpacked(data: bytes) -> dict[str, bytes]:
    """Files by name."""
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        return {name: archive.read(name) for name in archive.namelist()}


def packed(files: Mapping[str, bytes]) -> bytes:
    """An archive of these files, as anybody writes one."""
    made = io.BytesIO()
    with zipfile.ZipFile(made, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, data in files.items():
            archive.writestr(name, data)
    return made.getvalue()


def relist(files: dict[str, bytes]) -> None:
    """Have the list say of every file what it is now: whoever changes one can do so, and cannot sign it."""
    said = json.loads(files[verify.MANIFEST])
    own = (verify.MANIFEST, verify.SIGNED)
    said["files"] = {name: digest.of_bytes(data) for name, data in files.items() if name not in own}
    files[verify.MANIFEST] = digest.canonical_json(said)
