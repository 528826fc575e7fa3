"""A double of Jenkins' REST API, a real HTTP server, written from what a real controller was seen to do.

Time does not pass in it: a queued build begins, and a running one goes a step on, when it is looked at.
"""

import base64
import json
import re
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, NamedTuple
from urllib.parse import parse_qs, unquote, urlsplit
from xml.etree import ElementTree as ET

from tests import jenkins_harness as harness
from tests import jenkins_inputs as inputs
from tests.jenkins_builds import Build, Job, path_of, rewritten
from tests.jenkins_builds import name_of as _name

USER, TOKEN, PASSWORD = "ada", "11f4c0ffee0123456789abcdef01234567", "hunter2hunter2"
ADMINISTRATOR = "root"
TOKENS = {USER: TOKEN, **{name: f"11{name.encode().hex():0<32}" for name in ("ann", "bob", "carol", ADMINISTRATOR)}}
Answer = tuple[int, Any, dict[str, str]]
PLUGINS = {"git", "workflow-cps", "workflow-job", "workflow-multibranch", "branch-api"}
PLUGINS |= {"cloudbees-folder", "pipeline-rest-api", "pipeline-input-step"}
ROOTS = {"flow-definition": "workflow-job"}
BRANCHES = "org.jenkinsci.plugins.workflow.multibranch.WorkflowMultiBranchProject"


class Fault(NamedTuple):
    """What happens to the next request that fits; `after` that it was carried out, and nobody hears of it."""

    method: str
    path: str
    status: int = 0  # none: the connection breaks
    after: bool = False


class Double:
    """The controller; a test may look into it, plant faults and take plugins away."""

    def __init__(self) -> None:
        self.url, self.plugins, self.faults = "", set(PLUGINS), list[Fault]()
        self.jobs, self.folders, self.queue = dict[str, Job](), {""}, dict[int, dict[str, Any]]()
        self.crumb, self.items, self.seen = "crumb-1", 0, list[str]()
        self.may_see_plugins, self.page, self.away, self.harness = True, "", 0, False
        self.administrators, self.may_cancel, self.may_describe = {ADMINISTRATOR}, set[str](), set[str]()
        self.answer: Callable[[str, str, bytes, dict[str, str]], Answer] = self.usual  # a test may put its own before

    def usual(self, method: str, target: str, body: bytes, headers: dict[str, str]) -> Answer:
        """Status, body (text or JSON) and headers."""
        parts = urlsplit(target)
        query = {key: values[0] for key, values in parse_qs(parts.query, keep_blank_values=True).items()}
        if self.page:
            return 200, self.page, {}
        if parts.path.startswith("/harness/") and self.harness:
            return self._first(harness.ROUTES, f"{method} {parts.path}", told=harness.body_of(body))
        if self.away > 0:
            self.away -= 1
            return 503, "Jenkins is getting ready to work", {}
        user, by_token = _who(headers.get("authorization", ""))
        if user is None:
            return (401 if "authorization" in headers else 403), "Authentication required", {}
        if method == "POST" and not by_token and headers.get("jenkins-crumb") != self.crumb:
            return 403, "<title>Error 403 No valid crumb was included in the request</title>", {}
        if "form" in headers.get("content-type", ""):
            query |= {key: values[0] for key, values in parse_qs(body.decode(), keep_blank_values=True).items()}
        return self._first(ROUTES, f"{method} {parts.path}", query=query, body=body, user=user)

    def _first(self, routes: list[tuple[str, Callable[..., Any]]], asked: str, **more: Any) -> Answer:
        for pattern, handle in routes:
            if found := re.fullmatch(pattern, asked):
                named = {key: unquote(value) for key, value in found.groupdict().items()}
                told: Answer = handle(self, **more, **named)
                return told
        return 404, "Not Found", {}

    def of(self, job: str, number: str) -> Build:
        """A build, by its job's path; KeyError and IndexError where there is none."""
        builds = self.jobs[_name(job)].builds
        return builds[-1] if number == "lastBuild" else {one.number: one for one in builds}[int(number)]

    def begin(self, item: int) -> None:
        """A queued build begins."""
        one = self.queue[item]
        if not one.get("cancelled") and "executable" not in one:
            job = self.jobs[one["task"]["name"]]
            script = job.xml.findtext("definition/script") or ""
            job.builds.append(Build(len(job.builds) + 1, item, one["parameters"], one["user"], script))
            one["executable"] = {"number": len(job.builds)}


