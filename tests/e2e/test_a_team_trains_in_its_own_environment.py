"""A team's lock holds another numpy than mlagent's and a library of its own: its code runs there, check to export."""

import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from importlib import metadata, util
from pathlib import Path

import pytest

from tests.conftest import Cli
from tests.e2e.conftest import record, states

CONSTRAINTS = Path(__file__).parents[2] / "constraints.txt"
NUMPY, EINOPS = "2.3.5", "0.8.2"
OLDER = "2.9.1"  # of 2.9, the oldest that the worker takes
BEFORE = {"validate-data", "split"}  # what does not run in the team's environment
LAYS_OUT = (
    ("import torch\n", "import torch\nfrom einops import rearrange\n"),
    (
        "(features / BRIGHTEST).reshape(-1, 1, SIDE, SIDE)",
        'rearrange(features / BRIGHTEST, "n (c h w) -> n c h w", c=1, h=8)',
    ),
)


def lock(**versions: str) -> str:
    """Of all that the worker needs, as this repository pins it or as given."""
    pinned = dict(re.findall(r"^([\w-]+)==(\S+)$", CONSTRAINTS.read_text(), re.MULTILINE))
    needed = {name: pinned[name] for name in ("torch", "onnx", "onnxscript", "pytest")}
    all_of_it = needed | {"numpy": NUMPY, "einops": EINOPS} | versions
    return "".join(f"{name}=={version}\n" for name, version in all_of_it.items())


def write_model(project: Path) -> None:
    """The template's, with the team's own library in its forward pass."""
    text = (project / "model.py").read_text()
    for before, after in LAYS_OUT:
        assert before in text
        text = text.replace(before, after)
    (project / "model.py").write_text(text)


def used(project: Path) -> dict[str, str]:
    """What the newest training's environment.txt lists, name to version."""
    listed = project / ".mlagent" / "runs" / record(project)["run_id"] / "train" / "environment.txt"
    return dict(line.split("==") for line in listed.read_text().splitlines() if "==" in line)


def public(version: str) -> str:
    """Without the build's own part, as in 2.13.0+cpu."""
    return version.partition("+")[0]


@pytest.fixture(scope="module")
def environments(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, str]]:
    """The setting of one folder of environments for all tests; they hold gigabytes and are not kept."""
    folder = tmp_path_factory.mktemp("environments")
    yield {"MLAGENT_WORKER_ENVIRONMENTS": str(folder)}
    shutil.rmtree(folder)


@pytest.fixture(scope="module")
def locked(tmp_path_factory: pytest.TempPathFactory, environments: dict[str, str]) -> Path:
    """The template with the lock and the library, through the gate."""
    parent = tmp_path_factory.mktemp("locked")
    env = {name: value for name, value in os.environ.items() if not name.startswith("MLAGENT_")} | environments
    command = [sys.executable, "-m", "mlagent"]
    subprocess.run([*command, "init", "digits"], cwd=parent, env=env, check=True, capture_output=True)
    write_model(parent / "digits")
    (parent / "digits" / "requirements.lock").write_text(lock())
    run_until_gate(parent / "digits", environments)
    return parent / "digits"


def run_until_gate(project: Path, environments: dict[str, str]) -> None:
    """Without a limit of time: what is to be installed is large."""
    env = {name: value for name, value in os.environ.items() if not name.startswith("MLAGENT_")} | environments
    command = [sys.executable, "-m", "mlagent", "run", "--until", "gate"]
    ended = subprocess.run(command, cwd=project, env=env, check=False, capture_output=True, text=True)
    assert ended.returncode == 0, ended.stderr


@pytest.fixture
def project(locked: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(locked, tmp_path / "digits"))


def test_it_trained_with_the_versions_of_its_lock_and_mlagent_kept_its_own(locked: Path) -> None:
    declared = dict(line.split("==") for line in lock().splitlines())
    assert {name: public(used(locked)[name]) for name in declared} == declared
    assert metadata.version("numpy") != NUMPY
    assert util.find_spec("einops") is None
    assert "msgspec" not in used(locked)
    assert set(states(locked).values()) == {"done"}


