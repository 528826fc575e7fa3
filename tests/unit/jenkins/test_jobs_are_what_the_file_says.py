"""The XML of jobs, and how it is put into what stands on the controller."""

import copy
from typing import Any
from xml.etree import ElementTree as ET

import msgspec
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from mlagent.adapters.jenkins import jobs, merge
from mlagent.config.jenkins import Jenkins
from tests.jenkins_builds import rewritten

URL = "https://example.org/risk.git"
PROPERTIES = "org.jenkinsci.plugins.workflow.job.properties.PipelineTriggersJobProperty"
TRIGGERS = f"properties/{PROPERTIES}/triggers"
CRON = st.sampled_from(["H * * * *", "@daily", "H/15 8-18 * * 1-5"])
FILES = st.builds(
    Jenkins,
    repository=st.sampled_from(["https://example.org/a.git", "git@example.org:b/c.git", "file:///srv/d&e.git"]),
    credentials=st.none() | st.text(max_size=20).map(str.strip),
    branch=st.sampled_from(["main", "release/1.x"]),
    script=st.sampled_from(["Jenkinsfile", "models/Prüf stand/Jenkinsfile"]),
    push=st.sampled_from(["poll", "webhook", "none"]),
    poll=CRON,
    schedule=st.none() | st.sampled_from(["daily", "weekly"]) | CRON,
    data=st.none() | CRON,
    keep_builds=st.integers(1, 1000),
)


def _pipeline(**more: Any) -> ET.Element:
    return jobs.pipeline(Jenkins(**{"repository": URL, **more}), "risk", push=True)


def _saved(root: ET.Element) -> ET.Element:
    """What the controller would have after it was sent."""
    return rewritten(merge.parse(merge.text_of(root), "risk"))


def test_a_job_has_the_repository_the_branch_the_script_and_a_reason() -> None:
    root = _pipeline(branch="release/1.x", script="ml/Jenkinsfile", credentials="git-read")
    scm = root.find("definition/scm")
    assert scm is not None
    assert scm.findtext("userRemoteConfigs/hudson.plugins.git.UserRemoteConfig/url") == URL
    assert scm.findtext("userRemoteConfigs/hudson.plugins.git.UserRemoteConfig/credentialsId") == "git-read"
    assert scm.findtext("branches/hudson.plugins.git.BranchSpec/name") == "*/release/1.x"
    assert root.findtext("definition/scriptPath") == "ml/Jenkinsfile"
    assert [one.findtext("name") for one in root.iter("hudson.model.StringParameterDefinition")] == ["reason"]


@pytest.mark.parametrize(
    ("more", "clock", "pushes"),
    [
        ({}, None, "H/5 * * * *"),
        ({"push": "webhook"}, None, ""),
        ({"push": "none", "schedule": "daily"}, "H H(0-5) * * *", None),
        ({"push": "none", "data": "H * * * *"}, "H * * * *", None),
        ({"push": "none", "schedule": "weekly", "data": "H * * * *"}, "H H(0-5) * * 0\nH * * * *", None),
    ],
)
def test_triggers_follow_push_schedule_and_data(more: dict[str, str], clock: str | None, pushes: str | None) -> None:
    triggers = _pipeline(**more).find(TRIGGERS)
    assert triggers is not None
    found = {one.tag: one.findtext("spec") for one in triggers}
    assert found == {
        key: value
        for key, value in (("hudson.triggers.TimerTrigger", clock), ("hudson.triggers.SCMTrigger", pushes))
        if value is not None
    }


def test_every_branch_has_a_job_and_the_clock_a_job_of_its_own() -> None:
    found = jobs.wanted(Jenkins(repository=URL, kind="multibranch", schedule="daily", job="models/risk"), "risk")
    assert list(found) == ["models/risk", "models/risk-retrain"]
    whole, timed = found.values()
    assert whole.findtext("factory/scriptPath") == "Jenkinsfile"
    assert whole.findtext(".//jenkins.plugins.git.GitSCMSource/remote") is None  # it is a `source` of that class
    assert whole.findtext(".//source/remote") == URL
    triggers = timed.find(TRIGGERS)
    assert triggers is not None
    assert [one.tag for one in triggers] == ["hudson.triggers.TimerTrigger"]
    alone = "properties/org.jenkinsci.plugins.workflow.job.properties.DisableConcurrentBuildsJobProperty"
    assert (timed.find(alone) is not None, _pipeline().find(alone)) == (True, None)


@settings(deadline=None)
@example(Jenkins(repository=URL, push="none"), Jenkins(repository=URL, push="webhook"), "pipeline")
@given(FILES, FILES, st.sampled_from(["pipeline", "multibranch"]))
def test_after_a_change_a_second_sync_changes_nothing(before: Jenkins, after: Jenkins, kind: Any) -> None:
    for one, other in zip(_all(before, kind), _all(after, kind), strict=True):
        there = _saved(one)
        assert merge.difference("risk", there, merge.merged(there, one)) == ""
        changed = _saved(merge.merged(there, other))
        assert merge.difference("risk", changed, merge.merged(changed, other)) == ""
        assert _meant(changed) == _meant(_saved(other))


