"""All that somebody may do to a pack, who may write to it and has not the key; and what must be said of it."""

import base64
import json
from collections.abc import Callable
from typing import Any, NamedTuple

from mlagent.core import digest
from mlagent.ledger import checkpoint, merkle
from mlagent.ledger.checkpoint import Checkpoint, Sealed
from mlagent.ledger.standalone import verify
from tests.pack_house import relist
from tests.proofs_house import chained, fact

Files = dict[str, bytes]
SignAs = Callable[[bytes], str]
UNSIGNED = "not there: the pack does not say why"


class Tampering(NamedTuple):
    """`change` takes the files and who signs by another key; `says` are the rows that must be wrong."""

    name: str
    change: Callable[[Files, SignAs], None]
    says: tuple[str, ...]


def edited(name: str, before: bytes, after: bytes) -> Callable[[Files, SignAs], None]:
    """A file says something else."""

    def change(files: Files, _: SignAs) -> None:
        assert before in files[name], (name, before)
        files[name] = files[name].replace(before, after, 1)

    return change


def parsed(name: str, alter: Callable[[Any], None]) -> Callable[[Files, SignAs], None]:
    """A JSON file says something else."""

    def change(files: Files, _: SignAs) -> None:
        said = json.loads(files[name])
        alter(said)
        files[name] = digest.canonical_json(said)

    return change


def restated(name: str, alter: Callable[[Any], None]) -> Callable[[Files, SignAs], None]:
    """An envelope holds another statement, under the signature that it has."""

    def change(files: Files, _: SignAs) -> None:
        envelope = json.loads(files[name])
        said = json.loads(base64.b64decode(envelope["payload"]))
        alter(said)
        envelope["payload"] = base64.b64encode(json.dumps(said).encode()).decode()
        files[name] = json.dumps(envelope).encode()

    return change


def of_another_ledger(files: Files, sign: SignAs) -> None:
    """Checkpoint and proofs of a ledger that has never seen this release, sealed by a key of its own."""
    lines = chained([fact(turn) for turn in range(13)])
    frontier = merkle.Frontier()
    frontier.extend(lines)
    point = Checkpoint(
        size=13,
        root=frontier.root(),
        head=digest.of_bytes(lines[-1]),
        time="2026-03-01T13:00:00.000+00:00",
        frontier=frontier.hashes(),
    )
    numbers = [int(one) for one in json.loads(files[verify.PROOFS])]
    paths = merkle.inclusions([one - 1 for one in numbers], lines)
    files[verify.PROOFS] = digest.canonical_json({str(place + 1): path for place, path in paths.items()})
    sealed = Sealed(checkpoint=point, signature=sign(checkpoint.signed(point)), key="sha256:of the thief")
    files[verify.CHECKPOINT] = checkpoint.write(sealed)


def only_proofs(files: Files, sign: SignAs) -> None:
    """The proofs of another tree, beside the checkpoint as it was."""
    kept = files[verify.CHECKPOINT]
    of_another_ledger(files, sign)
    files[verify.CHECKPOINT] = kept


def sealed_by_another(files: Files, sign: SignAs) -> None:
    """The same checkpoint, by another key."""
    sealed = checkpoint.read(files[verify.CHECKPOINT])
    signature = sign(checkpoint.signed(sealed.checkpoint))
    files[verify.CHECKPOINT] = checkpoint.write(Sealed(checkpoint=sealed.checkpoint, signature=signature, key="other"))


def exchanged(files: Files, _: SignAs) -> None:
    """An entry of another ledger in the place of one."""
    lines = files[verify.ENTRIES].splitlines()
    other = chained([fact(turn) for turn in range(13)])
    files[verify.ENTRIES] = b"".join(one + b"\n" for one in [*lines[:3], other[7], *lines[4:]])


def taken_out(files: Files, _: SignAs) -> None:
    """An entry that somebody does not like."""
    lines = files[verify.ENTRIES].splitlines()
    files[verify.ENTRIES] = b"".join(one + b"\n" for one in lines[1:])


def reordered(files: Files, _: SignAs) -> None:
    """Two proofs are exchanged."""
    proofs = json.loads(files[verify.PROOFS])
    first, second = sorted(proofs, key=int)[:2]
    proofs[first], proofs[second] = proofs[second], proofs[first]
    files[verify.PROOFS] = digest.canonical_json(proofs)


def unproven(files: Files, _: SignAs) -> None:
    """A proof that does not fit is left out."""
    files[verify.PROOFS] = b"{}"


def wrapped(files: Files, _: SignAs) -> None:
    """Words of one's own beside those that are signed, which cosign takes for the same."""
    name = "attestations/verdicts-1.json"
    good = files[name].decode().replace('"payload":', '"Payload":')
    evil = base64.b64encode(b'{"predicate":{"verdicts":[]}}').decode()
    files[name] = f'{{"payload":"{evil}",{good[1:]}'.encode()