def test_a_changed_lock_trains_again_and_splits_no_more(project: Path, environments: dict[str, str], cli: Cli) -> None:
    assert set(planned(project, environments, cli).values()) == {"reuse"}
    (project / "requirements.lock").write_text(lock(einops="0.8.1"))
    found = planned(project, environments, cli)
    assert {name for name, state in found.items() if state == "reuse"} == BEFORE
    assert found["check"] == found["train"] == "run"


def planned(project: Path, env: dict[str, str], cli: Cli) -> dict[str, str]:
    """What the plan would do with every stage up to the gate."""
    ended = cli("plan", "--json", cwd=project, env=env)
    assert ended.returncode == 0, ended.stderr
    found = {one["stage"]: one["state"] for one in json.loads(ended.stdout)["stages"]}
    return {name: found[name] for name in states(project)}


def test_the_doctor_tells_the_teams_environment_from_mlagents(
    project: Path, environments: dict[str, str], cli: Cli
) -> None:
    made = worker(project, environments, cli)
    assert made["environment"]["detail"] == "requirements.lock, read by pip"
    assert made["made"]["detail"].startswith(environments["MLAGENT_WORKER_ENVIRONMENTS"])
    assert made["numpy"]["detail"] == NUMPY
    assert public(made["torch"]["detail"]) == public(used(project)["torch"])
    assert {made[name]["state"] for name in ("python", "onnx", "onnxscript", "pytest")} == {"found"}
    (project / "requirements.lock").write_text(lock(einops="0.8.1"))
    before = sorted(Path(environments["MLAGENT_WORKER_ENVIRONMENTS"]).iterdir())
    assert worker(project, environments, cli)["made"]["detail"].startswith("not made yet")
    assert sorted(Path(environments["MLAGENT_WORKER_ENVIRONMENTS"]).iterdir()) == before


def worker(project: Path, env: dict[str, str], cli: Cli) -> dict[str, dict[str, str]]:
    """What the doctor finds of the worker, by need."""
    ended = cli("doctor", "--json", cwd=project, env=env)
    assert ended.returncode == 0, ended.stderr
    return {one["need"]: one for one in json.loads(ended.stdout) if one["stage"] == "worker"}


def test_a_version_that_does_not_exist_is_named(project: Path, environments: dict[str, str], cli: Cli) -> None:
    (project / "requirements.lock").write_text("einops==99.0\n" + lock())
    ended = cli("run", "--until", "train", cwd=project, env=environments)
    assert ended.returncode == 3, ended.stderr
    assert "requirements.lock:1: " in ended.stderr
    assert "einops==99.0" in ended.stderr


def by_requirements(project: Path) -> None:
    (project / "requirements.lock").write_text(lock(torch=OLDER))


def by_uv(project: Path) -> None:
    (project / "requirements.lock").unlink()
    table = {"name": "digits", "version": "1", "requires-python": ">=3.11"}
    text = "".join(f'{name} = "{value}"\n' for name, value in table.items())
    dependencies = f"dependencies = {lock(torch=OLDER).split()}\n"
    path = project / "pyproject.toml"
    path.write_text(f"[project]\n{text}{dependencies}\n{path.read_text()}")
    uv = str(Path(sys.executable).with_name("uv"))
    subprocess.run([uv, "lock", "--quiet"], cwd=project, check=True)


@pytest.mark.long
@pytest.mark.parametrize("declare", [by_requirements, by_uv])
def test_the_worker_works_with_an_older_torch(
    project: Path, environments: dict[str, str], declare: Callable[[Path], None]
) -> None:
    declare(project)
    run_until_gate(project, environments)
    assert public(used(project)["torch"]) == OLDER
    assert used(project)["numpy"] == NUMPY
    reused = {name for name, stage in record(project)["stages"].items() if stage["reused_from"]}
    assert reused >= BEFORE
    assert not reused & {"check", "train", "export"}  # the gate may be: of figures alike to the last digit it is
    made = project / ".mlagent" / "runs" / record(project)["run_id"] / "export" / "result.json"
    assert public(json.loads(made.read_text())["torch"]) == OLDER
