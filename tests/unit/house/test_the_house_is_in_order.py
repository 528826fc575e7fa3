"""Facts about the repository that people rely on, kept by a test."""

import importlib.util
import re
import statistics
import tomllib
from pathlib import Path

from mlagent import catalog, errors

ROOT = Path(__file__).parents[3]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
SOURCES = [path for path in (ROOT / "agent" / "mlagent").rglob("*.py") if "__pycache__" not in path.parts]


def test_files_are_short() -> None:
    lengths = {path: len(path.read_text().splitlines()) for path in SOURCES}
    assert statistics.median(lengths.values()) < 150
    assert [str(path) for path, length in lengths.items() if length > 300] == []


def test_every_docstring_opens_every_file() -> None:
    assert [path.name for path in SOURCES if path.read_text().strip() and not path.read_text().startswith('"""')] == []


def test_the_base_installs_four_packages() -> None:
    names = sorted(re.split(r"[<>=]", one)[0] for one in PROJECT["dependencies"])
    assert names == ["click", "msgspec", "ruamel.yaml", "structlog"]


def test_there_is_an_extra_for_every_role_and_all_holds_each_but_what_stands_for_another() -> None:
    extras = PROJECT["optional-dependencies"]
    roles = {"worker", "control", "serve", "image", "deploy", "loadtest", "jenkins", "store", "postgres"}
    assert set(extras) == roles | {"all", "dev", "serve-gpu"}  # in the place of serve: two forms of one package
    assert set(re.findall(r"\w+", extras["all"][0])) - {"mlagent"} == roles


def test_extras_publish_ranges_and_the_constraints_pin_each_of_them_exactly() -> None:
    lines = (ROOT / "constraints.txt").read_text().splitlines()
    pins = {re.sub(r"[-_.]+", "-", line.partition("==")[0]).lower(): line for line in lines if "==" in line}
    assert pins["torch"] == "torch==2.13.0"
    assert [line for line in lines if line and not line.startswith("#") and "==" not in line] == []
    extras = [*PROJECT["dependencies"], *(one for many in PROJECT["optional-dependencies"].values() for one in many)]
    for requirement in extras:
        name = re.split(r"[<>=\[]", requirement)[0]
        if name != "mlagent":
            assert ">=" in requirement, requirement
            assert re.sub(r"[-_.]+", "-", name).lower() in pins, requirement


def test_every_package_a_stage_needs_is_in_the_extra_it_names() -> None:
    extras = PROJECT["optional-dependencies"]
    for stage in catalog.STAGES:
        for package in stage.needs.packages:
            names = [re.split(r"[<>=]", one)[0] for one in extras[package.extra]]
            assert {package.module, f"python-{package.module}"} & {*names}, (stage.name, package)
            assert importlib.util.find_spec(package.module), package.module


def test_every_artifact_is_written_once_and_read_after_it_was_written() -> None:
    written: set[str] = set()
    for stage in catalog.STAGES:
        assert set(stage.reads) <= written, stage.name
        names = {artifact.name for artifact in stage.writes}
        assert not names & written
        written |= names


def test_every_error_of_the_tree_is_in_the_table_of_exit_codes() -> None:
    codes = {row.code: row.category for row in errors.EXIT_CODES}
    assert len(codes) == len(errors.EXIT_CODES)
    for kind in errors.MlagentError.__subclasses__():
        error = kind(2) if kind is errors.Stopped else kind("x")
        assert codes[error.code] == kind.category
        assert error.retryable == (error.code == 20)


def test_nothing_names_a_path_of_the_machine_it_was_written_on() -> None:
    here = {str(Path.home()), str(ROOT)} - {"/", "/root"}
    for path in [*SOURCES, *ROOT.glob("*.*"), ROOT / "Makefile", *(ROOT / "agent" / "docs").rglob("*.md")]:
        if path.is_file():
            assert [name for name in here if name in path.read_text()] == [], path
