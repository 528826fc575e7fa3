"""The team's code runs in what the team declared, made once, offline from wheels built here; real venvs, pip and uv."""

import json
import os
import platform
import signal
import subprocess
import sys
import threading
import zipfile
from collections.abc import Callable
from io import StringIO
from pathlib import Path

import pytest

from mlagent import catalog
from mlagent.config.redact import Redactor
from mlagent.core.context import Context, Outputs
from mlagent.engine.child import LocalChildren
from mlagent.engine.environment import digest_of, prepare
from mlagent.engine.inside import examine_worker
from mlagent.engine.log import open_log
from mlagent.errors import ConfigError, InfrastructureError
from tests.unit.engine.chain import Knob, run, stage, workspace


def wheel(folder: Path, name: str, version: str) -> None:
    """A wheel whose one module says its version."""
    info = f"{name}-{version}.dist-info"
    with zipfile.ZipFile(folder / f"{name}-{version}-py3-none-any.whl", "w") as file:
        file.writestr(f"{name}.py", f"VERSION = {version!r}\n")
        file.writestr(f"{info}/METADATA", f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n")
        file.writestr(
            f"{info}/WHEEL", "Wheel-Version: 1.0\nGenerator: test\nRoot-Is-Purelib: true\nTag: py3-none-any\n"
        )
        file.writestr(f"{info}/RECORD", f"{name}.py,,\n{info}/METADATA,,\n{info}/WHEEL,,\n{info}/RECORD,,\n")


@pytest.fixture
def wheelhouse(tmp_path: Path) -> Path:
    folder = tmp_path / "wheels"
    folder.mkdir()
    for version in ("1.0", "2.0"):
        wheel(folder, "tinylib", version)
    return folder


class Made:
    """Prepares environments and keeps what was said."""

    def __init__(self, project: Path, cache: Path, wheelhouse: Path | None) -> None:
        self.project, self.cache, self.wheelhouse, self.said = project, cache, wheelhouse, StringIO()

    def __call__(self) -> Path:
        log = open_log("lines", Redactor(), self.said)
        wheels = str(self.wheelhouse) if self.wheelhouse else None
        return prepare(self.project, self.cache, LocalChildren(self.project, [], log), log, wheels)

    @property
    def times(self) -> int:
        return self.said.getvalue().count("making the worker's environment from")


@pytest.fixture
def made(tmp_path: Path, wheelhouse: Path) -> Made:
    (tmp_path / "p").mkdir()
    return Made(tmp_path / "p", tmp_path / "environments", wheelhouse)


def version_in(python: Path) -> str:
    code = "import tinylib; print(tinylib.VERSION)"
    return subprocess.run([python, "-c", code], capture_output=True, text=True, check=True).stdout.strip()


def test_a_project_that_declares_nothing_uses_mlagents_own(made: Made) -> None:
    (made.project / "pyproject.toml").write_text("[tool.ruff]\n")
    assert made() == Path(sys.executable)
    assert digest_of(made.project) == digest_of(made.cache)


@pytest.mark.parametrize(
    ("file", "text"),
    [
        ("requirements.txt", "# what we need\ntinylib==1.0\n"),
        ("requirements.lock", "tinylib==1.0\n"),
        ("pyproject.toml", '[project]\nname = "p"\nversion = "1"\ndependencies = ["tinylib==1.0"]\n'),
    ],
)
def test_what_is_declared_is_what_is_imported_and_only_the_worker_is_added(made: Made, file: str, text: str) -> None:
    (made.project / file).write_text(text)
    python = made()
    assert version_in(python) == "1.0"
    code = (
        "import mlagent.training, importlib.util as u; print([u.find_spec(n) for n in ('mlagent.cli', 'click', 'pip')])"
    )
    ended = subprocess.run([python, "-I", "-c", code], capture_output=True, text=True, check=True, cwd="/")
    assert ended.stdout.strip() == "[None, None, None]"


def test_a_uv_lock_is_read_by_uv(made: Made, wheelhouse: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    text = '[project]\nname = "p"\nversion = "1"\nrequires-python = ">=3.11"\ndependencies = ["tinylib==1.0"]\n'
    (made.project / "pyproject.toml").write_text(text)
    monkeypatch.setenv("PATH", f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}")
    lock = ["uv", "lock", "--no-index", "--find-links", str(wheelhouse), "--offline", "--quiet"]
    subprocess.run(lock, cwd=made.project, check=True)
    (made.project / "requirements.txt").write_text("tinylib==2.0\n")
    assert version_in(made()) == "1.0"


def test_a_uv_lock_is_installed_from_the_index_that_it_names_for_each_package(
    made: Made, wheelhouse: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    index = f'[[tool.uv.index]]\nname = "ours"\nurl = "{wheelhouse}"\nformat = "flat"\nexplicit = true\n'
    text = '[project]\nname = "p"\nversion = "1"\nrequires-python = ">=3.11"\ndependencies = ["tinylib==1.0"]\n'
    (made.project / "pyproject.toml").write_text(f'{text}[tool.uv.sources]\ntinylib = {{ index = "ours" }}\n{index}')
    monkeypatch.setenv("PATH", f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}")
    monkeypatch.setenv("UV_OFFLINE", "1")
    subprocess.run(["uv", "lock", "--quiet"], cwd=made.project, check=True)
    made.wheelhouse = None
    assert version_in(made()) == "1.0"
    assert sorted(one.name for one in made.project.iterdir()) == ["pyproject.toml", "uv.lock"]


def test_it_is_made_once_and_anew_when_what_is_declared_changes(made: Made) -> None:
    (made.project / "requirements.txt").write_text("tinylib==1.0\n")
    first = made()
    assert made() == first
    assert made.times == 1
    (made.project / "requirements.txt").write_text("tinylib==2.0\n")
    assert version_in(made()) == "2.0"
    assert version_in(first) == "1.0"
    assert made.times == 2


def test_two_that_need_it_at_once_make_it_once(made: Made) -> None:
    (made.project / "requirements.txt").write_text("tinylib==1.0\n")
    threads = [threading.Thread(target=made) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert made.times == 1
    assert "another run is making the worker's environment" in made.said.getvalue()
    assert version_in(made()) == "1.0"


def worker_gone(python: Path) -> None:
    (path,) = python.parents[1].glob("lib/*/site-packages/mlagent/training/__init__.py")
    path.write_text("raise ImportError\n")


def package_gone(python: Path) -> None:
    (path,) = python.parents[1].glob("lib/*/site-packages/tinylib.py")
    path.unlink()


@pytest.mark.parametrize(
    "damage",
    [
        lambda python: (python.parents[1] / "complete").unlink(),
        lambda python: python.unlink(),
        worker_gone,
        package_gone,
    ],
    ids=["half made", "interpreter gone", "worker gone", "a package's file gone"],
)
def test_a_damaged_one_is_made_anew(made: Made, damage: Callable[[Path], object]) -> None:
    (made.project / "requirements.txt").write_text("tinylib==1.0\n")
    damage(made())
    assert version_in(made()) == "1.0"
    assert made.times == 2


def test_a_maker_that_is_killed_leaves_nothing_that_is_used(made: Made) -> None:
    (made.project / "requirements.txt").write_text("tinylib==1.0\n")
    child = os.fork()
    if child == 0:
        import shutil

        shutil.copytree = lambda *_, **__: os.kill(os.getpid(), signal.SIGKILL)  # type: ignore[assignment]
        made()
        os._exit(0)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == -signal.SIGKILL
    assert version_in(made()) == "1.0"


def test_what_cannot_be_found_is_named_with_its_line(made: Made) -> None:
    (made.project / "requirements.txt").write_text("tinylib==1.0\nno-such-package==7\n")
    with pytest.raises(ConfigError, match=r"requirements\.txt:2: .*no-such-package==7") as error:
        made()
    assert "spelled right" in error.value.hint
    assert not list(made.cache.glob("*/complete"))


def test_a_file_that_is_no_toml_is_named(made: Made) -> None:
    (made.project / "pyproject.toml").write_text("[project\n")
    with pytest.raises(ConfigError, match=r"pyproject\.toml: .*line 1"):
        made()


def test_an_index_that_is_away_is_worth_a_retry(made: Made, monkeypatch: pytest.MonkeyPatch) -> None:
    made.wheelhouse = None
    for name, value in {
        "PIP_INDEX_URL": "http://127.0.0.1:9/simple",
        "PIP_RETRIES": "0",
        "PIP_CONFIG_FILE": os.devnull,
    }.items():
        monkeypatch.setenv(name, value)
    for name in ("PIP_EXTRA_INDEX_URL", "PIP_FIND_LINKS", "PIP_NO_INDEX"):
        monkeypatch.delenv(name, raising=False)
    (made.project / "requirements.txt").write_text("tinylib==1.0\n")
    with pytest.raises(InfrastructureError, match="could not be fetched") as error:
        made()
    assert "worker.wheelhouse" in error.value.hint


def test_a_wheelhouse_that_is_not_there_is_named(made: Made) -> None:
    made.wheelhouse = Path("no-such-folder")
    (made.project / "requirements.txt").write_text("tinylib==1.0\n")
    with pytest.raises(ConfigError, match=r"worker\.wheelhouse is no folder: .*no-such-folder"):
        made()


def test_a_stage_of_the_workers_runs_there_and_is_run_again_when_it_changes(project: Path, wheelhouse: Path) -> None:
    seen: list[str] = []

    def look(config: Knob, inputs: object, ctx: Context) -> Outputs:
        code = "import tinylib; print(tinylib.VERSION)"
        assert ctx.worker.execute(["python", "-c", code], seconds=60, env={}, kept=ctx.work / "log") == 0
        seen.append((ctx.work / "log").read_text().strip())
        return Outputs(summary="looked")

    looker = stage("looker", look, in_worker=True)
    for version in ("1.0", "1.0", "2.0"):
        (project / "requirements.txt").write_text(f"tinylib=={version}\n")
        run(project, looker, sets={"worker.wheelhouse": wheelhouse})
    assert seen == ["1.0", "2.0"]


def test_the_doctor_says_what_is_declared_made_and_lacking_and_makes_nothing(project: Path, wheelhouse: Path) -> None:
    (project / "requirements.txt").write_text("tinylib==1.0\n")
    space = workspace(project, *catalog.STAGES, sets={"worker.wheelhouse": wheelhouse})
    declared, unmade = examine_worker(space)
    assert (declared.state, declared.detail) == ("found", "requirements.txt, read by pip")
    assert (unmade.need, unmade.state) == ("made", "optional")
    assert unmade.detail.startswith("not made yet: the next run makes it in .mlagent/environments/")
    assert not space.environments.exists()

    python = Made(project, space.environments, wheelhouse)()
    found = {one.need: (one.state, one.detail) for one in examine_worker(space)}
    assert found["made"] == ("found", f".mlagent/environments/{python.parents[1].name}")
    assert found["python"] == ("found", platform.python_version())
    for name in ("torch", "numpy", "onnx", "onnxscript", "pytest"):
        assert found[name] == ("missing", "add it to requirements.txt")
    assert "CUDA" not in found

    package_gone(python)
    assert examine_worker(space)[1].detail.startswith("was changed since it was made: the next run makes it")


def test_builds_that_share_a_folder_of_environments_make_one(project: Path, wheelhouse: Path, tmp_path: Path) -> None:
    def look(config: Knob, inputs: object, ctx: Context) -> Outputs:
        assert ctx.worker.execute(["python", "-c", "import tinylib"], seconds=60, env={}, kept=ctx.work / "log") == 0
        return Outputs(summary="looked")

    (project / "requirements.txt").write_text("tinylib==1.0\n")
    shared = tmp_path / "shared"
    run(
        project,
        stage("looker", look, in_worker=True),
        sets={"worker.wheelhouse": wheelhouse, "worker.environments": shared},
    )
    assert len(list(shared.glob("*/complete"))) == 1
    assert not (project / ".mlagent" / "environments").exists()


def test_mlagents_own_pytest_does_not_stand_in_for_the_teams_but_its_ruff_does(project: Path, wheelhouse: Path) -> None:
    def look(config: Knob, inputs: object, ctx: Context) -> Outputs:
        assert ctx.worker.execute(["ruff", "--version"], seconds=60, env={}, kept=ctx.work / "log") == 0
        with pytest.raises(ConfigError, match="there is no program 'pytest'"):
            ctx.worker.execute(["pytest"], seconds=60, env={}, kept=ctx.work / "log")
        return Outputs(summary=json.dumps("looked"))

    (project / "requirements.txt").write_text("tinylib==1.0\n")
    with only_mlagents_programs():
        run(project, stage("looker", look, in_worker=True), sets={"worker.wheelhouse": wheelhouse})


class only_mlagents_programs:  # noqa: N801 - reads as what it does
    """A PATH on which mlagent's own programs, and no others of Python's, are found."""

    def __enter__(self) -> None:
        self.before = os.environ["PATH"]
        os.environ["PATH"] = f"{Path(sys.executable).parent}{os.pathsep}/usr/bin{os.pathsep}/bin"

    def __exit__(self, *_: object) -> None:
        os.environ["PATH"] = self.before
