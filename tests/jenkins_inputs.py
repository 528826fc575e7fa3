"""The double's inputs: what a build waits for, who may answer, and the three ways to ask and answer over REST.

Written from the Java of pipeline-input-step and pipeline-rest-api (wfapi), and from the README of blueocean-rest.
"""

import json
import threading
from collections.abc import Callable, Sequence
from typing import Any

from tests.jenkins_builds import STEPS_CLASS, Build, Input

Answer = tuple[int, Any, dict[str, str]]
TOLD: Answer = (200, "", {})
NOT_FOUND: Answer = (404, "Not Found", {})
_settling = threading.Lock()


class No(Exception):
    """The step's own words, as its Failure has them."""


def executions(build: Build) -> list[dict[str, Any]]:
    """What the step exports into the build's api/json."""
    return [] if not build.inputs else [_exported(build)]


def _exported(build: Build) -> dict[str, Any]:
    waits = [one for one in build.inputs if one.state == "waiting"]
    told = [{"_class": f"{STEPS_CLASS}.InputStepExecution", "id": one.id, "settled": False, "input": _step(one)}
            for one in waits]  # fmt: skip
    return {"_class": f"{STEPS_CLASS}.InputAction", "executions": told, "waitingForInput": bool(told)}


def _step(one: Input) -> dict[str, Any]:
    return {"_class": f"{STEPS_CLASS}.InputStep", "id": one.id, "message": one.message, "ok": one.ok,
            "submitter": one.submitter or None, "submitterParameter": "approver",
            "parameters": [_parameter(name) for name in one.parameters]}  # fmt: skip


def _parameter(name: str) -> dict[str, Any]:
    kind = "hudson.model.StringParameter"
    value = {"_class": f"{kind}Value", "name": name, "value": ""}
    told = {"_class": f"{kind}Definition", "defaultParameterValue": value, "description": "", "name": name}
    return {**told, "type": "StringParameterDefinition"}


def settle(double: Any, build: Build, one: Input, user: str, given: Sequence[dict[str, str]] | None) -> None:
    """Answer as the step does; nothing given is an abort."""
    with _settling:
        if one.state != "waiting":
            raise No("This input has been already given")
        named = [name.strip().casefold() for name in one.submitter.split(",") if name.strip()]
        submit = not named or user in double.administrators or user.casefold() in named
        if given is None:
            _abort(double, build, one, user, submit=submit)
            return
        if not submit:
            raise No(f"You need to be {one.submitter} to submit this.")
        values = {each["name"]: each["value"] for each in given}
        if unknown := set(values) - set(one.parameters):
            raise ValueError(f"No such parameter definition: {unknown}")
        one.state, one.by, one.comment = "approved", user, values.get("comment", "")
        build.approvers.append(user)
        build.text += f"Approved by {user}\n"


def _abort(double: Any, build: Build, one: Input, user: str, *, submit: bool) -> None:
    if not submit and user not in double.may_cancel | double.administrators:
        raise No(f"You need to be '{one.submitter}' (or have Job/Cancel permissions) to cancel this.")
    one.state, one.by = "rejected", user
    build.text += f"Rejected by {user}\n"
    if not build.outside:
        build.end("ABORTED")


def _form(query: dict[str, str]) -> list[dict[str, str]]:
    given = json.loads(query["json"]).get("parameter", [])
    return given if isinstance(given, list) else [given]


def _pending(double: Any, *, job: str, number: str, **_: Any) -> Answer:
    if "pipeline-rest-api" not in double.plugins:
        return NOT_FOUND
    return 200, [_ext(f"/{job}/{number}/", one) for one in double.of(job, number).waits()], {}


def _ext(page: str, one: Input) -> dict[str, Any]:
    inputs = [{"type": "StringParameterDefinition", "name": name, "description": "", "definition": {"defaultVal": ""}}
              for name in one.parameters]  # fmt: skip
    urls = {"proceedUrl": f"{page}wfapi/inputSubmit?inputId={one.id}", "abortUrl": f"{page}input/{one.id}/abort"}
    told = {"id": one.id, "proceedText": one.ok, "message": one.message, "inputs": inputs}
    return {**told, **urls, "redirectApprovalUrl": f"{page}input/"}


def _wfapi_submit(double: Any, *, job: str, number: str, query: dict[str, str], user: str, **_: Any) -> Answer:
    if "pipeline-rest-api" not in double.plugins:
        return NOT_FOUND
    build = double.of(job, number)
    one = build.input(query["inputId"])
    oops: Answer = (500, "<h1>Oops!</h1><p>A problem occurred while processing the request.</p>", {})
    if one is None:
        return oops
    try:
        settle(double, build, one, user, _form(query))
    except (No, ValueError, KeyError):  # it wraps each of them into a ServletException
        return oops
    return TOLD