def _who(authorization: str) -> tuple[str | None, bool]:
    text = base64.b64decode(authorization.removeprefix("Basic ")).decode() if authorization else ""
    known = {f"{user}:{token}": (user, True) for user, token in TOKENS.items()}
    return {**known, f"{USER}:{PASSWORD}": (USER, False)}.get(text, (None, False))


def _me(double: Double, *, user: str, **_: Any) -> Any:
    return 200, {"id": user, "fullName": user.title()}, {}


def _crumb(double: Double, **_: Any) -> Any:
    return 200, {"crumb": double.crumb, "crumbRequestField": "Jenkins-Crumb"}, {}


def _plugins(double: Double, **_: Any) -> Any:
    if not double.may_see_plugins:
        return 403, f"{USER} is missing the Overall/SystemRead permission", {}
    return 200, {"plugins": [{"shortName": one, "longName": one, "active": True} for one in sorted(double.plugins)]}, {}


def _create(double: Double, *, query: dict[str, str], body: bytes, folder: str = "", **_: Any) -> Any:
    folder = _name(folder)
    name = f"{folder}/{query['name']}".strip("/")
    root = ET.fromstring(body)
    if folder not in double.folders:
        return 404, "Not Found", {}
    if name in double.jobs:
        return 400, f"A job already exists with the name {name}", {}
    needed = "workflow-multibranch" if root.tag == BRANCHES else ROOTS.get(root.tag)
    if needed not in double.plugins:
        return 500, "Oops! A problem occurred while processing the request.", {}
    double.jobs[name] = Job(rewritten(root))
    return 200, "", {}


def _config(double: Double, *, job: str, **_: Any) -> Any:
    text = ET.tostring(double.jobs[_name(job)].xml, encoding="unicode")
    return 200, f"<?xml version='1.1' encoding='UTF-8'?>\n{text}", {"Content-Type": "application/xml"}


def _configure(double: Double, *, job: str, body: bytes, **_: Any) -> Any:
    double.jobs[_name(job)].xml = rewritten(ET.fromstring(body.replace(b"version='1.1'", b"version='1.0'")))
    return 200, "", {}


def _start(double: Double, *, job: str, query: dict[str, str], user: str, **_: Any) -> Any:
    name = _name(job)
    found, double.items = double.jobs[name], double.items + 1
    if found.disabled:
        return 409, "Not buildable", {}
    parameters = {key: query.get(key, value) for key, value in found.defaults().items()}
    for number, one in double.queue.items():  # one that waits and is alike takes this one in
        alike = (one["task"]["name"], one["parameters"]) == (name, parameters)
        if alike and not {"executable", "cancelled"} & set(one):
            return 303, "", {"Location": f"{double.url}/queue/item/{number}/"}
    task = {"name": name, "url": f"{double.url}/{path_of(name)}/"}
    double.queue[double.items] = {"task": task, "parameters": parameters, "user": user, "looks": 0}
    return 201, "", {"Location": f"{double.url}/queue/item/{double.items}/"}


def _told(number: int, one: dict[str, Any]) -> dict[str, Any]:
    actions = Build(0, number, one["parameters"], one["user"], "").actions()
    known: dict[str, Any] = {key: one[key] for key in ("executable", "cancelled", "why", "_class") if key in one}
    return {"id": number, "task": one["task"], "actions": actions, **known}


def _queue(double: Double, **_: Any) -> Any:
    waiting = [_told(number, one) for number, one in double.queue.items() if not {"executable", "cancelled"} & set(one)]
    return 200, {"items": waiting}, {}


def _item(double: Double, *, number: str, **_: Any) -> Any:
    if int(number) not in double.queue:
        return 404, "Not Found", {}
    one = double.queue[int(number)]
    one["looks"] += 1
    if one["looks"] > 1:
        double.begin(int(number))
    return 200, _told(int(number), one), {}


def _job(double: Double, *, job: str, **_: Any) -> Any:
    found = double.jobs[_name(job)]
    if found.xml.tag == BRANCHES:
        return 200, {"name": _name(job), "jobs": [{"name": "main"}]}, {}
    builds = [
        {"number": one.number, "queueId": one.item, "building": not one.result, "actions": one.actions()}
        for one in reversed(found.builds)
    ]
    told = {"name": _name(job), "property": found.definitions(), "builds": builds, "nextBuildNumber": len(builds) + 1}
    return 200, {**told, "lastBuild": builds[0] if builds else None}, {}


