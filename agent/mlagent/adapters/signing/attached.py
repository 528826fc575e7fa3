"""What cosign keeps beside an image: signatures and statements as layers of manifests whose tags name its digest."""

import json
import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from mlagent.core.digest import of_bytes
from mlagent.core.oci import Reference
from mlagent.core.ports.images import ImageRegistry
from mlagent.core.ports.signer import Attached
from mlagent.errors import InputError

LARGEST = 64_000_000
ENVELOPE = "dsse"
SIGNATURE = "dev.cosignproject.cosign/signature"
Document = dict[str, Any]


def tag(reference: Reference, kind: str) -> str:
    """Under which its signatures (`sig`) or statements (`att`) lie."""
    return f"{str(reference.digest).replace(':', '-')}.{kind}"


def read(images: ImageRegistry, reference: Reference) -> Attached:
    """All of it; a piece that is damaged or lost is left out."""
    signatures, statements = _manifest(images, reference, "sig"), _manifest(images, reference, "att")
    found = tuple(data for _, data in _pieces(images, reference, statements) if data is not None)
    return Attached(len(_layers(signatures)), found)


def signatures(images: ImageRegistry, reference: Reference) -> list[tuple[bytes, str]]:
    """What is signed (it names the image's digest) and the signature, in base64, of each, whoever made it."""
    found = []
    for layer in _layers(_manifest(images, reference, "sig")):
        annotations = layer.get("annotations")
        said = annotations.get(SIGNATURE) if isinstance(annotations, dict) else None
        data = _pulled(images, reference, layer)
        if data is not None and isinstance(said, str):
            found.append((data, said))
    return found


def withdraw(images: ImageRegistry, reference: Reference, envelopes: Sequence[bytes]) -> None:
    """Put the manifest of its statements anew, without these; in one step, so that no other is ever away."""
    manifest, gone = _manifest(images, reference, "att"), [_content(one) for one in envelopes]
    pieces = list(_pieces(images, reference, manifest))
    stay = [data is None or _content(data) not in gone for _, data in pieces]
    if all(stay):
        return
    config = _json(_pulled(images, reference, manifest["config"])) or {}
    config["history"] = _kept(config.get("history"), stay)
    config["rootfs"] = {**config.get("rootfs", {}), "diff_ids": _kept(config.get("rootfs", {}).get("diff_ids"), stay)}
    data = json.dumps(config, separators=(",", ":")).encode()
    with tempfile.TemporaryDirectory(prefix="mlagent-") as folder:
        file = Path(folder) / "config.json"
        file.write_bytes(data)
        images.push(reference.path, of_bytes(data), lambda: file)
    manifest["config"] = {**manifest["config"], "digest": of_bytes(data), "size": len(data)}
    manifest["layers"] = _kept(_layers(manifest), stay)
    whole = json.dumps(manifest, separators=(",", ":")).encode()
    images.put_manifest(reference.path, whole, manifest["mediaType"], tag(reference, "att"))


def _manifest(images: ImageRegistry, reference: Reference, kind: str) -> Document:
    found = images.manifest(reference.path, tag(reference, kind))
    return {"mediaType": found.media_type, **(_json(found.data) or {})} if found else {}


def _layers(manifest: Document) -> list[Document]:
    layers = manifest.get("layers")
    return [one for one in layers if isinstance(one, dict)] if isinstance(layers, list) else []


def _pieces(images: ImageRegistry, reference: Reference, manifest: Document) -> Iterator[tuple[Document, bytes | None]]:
    """Each layer with its bytes; None for one that is no envelope, or that cannot be had."""
    for layer in _layers(manifest):
        wanted = ENVELOPE in str(layer.get("mediaType"))
        yield layer, _pulled(images, reference, layer) if wanted else None


def _pulled(images: ImageRegistry, reference: Reference, piece: Document) -> bytes | None:
    size = piece.get("size")
    if not isinstance(size, int) or not 0 <= size <= LARGEST:
        return None
    with tempfile.TemporaryDirectory(prefix="mlagent-") as folder:
        try:
            images.pull(reference.path, str(piece.get("digest")), size, Path(folder) / "piece")
        except InputError:
            return None
        return (Path(folder) / "piece").read_bytes()


def _json(data: bytes | None) -> Document | None:
    try:
        found = json.loads(data or b"null")
    except (ValueError, RecursionError):
        return None
    return found if isinstance(found, dict) else None


def _content(envelope: bytes) -> object:
    """What makes an envelope this one: whoever printed it may have laid it out otherwise."""
    return _json(envelope) or envelope


def _kept(values: object, stay: list[bool]) -> list[Any]:
    """Those that stay, of values that stand for the layers in their order; others are left as they are."""
    found = values if isinstance(values, list) else []
    return [one for one, keep in zip(found, stay, strict=True) if keep] if len(found) == len(stay) else found
