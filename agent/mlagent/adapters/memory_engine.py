"""The Engine port without an engine: shipped, for tests of those who build on it; it passes the same contract tests."""

import json
import tarfile
import threading
import urllib.request
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, nullcontext
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import msgspec

from mlagent.core.digest import of_bytes
from mlagent.core.ports.engine import About, BuildFailed, Limits, NoEngine, Served, State
from mlagent.errors import InfrastructureError


class Program(msgspec.Struct, frozen=True, kw_only=True):
    """What a container of it does: says its lines, answers where it is `ready`, stands as its state says."""

    lines: tuple[str, ...] = ()
    ready: bool = False
    state: State = State()
    memory_mb: float | None = None


class MemoryEngine:
    """Images in a dictionary; the first word of an image's Cmd names its program."""

    def __init__(self, programs: Mapping[str, Program], platform: str = "linux/amd64") -> None:
        """Hold nothing yet."""
        self._programs = programs
        self._about = About(version="memory", platform=platform, cpus=2, memory_mb=4096)
        self.images: dict[str, dict[str, Any]] = {}
        self.layers: dict[str, list[Path]] = {}
        self.runs: list[str] = []

    def about(self) -> About:
        """Two processors, and whatever platform it was made for."""
        return self._about

    @contextmanager
    def pulled(self, host: str, manifest: str) -> Iterator[str]:
        """Ask for the manifest and the configuration, by digest, as an engine does; layers are looked at only."""
        name = f"{host}/memory@{manifest}"
        found = json.loads(_asked(host, "manifests", manifest))
        for layer in found["layers"]:
            _asked(host, "blobs", layer["digest"], "HEAD")
        self.images[name] = json.loads(_asked(host, "blobs", found["config"]["digest"]))
        try:
            yield name
        finally:
            del self.images[name]

    @contextmanager
    def serving(self, image: str, limits: Limits, run: str) -> Iterator[Served]:
        """Answer at a port of loopback where the program is ready."""
        if limits.cpus > self._about.cpus or limits.memory_mb > self._about.memory_mb:
            raise NoEngine(f"this machine has 2 processors and 4096 MiB, not {limits}", hint="ask for less")
        program = self._programs[self.images[image]["config"]["Cmd"][0]]
        self.runs.append(run)
        with _answering(limits.variables) if program.ready else nullcontext("") as url:
            yield MemoryServed(program, url)

    @contextmanager
    def built(
        self, context: Path, dockerfile: str, arguments: Mapping[str, str], platform: str, say: Callable[[str], None]
    ) -> Iterator[str]:
        """Say each step; `RUN false` fails, and an argument that is not given; out comes the folder as one layer."""
        steps = [line for line in (context / dockerfile).read_text().splitlines() if line and line[0] != "#"]
        for number, step in enumerate(steps, 1):
            say(f"Step {number}/{len(steps)} : {step}")
            word, _, name = step.partition(" ")
            if step == "RUN false" or (word == "ARG" and "=" not in name and name not in arguments):
                raise BuildFailed(f"Step {number}/{len(steps)} : {step}: it returned a non-zero code: 1")
        system, _, architecture = platform.partition("/")
        self.images["built"] = {"os": system, "architecture": architecture, "config": {"Cmd": ["serve"]}}
        self.layers["built"] = [context]
        try:
            yield "built"
        finally:
            del self.images["built"], self.layers["built"]

    def export(self, image: str, folder: Path) -> tuple[Path, Sequence[Path]]:
        """Write the configuration, and each layer as tar."""
        made = []
        for number, content in enumerate(self.layers[image]):
            made.append(folder / f"layer-{number}.tar")
            with tarfile.open(made[-1], "w") as tar:
                tar.add(content, ".")
        rootfs = {"type": "layers", "diff_ids": [of_bytes(one.read_bytes()) for one in made]}
        config = folder / "config.json"
        config.write_text(json.dumps({**self.images[image], "rootfs": rootfs}))
        return config, made


class MemoryServed:
    """What a program does."""

    def __init__(self, program: Program, url: str) -> None:
        """It answers at `url`, or nowhere."""
        self._program, self.url, self.metrics_url = program, url, url

    def state(self) -> State:
        """As the program says."""
        return self._program.state

    def memory_mb(self) -> float | None:
        """As the program says."""
        return self._program.memory_mb

    def said(self, lines: int) -> Sequence[str]:
        """Its newest lines."""
        return self._program.lines[-lines:]


class _Ready(BaseHTTPRequestHandler):
    variables: Mapping[str, str] = {}

    def do_GET(self) -> None:
        """Be ready, whatever is asked; tell the variables."""
        body = json.dumps({"env": dict(self.variables)}).encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - its name there
        """Say nothing."""


@contextmanager
def _answering(variables: Mapping[str, str]) -> Iterator[str]:
    server = ThreadingHTTPServer(("127.0.0.1", 0), type("Ready", (_Ready,), {"variables": variables}))
    thread = threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_address[1]}"
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def _asked(host: str, kind: str, digest: str, method: str = "GET") -> bytes:
    request = urllib.request.Request(f"http://{host}/v2/memory/{kind}/{digest}", method=method)
    try:
        with urllib.request.urlopen(request, timeout=10) as answer:  # noqa: S310 - loopback
            data: bytes = answer.read()
    except OSError as error:
        raise InfrastructureError(f"the image could not be taken: {error}", hint="is a piece missing?") from error
    if method == "GET" and of_bytes(data) != digest:
        raise InfrastructureError(f"{digest} is not what its name says", hint="make it anew")
    return data