def pushed(verdict: Any) -> None:
    verdict["verdicts"][0]["verdict"]["checks"][0]["value"] = 0.99


def told(said: Any) -> None:
    said["predicate"]["verdicts"][0]["ended"] = "2026-12-01T00:00:00.000+00:00"


def elsewhere(said: Any) -> None:
    said["subject"][0]["digest"]["sha256"] = "0" * 64


# whoever changes a file, and the list with it, and takes the list's signature away
CONTENT = (
    Tampering(
        "a fact is edited",
        edited(verify.ENTRIES, b'"who":"ann"', b'"who":"eve"'),
        ("entry 2 (data-accepted, eve", "not one that the checkpoint stands for"),
    ),
    Tampering(
        "an entry is exchanged",
        exchanged,
        ("entry 8 ", "not one that the checkpoint stands for", "about something else"),
    ),
    Tampering("an entry is taken out", taken_out, ("entry 2: proven, and not there",)),
    Tampering("two proofs change places", reordered, ("entry 2 ", "not one that the checkpoint stands for")),
    Tampering("no proofs are there", unproven, ("entry 2 (data-accepted", "not one that the checkpoint stands for")),
    Tampering(
        "the proofs are of another tree",
        only_proofs,
        ("entry 10 (promoted staging", "not one that the checkpoint stands for"),
    ),
    Tampering(
        "another ledger, by another key", of_another_ledger, (verify.CHECKPOINT, "its signature is by none of the keys")
    ),
    Tampering(
        "a checkpoint by another key", sealed_by_another, (verify.CHECKPOINT, "its signature is by none of the keys")
    ),
    Tampering(
        "a checkpoint is edited",
        edited(verify.CHECKPOINT, b'"size":13', b'"size":14'),
        (verify.CHECKPOINT, "its signature is by none of the keys"),
    ),
    Tampering(
        "the record is of another commit",
        edited(verify.RECORD, b'"commit":"0', b'"commit":"1'),
        (
            "promoted staging (",
            "it rests on sha256:",
        ),
    ),
    Tampering(
        "the record is of another run",
        edited(verify.RECORD, b'"run":"a', b'"run":"b'),
        ("release.json: not of the pack's model and run",),
    ),
    Tampering(
        "the record is of another model",
        edited(verify.RECORD, b'"onnx":"sha256:', b'"onnx":"sha256:0'),
        ("image/manifest.json: not the one that release.json names",),
    ),
    Tampering(
        "the record names another provenance",
        edited(verify.RECORD, b'"provenance":"sha256:', b'"provenance":"sha256:0'),
        ("attestations/provenance-1.json: not what release.json names",),
    ),
    Tampering(
        "a verdict is made better",
        parsed(verify.VERDICTS, pushed),
        (
            "verdicts.json: not the 5 that release.json names",
            "attestations/verdicts-1.json: not what verdicts.json says",
        ),
    ),
    Tampering(
        "the card says something else",
        edited(verify.CARD, b"to rank claims", b"everything!"),
        (
            "promoted staging (",
            "it rests on sha256:",
        ),
    ),
    Tampering(
        "the SBOM lists something else",
        edited(verify.SBOM, b'"name":"risk"', b'"name":"rise"'),
        ("sbom.json: not the one that release.json names", "attestations/sbom-1.json: not what sbom.json says"),
    ),
    Tampering(
        "the image is another",
        edited(verify.IMAGE, b'"schemaVersion": 2', b'"schemaVersion":  2'),
        (
            "image/manifest.json: not the one that release.json names",
            "image/signature-1.json: not of this image",
            "attestations/sbom-1.json: not about this image",
        ),
    ),
    Tampering(
        "the signature is of another image",
        edited("image/signature-1.json", b'-digest":"sha256:', b'-digest":"sha256:0'),
        ("image/signature-1.json: not of this image", "image/signature-1.json: its signature is by none"),
    ),
    Tampering(
        "a statement is edited",
        restated("attestations/verdicts-1.json", told),
        (
            "attestations/verdicts-1.json: not what verdicts.json says",
            "attestations/verdicts-1.json: its signature is by none",
        ),
    ),
    Tampering(
        "a statement is of another image",
        restated("attestations/sbom-1.json", elsewhere),
        ("attestations/sbom-1.json: not about this image", "attestations/sbom-1.json: its signature is by none"),
    ),
    Tampering("a statement is wrapped", wrapped, ("statements: cannot be read",)),
    Tampering(
        "a decision was another",
        parsed("policy/decision-staging.json", lambda said: said.update(passed=False)),
        ("policy/decision-staging.json: not that this image may run",),
    ),
    Tampering("a key stands twice", edited(verify.RECORD, b"{", b'{"author":"eve",'), ("release: cannot be read",)),
)


def with_its_list(change: Callable[[Files, SignAs], None], files: Files, sign: SignAs) -> None:
    """As somebody would who knows how a pack is checked."""
    change(files, sign)
    del files[verify.SIGNED]
    relist(files)
