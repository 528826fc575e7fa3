"""What every test may use: a small project on disk, and the command line as a person calls it."""

import os
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

GOOD = """\
project:
  name: small
data:
  path: data.csv
  target: y
"""

S3_SERVER = """\
import sys
from moto.moto_server.werkzeug_app import DomainDispatcherApplication, create_backend_app
from werkzeug.serving import run_simple
run_simple("127.0.0.1", int(sys.argv[1]), DomainDispatcherApplication(create_backend_app), threaded=False)
"""

Cli = Callable[..., subprocess.CompletedProcess[str]]


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """A project with a configuration and forty rows, without code."""
    folder = tmp_path / "small"
    folder.mkdir()
    (folder / "mlpipeline.yaml").write_text(GOOD)
    rows = [f"{index},{index % 7},{index % 2}" for index in range(40)]
    (folder / "data.csv").write_text("\n".join(["a,b,y", *rows, ""]))
    return folder


@pytest.fixture
def cli() -> Cli:
    """Run `mlagent ARGS` in a folder, as a child; its environment holds no MLAGENT_ variable but those given."""

    def run(*args: str, cwd: Path, env: dict[str, str] | None = None) -> subprocess.CompletedProcess[str]:
        kept = {name: value for name, value in os.environ.items() if not name.startswith("MLAGENT_")}
        return subprocess.run(
            [sys.executable, "-W", "error::ResourceWarning", "-m", "mlagent", *args],
            cwd=cwd,
            env=kept | (env or {}),
            capture_output=True,
            text=True,
            check=False,
            timeout=300,
        )

    return run


@pytest.fixture(scope="session")
def s3_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A real server that speaks S3, on loopback; one request at a time, so that its conditional writes are as S3's."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    url = f"http://127.0.0.1:{port}"
    log = tmp_path_factory.mktemp("moto") / "log"
    with log.open("wb") as out:
        process = subprocess.Popen([sys.executable, "-c", S3_SERVER, str(port)], stdout=out, stderr=out)
    try:
        end = time.monotonic() + 60
        while True:
            try:
                urllib.request.urlopen(f"{url}/moto-api/data.json", timeout=5).close()
                break
            except OSError:
                assert process.poll() is None, log.read_text()
                assert time.monotonic() < end
                time.sleep(0.1)
        yield url
    finally:
        process.terminate()
        process.wait(30)
