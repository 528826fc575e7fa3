"""What of a run can be shown to others: its own files, and what lies beside its image; or why it cannot."""

import tempfile
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path

import msgspec

from mlagent.adapters.signing import attached
from mlagent.config.environments import ENVIRONMENTS
from mlagent.core import digest
from mlagent.core.artifact import ABSENT
from mlagent.core.digest import Digest
from mlagent.core.oci import Reference, parse
from mlagent.core.ports.images import ImageRegistry
from mlagent.core.ports.signer import PublicKey, Verifier
from mlagent.core.ports.store import CorruptBlob, MissingBlob
from mlagent.engine.record import RunRecord
from mlagent.engine.workspace import Workspace
from mlagent.errors import InputError
from mlagent.ledger.pack import Parts
from mlagent.ledger.standalone import verify
from mlagent.trust import origins, provenance, statement, verdicts
from mlagent.trust.approval import document

FILES = {"release": verify.RECORD, "card": verify.CARD, "verdicts": verify.VERDICTS, "sbom": verify.SBOM}
APPROVAL = "attestations/approval"
SAID = {provenance.TYPE: verify.PROVENANCE, origins.SBOM: verify.BILL, verdicts.TYPE: verify.JUDGED}
NOT_PUSHED = "no image was pushed"
NO_KEYS = "no public key is known here: the policy's keys, sign.public_key and ledger.public_key are not set"


class _Image(msgspec.Struct, frozen=True):
    repository: str


class _Record(msgspec.Struct, frozen=True):
    image: _Image | None


def made(workspace: Workspace, run: RunRecord) -> Parts:
    """Its files from the store, each verified by its digest; the image's manifest only where it was pushed."""
    wanted = {**FILES, **({"image": verify.IMAGE} if digest_of(workspace, run, "pushed") else {})}
    parts = Parts(absent={} if "image" in wanted else {verify.IMAGE: NOT_PUSHED})
    for artifact, name in wanted.items():
        parts |= _file(workspace, run, artifact, name)
    for environment in ENVIRONMENTS:
        found = _file(workspace, run, f"decision@{environment}", f"policy/decision-{environment}.json")
        parts |= Parts(files=found.files)
    return parts


def digest_of(workspace: Workspace, run: RunRecord, artifact: str) -> Digest:
    """Of an artifact that the run made or used; empty where there is none."""
    maker = next((one.name for one in workspace.stages if artifact in [made.name for made in one.writes]), "")
    entry = run.stages.get(maker)
    stored = entry.outputs.get(artifact, ABSENT) if entry else ABSENT
    return "" if stored == ABSENT else stored.digest


def image(workspace: Workspace, run: RunRecord, parts: Parts) -> Reference | None:
    """Where it was pushed to, as the release record says; without one, as the configuration says now."""
    if verify.IMAGE not in parts.files:
        return None
    record = parts.files.get(verify.RECORD)
    said = msgspec.json.decode(record, type=_Record).image if record else None
    where = parse(said.repository if said else workspace.settings.sections["registry"].repository)
    return msgspec.structs.replace(where, tag=None, digest=digest_of(workspace, run, "image"))


def beside(where: Reference, registry: ImageRegistry, verifier: Verifier, keys: Mapping[str, PublicKey]) -> Parts:
    """The signatures and statements that verify by one of the keys: what others may have laid there is left out."""
    missing = (verify.SEEN, *SAID.values())
    if not keys:
        return Parts(absent=dict.fromkeys(missing, NO_KEYS))
    if registry.manifest(where.path, str(where.digest)) is None:
        return Parts(absent=dict.fromkeys(missing, f"{where} is not in its registry any more"))
    files = dict(_signatures(where, registry, verifier, keys))
    for kind, name in {**SAID, document.TYPE: APPROVAL}.items():  # approvals are there where a policy asked for them
        files |= dict(_statements(where, verifier, kind, name, keys))
    there = verifier.attached(where)
    none = f"none by a key that is known here ({there.signatures} signatures and {len(there.envelopes)} statements are)"
    lacking = [one for one in missing if not any(name.startswith(one) for name in files)]
    return Parts(files=files, absent=dict.fromkeys(lacking, none))


def earlier(workspace: Workspace, run: RunRecord, held: Iterable[Digest], parts: Parts) -> Parts:
    """What moves rest on that the run wrote anew since; the model itself is named, and not packed."""
    known = {digest.of_bytes(data) for data in parts.files.values()} | {digest_of(workspace, run, "onnx")}
    for one in sorted(set(held) - known):
        data = _fetched(workspace, one)
        if isinstance(data, bytes):
            name = f"earlier/{digest.short(one)}.{'json' if data.startswith(b'{') else 'md'}"
            parts |= Parts(files={name: data})
        else:
            parts |= Parts(absent={f"earlier/{digest.short(one)}": data})
    return parts


def _file(workspace: Workspace, run: RunRecord, artifact: str, name: str) -> Parts:
    found = digest_of(workspace, run, artifact)
    if not found:
        return Parts(absent={name: f"the run left no {artifact}: {_ended(workspace, run, artifact)}"})
    data = _fetched(workspace, found)
    return Parts(files={name: data}) if isinstance(data, bytes) else Parts(absent={name: data})


def _fetched(workspace: Workspace, named: Digest) -> bytes | str:
    """A file of the store; in words why it cannot be had."""
    with tempfile.TemporaryDirectory(prefix="mlagent-") as folder:
        try:
            workspace.store.get(named, Path(folder) / "file")
        except (MissingBlob, CorruptBlob) as error:
            return error.message
        return (Path(folder) / "file").read_bytes()


def _ended(workspace: Workspace, run: RunRecord, artifact: str) -> str:
    stage = next((one.name for one in workspace.stages if artifact in [made.name for made in one.writes]), artifact)
    entry = run.stages.get(stage)
    return f"{stage} ended as {entry.state} ({entry.summary})" if entry else f"{stage} did not run"


def _signatures(
    where: Reference, registry: ImageRegistry, verifier: Verifier, keys: Mapping[str, PublicKey]
) -> Iterator[tuple[str, bytes]]:
    number = 0
    for data, signature in dict.fromkeys(attached.signatures(registry, where)):
        with tempfile.TemporaryDirectory(prefix="mlagent-") as folder:
            file = Path(folder) / "payload.json"
            file.write_bytes(data)
            good = any(verifier.verify_blob(file, signature.encode(), key) for key in keys.values())
        if good and str(where.digest).encode() in data:
            number += 1
            yield f"{verify.SEEN}-{number}.json", data
            yield f"{verify.SEEN}-{number}.sig", signature.encode()


def _statements(
    where: Reference, verifier: Verifier, kind: str, name: str, keys: Mapping[str, PublicKey]
) -> Iterator[tuple[str, bytes]]:
    found = (one for key in keys.values() for one in verifier.attestations(where, kind, key))
    whole = [one for one in dict.fromkeys(found) if _is_one(one)]
    return ((f"{name}-{number}.json", one) for number, one in enumerate(whole, 1))


def _is_one(envelope: bytes) -> bool:
    """Not one around which somebody laid words of their own."""
    try:
        statement.opened(envelope)
    except InputError:
        return False
    return True