def _own(
    double: Any, *, job: str, number: str, one: str, what: str, query: dict[str, str], user: str, **_: Any
) -> Answer:
    build = double.of(job, number)
    found = build.input(one)
    if "pipeline-input-step" not in double.plugins or found is None:
        return NOT_FOUND
    forward = what in ("proceed", "proceedEmpty") or (what == "submit" and "proceed" in query)
    try:
        settle(double, build, found, user, [] if what == "proceedEmpty" else _form(query) if forward else None)
    except No as no:
        return 400, f"<html><head><title>Jenkins</title></head><body><h1>Error</h1><p>{no}</p></body></html>", {}
    except KeyError:
        return 400, "This page expects a form submission but had only {}", {}
    except ValueError:
        return 500, "<h1>Oops!</h1>", {}
    return TOLD


def _blue_run(double: Any, at: str, number: str) -> Build | None:
    """The build of `F/pipelines/J`, or of a branch: `J/branches/main`."""
    if "blueocean-rest" not in double.plugins:
        return None
    found: Build = double.of(at.replace("/pipelines/", "/").replace("/branches/", "/"), number)
    return found


def _steps(double: Any, *, at: str, number: str, query: dict[str, str], **_: Any) -> Answer:
    build = _blue_run(double, at, number)
    if build is None:
        return NOT_FOUND
    here = f"/blue/rest/organizations/jenkins/pipelines/{at}/runs/{number}/steps/"
    begin, limit = int(query.get("start", 0)), int(query.get("limit", 100))
    echoes = [_blue_step(here, str(node), None) for node in range(10, 10 + build.echoes)]
    asked = [_blue_step(here, _node(build, one), one) for one in build.inputs]
    return 200, [*echoes, *asked][begin : begin + limit], {}


def _blue_step(here: str, node: str, one: Input | None) -> dict[str, Any]:
    links = {"self": {"_class": "io.jenkins.blueocean.rest.hal.Link", "href": f"{here}{node}/"}}
    kind = "io.jenkins.blueocean.rest.impl.pipeline.PipelineStepImpl"
    told: dict[str, Any] = {"_class": kind, "_links": links, "id": node}
    if one is None:
        return {**told, "displayName": "Print Message", "input": None, "result": "SUCCESS", "state": "FINISHED"}
    waits = one.state == "waiting"
    asked = {**_step(one), "_class": "io.jenkins.blueocean.rest.impl.pipeline.InputStepImpl"} if waits else None
    told |= {"displayName": "Wait for interactive input", "input": asked}
    return {**told, "result": "UNKNOWN" if waits else "SUCCESS", "state": "PAUSED" if waits else "FINISHED"}


def _node(build: Build, one: Input) -> str:
    return str(1000 + build.inputs.index(one))


def _blue_answer(double: Any, *, at: str, number: str, node: str, body: bytes, user: str, **_: Any) -> Answer:
    build = _blue_run(double, at, number)
    if build is None:
        return NOT_FOUND
    told = json.loads(body)
    nodes = [_node(build, one) for one in build.inputs]
    one = build.input(told["id"])
    if node not in nodes:
        return NOT_FOUND
    if "abort" not in told and "parameters" not in told:
        return _bad("parameters is required")
    if one is None:
        return _bad(f"Error processing Input Submit request. This Run instance does not have an Input with an id of "
                    f"'{told['id']}'.")  # fmt: skip
    try:
        settle(double, build, one, user, None if told.get("abort") else told["parameters"])
    except (No, ValueError) as no:
        return _bad(str(no))
    return TOLD


def _bad(message: str) -> Answer:
    return 400, {"message": message, "code": 400, "errors": []}, {}


JOB = r"/(?P<job>job/[^?]+?)"
BLUE = r"/blue/rest/organizations/jenkins/pipelines/(?P<at>[^?]+?)/runs/(?P<number>\d+)/steps/"
ROUTES: list[tuple[str, Callable[..., Answer]]] = [
    (rf"GET {JOB}/(?P<number>\d+)/wfapi/pendingInputActions", _pending),
    (rf"POST {JOB}/(?P<number>\d+)/wfapi/inputSubmit", _wfapi_submit),
    (rf"POST {JOB}/(?P<number>\d+)/input/(?P<one>[^/]+)/(?P<what>proceed|proceedEmpty|submit|abort)", _own),
    (f"GET {BLUE}", _steps),
    (rf"POST {BLUE}(?P<node>\d+)/", _blue_answer),
]
