"""What names a manifest as its subject, for registries that keep no list of it: an index under a tag of its digest.

https://github.com/opencontainers/distribution-spec/blob/v1.1.0/spec.md#referrers-tag-schema. Entries of others are kept
as they stand. Nobody can be kept from writing between our reading and our writing: whoever does is asked to look again.
"""

import json
from typing import Any

import msgspec

from mlagent.core import oci
from mlagent.core.digest import Digest, canonical_json, of_bytes
from mlagent.core.oci import Descriptor
from mlagent.errors import InputError

SUBJECT = "OCI-Subject"
"""The header by which a registry says that it keeps the list itself."""
LACKING = (400, 404, 405, 501)
"""What registries answer that know no such list."""
TRIES = 5


def tag(subject: Digest) -> str:
    """Under which the index lies."""
    return subject.replace(":", "-", 1)


def subject(manifest: bytes) -> Digest:
    """What a manifest refers to, empty for none."""
    try:
        named = json.loads(manifest).get("subject") or {}
        return str(named.get("digest", ""))
    except (ValueError, AttributeError):
        return ""


def described(manifest: bytes) -> Descriptor:
    """How a manifest stands in the list."""
    found = msgspec.json.decode(manifest, type=oci.Manifest)
    return Descriptor(
        media_type=found.media_type or oci.MANIFEST,
        digest=of_bytes(manifest),
        size=len(manifest),
        artifact_type=found.artifact_type or found.config.media_type,
        annotations=found.annotations,
    )


def listed(index: bytes) -> list[Descriptor]:
    """The entries of an index; InputError (4) where it is none."""
    return [_converted(one) for one in _entries(index)]


def joined(index: bytes | None, manifest: bytes) -> bytes:
    """The index with this manifest in it, all else as it stands."""
    kept = _document(index) if index else {"schemaVersion": 2, "mediaType": oci.INDEX}
    return canonical_json({**kept, "manifests": [*(_entries(index) if index else ()), described(manifest)]})


def _converted(entry: dict[str, Any]) -> Descriptor:
    try:
        return msgspec.convert(entry, Descriptor)
    except msgspec.ValidationError as error:
        raise _damaged(str(error)) from error


def _entries(index: bytes) -> list[dict[str, Any]]:
    found = _document(index).get("manifests") or []
    if not isinstance(found, list) or not all(isinstance(one, dict) for one in found):
        raise _damaged("its entries are no list")
    return found


def _document(index: bytes) -> dict[str, Any]:
    try:
        found = json.loads(index)
    except ValueError as error:
        raise _damaged(str(error)) from error
    if not isinstance(found, dict) or "layers" in found:
        raise _damaged("it is another document")
    return found


def _damaged(why: str) -> InputError:
    return InputError(
        f"the list of what refers to an image (its tag sha256-…) is no index: {why}",
        hint="somebody pushed something else under that tag: look with skopeo inspect --raw; delete it, then try again",
    )
