"""What another program (a Groovy harness, an end-to-end test) tells the double of builds that run elsewhere, over HTTP.

No user and no token: `Double.harness` opens these paths. Each POST takes one JSON object; times, nodes and steps are
the other program's own. See `python -m tests.jenkins_alone --help`.
"""

import json
from collections.abc import Callable
from typing import Any
from xml.etree import ElementTree as ET

from tests.jenkins_builds import Build, Input, Job, name_of, path_of, user_cause

Answer = tuple[int, Any, dict[str, str]]
KINDS = {
    "timer": "hudson.triggers.TimerTrigger$TimerTriggerCause",
    "scm": "hudson.triggers.SCMTrigger$SCMTriggerCause",
    "branch": "jenkins.branch.BranchEventCause",
}


def cause(told: Any) -> dict[str, Any]:
    """`{"user": "ann"}`, "timer", "scm", "branch", `{"upstream": "folder/job", "number": 3}`, or as Jenkins has it."""
    if isinstance(told, str):
        return {"_class": KINDS[told], "shortDescription": f"Started by {told}"}
    if "user" in told:
        return user_cause(told["user"])
    if "upstream" in told:
        at = {"upstreamProject": told["upstream"], "upstreamUrl": f"{path_of(told['upstream'])}/"}
        return {"_class": "hudson.model.Cause$UpstreamCause", "upstreamBuild": told["number"], **at}
    return dict(told)


def _begin(double: Any, *, job: str, number: str, told: dict[str, Any]) -> Answer:
    builds = double.jobs.setdefault(name_of(job), Job(ET.Element("flow-definition"))).builds
    if any(one.number == int(number) for one in builds):
        return 409, "that build has begun", {}
    build = Build(int(number), 0, told.get("parameters") or {}, "", "")
    build.outside, build.commits = True, told.get("commits") or ([told["commit"]] if told.get("commit") else [])
    build.causes = [cause(one) for one in told.get("causes", [{"user": "ada"}])]
    builds.append(build)
    return 200, {"url": f"{double.url}/{path_of(name_of(job))}/{number}/"}, {}


def _end(double: Any, *, job: str, number: str, told: dict[str, Any]) -> Answer:
    double.of(job, number).end(told.get("result") or "SUCCESS")
    return 200, {}, {}


def _ask(double: Any, *, job: str, number: str, told: dict[str, Any]) -> Answer:
    one = Input(told)
    double.of(job, number).inputs.append(one)
    return 200, {"id": one.id}, {}


def _asked(double: Any, *, job: str, number: str, one: str, **_: Any) -> Answer:
    found = [each for each in double.of(job, number).inputs if each.id == one]
    return (200, found[-1].told(), {}) if found else (404, "Not Found", {})


def _over(double: Any, *, job: str, number: str, one: str, told: dict[str, Any]) -> Answer:
    found = double.of(job, number).input(one)
    if found is None:
        return 409, "it waits no more", {}
    found.state = told["state"]
    return 200, {}, {}


def _approver(double: Any, *, job: str, number: str, told: dict[str, Any]) -> Answer:
    double.of(job, number).approvers.append(told["userId"])
    return 200, {}, {}


def _away(double: Any, *, told: dict[str, Any], **_: Any) -> Answer:
    double.away, double.crumb = told.get("answers", 3), f"{double.crumb}-new"
    return 200, {}, {}


BUILD = r"/harness/(?P<job>job/[^?]+?)/(?P<number>\d+)"
ROUTES: list[tuple[str, Callable[..., Answer]]] = [
    (f"POST {BUILD}/begin", _begin),
    (f"POST {BUILD}/end", _end),
    (f"POST {BUILD}/input", _ask),
    (f"GET {BUILD}/input/(?P<one>[^/]+)", _asked),
    (f"POST {BUILD}/input/(?P<one>[^/]+)/over", _over),
    (f"POST {BUILD}/approver", _approver),
    ("POST /harness/away", _away),
]


def body_of(body: bytes) -> dict[str, Any]:
    """One JSON object, or nothing."""
    return dict(json.loads(body)) if body else {}
