"""A `tests/parts/cluster` that finds doubles of kind, docker and kubectl, and keeps what it has in a test's folder."""

import json
import os
import random
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

import pytest

ROOT = Path(__file__).parents[3]
NAME = "mlagent-test-parts"
ENGINE = "unix:///nowhere/docker.sock"


class Machine(NamedTuple):
    """Where kind is installed; `gateway` is this machine's address as the node sees it."""

    folder: Path
    gateway: str
    env: dict[str, str]

    def cluster(self, *args: str, **env: str) -> subprocess.CompletedProcess[str]:
        """How `cluster ARGS` ended."""
        command = [str(ROOT / "tests/parts/cluster"), *args]
        return subprocess.run(command, env=self.env | env, check=False, capture_output=True, text=True)

    def must(self, *args: str) -> str:
        """What it printed; it must work."""
        ended = self.cluster(*args)
        assert ended.returncode == 0, ended.stderr
        return ended.stdout

    def calls(self, program: str) -> list[list[str]]:
        """What the program was told until now; last the engine that it was to use."""
        path = self.folder / "calls"
        lines = map(json.loads, path.read_text().splitlines()) if path.exists() else ()
        return [line[1:] for line in lines if line[0] == program]

    @property
    def node(self) -> Path:
        """The folder that is the node's root."""
        return self.folder / "clusters" / NAME

    @property
    def kubeconfig(self) -> Path:
        """The administrator's."""
        return self.folder / "parts/kind/admin.kubeconfig"


def machine(folder: Path) -> Machine:
    """Nothing runs there yet."""
    programs = folder / "bin"
    programs.mkdir()
    text = (Path(__file__).parent / "double.py").read_text()
    for name in ("kind", "docker", "kubectl", "apt-get"):
        (programs / name).write_text(f"#!{sys.executable} -IS\n{text}")
        (programs / name).chmod(0o755)
    gateway = f"127.{random.randint(64, 127)}.{random.randint(1, 254)}.{random.randint(1, 254)}"  # noqa: S311 - a free one
    kept = {name: text for name, text in os.environ.items() if not name.startswith("MLAGENT_")}
    path = f"{programs}:{Path(sys.executable).parent}:{os.environ['PATH']}"
    env = {"PATH": path, "MLAGENT_TEST_PARTS": str(folder / "parts"), "DOCKER_HOST": ENGINE, "DOUBLE": str(folder)}
    return Machine(folder, gateway, kept | env | {"DOUBLE_GATEWAY": gateway})


@contextmanager
def bare_machine(folder: Path) -> Iterator[Machine]:
    """Without a cluster; what was started in the block is ended after it."""
    made = machine(folder)
    yield made
    made.cluster("stop")


@pytest.fixture
def bare(tmp_path: Path) -> Iterator[Machine]:
    """Without a cluster."""
    with bare_machine(tmp_path) as made:
        yield made


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Machine]:
    """With a cluster; tests leave it as it is."""
    with bare_machine(tmp_path_factory.mktemp("running")) as made:
        made.must("start")
        yield made
