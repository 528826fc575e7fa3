"""What an image stands on: found by digest, in a registry or a folder; its pieces verified, and looked into once."""

from collections.abc import Callable
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Protocol, TypeVar

import msgspec

from mlagent.core import oci
from mlagent.core.digest import Digest
from mlagent.core.oci import Configuration, Descriptor
from mlagent.core.ports.blobs import Blobs
from mlagent.core.ports.images import Content, Progress
from mlagent.core.ports.log import Log
from mlagent.errors import ConfigError, InputError
from mlagent.image import cache, inside
from mlagent.image.inside import Inside
from mlagent.image.layers import Layer

PACKED = {
    oci.LAYER: oci.LAYER,
    "application/vnd.docker.image.rootfs.diff.tar.gzip": oci.LAYER,
    "application/vnd.oci.image.layer.v1.tar": "application/vnd.oci.image.layer.v1.tar",
    "application/vnd.docker.image.rootfs.diff.tar": "application/vnd.oci.image.layer.v1.tar",
    "application/vnd.oci.image.layer.v1.tar+zstd": "application/vnd.oci.image.layer.v1.tar+zstd",
}
INDEXES = (oci.INDEX, oci.DOCKER_INDEX)
DEEPEST = 3  # an index may name an index
_Kind = TypeVar("_Kind")


class Source(Protocol):
    """Where a base comes from: of a registry, the part that is needed."""

    def manifest(self, path: str, reference: str) -> Content | None:
        """What a digest names, verified."""

    def pull(self, path: str, digest: Digest, size: int, to: Path, progress: Progress | None = None) -> None:
        """Write a piece there, verified."""


Opened = Callable[[], AbstractContextManager[Source]]


class Base(msgspec.Struct, frozen=True):
    """A base of one platform: the digest of its manifest, its configuration, its layers, and what is in them."""

    digest: Digest
    configuration: Configuration
    layers: tuple[Layer, ...]
    inside: Inside


class Wanted(msgspec.Struct, frozen=True):
    """Which base: as people name it, where in its source, and for which platform.

    `begin` is what its source already gave: of a folder, its index.
    """

    name: str
    path: str
    reference: Digest
    platform: str
    begin: Content | None = None


def find(wanted: Wanted, opened: Opened, blobs: Blobs, log: Log) -> Base:
    """The base, from this node where it was before; InputError (4) when it is gone, ConfigError (3) if it won't do.

    Its source is opened only where it is needed.
    """
    made_of = ["base", wanted.reference, wanted.platform]
    found = cache.read(blobs, "bases", made_of, Base)
    if found is not None and all(blobs.has(one.descriptor.digest) for one in found.layers):
        return found
    with opened() as source:
        found = _Finder(wanted, source, blobs, log).find()
    cache.write(blobs, "bases", made_of, found)
    return found


class _Finder:
    """Fetches one base."""

    def __init__(self, wanted: Wanted, source: Source, blobs: Blobs, log: Log) -> None:
        self._wanted, self._source, self._blobs, self._log = wanted, source, blobs, log

    def find(self) -> Base:
        digest, manifest = self._manifest()
        layers = [self._layer(one) for one in manifest.layers]
        every = [manifest.config, *layers]
        for number, one in enumerate(every):
            if not self._blobs.has(one.digest):
                self._pull(one, number, len(every))
        configuration = self._decoded(self._blobs.path(manifest.config.digest).read_bytes(), Configuration)
        self._must_fit(configuration)
        diff_ids = configuration.get("rootfs", {}).get("diff_ids", [])
        if len(diff_ids) != len(layers):
            raise self._corrupt(f"it has {len(layers)} layers, and its configuration lists {len(diff_ids)}")
        self._log.info(f"looking into {self._wanted.name}")
        pairs = list(zip(layers, diff_ids, strict=True))
        seen = inside.look((self._blobs.path(one.digest), diff_id) for one, diff_id in pairs)
        return Base(digest, configuration, tuple(Layer(one, diff_id) for one, diff_id in pairs), seen)

    def _manifest(self) -> tuple[Digest, oci.Manifest]:
        """The manifest of the platform, through as many indexes as there are."""
        digest, found = self._wanted.reference, self._wanted.begin or self._fetched(self._wanted.reference)
        for _ in range(DEEPEST):
            plain = self._decoded(found.data, dict[str, object])
            if found.media_type not in INDEXES and "manifests" not in plain:
                return digest, self._decoded(found.data, oci.Manifest)
            digest = self._chosen(self._decoded(found.data, oci.Index))
            found = self._fetched(digest)
        raise self._corrupt("its indexes name each other")

    def _fetched(self, digest: Digest) -> Content:
        found = self._source.manifest(self._wanted.path, digest)
        if found is None:
            raise InputError(
                f"package.base {self._wanted.name} is gone: nothing is there by the digest {digest}",
                hint="was it deleted, or is the repository another? name a base that is there, by its digest",
            )
        return found

    def _chosen(self, index: oci.Index) -> Digest:
        """Of an index, the image for the platform; where nothing is said about the only one, that is it."""
        listed = [one for one in index.manifests if one.platform is None or one.platform.os != "unknown"]
        fitting = [one for one in listed if one.platform and _named(one.platform) == self._wanted.platform]
        if not fitting and len(listed) == 1 and listed[0].platform is None:
            fitting = listed
        if not fitting:
            there = sorted({_named(one.platform) if one.platform else "one without a platform" for one in listed})
            raise self._unfit(", ".join(there) or "nothing")
        return fitting[0].digest

    def _must_fit(self, configuration: Configuration) -> None:
        there = f"{configuration.get('os', 'unknown')}/{configuration.get('architecture', 'unknown')}"
        if there != self._wanted.platform:
            raise self._unfit(there)

    def _layer(self, found: Descriptor) -> Descriptor:
        """Under the name that OCI has for it."""
        if found.media_type not in PACKED:
            raise ConfigError(
                f"package.base {self._wanted.name} has a layer of a kind that cannot be passed on: {found.media_type}",
                hint="name another base, or copy this one with `skopeo copy --format oci`",
            )
        return Descriptor(media_type=PACKED[found.media_type], digest=found.digest, size=found.size)

    def _pull(self, one: Descriptor, number: int, of: int) -> None:
        event = f"fetching {self._wanted.name}"
        self._log.progress(event, number, of)
        with cache.folder(self._blobs) as work:
            file = work / "piece"

            def told(done: int, size: int) -> None:
                self._log.underway(event, number + done / max(size, 1), of)

            self._source.pull(self._wanted.path, one.digest, one.size, file, told)
            self._blobs.add(file, one.digest)

    def _decoded(self, data: bytes, type_: type[_Kind]) -> _Kind:
        try:
            return msgspec.json.decode(data, type=type_)
        except msgspec.MsgspecError as error:
            raise self._corrupt(str(error)) from error

    def _corrupt(self, what: str) -> InputError:
        return InputError(
            f"package.base {self._wanted.name} is no image that can be read: {what}",
            hint="name another, or write it anew",
        )

    def _unfit(self, there: str) -> ConfigError:
        return ConfigError(
            f"package.base {self._wanted.name} is not for {self._wanted.platform}: it has {there}",
            hint="set package.platform to what it has, or name a base for that platform",
        )


def _named(platform: oci.Platform) -> str:
    return f"{platform.os}/{platform.architecture}"