def _all(section: Jenkins, kind: Any) -> list[ET.Element]:
    return list(jobs.wanted(msgspec.structs.replace(section, kind=kind), "risk").values())


def _meant(root: ET.Element) -> set[tuple[str, str]]:
    return {(one.tag, (one.text or "").strip()) for one in root.iter()}


def test_what_people_added_stays() -> None:
    there = _saved(_pipeline())
    definitions = there.find("properties/hudson.model.ParametersDefinitionProperty/parameterDefinitions")
    assert definitions is not None
    more = ET.SubElement(definitions, "hudson.model.StringParameterDefinition")
    ET.SubElement(more, "name").text = "region"
    ET.SubElement(there, "authToken").text = "s3cr3tword"
    scm = there.find("definition/scm")
    assert scm is not None
    ET.SubElement(ET.SubElement(scm, "extensions"), "hudson.plugins.git.extensions.impl.CleanCheckout")
    changed = merge.merged(there, _pipeline(branch="release"))
    assert [one.findtext("name") for one in changed.iter("hudson.model.StringParameterDefinition")] == [
        "reason",
        "region",
    ]
    assert changed.find(".//hudson.plugins.git.extensions.impl.CleanCheckout") is not None
    assert changed.findtext("authToken") == "s3cr3tword"
    told = merge.difference("risk", there, changed)
    assert [line[1:].strip() for line in told.splitlines() if line[0] in "+-"][2:] == [
        "<name>*/main</name>",
        "<name>*/release</name>",
    ]
    assert "s3cr3tword" not in merge.difference("risk", None, changed)


def test_behaviours_that_people_added_to_a_branch_source_stay_and_ours_comes_back() -> None:
    wanted = jobs.multibranch(Jenkins(repository=URL, kind="multibranch"), "risk")
    there = _saved(wanted)
    traits = there.find(".//traits")
    assert traits is not None
    traits[:] = [ET.Element("jenkins.plugins.git.traits.CleanBeforeCheckoutTrait")]
    changed = merge.merged(there, wanted)
    names = [one.tag.rpartition(".")[2] for one in changed.iterfind(".//traits/*")]
    assert names == ["CleanBeforeCheckoutTrait", "BranchDiscoveryTrait"]
    assert merge.difference("risk", changed, merge.merged(changed, wanted)) == ""


def test_branches_are_looked_for_as_often_as_poll_says() -> None:
    trigger = jobs.multibranch(Jenkins(repository=URL, poll="* * * * *"), "risk").find("triggers")
    assert trigger is not None
    assert [one.findtext("spec") for one in trigger] == ["* * * * *"]
    assert [one.findtext("interval") for one in trigger] == ["60000"]  # else Jenkins waits this long all the same


def test_a_trigger_that_people_added_goes_because_triggers_are_ours() -> None:
    there = _saved(_pipeline(push="none"))
    before = copy.deepcopy(there)
    properties = there.find(f"properties/{PROPERTIES}")
    assert properties is not None
    trigger = ET.SubElement(ET.SubElement(properties, "triggers"), "hudson.triggers.TimerTrigger")
    ET.SubElement(trigger, "spec").text = "* * * * *"
    changed = merge.merged(there, _pipeline(push="none"))
    assert changed.find(f"{TRIGGERS}/hudson.triggers.TimerTrigger") is None
    assert merge.difference("risk", before, merge.merged(before, _pipeline(push="none"))) == ""


def test_what_xml_cannot_hold_is_replaced_and_the_rest_escaped() -> None:
    text = merge.text_of(_pipeline(credentials="a<b>&c\x01\ud800"))
    assert "<credentialsId>a&lt;b&gt;&amp;c��</credentialsId>" in text
    assert merge.parse(text.encode().decode(), "risk").findtext(".//credentialsId") == "a<b>&c��"


@pytest.mark.parametrize(
    ("bad", "said"),
    [
        ({"schedule": "hourly"}, "is not daily, weekly or a cron line of five fields"),
        ({"data": "* * * *"}, "is not a cron line of five fields"),
        ({"poll": "* * * * *\nTZ=x"}, "is not a cron line"),
        ({"job": "a//b"}, "Jenkins takes no such name"),
        ({"job": "../b?"}, "Jenkins takes no such name"),
        ({"url": "https://ada:hunter2@ci.example.org"}, "names a user, and perhaps a password; name user and token"),
        ({"url": "ci.example.org"}, "begins with neither http"),
        ({"repository": "https://ada:hunter2@example.org/r.git"}, "credentials that Jenkins keeps"),
        ({"user": "ada"}, "belong together"),
    ],
)
def test_what_jenkins_would_refuse_or_show_to_others_is_refused_here(bad: dict[str, str], said: str) -> None:
    with pytest.raises(ValueError, match=said) as caught:
        Jenkins(**bad)  # type: ignore[arg-type]
    assert "hunter2" not in str(caught.value)
