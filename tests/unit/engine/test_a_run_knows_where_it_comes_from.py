"""Where a run comes from: git and Jenkins, told about a release and never with a login in it."""

import socket
import subprocess
from pathlib import Path

import pytest

from mlagent.core.context import Context, Done, Origin, Outputs
from tests.unit.engine.chain import run, stage, workspace

A = stage("a")
JENKINS = {"JENKINS_URL": "https://ci.example.org/", "BUILD_URL": "https://ci.example.org/job/r/7/", "JOB_NAME": "r"}


def seen(project: Path) -> tuple[Origin, tuple[Done, ...]]:
    found: list[tuple[Origin, tuple[Done, ...]]] = []

    def look(config: object, inputs: object, ctx: Context) -> Outputs:
        found.append((ctx.origin(), ctx.done))
        return Outputs(summary="seen")

    run(project, A, stage("look", run=look, reads=("a",), effect="publish"))
    return found[0]


def committed(project: Path, remote: str) -> str:
    me = ["-c", "user.name=Ada", "-c", "user.email=ada@example.org"]
    for command in (["init", "--quiet"], ["add", "."], [*me, "commit", "--quiet", "-m", "first"]):
        subprocess.run(["git", *command], cwd=project, check=True)
    subprocess.run(["git", "remote", "add", "origin", remote], cwd=project, check=True)
    asked = subprocess.run(["git", "rev-parse", "HEAD"], cwd=project, check=True, capture_output=True, text=True)
    return asked.stdout.strip()


@pytest.fixture(autouse=True)
def outside_jenkins(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in JENKINS:
        monkeypatch.delenv(name, raising=False)


def test_without_git_and_jenkins_little_is_known(project: Path) -> None:
    origin, _ = seen(project)
    assert origin.builder == f"urn:mlagent:host:{socket.gethostname()}"
    assert (origin.url, origin.job, origin.commit, origin.author, origin.repository) == ("", "", "", "", "")
    assert origin.build == 1


def test_git_tells_commit_author_and_repository_without_a_login(project: Path) -> None:
    commit = committed(project, "https://ada:hunter2@example.org/risk.git")
    origin, _ = seen(project)
    assert (origin.commit, origin.author, origin.dirty) == (commit, "ada@example.org", False)
    assert origin.repository == "https://example.org/risk.git"


def test_an_ssh_remote_is_left_as_it_is(project: Path) -> None:
    committed(project, "git@example.org:risk.git")
    assert seen(project)[0].repository == "git@example.org:risk.git"


def test_in_jenkins_the_controller_is_the_builder(project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in JENKINS.items():
        monkeypatch.setenv(name, value)
    origin, _ = seen(project)
    assert (origin.builder, origin.url, origin.job) == tuple(JENKINS.values())


def test_what_is_done_before_is_told_by_digest(project: Path) -> None:
    _, (done,) = seen(project)
    found = workspace(project, A).named().stages["a"]
    assert (done.stage, done.key) == ("a", found.key)
    assert done.outputs == {"a": found.outputs["a"].digest}
    assert done.ended == found.ended


def test_what_came_after_in_an_earlier_attempt_is_not_told(project: Path) -> None:
    told: list[list[str]] = []

    def look(config: object, inputs: object, ctx: Context) -> Outputs:
        told.append([one.stage for one in ctx.done])
        return Outputs(summary="seen")

    chain = (A, stage("look", run=look, reads=("a",), effect="publish"), stage("after", reads=("a",)))
    run(project, *chain)
    run(project, *chain)
    assert told == [["a"], ["a"]]
