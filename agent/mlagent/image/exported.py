"""The image that an engine built, as pieces: its layers packed as ours are, those of the base as they were."""

from collections.abc import Sequence
from pathlib import Path

import msgspec

from mlagent.core import digest as content
from mlagent.core import oci
from mlagent.core.oci import Configuration, Descriptor
from mlagent.core.ports.blobs import Blobs
from mlagent.errors import ConfigError
from mlagent.image import inside, layers
from mlagent.image.base import Base
from mlagent.image.layers import Layer

PACKED = b"\x1f\x8b"


class Exported(msgspec.Struct, frozen=True):
    """The image itself, the manifest; its configuration's descriptor, its layers, and what is in them."""

    manifest: bytes
    config: Descriptor
    image: Base


def take(
    config: Path, tars: Sequence[Path], base: Base | None, annotations: dict[str, str], platform: str, blobs: Blobs
) -> Exported:
    """Move the pieces to where pieces are; ConfigError (3) for an image of another platform."""
    raw = config.read_bytes()
    told = msgspec.json.decode(raw, type=Configuration)
    made_for = f"{told.get('os')}/{told.get('architecture')}"
    if made_for != platform:
        raise ConfigError(
            f"the engine built an image for {made_for}, and package.platform is {platform}",
            hint="build on a node of that platform, or with `builder: daemonless`, which needs none",
        )
    configured = Descriptor(media_type=oci.CONFIG, digest=content.of_bytes(raw), size=len(raw))
    known = {one.diff_id: one for one in base.layers} if base else {}
    found = tuple(
        known.get(diff_id) or _packed(tar, diff_id, blobs)
        for tar, diff_id in zip(tars, told["rootfs"]["diff_ids"], strict=True)
    )
    blobs.add(config, configured.digest)
    manifest = oci.Manifest(
        schema_version=2,
        media_type=oci.MANIFEST,
        config=configured,
        layers=[one.descriptor for one in found],
        annotations=annotations,
    )
    seen = inside.look((blobs.path(one.descriptor.digest), one.diff_id) for one in found)
    stands_on = base.digest if base else configured.digest
    return Exported(content.canonical_json(manifest), configured, Base(stands_on, told, found, seen))


def _packed(tar: Path, diff_id: str, blobs: Blobs) -> Layer:
    """Some engines keep layers packed, and give them so."""
    with tar.open("rb") as file:
        packed = file.read(2) == PACKED
    if packed:
        size, name = tar.stat().st_size, content.of_file(tar)
        layer = Layer(Descriptor(media_type=oci.LAYER, digest=name, size=size), diff_id)
    else:
        plain, tar = tar, tar.with_suffix(".tar.gz")
        layer = layers.squeeze(plain, tar)
        plain.unlink()
    blobs.add(tar, layer.descriptor.digest)
    return layer


def served(base: Base, folder: Path, blobs: Blobs) -> tuple[dict[str, Path], str]:
    """The base as an engine can pull it: files by digest, and its manifest's digest."""
    config, manifest = folder / "base-config.json", folder / "base-manifest.json"
    config.write_bytes(msgspec.json.encode(base.configuration))
    told = Descriptor(media_type=oci.CONFIG, digest=content.of_file(config), size=config.stat().st_size)
    listed = [one.descriptor for one in base.layers]
    top = oci.Manifest(schema_version=2, media_type=oci.MANIFEST, config=told, layers=listed)
    manifest.write_bytes(content.canonical_json(top))
    name = content.of_file(manifest)
    return {told.digest: config, name: manifest, **{one.digest: blobs.path(one.digest) for one in listed}}, name
