"""`mlagent jenkins …` as a person types it, against a double of the controller."""

import base64
import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import pytest

from tests.conftest import GOOD, Cli
from tests.jenkins_builds import PARAMETER
from tests.jenkins_double import TOKEN, USER, Double, serving


class Asked(NamedTuple):
    """How a command ended."""

    code: int
    out: str
    err: str


class Person:
    """Someone in a project's folder whose mlpipeline.yaml names the double."""

    def __init__(self, double: Double, project: Path, cli: Cli) -> None:
        self.double, self.project, self._cli = double, project, cli
        self.heard = ""
        self.write("")

    def write(self, more: str) -> None:
        mine = f"jenkins:\n  url: {self.double.url}\n  user: {USER}\n  token: env:CI_TOKEN\n  patience_seconds: 0\n"
        (self.project / "mlpipeline.yaml").write_text(f"{GOOD}{mine}  repository: https://example.org/r.git\n{more}")

    def types(self, *words: str, **env: str) -> Asked:
        ended = self._cli("jenkins", *words, cwd=self.project, env={"CI_TOKEN": TOKEN, **env})
        self.heard += ended.stdout + ended.stderr
        return Asked(ended.returncode, ended.stdout, ended.stderr)

    def pipeline(self, script: str) -> None:
        """The double's job now runs a script."""
        definition = self.double.jobs["small"].xml.find("definition")
        assert definition is not None
        definition[:] = []
        definition.append(definition.makeelement("script", {}))
        definition[0].text = script


@pytest.fixture
def person(project: Path, cli: Cli) -> Iterator[Person]:
    with serving() as double:
        yield Person(double, project, cli)


@pytest.fixture
def settled(person: Person) -> Person:
    assert person.types("sync", "--apply").code == 0
    return person


def test_sync_shows_first_does_it_when_told_and_then_has_nothing_to_do(person: Person) -> None:
    shown = person.types("sync")
    assert (shown.code, person.double.jobs) == (0, {})
    assert "+++ small as it will be" in shown.out
    assert "nothing was changed: say --apply to do it" in shown.out
    assert "small: made" in person.types("sync", "--apply").out
    assert person.types("sync", "--apply") == Asked(0, "small: as it should be\n", "")
    changed = person.types("sync", "--set", "jenkins.schedule=daily", "--apply")
    assert "<spec>H H(0-5) * * *</spec>" in "".join(line for line in changed.out.splitlines() if line.startswith("+"))
    assert "small: changed" in changed.out


def test_sync_leaves_a_job_of_others_alone_and_says_how_to_hand_it_over(settled: Person) -> None:
    description = settled.double.jobs["small"].xml.find("description")
    assert description is not None
    description.text, before = "mine", dict(settled.double.jobs)
    refused = settled.types("sync", "--apply")
    assert refused.code == 12
    assert "put into its description: Made by mlagent jenkins sync for the project small" in refused.err
    assert settled.double.jobs == before


@pytest.mark.parametrize(
    ("script", "code", "said"),
    [
        ("echo 'x'", 0, "small #1: SUCCESS"),
        ("error 'x'", 10, "small #1: FAILURE"),
        ("unstable 'x'", 11, "small #1: UNSTABLE"),
    ],
)
def test_a_retrain_is_the_same_job_with_a_reason_and_ends_as_the_build_does(
    settled: Person, script: str, code: int, said: str
) -> None:
    settled.pipeline(script)
    ended = settled.types("trigger", "--reason", "drift of age", "--wait")
    assert (ended.code, said in ended.out + ended.err) == (code, True)
    assert settled.double.jobs["small"].builds[0].parameters == {"reason": "drift of age"}
    again = settled.types("wait", "1")
    assert (again.code, said in again.out + again.err) == (code, True)


def test_an_aborted_build_is_130_and_a_superseded_one_is_held(settled: Person) -> None:
    settled.pipeline("input id: 'Go', message: 'go on?'")
    settled.types("trigger")
    build = settled.double.jobs["small"].builds[0]
    build.end("ABORTED")
    aborted = settled.types("wait")
    assert (aborted.code, "small #1: ABORTED" in aborted.err) == (130, True)
    build.result = "NOT_BUILT"
    assert settled.types("wait").code == 21


def test_a_wait_that_is_stopped_stops_nothing_there(settled: Person) -> None:
    settled.pipeline("input id: 'Go', message: 'go on?'")
    settled.types("trigger")
    waiting = subprocess.Popen(
        [sys.executable, "-m", "mlagent", "jenkins", "wait"],
        cwd=settled.project,
        env={**os.environ, "CI_TOKEN": TOKEN},
        stdout=subprocess.PIPE,
        text=True,
    )
    with waiting:
        assert waiting.stdout
        assert waiting.stdout.readline().startswith("small #1 asks: go on? (Go); answer at")
        waiting.terminate()
    assert (waiting.returncode, settled.double.jobs["small"].builds[0].result) == (143, "")


