"""wfapi, the input step's own pages, Blue Ocean's REST: each alone does, and trouble answers nothing twice."""

from collections.abc import Iterator
from contextlib import contextmanager
from xml.etree import ElementTree as ET

import pytest

from mlagent.adapters.jenkins import inputs
from mlagent.adapters.jenkins.controller import Controller
from mlagent.config.jenkins import Jenkins
from mlagent.config.secret import Secret
from mlagent.errors import ConfigError, Held, InputError, PolicyRefused
from tests.jenkins_builds import Input, Job, user_cause
from tests.jenkins_double import BRANCHES, TOKENS, Answer, Double, Fault, serving
from tests.jenkins_harness import cause

JOB, NUMBER, ID = "models/risk", 7, "ApproveProduction1"
ASKED = {"id": ID, "message": "go?", "ok": "Approve", "parameters": ["comment"], "submitter": "ann, bob"}
WAYS = {
    "wfapi": set[str](),
    "the step's own": {"pipeline-rest-api"},
    "blue ocean": {"pipeline-rest-api", "pipeline-input-step"},
}


@pytest.fixture
def double(monkeypatch: pytest.MonkeyPatch) -> Iterator[Double]:
    with serving(harness=True) as double:
        for name, token in TOKENS.items():
            monkeypatch.setenv(f"{name.upper()}_TOKEN", token)
        double.usual("POST", f"/harness/job/models/job/risk/{NUMBER}/begin", b'{"causes": [{"user": "carol"}]}', {})
        double.of("job/models/job/risk", str(NUMBER)).inputs.append(Input(ASKED))
        yield double


def question(double: Double) -> Input:
    (one,) = double.of("job/models/job/risk", str(NUMBER)).inputs
    return one


@contextmanager
def opened(double: Double, user: str = "ann") -> Iterator[Controller]:
    settings = Jenkins(url=double.url, user=user, token=Secret(f"env:{user.upper()}_TOKEN"), patience_seconds=30)
    with Controller(settings, lambda _: None) as controller:
        yield controller


@pytest.fixture(params=WAYS)
def way(request: pytest.FixtureRequest, double: Double) -> Double:
    double.plugins -= WAYS[request.param]
    double.plugins |= {"blueocean-rest"} if request.param == "blue ocean" else set()
    return double


def answer(double: Double, user: str = "ann", *, approve: bool = True, comment: str = "") -> None:
    with opened(double, user) as controller:
        inputs.answer(controller, JOB, NUMBER, ID, approve=approve, comment=comment)


def test_each_way_alone_lists_it_and_approves_with_a_comment(way: Double) -> None:
    with opened(way) as controller:
        (one,) = inputs.pending(controller, JOB, NUMBER)
    assert (one.id, one.message, one.submitters, one.parameters) == (ID, "go?", ("ann", "bob"), ("comment",))
    answer(way, comment="fine")
    assert question(way).told() == {"state": "approved", "by": "ann", "comment": "fine"}


def test_each_way_alone_rejects(way: Double) -> None:
    answer(way, "bob", approve=False)
    assert question(way).told()["state"] == "rejected"


@pytest.mark.parametrize("approve", [True, False])
def test_who_may_not_answer_is_told_who_may(way: Double, approve: bool) -> None:
    with pytest.raises(PolicyRefused, match="carol may not answer ApproveProduction1 of models/risk #7") as refused:
        answer(way, "carol", approve=approve)
    assert refused.value.hint == "ask one of ann, bob"
    assert question(way).state == "waiting"


def test_an_administrator_may_whatever_the_step_says(way: Double) -> None:
    answer(way, "root")
    assert question(way).by == "root"


def test_an_answer_that_was_heard_and_whose_own_was_lost_is_not_given_again(double: Double) -> None:
    double.faults.append(Fault("POST", "inputSubmit", after=True))
    answer(double)
    assert question(double).state == "approved"
    assert sum("inputSubmit" in one for one in double.seen) == 1


def test_a_controller_that_restarts_is_waited_for(double: Double) -> None:
    with opened(double) as controller:
        double.away = 3
        assert [one.id for one in inputs.pending(controller, JOB, NUMBER)] == [ID]
        double.away = 2
        inputs.answer(controller, JOB, NUMBER, ID, approve=True)
    assert double.of("job/models/job/risk", str(NUMBER)).approvers == ["ann"]


