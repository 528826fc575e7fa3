"""Small images made by hand, whose one program does what a test wants of it."""

import gzip
import hashlib
import io
import json
import shutil
import tarfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

OCI = "application/vnd.oci.image"
STUB = """\
import json, os, sys, threading, time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

class Answer(BaseHTTPRequestHandler):
    def do_GET(self):
        open("/tmp/written", "w").close()
        try:
            open("/srv/written", "w").close()
            root = "written"
        except OSError as error:
            root = error.strerror
        status = open("/proc/self/status").read().splitlines()
        told = {
            "uid": os.getuid(), "gid": os.getgid(), "root": root, "env": dict(os.environ), "argv": sys.argv,
            "caps": [line.split()[1] for line in status if line.startswith("CapEff")][0],
            "new": [line.split()[1] for line in status if line.startswith("NoNewPrivs")][0],
        }
        body = json.dumps(told).encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def do_POST(self):
        if kind == "later":
            print("boom: a request too many", flush=True)
            os._exit(9)
        self.do_GET()

    def log_message(self, *_):
        pass

def serve():
    for port in (8001, 8000):
        server = ThreadingHTTPServer(("0.0.0.0", port), Answer)
        threading.Thread(target=server.serve_forever).start()
    print("serving", flush=True)

kind = sys.argv[1]
print("starting", flush=True)
if kind in ("serve", "later"):
    serve()
if kind == "crash":
    print("boom: no such model", flush=True)
    os._exit(int(sys.argv[2]))
held = []
while kind == "eat":
    held.append(bytearray(b"x" * (1 << 20)))
    time.sleep(0.005)
time.sleep(3600)
"""


class Image(NamedTuple):
    """An image in pieces: files by digest; its manifest's and its configuration's digests."""

    pieces: dict[str, Path]
    manifest: str
    config: str

    @property
    def file(self) -> Path:
        """The manifest."""
        return self.pieces[self.manifest]


def make(folder: Path, base: Path | None, command: list[str], architecture: str = "amd64") -> Image:
    """The program on top of a base's layers, where there is one."""
    runs = {
        "User": "65532:65532",
        "Entrypoint": ["/usr/bin/python3", "/srv/stub.py"],
        "Cmd": command,
        "Env": ["PATH=/usr/bin"],
        "ExposedPorts": {"8000/tcp": {}, "8001/tcp": {}},
    }
    return layered(folder, base, {"srv/stub.py": STUB.encode()}, runs, architecture)


def layered(
    folder: Path, base: Path | None, files: Mapping[str, bytes], runs: dict[str, Any], architecture: str = "amd64"
) -> Image:
    """Files as one more layer; `runs` says how it runs."""
    folder.mkdir(parents=True, exist_ok=True)
    pieces, layers, ids = _base(base) if base else ({}, [], [])
    raw = _packed(files)
    layer = _piece(folder, pieces, gzip.compress(raw, 6, mtime=0), "layer.v1.tar+gzip")
    rootfs = {"type": "layers", "diff_ids": [*ids, f"sha256:{hashlib.sha256(raw).hexdigest()}"]}
    told = {"architecture": architecture, "os": "linux", "config": runs, "rootfs": rootfs}
    config = _piece(folder, pieces, json.dumps(told).encode(), "config.v1+json")
    top = {"schemaVersion": 2, "mediaType": f"{OCI}.manifest.v1+json", "config": config, "layers": [*layers, layer]}
    manifest = _piece(folder, pieces, json.dumps(top).encode(), "manifest.v1+json")
    return Image(pieces, str(manifest["digest"]), str(config["digest"]))


def as_layout(image: Image, layout: Path) -> Path:
    """Write it as an image layout, in a folder that is not there yet."""
    (layout / "blobs/sha256").mkdir(parents=True)
    for digest, path in image.pieces.items():
        shutil.copyfile(path, layout / "blobs" / digest.replace(":", "/"))
    top = {"mediaType": f"{OCI}.manifest.v1+json", "digest": image.manifest, "size": image.file.stat().st_size}
    (layout / "index.json").write_text(json.dumps({"schemaVersion": 2, "manifests": [top]}))
    (layout / "oci-layout").write_text('{"imageLayoutVersion": "1.0.0"}')
    return layout


def _base(layout: Path) -> tuple[dict[str, Path], list[dict[str, Any]], list[str]]:
    def read(digest: str) -> dict[str, Any]:
        found: dict[str, Any] = json.loads((layout / "blobs" / digest.replace(":", "/")).read_bytes())
        return found

    [top] = json.loads((layout / "index.json").read_bytes())["manifests"]
    manifest = read(top["digest"])
    pieces = {one["digest"]: layout / "blobs" / one["digest"].replace(":", "/") for one in manifest["layers"]}
    return pieces, manifest["layers"], read(manifest["config"]["digest"])["rootfs"]["diff_ids"]


def _packed(files: Mapping[str, bytes]) -> bytes:
    file = io.BytesIO()
    with tarfile.open(fileobj=file, mode="w") as tar:
        for name, content in files.items():
            entry = tarfile.TarInfo(name)
            entry.size, entry.mode = len(content), 0o644
            tar.addfile(entry, io.BytesIO(content))
    return file.getvalue()


def _piece(folder: Path, pieces: dict[str, Path], data: bytes, kind: str) -> dict[str, Any]:
    name = hashlib.sha256(data).hexdigest()
    (folder / name).write_bytes(data)
    pieces[f"sha256:{name}"] = folder / name
    return {"mediaType": f"{OCI}.{kind}", "digest": f"sha256:{name}", "size": len(data)}
