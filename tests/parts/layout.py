"""A folder as an image layout of one layer: `python3 layout.py ROOT LAYOUT`; the standard library does."""

import gzip
import hashlib
import json
import sys
import tarfile
from pathlib import Path

OCI = "application/vnd.oci.image"
ENV = ["PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin", "LANG=C.UTF-8"]


def keep(layout: Path, data: bytes, kind: str) -> dict[str, object]:
    """A piece under its digest, and what names it."""
    name = hashlib.sha256(data).hexdigest()
    (layout / "blobs/sha256" / name).write_bytes(data)
    return {"mediaType": f"{OCI}.{kind}", "digest": f"sha256:{name}", "size": len(data)}


def plain(entry: tarfile.TarInfo) -> tarfile.TarInfo:
    """Without what differs from one machine, or minute, to the next."""
    entry.mtime = 0
    entry.uname = entry.gname = ""
    return entry


def make(root: Path, layout: Path) -> None:
    """Pack the folder: one layer, its configuration, the manifest and the index."""
    (layout / "blobs/sha256").mkdir(parents=True)
    packed = layout / "layer.tar"
    with tarfile.open(packed, "w", format=tarfile.GNU_FORMAT) as tar:
        for path in sorted(root.rglob("*")):
            tar.add(path, path.relative_to(root).as_posix(), recursive=False, filter=plain)
    raw = packed.read_bytes()
    packed.unlink()
    layer = keep(layout, gzip.compress(raw, 6, mtime=0), "layer.v1.tar+gzip")
    rootfs = {"type": "layers", "diff_ids": [f"sha256:{hashlib.sha256(raw).hexdigest()}"]}
    runs = {"architecture": "amd64", "os": "linux", "config": {"Env": ENV, "Cmd": ["/usr/bin/python3"]}}
    config = keep(layout, json.dumps(runs | {"rootfs": rootfs}).encode(), "config.v1+json")
    top = {"schemaVersion": 2, "mediaType": f"{OCI}.manifest.v1+json", "config": config, "layers": [layer]}
    manifest = keep(layout, json.dumps(top).encode(), "manifest.v1+json")
    index = {"schemaVersion": 2, "mediaType": f"{OCI}.index.v1+json", "manifests": [manifest]}
    (layout / "index.json").write_text(json.dumps(index))
    (layout / "oci-layout").write_text('{"imageLayoutVersion": "1.0.0"}')


if __name__ == "__main__":
    make(Path(sys.argv[1]), Path(sys.argv[2]))
