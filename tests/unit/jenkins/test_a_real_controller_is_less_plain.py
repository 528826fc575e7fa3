"""What a real controller does beside the plain way: builds it joins, odd names, reasons to wait, certificates."""

import tracemalloc
from typing import Any
from xml.etree import ElementTree as ET

import pytest
import requests

from mlagent.adapters.jenkins import builds, sync
from mlagent.adapters.jenkins.controller import Chunk, Controller
from mlagent.adapters.jenkins.refusals import explained
from mlagent.errors import ConfigError, InfrastructureError, InputError
from tests.jenkins_builds import PARAMETER
from tests.jenkins_double import USER, Answer, Double, Fault
from tests.jenkins_opened import Opened, settings


def _start(opened: Opened, job: str = "risk", **parameters: str) -> int:
    return builds.start(opened.controller, job, {"reason": "drift", **parameters})


def test_a_build_like_one_that_waits_is_joined_to_it_and_has_its_number(double: Double, opened: Opened) -> None:
    assert (_start(opened), _start(opened)) == (1, 1)
    assert not [one for one in double.seen if one == "GET /queue/item/1/"]


def test_a_controller_that_queues_nothing_is_not_taken_for_a_stranger(double: Double, opened: Opened) -> None:
    told = double.answer

    def turned_down(method: str, target: str, body: bytes, headers: dict[str, str]) -> Answer:
        if "buildWithParameters" in target:
            return 302, "", {"Location": f"{double.url}/job/risk/api/json"}
        return told(method, target, body, headers)

    double.answer = turned_down
    with pytest.raises(InfrastructureError, match="put no build of risk into its queue"):
        _start(opened)


@pytest.mark.parametrize("name", ["risk (v2)", "a+b, c=d", "it's~mine", "Prüfung"])
def test_a_lost_answer_is_found_whatever_the_job_is_called(double: Double, opened: Opened, name: str) -> None:
    sync.apply(opened.controller, sync.changes(opened.controller, settings(double, job=name), "risk")[0])
    double.faults = [Fault("POST", "/buildWithParameters", 0, after=True)]
    assert _start(opened, name) == 1
    assert len([one for one in double.seen if "/buildWithParameters" in one]) == 1


@pytest.mark.parametrize(("sent", "shown"), [("true", {"value": True}), ("s3cr3t", {}), (" x ", {"value": "x"})])
def test_a_lost_answer_is_found_where_jenkins_shows_a_value_otherwise(
    double: Double, opened: Opened, sent: str, shown: dict[str, Any]
) -> None:
    definitions = double.jobs["risk"].xml.find(".//parameterDefinitions")
    assert definitions is not None
    ET.SubElement(ET.SubElement(definitions, PARAMETER), "name").text = "more"
    double.faults = [Fault("POST", "/buildWithParameters", 0, after=True)]
    told = double.answer

    def otherwise(method: str, target: str, body: bytes, headers: dict[str, str]) -> Answer:
        status, said, heads = told(method, target, body, headers)
        for item in said["items"] if "/queue/api" in target else ():
            parameters = item["actions"][1]["parameters"]
            parameters[:] = [one for one in parameters if one["name"] != "more"] + [{"name": "more", **shown}]
        return status, said, heads

    double.answer = otherwise
    assert _start(opened, more=sent) == 1
    assert len([one for one in double.seen if "/buildWithParameters" in one]) == 1


def test_why_a_build_waits_in_the_queue_is_said_once(double: Double, opened: Opened) -> None:
    item = _start(opened)
    double.queue[item].update(why="no node has the label gpu", _class="hudson.model.Queue$BuildableItem", looks=-3)
    assert builds.number_of(opened.controller, "risk", item) == 1
    assert opened.said == ["risk waits in the queue: no node has the label gpu"]


def test_the_quiet_period_is_not_worth_a_word(double: Double, opened: Opened) -> None:
    item = _start(opened)
    double.queue[item].update(why="In the quiet period", _class="hudson.model.Queue$WaitingItem", looks=-3)
    builds.number_of(opened.controller, "risk", item)
    assert opened.said == []


def test_a_branchs_own_job_is_not_said_to_be_mended_by_sync_alone(double: Double, opened: Opened) -> None:
    for one in double.jobs["risk"].xml.iter("parameterDefinitions"):
        one[:] = []
    with pytest.raises(ConfigError, match="takes no parameter reason") as caught:
        _start(opened)
    assert "a branch's job is built by a push" in caught.value.hint


def test_a_build_that_was_removed_is_told_from_one_that_never_was(double: Double, opened: Opened) -> None:
    for number in (1, 2):
        double.begin(_start(opened, "risk"))
        assert number == len(double.jobs["risk"].builds)
    del double.jobs["risk"].builds[0]
    for number, told in ((1, True), (9, False)):
        with pytest.raises(InputError, match=f"no build {number}") as caught:
            builds.look(opened.controller, "risk", number)
        assert ("jenkins.keep_builds" in caught.value.hint) is told


def test_a_huge_log_becomes_text_piece_by_piece(
    double: Double, opened: Opened, monkeypatch: pytest.MonkeyPatch
) -> None:
    double.begin(_start(opened))
    data = "Prüfung: {}\n".format("x" * 90).encode() * 300_000
    monkeypatch.setattr(opened.controller, "log", lambda *_: Chunk(data, len(data), more=False))
    build = builds.look(opened.controller, "risk", 1)
    tracemalloc.start()
    try:
        assert sum(len(line) for line in builds.lines(opened.controller, build, follow=False)) == 99 * 300_000
        assert tracemalloc.get_traced_memory()[1] < len(data) / 2
    finally:
        tracemalloc.stop()


def test_an_address_may_be_spelled_with_capitals(double: Double) -> None:
    where = double.url.replace("http://127.0.0.1", "HTTP://LocalHost")
    with Controller(settings(double, url=where), lambda _: None) as controller:
        assert controller.user == USER


def test_a_certificate_that_is_not_trusted_is_not_waited_for() -> None:
    refused = requests.exceptions.SSLError("certificate verify failed: self-signed certificate")
    said = explained(refused, "https://ci.example.org", None)
    assert isinstance(said, ConfigError)
    assert "REQUESTS_CA_BUNDLE" in said.hint
