"""`mlagent approvals` in an empty folder with a person's own token, and for what was asked outside of Jenkins."""

import json
import os
import pwd
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from mlagent.adapters.local.approvals import LocalApprovals
from mlagent.adapters.stores import open_store
from mlagent.core.ports.approvals import Question
from tests.conftest import Cli
from tests.jenkins_builds import Input
from tests.jenkins_double import TOKENS, Double, serving

Ended = subprocess.CompletedProcess[str]
Person = Callable[..., Ended]
QUESTION = Question(
    id="production-0123456789ab-1",
    release="sha256:" + "1" * 64,
    evidence="sha256:" + "2" * 64,
    environment="production",
    message="Approve risk version 3 for production?\n- Release: one.",
    asked="2026-03-01T10:00:00+00:00",
    expires="2099-03-02T10:00:00+00:00",
)


@pytest.fixture
def double() -> Iterator[Double]:
    with serving(harness=True) as double:
        double.usual("POST", "/harness/job/models/job/risk/7/begin", b"{}", {})
        asks(double, "ApproveProduction1")
        yield double


def asks(double: Double, name: str) -> Input:
    message = "Approve risk version 3?\n- Release: sha256:11."
    one = Input({"id": name, "message": message, "parameters": ["comment"], "submitter": "ann,bob"})
    double.of("job/models/job/risk", "7").inputs.append(one)
    return one


@pytest.fixture
def ann(double: Double, cli: Cli, tmp_path: Path) -> Person:
    """How `mlagent approvals …` ends for ann."""

    def given(*args: str) -> Ended:
        told = {"MLAGENT_JENKINS_URL": double.url, "MLAGENT_JENKINS_USER": "ann", "MLAGENT_JENKINS_TOKEN": "env:MINE"}
        ended = cli("approvals", *args, cwd=tmp_path, env=told | {"MINE": TOKENS["ann"]})
        assert TOKENS["ann"] not in ended.stdout + ended.stderr
        return ended

    return given


def test_it_is_listed_shown_and_approved_without_a_project(double: Double, ann: Person) -> None:
    listed = ann("list", "--job", "models/risk")
    assert "7/ApproveProduction1" in listed.stdout
    assert "ann, bob" in listed.stdout
    told = json.loads(ann("list", "--job", "models/risk", "--json").stdout)
    assert [(one["id"], one["where"]) for one in told] == [("7/ApproveProduction1", "models/risk #7")]
    assert "- Release: sha256:11." in ann("show", "--job", "models/risk").stdout
    ended = ann("approve", "7/ApproveProduction1", "--comment", "fine", "--job", "models/risk")
    assert (ended.returncode, ended.stdout) == (0, "approved 7/ApproveProduction1: Approve risk version 3?\n")
    assert double.of("job/models/job/risk", "7").inputs[0].told() == {
        "state": "approved",
        "by": "ann",
        "comment": "fine",
    }
    assert ann("list", "--job", "models/risk").stdout == "nothing waits for an answer\n"
    assert ann("approve", "--job", "models/risk").returncode == 4


def test_a_rejection_says_that_its_comment_is_not_kept(double: Double, ann: Person) -> None:
    ended = ann("reject", "--comment", "too soon", "--job", "models/risk")
    assert ended.returncode == 0
    assert "Jenkins keeps no comment of a rejection" in ended.stderr
    assert double.of("job/models/job/risk", "7").inputs[0].state == "rejected"


def test_who_may_answer_is_shown_without_what_a_terminal_obeys(double: Double, ann: Person) -> None:
    double.of("job/models/job/risk", "7").inputs[0].submitter = "ann,\x1b[2Jbob"
    for command in ("list", "show"):
        ended = ann(command, "--job", "models/risk")
        assert "ann, ?[2Jbob" in ended.stdout
        assert "\x1b" not in ended.stdout


def test_of_several_one_is_to_be_named(double: Double, ann: Person) -> None:
    asks(double, "Other")
    ended = ann("approve", "--job", "models/risk")
    assert ended.returncode == 2
    assert "name one of 7/ApproveProduction1, 7/Other" in ended.stderr
    assert ann("approve", "Other", "--job", "models/risk").returncode == 0
    assert ann("show", "Nothing", "--job", "models/risk").returncode == 4


def test_without_a_project_a_job_is_to_be_named_and_without_a_controller_its_address(
    ann: Person, cli: Cli, tmp_path: Path
) -> None:
    assert ann("list").returncode == 2
    ended = cli("approvals", "list", "--job", "risk", cwd=tmp_path)
    assert ended.returncode == 3
    assert "jenkins.url is not set" in ended.stderr


def test_what_was_asked_outside_of_jenkins_is_answered_as_the_user_of_the_system(
    project: Path, cli: Cli, monkeypatch: pytest.MonkeyPatch
) -> None:
    kept = LocalApprovals(open_store(project / ".mlagent" / "store"))
    kept.ask(QUESTION)
    assert QUESTION.id in cli("approvals", "list", cwd=project).stdout
    ended = cli("approvals", "approve", "--comment", "fine", cwd=project, env={"USER": "somebody", "LOGNAME": "else"})
    assert ended.returncode == 0, ended.stderr
    found = kept.decision(QUESTION.id)
    assert found is not None
    assert (found.who, found.outcome, found.comment) == (pwd.getpwuid(os.getuid()).pw_name, "approved", "fine")
    assert (found.evidence, found.confirmed) == (QUESTION.evidence, "")
