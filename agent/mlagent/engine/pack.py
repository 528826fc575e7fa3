"""Puts together what shows that a release is what it is said to be: one archive, for those who do not trust us."""

from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager
from typing import NamedTuple

from mlagent.adapters.sealing import Good, Sign, fingerprint
from mlagent.core import digest
from mlagent.core.oci import Reference
from mlagent.core.ports.images import ImageRegistry
from mlagent.core.ports.ledger import Kept
from mlagent.core.ports.signer import PublicKey, Verifier
from mlagent.core.ports.store import Store
from mlagent.engine import exhibits
from mlagent.engine.record import RunRecord
from mlagent.engine.workspace import Workspace
from mlagent.ledger import checkpoint, excerpt
from mlagent.ledger.checkpoint import Sealed
from mlagent.ledger.pack import Of, Parts, archive, listed, with_guide
from mlagent.ledger.standalone import verify

PAGE = "report.html"
SHOWN = ("image", "onnx", "release", "card")  # artifacts by whose digests the ledger tells of a release
NOBODY = "no key signs here (ledger.key, sign.key): what no other signature names, nobody vouches for"


class Given(NamedTuple):
    """What the command has: the page, whose signatures count, how to verify, who signs, and how to seal the ledger.

    `good` is by `keys`, None without any; `sign` is None where there is no key.
    """

    page: bytes
    keys: Mapping[str, PublicKey]
    good: Good | None
    verifier: Callable[[], Verifier]
    images: Callable[[Reference], AbstractContextManager[ImageRegistry]]
    sign: Sign | None
    seal: Callable[[], Sealed]


class Packed(NamedTuple):
    """The archive; the number of files in it; what it lacks, and why."""

    data: bytes
    files: int
    absent: Mapping[str, str]


def pack(workspace: Workspace, run: RunRecord, given: Given) -> Packed:
    """All that can be had, the same bytes from the same evidence.

    InfrastructureError (20) where store, registry or ledger is away: no pack is better than half of one. InputError (4)
    where the ledger is not what its checkpoint stands for.
    """
    parts = Parts(files={PAGE: given.page}) | exhibits.made(workspace, run) | _keys(given.keys)
    where = exhibits.image(workspace, run, parts)
    if where is None:
        parts |= Parts(absent=dict.fromkeys((verify.SEEN, *exhibits.SAID.values()), exhibits.NOT_PUSHED))
    else:
        with given.images(where) as registry:
            parts |= exhibits.beside(where, registry, given.verifier(), given.keys)
    of = _of(workspace, run)
    entries = excerpt.about(workspace.ledger, of.model, of.about, run.facts.get("data", ""))
    parts |= _excerpt(workspace, entries, given)
    parts |= exhibits.earlier(workspace, run, excerpt.held(entries, run.run_id), parts)
    parts = with_guide(of, parts if given.sign else parts | Parts(absent={verify.SIGNED: NOBODY}))
    manifest = listed(of, parts)
    signature = _signature(workspace.store, manifest, given.sign, given.good) if given.sign else ""
    return Packed(archive(parts, manifest, signature), len(parts.files) + 1 + bool(signature), parts.absent)


def _of(workspace: Workspace, run: RunRecord) -> Of:
    made = {name: exhibits.digest_of(workspace, run, name) for name in SHOWN}
    pushed = exhibits.digest_of(workspace, run, "pushed")
    judged = (digest.of_json(verdict) for entry in run.stages.values() for verdict in entry.verdicts)
    names = (run.run_id, *made.values(), *judged, run.facts.get("data", ""))
    return Of(
        model=run.project,
        run=run.run_id,
        release=(made["image"] if pushed else "") or made["onnx"],
        about=tuple(one for one in names if one),
    )


def _excerpt(workspace: Workspace, entries: Sequence[Kept], given: Given) -> Parts:
    """A checkpoint is taken where no signed one stands for all of it, and there is a key."""
    last = entries[-1].number if entries else 0
    sealed = excerpt.covering(workspace.ledger, last, lambda one: _good(one, given.good))
    if sealed is None and entries:
        sealed = given.seal() if given.sign else checkpoint.newest(workspace.ledger)
    return excerpt.parts(workspace.ledger, entries, sealed)


def _good(sealed: Sealed, good: Good | None) -> bool:
    return good is None or good(checkpoint.signed(sealed.checkpoint), sealed.signature)


def _keys(keys: Mapping[str, PublicKey]) -> Parts:
    names = {key: digest.short(fingerprint(key)) for key in keys.values()}
    return Parts(files={f"keys/{name}.pub": key.pem.encode() for key, name in names.items()})


def _signature(store: Store, manifest: bytes, sign: Sign, good: Good | None) -> str:
    """One that was made of the same list before, since two signatures of one thing differ."""
    name = f"evidence/{digest.of_bytes(manifest).rpartition(':')[2]}"
    there = store.read(name)
    if there and good and good(manifest, there.data.decode(errors="replace")):
        return there.data.decode()
    signature, _ = sign(manifest)
    store.write(name, signature.encode())
    return signature
