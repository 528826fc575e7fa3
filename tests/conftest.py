"""What every test may use: a small project on disk, and the command line as a person calls it."""

import os
import subprocess
import sys
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

# One request at a time: moto looks at the condition of a write and then writes, which S3 does in one step. It also
# answers 500 to the completion of an upload that is over, where S3 says NoSuchUpload.
S3_SERVER = """\
from moto.s3.exceptions import NoSuchUpload
from moto.s3.models import S3Backend
complete = S3Backend.complete_multipart_upload
def completed(self, bucket_name, multipart_id, body):
    if multipart_id not in self.get_bucket(bucket_name).multiparts:
        raise NoSuchUpload(upload_id=multipart_id)
    return complete(self, bucket_name, multipart_id, body)
S3Backend.complete_multipart_upload = completed
from moto.moto_server.werkzeug_app import DomainDispatcherApplication, MotoRequestHandler, create_backend_app
from werkzeug.serving import make_server
app = DomainDispatcherApplication(create_backend_app)
server = make_server("127.0.0.1", 0, app, threaded=False, request_handler=MotoRequestHandler)
print(server.port, flush=True)
server.serve_forever()
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


@pytest.fixture(scope="session")
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
def s3_server() -> Iterator[str]:
    """The URL of a real server that speaks S3: moto in a process of its own, on a free port of loopback."""
    with subprocess.Popen(
        [sys.executable, "-c", S3_SERVER], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True
    ) as process:
        assert process.stdout
        yield f"http://127.0.0.1:{int(process.stdout.readline())}"
        process.kill()
