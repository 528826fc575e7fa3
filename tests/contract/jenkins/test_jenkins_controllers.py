"""What every controller does: the double here, and a real one where MLAGENT_TEST_JENKINS_URL, _USER and _TOKEN say."""

import re
from collections.abc import Callable

import pytest

from mlagent.adapters.jenkins import builds, jobs, sync
from mlagent.adapters.jenkins.controller import Controller, Json, path
from mlagent.config.secret import Secret
from mlagent.errors import ConfigError, InputError, MlagentError, PolicyRefused, UsageError
from tests.contract.jenkins.conftest import Place


def _ended(controller: Controller, job: str, **parameters: str) -> builds.Build:
    item = builds.start(controller, job, {"reason": "a test", **parameters})
    number = builds.number_of(controller, job, item)
    return builds.end_of(controller, builds.look(controller, job, number), lambda _: None)


def test_it_says_who_asks(controller: Controller, place: Place) -> None:
    assert controller.user == place.user


@pytest.mark.parametrize("known", [True, False])
def test_a_wrong_token_and_nobody_are_a_matter_of_configuration(
    place: Place, monkeypatch: pytest.MonkeyPatch, known: bool
) -> None:
    monkeypatch.setenv("WRONG", "11aa0000000000000000000000000000")
    whose = {"user": place.user, "token": Secret("env:WRONG")} if known else {"user": None, "token": None}
    with pytest.raises(ConfigError) as caught, Controller(place.settings(**whose), place.pause):
        pass
    said = re.findall(r"\b40[13]\b", caught.value.message.replace(place.url, ""))
    assert said == ["401" if known else "403"]
    assert "token" in caught.value.hint


@pytest.mark.parametrize(
    ("script", "result"), [("echo 'hello'", "SUCCESS"), ("error 'no'", "FAILURE"), ("unstable 'hm'", "UNSTABLE")]
)
def test_a_build_is_started_with_its_reason_and_followed_to_its_end(
    controller: Controller, make: Callable[[str], str], script: str, result: str
) -> None:
    build = _ended(controller, make(script))
    assert (build.result, build.number, build.parameters["reason"]) == (result, 1, "a test")
    assert controller.user
    assert any("Started by" in cause for cause in build.causes)


def test_a_log_comes_line_by_line_to_its_end_in_any_language(
    controller: Controller, make: Callable[[str], str]
) -> None:
    job = make("echo 'Prüfung begonnen'\necho 'second'")
    number = builds.number_of(controller, job, builds.start(controller, job, {"reason": "a test"}))
    told = list(builds.lines(controller, builds.look(controller, job, number), follow=True))
    assert [told.count(line) for line in ("Prüfung begonnen", "second", "Finished: SUCCESS")] == [1, 1, 1]
    assert told[-1] == "Finished: SUCCESS"


def test_a_question_is_seen_while_it_waits_and_the_build_goes_on_when_it_is_answered(
    controller: Controller, make: Callable[[str], str]
) -> None:
    job = make("input id: 'Go', message: 'go on?'")
    number = builds.number_of(controller, job, builds.start(controller, job, {"reason": "a test"}))

    def answer(question: Json) -> None:
        assert (question["id"], question["message"]) == ("Go", "go on?")
        controller._post(f"{path(job)}{number}/wfapi/inputSubmit", {"json": "{}"}, {}, inputId="Go")

    ended = builds.end_of(controller, builds.look(controller, job, number), answer)
    assert (ended.result, builds.questions(controller, ended)) == ("SUCCESS", [])


def test_a_build_that_is_stopped_is_aborted(controller: Controller, make: Callable[[str], str]) -> None:
    job = make("input id: 'Go', message: 'go on?'")
    number = builds.number_of(controller, job, builds.start(controller, job, {"reason": "a test"}))

    def stop(_: Json) -> None:
        controller._post(f"{path(job)}{number}/stop", {}, {})

    assert builds.end_of(controller, builds.look(controller, job, number), stop).result == "ABORTED"


def test_what_is_not_there_is_named(controller: Controller, make: Callable[[str], str]) -> None:
    with pytest.raises(InputError, match="nobody-made-this"):
        builds.look(controller, "nobody-made-this", None)
    job = make("echo 'x'")
    with pytest.raises(InputError) as caught:
        builds.look(controller, job, None)
    assert "never built" in caught.value.hint


def test_a_parameter_that_jenkins_would_drop_is_refused(controller: Controller, make: Callable[[str], str]) -> None:
    job = make("echo 'x'")
    with pytest.raises(UsageError, match="did you mean 'reason'"):
        builds.start(controller, job, {"raeson": "drift"})
    assert controller.builds(job) == []


@pytest.mark.parametrize("kind", ["pipeline", "multibranch"])
def test_a_job_is_made_once_and_then_is_as_it_should_be(
    controller: Controller, place: Place, new: str, kind: str
) -> None:
    settings = place.settings(kind=kind, job=new, schedule="weekly", data="@yearly", credentials="git-read")
    found = sync.changes(controller, settings, "risk")
    assert {one.new for one in found} == {True}
    for one in found:
        sync.apply(controller, one)
    assert [one.diff for one in sync.changes(controller, settings, "risk")] == [""] * len(found)

    changed = sync.changes(
        controller, place.settings(kind=kind, job=new, schedule=None, data="@yearly", script="ml/Jenkinsfile"), "risk"
    )
    assert all("ml/Jenkinsfile" in one.diff for one in changed)
    for one in changed:
        sync.apply(controller, one)
    text = controller.config(jobs.built(settings, new) if kind == "pipeline" else new + jobs.RETRAIN) or ""
    assert ("H H(0-5) * * 0" in text, "@yearly" in text, "ml/Jenkinsfile" in text) == (False, True, True)


def test_a_job_of_others_is_left_alone(controller: Controller, place: Place, make: Callable[[str], str]) -> None:
    job = make("echo 'x'")
    before = controller.config(job)
    with pytest.raises(PolicyRefused) as caught:
        sync.changes(controller, place.settings(job=job), "another-project")
    assert jobs.marker("another-project") in caught.value.hint
    assert controller.config(job) == before


def test_a_folder_that_is_not_there_is_named(controller: Controller, place: Place, new: str) -> None:
    change = sync.changes(controller, place.settings(job=f"{new}-folder/risk"), "risk")[0]
    with pytest.raises(MlagentError, match=f"no folder '{new}-folder'"):
        sync.apply(controller, change)
