"""A registry of images in dictionaries: shipped, for tests; it passes the same contract tests as the real client."""

import threading
from collections import defaultdict
from collections.abc import Callable, Sequence
from pathlib import Path

import msgspec

from mlagent.adapters.oci_registry import referrers
from mlagent.core import oci
from mlagent.core.digest import Digest, of_bytes
from mlagent.core.files import write_whole
from mlagent.core.oci import Descriptor
from mlagent.core.ports.images import Content, Progress, Sent
from mlagent.errors import InputError


class _Pieces(msgspec.Struct):
    """What a manifest or an index names."""

    config: dict[str, object] = {}
    layers: list[dict[str, object]] = []
    manifests: list[dict[str, object]] = []


class MemoryImages:
    """The ImageRegistry port; it may be shared by threads."""

    def __init__(self) -> None:
        """Start with no repositories."""
        self._blobs: defaultdict[str, dict[Digest, bytes]] = defaultdict(dict)
        self._manifests: defaultdict[str, dict[Digest, Content]] = defaultdict(dict)
        self._tags: defaultdict[str, dict[str, Digest]] = defaultdict(dict)
        self._lock = threading.RLock()

    def manifest(self, path: str, reference: str) -> Content | None:
        """By digest or tag."""
        with self._lock:
            return self._manifests[path].get(self._tags[path].get(reference, reference))

    def put_manifest(self, path: str, data: bytes, media_type: str, tag: str | None = None) -> Digest:
        """Refused where a piece is missing."""
        digest, pieces = of_bytes(data), msgspec.json.decode(data, type=_Pieces)
        with self._lock:
            known = {*self._blobs[path], *self._manifests[path]}
            named = [str(one["digest"]) for one in (pieces.config, *pieces.layers, *pieces.manifests) if one]
            if lacking := [one for one in named if one not in known]:
                raise InputError(f"{path} has no {lacking[0]}, which the manifest names", hint="push the pieces first")
            self._manifests[path][digest] = Content(data, media_type)
            if tag is not None:
                self._tags[path][tag] = digest
        return digest

    def size(self, path: str, digest: Digest) -> int | None:
        """Of the bytes."""
        with self._lock:
            data = self._blobs[path].get(digest)
        return None if data is None else len(data)

    def pull(self, path: str, digest: Digest, size: int, to: Path, progress: Progress | None = None) -> None:
        """Write the bytes."""
        with self._lock:
            data = self._blobs[path].get(digest)
        if data is None or len(data) != size or of_bytes(data) != digest:
            raise InputError(f"{path} does not have {digest}", hint="push it first")
        write_whole(to, data)
        if progress:
            progress(size, size)

    def push(
        self,
        path: str,
        digest: Digest,
        file: Callable[[], Path],
        mount_from: Sequence[str] = (),
        progress: Progress | None = None,
    ) -> Sent:
        """Look, borrow, else take."""
        with self._lock:
            if digest in self._blobs[path]:
                return Sent(0, "there")
            lent = next((self._blobs[one][digest] for one in mount_from if digest in self._blobs[one]), None)
            if lent is not None:
                self._blobs[path][digest] = lent
                return Sent(0, "mounted")
            data = file().read_bytes()
            if of_bytes(data) != digest:
                raise InputError(f"what was to be pushed is not {digest}", hint="give the same command again")
            self._blobs[path][digest] = data
        if progress:
            progress(len(data), len(data))
        return Sent(len(data), "uploaded")

    def tags(self, path: str) -> Sequence[str]:
        """By name."""
        with self._lock:
            return sorted(self._tags[path])

    def delete(self, path: str, reference: str) -> None:
        """The manifest and its tags."""
        with self._lock:
            self._manifests[path].pop(reference, None)
            self._tags[path] = {tag: one for tag, one in self._tags[path].items() if one != reference}

    def refer(self, path: str, data: bytes) -> Digest:
        """It is found by what it says."""
        return self.put_manifest(path, data, oci.MANIFEST)

    def referrers(self, path: str, subject: Digest, kind: str = "") -> Sequence[Descriptor]:
        """Every manifest of the repository is looked through."""
        with self._lock:
            kept = dict(self._manifests[path])
        found = [referrers.described(one.data) for one in kept.values() if referrers.subject(one.data) == subject]
        return [one for one in found if kind in ("", one.artifact_type)]
