"""A project from the template, as a newcomer gets it, taken once through every stage; each test works on a copy."""

import json
import os
import shutil
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from tests.conftest import Cli
from tests.parts.registry import PASSWORD, USER, Registry
from tests.parts.registry import registry as run_registry

ROOT = Path(__file__).parents[2]
VENV = Path(sys.prefix)


class Demo(NamedTuple):
    """A fresh clone in which `make demo` was given, and what it printed."""

    folder: Path
    stdout: str
    bin: Path = VENV / "bin"


def clone(to: Path) -> Path:
    """The commit's files in a new folder, as `git clone` gives them."""
    subprocess.run(["git", "clone", "--quiet", "--no-hardlinks", str(ROOT), str(to)], check=True)
    return to


def clean_environment() -> dict[str, str]:
    """Without what the tests themselves were told."""
    hidden = ("MLAGENT_", "PYTEST_", "VIRTUAL_ENV")
    return {name: value for name, value in os.environ.items() if not name.startswith(hidden)}


@pytest.fixture(scope="session")
def demo(tmp_path_factory: pytest.TempPathFactory) -> Demo:
    """The demonstration, given once, in the environment that runs the tests."""
    folder = clone(tmp_path_factory.mktemp("newcomer") / "clone")
    (folder / ".venv").symlink_to(VENV)
    for name in ("pyproject.toml", "constraints.txt"):  # so that make takes the environment as it is
        os.utime(folder / name, (0, 0))
    ended = subprocess.run(
        ["make", "demo"], cwd=folder, env=clean_environment(), capture_output=True, text=True, check=False
    )
    assert ended.returncode == 0, ended.stderr
    return Demo(folder, ended.stdout)


def record(project: Path) -> dict[str, Any]:
    """The record of the newest run."""
    run_id = (project / ".mlagent" / "newest").read_text()
    return json.loads((project / ".mlagent" / "runs" / run_id / "run.json").read_text())  # type: ignore[no-any-return]


def states(project: Path) -> dict[str, str]:
    """How every stage of the newest run ended."""
    return {name: stage["state"] for name, stage in record(project)["stages"].items()}


def free_port() -> int:
    """A port of loopback that nobody listens on."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return int(free.getsockname()[1])


@contextmanager
def tracking_server(folder: Path, port: int) -> Iterator[str]:
    """A real MLflow server on loopback that keeps everything in the folder; its URL."""
    where = ["--backend-store-uri", f"sqlite:///{folder}/m.db", "--artifacts-destination", str(folder / "artifacts")]
    address = ["--host", "127.0.0.1", "--port", str(port), "--workers", "1"]
    with (folder / "log").open("ab") as log:
        process = subprocess.Popen([sys.executable, "-m", "mlflow", "server", *where, *address], stdout=log, stderr=log)
    try:
        wait_until_it_answers(f"http://127.0.0.1:{port}/health", process)
        yield f"http://127.0.0.1:{port}"
    finally:
        process.terminate()
        process.wait(30)


def wait_until_it_answers(url: str, process: subprocess.Popen[bytes]) -> None:
    end = time.monotonic() + 120
    while True:
        try:
            urllib.request.urlopen(url, timeout=5).close()
        except OSError:
            assert process.poll() is None
            assert time.monotonic() < end
            time.sleep(0.2)
        else:
            return


def unhurried(project: Path) -> Path:
    """The template with limits on latency that a busy machine meets too: these tests are about all else."""
    path = project / "mlpipeline.yaml"
    text = path.read_text()
    assert "  p99_ms: 50 " in text
    calm = "  late_share_max: 1\n  rate_reached_min: 0\n  cpu_share_max: 1\n  p99_ms: 5000 "
    path.write_text(text.replace("  p99_ms: 50 ", calm))
    return project


@pytest.fixture(scope="session")
def finished(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, subprocess.CompletedProcess[str]]:
    """The template after `mlagent run`, and what that printed."""
    parent = tmp_path_factory.mktemp("finished")
    env = {name: value for name, value in os.environ.items() if not name.startswith("MLAGENT_")}
    command = [sys.executable, "-m", "mlagent"]
    subprocess.run([*command, "init", "digits"], cwd=parent, env=env, check=True, capture_output=True)
    unhurried(parent / "digits")
    ended = subprocess.run(
        [*command, "run"], cwd=parent / "digits", env=env, check=False, capture_output=True, text=True
    )
    return parent / "digits", ended


@pytest.fixture
def digits(finished: tuple[Path, object], tmp_path: Path) -> Path:
    """A copy of the finished project, to break."""
    return Path(shutil.copytree(finished[0], tmp_path / "digits"))


@pytest.fixture
def fresh(cli: Cli, tmp_path: Path) -> Path:
    """A new project without runs."""
    assert cli("init", "digits", cwd=tmp_path).returncode == 0
    return unhurried(tmp_path / "digits")


@pytest.fixture(scope="session")
def engine() -> dict[str, str]:
    """What a command is told of the Docker engine that `tests/parts/with` started."""
    return {"DOCKER_HOST": os.environ["MLAGENT_TEST_DOCKER_HOST"]}


@pytest.fixture(scope="session")
def base() -> str:
    """The image layout that tests build on, as `package.base` names it."""
    return f"oci:{os.environ['MLAGENT_TEST_BASE']}"


@pytest.fixture(scope="session")
def registry(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Registry]:
    """A real container registry that wants TLS and a password."""
    with run_registry(tmp_path_factory.mktemp("registry"), tls=True) as made:
        yield made


def ships(project: Path, base: str, registry: Registry, repository: str) -> Path:
    """The project with what it takes to build an image and push it; its password is in TEAM_PASSWORD."""
    path = project / "mlpipeline.yaml"
    where = f"  repository: {registry.host}/{repository}\n"
    login = f"  username: {USER}\n  password: env:TEAM_PASSWORD\n  ca: {registry.ca}\n" if registry.tls else ""
    path.write_text(f"{path.read_text()}\npackage:\n  base: {base}\nregistry:\n{where}{login}")
    return project


@pytest.fixture(scope="session")
def shipping(engine: dict[str, str]) -> dict[str, str]:
    """The environment of a command that builds, tries and pushes."""
    return engine | {"TEAM_PASSWORD": PASSWORD}


@pytest.fixture(scope="session")
def shipped(
    finished: tuple[Path, object],
    tmp_path_factory: pytest.TempPathFactory,
    base: str,
    registry: Registry,
    shipping: dict[str, str],
) -> tuple[Path, subprocess.CompletedProcess[str]]:
    """The finished project once more, now with an image that was built, tried and pushed; and what that printed."""
    project = Path(shutil.copytree(finished[0], tmp_path_factory.mktemp("shipped") / "digits"))
    ships(project, base, registry, "team/digits")
    return project, ship(project, shipping)


def ship(project: Path, env: dict[str, str]) -> subprocess.CompletedProcess[str]:
    """Lock the serving environment where the project has no lock yet, and run all stages."""
    command = [sys.executable, "-m", "mlagent"]
    kept = {name: value for name, value in os.environ.items() if not name.startswith("MLAGENT_")} | env
    return subprocess.run([*command, "run"], cwd=project, env=kept, check=False, capture_output=True, text=True)


def image(project: Path) -> str:
    """The digest of the newest run's image, which is its manifest's."""
    return str(record(project)["stages"]["package"]["outputs"]["image"]["digest"])
