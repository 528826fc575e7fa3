"""The bootstrap on a bare node: one environment a version, made once, from wheels whose hashes it knows."""

import hashlib
import json
import os
import shutil
import subprocess
import sys
import threading
import zipfile
from collections.abc import Iterator
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from mlagent.render.pins import pins

ROOT = Path(__file__).parents[3]
BOOTSTRAP = ROOT / "resources" / "mlagent" / "bootstrap.sh"
MAIN = """\
import os, sys
def main():
    print('mlagent', {says!r}, *sys.argv[1:])
    sys.exit(int(os.environ.get('END', 0)))
"""
META = "Metadata-Version: 2.1\nName: mlagent\nVersion: 0.1.0\n"
TAG = "Wheel-Version: 1.0\nGenerator: test\nRoot-Is-Purelib: true\nTag: py3-none-any\n"


def wheel(folder: Path, says: str) -> Path:
    """The smallest wheel that has a command named mlagent."""
    folder.mkdir(exist_ok=True)
    path = folder / "mlagent-0.1.0-py3-none-any.whl"
    files = {
        "mlagent.py": MAIN.format(says=says),
        "mlagent-0.1.0.dist-info/METADATA": META,
        "mlagent-0.1.0.dist-info/WHEEL": TAG,
        "mlagent-0.1.0.dist-info/entry_points.txt": "[console_scripts]\nmlagent = mlagent:main\n",
    }
    with zipfile.ZipFile(path, "w") as file:
        for name, text in {**files, "mlagent-0.1.0.dist-info/RECORD": "".join(f"{one},,\n" for one in files)}.items():
            file.writestr(name, text)
    return path


class Node:
    """A machine with a home of its own, and the library's two files."""

    def __init__(self, home: Path) -> None:
        self.home, self.wheelhouse = home, home / "wheelhouse"
        (home / "library").mkdir()
        shutil.copy(BOOTSTRAP, home / "library" / "bootstrap.sh")
        wheel(self.wheelhouse, "first")
        self.pin()

    def pin(self) -> None:
        (self.home / "library" / "agent.txt").write_text(pins(self.wheelhouse, "control").replace("[control]", ""))

    def start(self, *args: str, **env: str) -> "subprocess.Popen[str]":
        said = {"MLPIPELINE_SAID": str(self.home / "said.json"), "MLAGENT_WHEELHOUSE": str(self.wheelhouse)}
        kept = {"HOME": str(self.home), "PATH": os.environ["PATH"], "MLPIPELINE_PYTHON": sys.executable}
        command = ["sh", str(self.home / "library" / "bootstrap.sh"), *args]
        return subprocess.Popen(
            command, env=kept | said | env, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
        )

    def run(self, *args: str, **env: str) -> tuple[int, str, str]:
        process = self.start(*args, **env)
        out, err = process.communicate(timeout=120)
        return process.returncode, out, err

    def environments(self) -> Iterator[Path]:
        return (self.home / ".cache" / "mlagent" / "agents").glob("*/complete")


@pytest.fixture
def node(tmp_path: Path) -> Node:
    return Node(tmp_path)


def test_the_environment_is_made_once_and_the_command_gets_arguments_and_gives_its_status(node: Node) -> None:
    code, out, err = node.run("plan", "--json", END="10")
    assert (code, out) == (10, "mlagent first plan --json\n")
    assert "once for this version" in err
    assert node.run("check", MLAGENT_WHEELHOUSE="/nowhere") == (0, "mlagent first check\n", "")


def test_two_that_begin_at_once_make_one(node: Node) -> None:
    ended = [(one.communicate(timeout=120), one.returncode) for one in [node.start("a"), node.start("b")]]
    assert [code for _, code in ended] == [0, 0]
    assert sum("once for this version" in said[1] for said, _ in ended) == 1


def test_another_pin_is_another_environment(node: Node) -> None:
    node.run()
    wheel(node.wheelhouse, "second")
    node.pin()
    assert node.run()[1] == "mlagent second\n"
    assert len(list(node.environments())) == 2


def test_one_that_was_cut_off_in_the_making_is_made_anew(node: Node) -> None:
    node.run()
    (complete,) = node.environments()
    complete.unlink()
    shutil.rmtree(complete.parent / "bin")
    assert node.run()[0] == 0


def test_one_whose_python_was_upgraded_beneath_it_is_made_anew(node: Node) -> None:
    node.run()
    (complete,) = node.environments()
    python = complete.parent / "bin" / "python"
    old = python.resolve()
    python.unlink()
    python.symlink_to("/usr/bin/env")  # as where /usr/bin/python3 became another version
    assert node.run("x")[:2] == (0, "mlagent first x\n")
    assert python.resolve() == old


