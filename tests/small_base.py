"""A base image of a few bytes, as a layout: a file by the name of a Python, and a list of packages."""

import gzip
import hashlib
import io
import json
import tarfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

OCI = "application/vnd.oci.image"
DOCKER = "application/vnd.docker"
STATUS = """\
Package: libc6
Status: install ok installed
Architecture: amd64
Source: glibc
Version: 2.36-9+deb12u10

Package: gone
Status: deinstall ok config-files
Architecture: amd64
Version: 1

Package: python3
Status: install ok installed
Architecture: amd64
Version: 3.11.2-1+b1
"""
FILES = {
    "usr/bin/python3.11": b"a Python",
    "var/lib/dpkg/status": STATUS.encode(),
    "etc/os-release": b'ID=debian\nVERSION_ID="12"\n',
}


def tar_of(files: Mapping[str, bytes]) -> bytes:
    """These files, as a tar."""
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w") as tar:
        for name, data in files.items():
            entry = tarfile.TarInfo(name)
            entry.size = len(data)
            tar.addfile(entry, io.BytesIO(data))
    return out.getvalue()


def keep(layout: Path, data: bytes, kind: str) -> dict[str, Any]:
    """A piece under its digest, and what names it."""
    name = hashlib.sha256(data).hexdigest()
    (layout / "blobs/sha256").mkdir(parents=True, exist_ok=True)
    (layout / "blobs/sha256" / name).write_bytes(data)
    return {"mediaType": kind, "digest": f"sha256:{name}", "size": len(data)}


def image(
    layout: Path, *layers: Mapping[str, bytes], architecture: str = "amd64", docker: bool = False
) -> dict[str, Any]:
    """The pieces of an image, and what names its manifest."""
    tars = [tar_of(files) for files in layers or [FILES]]
    packed = f"{DOCKER}.image.rootfs.diff.tar.gzip" if docker else f"{OCI}.layer.v1.tar+gzip"
    config = {
        "architecture": architecture,
        "os": "linux",
        "config": {"Env": ["PATH=/usr/bin", "PYTHONPATH=/old"], "Cmd": ["sh"], "Labels": {"vendor": "us"}},
        "rootfs": {"type": "layers", "diff_ids": [f"sha256:{hashlib.sha256(tar).hexdigest()}" for tar in tars]},
    }
    manifest = {
        "schemaVersion": 2,
        "mediaType": f"{DOCKER}.distribution.manifest.v2+json" if docker else f"{OCI}.manifest.v1+json",
        "config": keep(layout, json.dumps(config).encode(), f"{OCI}.config.v1+json"),
        "layers": [keep(layout, gzip.compress(tar, 6, mtime=0), packed) for tar in tars],
    }
    return keep(layout, json.dumps(manifest).encode(), str(manifest["mediaType"]))


def index(layout: Path, *manifests: Mapping[str, Any]) -> None:
    """What the layout holds."""
    (layout / "index.json").write_text(json.dumps({"schemaVersion": 2, "manifests": list(manifests)}))
    (layout / "oci-layout").write_text('{"imageLayoutVersion": "1.0.0"}')


def make(layout: Path, *layers: Mapping[str, bytes], architecture: str = "amd64", docker: bool = False) -> str:
    """A layout of one image; its digest."""
    made = image(layout, *layers, architecture=architecture, docker=docker)
    index(layout, made)
    return str(made["digest"])