def test_a_trigger_that_is_stopped_does_not_ask_for_a_second_build(settled: Person) -> None:
    settled.pipeline("input id: 'Go', message: 'go on?'")
    waiting = subprocess.Popen(
        [sys.executable, "-m", "mlagent", "jenkins", "trigger", "--wait"],
        cwd=settled.project,
        env={**os.environ, "CI_TOKEN": TOKEN},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    with waiting:
        assert waiting.stdout
        assert waiting.stderr
        while "has begun" not in waiting.stdout.readline():
            pass
        waiting.terminate()
        said = waiting.stderr.read()
    assert waiting.returncode == 143
    assert "`mlagent jenkins wait` waits for it again" in said


def test_status_says_what_a_build_waits_for(settled: Person) -> None:
    settled.pipeline("input id: 'Go', message: 'go on?'")
    settled.types("trigger", "--reason", "drift")
    settled.double.jobs["small"].builds[0].look()
    shown = settled.types("status").out
    for words in ("waits for an answer", "go on? (Go)", "Started by user ada", "drift", "/job/small/1/"):
        assert words in shown
    told = json.loads(settled.types("status", "1", "--json").out)
    assert (told["result"], told["questions"]) == ("", [{"id": "Go", "message": "go on?"}])


def test_logs_follow_to_the_end(settled: Person) -> None:
    settled.pipeline("echo 'first'\necho 'second'")
    settled.types("trigger")
    told = settled.types("logs", "--follow").out.splitlines()
    assert told == ["Started by user ada", "first", "second", "Finished: SUCCESS"]


@pytest.mark.parametrize(
    ("words", "code", "said"),
    [
        (("status",), 4, "never built"),
        (("status", "7"), 4, "no build 7"),
        (("status", "--job", "nobody"), 4, "/job/nobody/"),
        (("trigger", "--param", "raeson=x"), 2, "did you mean 'reason'"),
        (("trigger", "--param", "reason"), 2, "expected KEY=VALUE"),
        (("wiat",), 2, "No such command"),
    ],
)
def test_what_was_meant_is_said(settled: Person, words: tuple[str, ...], code: int, said: str) -> None:
    ended = settled.types(*words)
    assert (ended.code, said in ended.err) == (code, True), ended.err


def test_a_job_without_the_parameter_is_sent_to_sync(settled: Person) -> None:
    for one in settled.double.jobs["small"].xml.iter(PARAMETER):
        one.clear()
        one.tag = "gone"
        break
    ended = settled.types("trigger")
    assert (ended.code, "mlagent jenkins sync --apply" in ended.err) == (3, True)


def test_no_token_a_wrong_one_and_no_controller_are_told_apart(person: Person) -> None:
    assert "the secret env:CI_TOKEN is empty" in person.types("status", CI_TOKEN="").err
    assert "answered 401" in person.types("status", CI_TOKEN="wrongwrongwrong").err
    gone = person.types("status", MLAGENT_JENKINS_URL="http://127.0.0.1:9")
    assert (gone.code, "http://127.0.0.1:9 does not answer" in gone.err) == (20, True)
    (person.project / "mlpipeline.yaml").write_text(GOOD)
    assert "jenkins.url is not set" in person.types("status").err


def test_the_token_is_said_nowhere(settled: Person) -> None:
    settled.pipeline(f"echo 'the token is {TOKEN}'")
    for words in (("trigger", "--wait"), ("logs",), ("status", "--json"), ("sync",), ("status", "9")):
        settled.types(*words)
    settled.types("status", MLAGENT_JENKINS_URL="http://127.0.0.1:9")
    assert "the token is [secret]" in settled.heard
    written = "".join(one.read_text() for one in settled.project.rglob("*") if one.is_file())
    for secret in (TOKEN, base64.b64encode(f"{USER}:{TOKEN}".encode()).decode()):
        assert secret not in settled.heard + written
        assert secret not in "".join(settled.double.seen)


def test_the_jenkins_section_names_no_other_run(project: Path, cli: Cli) -> None:
    before = json.loads(cli("plan", "--json", cwd=project).stdout)["run"]
    (project / "mlpipeline.yaml").write_text(f"{GOOD}jenkins:\n  schedule: daily\n")
    assert json.loads(cli("plan", "--json", cwd=project).stdout)["run"] == before


def test_the_reason_of_a_retrain_is_kept_in_the_record_and_no_stray_variable_is(project: Path, cli: Cli) -> None:
    def reason(**env: str) -> str:
        ended = cli("validate-data", cwd=project, env=env)
        told = json.loads(cli("show", "--json", cwd=project).stdout)["reason"]
        assert (f"asked for: {told}" in ended.stdout) == bool(told)
        return str(told)

    assert reason(reason="a stray one") == ""
    assert reason(reason="drift of age", JENKINS_URL="https://ci.example.org/") == "drift of age"
    assert reason(reason="", JENKINS_URL="https://ci.example.org/") == "drift of age"  # a push that finds the same run