def test_what_somebody_else_answered_meanwhile_is_said(double: Double) -> None:
    _first_to(double, "inputSubmit", "approved")
    with pytest.raises(Held, match="waits for ApproveProduction1 no more: nobody approved anything there"):
        answer(double)


def test_what_does_not_wait_is_named(double: Double) -> None:
    question(double).state = "approved"
    with pytest.raises(InputError, match="does not wait for ApproveProduction1"):
        answer(double)


def test_a_controller_without_any_of_the_three_says_so(double: Double) -> None:
    double.plugins -= WAYS["blue ocean"]
    with opened(double) as controller:
        assert inputs.pending(controller, JOB, NUMBER) == ()
        with pytest.raises(ConfigError, match="neither pipeline-rest-api nor blueocean-rest"):
            list(inputs._blue_steps(controller, JOB, NUMBER))


def test_who_started_the_build_that_started_it_counts(double: Double) -> None:
    build = double.of("job/models/job/risk", str(NUMBER))
    double.usual("POST", "/harness/job/data/3/begin", b'{"causes": [{"user": "dave"}, "timer"]}', {})
    build.causes = [cause({"upstream": "data", "number": 3})]
    with opened(double) as controller:
        found = inputs.started(controller, JOB, NUMBER)
        assert found.users == ("dave",)
        assert set(found.kinds) == {"UpstreamCause", "UserIdCause", "TimerTriggerCause"}
        build.causes = [user_cause("carol"), cause({"upstream": "gone", "number": 1})]
        assert inputs.started(controller, JOB, NUMBER).users == ("carol",)


def test_an_approver_too_many_is_seen(double: Double) -> None:
    double.of("job/models/job/risk", str(NUMBER)).approvers += ["ann", "eve"]
    with opened(double) as controller:
        assert inputs.seen(controller, JOB, NUMBER).approvers == ("ann", "eve")


def _first_to(double: Double, words: str, state: str, who: str = "") -> None:
    """Somebody else answers, or its time runs out, just before what goes to an address with these words."""
    usual = double.answer

    def faster(method: str, target: str, body: bytes, headers: dict[str, str]) -> Answer:
        if words in target and question(double).state == "waiting":
            question(double).state = state
            double.of("job/models/job/risk", str(NUMBER)).approvers += [who] if who else []
        return usual(method, target, body, headers)

    double.answer = faster


POSTS = ("inputSubmit", "/proceed", "/steps/1000/", "/abort")  # what answers are sent to, by one way or another


@pytest.mark.parametrize("blue", [False, True])
@pytest.mark.parametrize("approve", [True, False])
def test_whose_answer_came_too_late_is_never_told_that_it_was_given(way: Double, approve: bool, blue: bool) -> None:
    way.plugins |= {"blueocean-rest"} if blue else set()
    for words in POSTS:
        _first_to(way, words, "timed-out")
    with pytest.raises(Held, match="waits for ApproveProduction1 no more"):
        answer(way, approve=approve)


@pytest.mark.parametrize(("state", "who"), [("approved", "bob"), ("rejected", ""), ("timed-out", "")])
def test_an_approval_that_was_lost_and_that_jenkins_does_not_know_of_was_not_given(
    double: Double, state: str, who: str
) -> None:
    double.faults.append(Fault("POST", "inputSubmit"))
    usual, posts = double.answer, list[str]()

    def lost(method: str, target: str, body: bytes, headers: dict[str, str]) -> Answer:
        if "api/json" in target and any("inputSubmit" in one for one in double.seen) and not posts:
            posts.append(target)
            question(double).state = state
            double.of("job/models/job/risk", str(NUMBER)).approvers += [who] if who else []
        return usual(method, target, body, headers)

    double.answer = lost
    with pytest.raises(Held, match="waits for ApproveProduction1 no more"):
        answer(double)


def test_a_comment_that_nobody_would_see_is_not_dropped(way: Double) -> None:
    question(way).parameters = []
    with pytest.raises(InputError, match="takes no comment"):
        answer(way, comment="why")
    assert question(way).state == "waiting"
    answer(way)
    assert question(way).by == "ann"


def test_a_folder_of_jobs_waits_for_nothing_itself_and_names_its_jobs(double: Double) -> None:
    double.jobs["branches"] = Job(ET.Element(BRANCHES))
    with opened(double) as controller, pytest.raises(InputError, match="branches holds jobs") as refused:
        inputs.waiting(controller, "branches")
    assert "branches/main" in refused.value.hint