def _build(double: Double, *, job: str, number: str, look: bool = True, **_: Any) -> Any:
    one = double.of(job, number)
    if look:
        one.look()
    own = inputs.executions(one) if "pipeline-input-step" in double.plugins else []
    told: dict[str, Any] = {"number": one.number, "building": not one.result, "result": one.result or None}
    told |= {"actions": [*one.actions(), *own], "description": one.description or None}
    page = f"{double.url}/{path_of(_name(job))}/{one.number}/"
    return 200, {**told, "url": page, "timestamp": 1_700_000_000_000, "duration": 1500}, {}


def _log(double: Double, *, job: str, number: str, query: dict[str, str], **_: Any) -> Any:
    one, begin = double.of(job, number), int(query.get("start", 0))
    one.look()
    data = one.text.encode()
    more = {} if one.result else {"X-More-Data": "true"}
    return 200, data[0 if begin > len(data) else begin :], {"X-Text-Size": str(len(data)), **more}


def _describe(double: Double, *, job: str, number: str, query: dict[str, str], user: str, **_: Any) -> Any:
    if user not in double.may_describe | double.administrators:
        return 403, f"{user} is missing the Run/Update permission", {}
    double.of(job, number).description = query["description"]
    return 200, "", {}


def _stop(double: Double, *, job: str, number: str, user: str, **_: Any) -> Any:
    double.of(job, number).stop(user)
    return 200, "", {}


def _delete(double: Double, *, job: str, **_: Any) -> Any:
    del double.jobs[_name(job)]
    return 200, "", {}


JOB = r"/(?P<job>job/[^?]+?)"
ROUTES: list[tuple[str, Callable[..., Any]]] = [
    ("GET /me/api/json", _me),
    ("GET /crumbIssuer/api/json", _crumb),
    ("GET /pluginManager/api/json", _plugins),
    ("GET /queue/api/json", _queue),
    (r"GET /queue/item/(?P<number>\d+)/api/json", _item),
    (r"POST /(?P<folder>(?:job/.+/)?)createItem", _create),
    (f"GET {JOB}/config.xml", _config),
    (f"POST {JOB}/config.xml", _configure),
    (f"POST {JOB}/(?:build|buildWithParameters)", _start),
    (f"POST {JOB}/doDelete", _delete),
    (rf"GET {JOB}/(?P<number>\d+|lastBuild)/api/json", _build),
    (rf"GET {JOB}/(?P<number>\d+)/logText/progressiveText", _log),
    (rf"POST {JOB}/(?P<number>\d+)/submitDescription", _describe),
    *inputs.ROUTES,
    (rf"POST {JOB}/(?P<number>\d+)/stop", _stop),
    (f"GET {JOB}/api/json", _job),
]


class _Handler(BaseHTTPRequestHandler):
    double: Double

    def do_GET(self) -> None:
        self._answer("GET")

    def do_POST(self) -> None:
        self._answer("POST")

    def log_message(self, *_: Any) -> None:
        """Say nothing."""

    def _answer(self, method: str) -> None:
        double, body = self.double, self.rfile.read(int(self.headers.get("Content-Length") or 0))
        double.seen.append(f"{method} {self.path}")
        fits = (one for one in double.faults if one.method == method and re.search(one.path, self.path))
        fault = next(fits, None)
        if fault:
            double.faults.remove(fault)
        if fault is None or fault.after:
            try:
                told = double.answer(
                    method, self.path, body, {key.lower(): value for key, value in self.headers.items()}
                )
            except (KeyError, IndexError):
                told = (404, "Not Found", {})
        if fault and not fault.status:
            self.close_connection = True
            return
        self._send(*((fault.status, "Jenkins is getting ready to work", {}) if fault else told))

    def _send(self, status: int, body: Any, headers: dict[str, str]) -> None:
        data = body if isinstance(body, bytes) else (body if isinstance(body, str) else json.dumps(body)).encode()
        self.send_response(status)
        for key, value in {"X-Jenkins": "2.421", "Content-Length": str(len(data)), **headers}.items():
            self.send_header(key, value)
        self.end_headers()
        self.wfile.write(data)


@contextmanager
def serving(port: int = 0, *, harness: bool = False) -> Iterator[Double]:
    """The double on a free port of loopback; with `harness` another program may tell it of builds."""
    double = Double()
    double.harness = harness
    handler = type("Handler", (_Handler,), {"double": double})
    with ThreadingHTTPServer(("127.0.0.1", port), handler) as server:
        double.url = f"http://127.0.0.1:{server.server_port}"
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
        thread.start()
        yield double
        server.shutdown()
        thread.join()