def test_without_a_wheelhouse_and_an_index_that_has_it_the_variable_is_named(node: Node, tmp_path: Path) -> None:
    (tmp_path / "none").mkdir()
    code, _, err = node.run(MLAGENT_WHEELHOUSE="", PIP_INDEX_URL=(tmp_path / "none").as_uri())
    assert (code, "MLAGENT_WHEELHOUSE is not set" in err) == (3, True)
    assert "make wheelhouse" in json.loads((node.home / "said.json").read_text())["hint"]


def test_an_agent_image_has_it_already(node: Node, tmp_path: Path) -> None:
    node.run(MLPIPELINE_CACHE=str(tmp_path / "image"))
    assert node.run("x", MLPIPELINE_IMAGE=str(tmp_path / "image"), MLAGENT_WHEELHOUSE="") == (
        0,
        "mlagent first x\n",
        "",
    )
    assert list(node.environments()) == []


def test_a_wheel_of_another_hash_is_refused_with_the_command_that_mends_it(node: Node) -> None:
    path = wheel(node.wheelhouse, "forged")
    assert hashlib.sha256(path.read_bytes()).hexdigest() not in (node.home / "library" / "agent.txt").read_text()
    code, out, err = node.run()
    assert (code, out) == (3, "")
    assert "holds no mlagent of the hash that this library pins" in err
    assert "make wheelhouse" in json.loads((node.home / "said.json").read_text())["hint"]
    assert list(node.environments()) == []


def test_a_dependency_of_another_hash_is_refused_by_pip(node: Node) -> None:
    pin = node.home / "library" / "agent.txt"
    pin.write_text(pin.read_text() + f"other==1.0 --hash=sha256:{'0' * 64}\n")
    code, _, err = node.run()
    assert (code, "pip could not install the pinned mlagent" in err) == (20, True)
    assert list((node.home / ".cache" / "mlagent" / "agents").glob("*/bin")) == []


@pytest.mark.parametrize(
    ("env", "said"),
    [
        ({"MLAGENT_WHEELHOUSE": "/no/where"}, "MLAGENT_WHEELHOUSE=/no/where is no folder"),
        ({"MLPIPELINE_PYTHON": "python9"}, "there is no python9"),
        ({"MLPIPELINE_PYTHON": "false"}, "is too old"),
        ({"HOME": ""}, "there is no HOME"),
        ({"MLPIPELINE_CACHE": "/proc/none"}, "/proc/none cannot be written"),
    ],
)
def test_what_is_missing_is_said_with_the_cure(node: Node, env: dict[str, str], said: str) -> None:
    code, _, err = node.run(**env)
    told = json.loads((node.home / "said.json").read_text())
    assert (code, told["exit_code"], said in told["message"], said in err) == (3, 3, True, True)
    assert told["hint"]


def test_an_environment_that_cannot_be_made_is_said_with_the_cure(node: Node) -> None:
    python = node.home / "python"  # as on a full disk: all else of it works
    python.write_text(f'#!/bin/sh\n[ "$2" != venv ] || exit 1\nexec {sys.executable} "$@"\n')
    python.chmod(0o755)
    code, _, err = node.run(MLPIPELINE_PYTHON=str(python))
    told = json.loads((node.home / "said.json").read_text())
    assert (code, told["exit_code"], "could not make the environment" in err) == (20, 20, True)
    assert "MLPIPELINE_CACHE" in told["hint"]
    assert node.run()[0] == 0


def test_a_lock_that_cannot_be_written_is_said_with_the_cure(node: Node) -> None:
    root = node.home / ".cache" / "mlagent" / "agents"
    key = hashlib.sha256((node.home / "library" / "agent.txt").read_bytes()).hexdigest()[:16]
    root.mkdir(parents=True)
    (root / f"{key}.lock").symlink_to(node.home / "nowhere" / "lock")
    code, _, _ = node.run()
    assert (code, json.loads((node.home / "said.json").read_text())["exit_code"]) == (3, 3)


def test_wheels_may_lie_behind_a_url(node: Node) -> None:
    handler = partial(SimpleHTTPRequestHandler, directory=str(node.wheelhouse))
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        code, out, _ = node.run("x", MLAGENT_WHEELHOUSE=f"http://127.0.0.1:{server.server_port}/")
        server.shutdown()
    assert (code, out) == (0, "mlagent first x\n")


def test_a_library_without_a_pin_is_refused(node: Node) -> None:
    (node.home / "library" / "agent.txt").write_text("")
    assert node.run()[0] == 3
    assert "pins no mlagent" in json.loads((node.home / "said.json").read_text())["message"]


def test_the_library_pins_every_package_by_a_hash() -> None:
    lines = (BOOTSTRAP.parent / "agent.txt").read_text().splitlines()
    assert lines[0].startswith("mlagent[")
    assert [line for line in lines if "==" not in line or "--hash=sha256:" not in line] == []
