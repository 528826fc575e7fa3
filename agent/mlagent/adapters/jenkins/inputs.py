"""What builds wait for, and who answered: by the stage view's wfapi, by the input step itself, by Blue Ocean's REST.

Which of them a controller has is its plugins' matter: each is tried in this order, and the first that is there counts.
"""

import json
from collections.abc import Callable, Iterator, Sequence
from datetime import UTC, datetime
from functools import partial
from typing import Any
from urllib.parse import quote

import msgspec

from mlagent.adapters.jenkins.controller import Controller, Json, path
from mlagent.adapters.jenkins.refusals import NotThere
from mlagent.core.ports.approvals import Seen, Started
from mlagent.errors import ConfigError, Held, InfrastructureError, InputError, PolicyRefused

APPROVER = "ApproverAction"
_EXECUTIONS = "executions[id,settled,input[message,submitter,parameters[name]]]"
_TREE = f"building,actions[_class,userId,lastBuiltRevision[SHA1],{_EXECUTIONS}]"
_CAUSES = "actions[causes[_class,userId,upstreamProject,upstreamBuild]]"
_FORM = {"Content-Type": "application/x-www-form-urlencoded"}
_JSON = {"Content-Type": "application/json"}
DEEPEST = 5  # builds that started one another, which are looked at


class Pending(msgspec.Struct, frozen=True, kw_only=True):
    """A question that a build waits for; `submitters` may answer it (nobody named: whoever may build)."""

    build: int
    id: str
    message: str
    submitters: tuple[str, ...] = ()
    parameters: tuple[str, ...] = ()
    url: str = ""


def pending(controller: Controller, job: str, number: int, known: Sequence[str] = ()) -> tuple[Pending, ...]:
    """What a build waits for; InputError (4) where there is none, ConfigError (3) where its controller cannot say.

    `known` are ids that may wait: only they are found on a controller that has but the input step's own pages.
    """
    told = _build(controller, job, number)
    return _pending(controller, job, number, told, known) if told["building"] else ()


def waiting(controller: Controller, job: str) -> tuple[Pending, ...]:
    """What the job's builds that run wait for, the oldest build first."""
    found = controller.ask(f"{path(job)}api/json", tree="builds[number,building]{0,50},jobs[name]")
    if "builds" not in found:
        names = ", ".join(f"{job}/{one['name']}" for one in found.get("jobs") or ()) or "there are none yet"
        raise InputError(f"{job} holds jobs and is not built itself", hint=f"name one of them with --job: {names}")
    running = sorted(one["number"] for one in found["builds"] if one["building"])
    return tuple(one for number in running for one in pending(controller, job, number))


def seen(controller: Controller, job: str, number: int, known: Sequence[str] = ()) -> Seen:
    """What the controller says of a build at this moment."""
    told = _build(controller, job, number)
    asked = _pending(controller, job, number, told, known) if told["building"] else ()
    actions = [one for one in told["actions"] if one]
    return Seen(
        time=datetime.now(UTC).isoformat(timespec="seconds"),
        approvers=tuple(one["userId"] for one in actions if one.get("_class", "").endswith(APPROVER)),
        pending=tuple(one.id for one in asked),
        building=bool(told["building"]),
        commits=tuple(one["lastBuiltRevision"]["SHA1"] for one in actions if one.get("lastBuiltRevision")),
    )


def started(controller: Controller, job: str, number: int) -> Started:
    """Who and what started it, and the builds that did, as far as this user may look."""
    found = list(_causes(controller, job, number, DEEPEST))
    users = dict.fromkeys(one["userId"] for one in found if one.get("userId"))
    kinds = dict.fromkeys(one.get("_class", "").replace("$", ".").rpartition(".")[2] for one in found)
    return Started(users=tuple(users), kinds=tuple(kinds))


def answer(controller: Controller, job: str, number: int, name: str, *, approve: bool, comment: str = "") -> None:
    """Answer once, whatever becomes of the controller's own answer.

    InputError (4) where nothing of this name waits or it takes no comment, PolicyRefused (12) for who may not answer,
    Held (21) where somebody else was faster, or its time was over.
    """
    before = seen(controller, job, number, [name])
    one = next((one for one in pending(controller, job, number, [name]) if one.id == name), None)
    if one is None:
        raise InputError(
            f"{job} #{number} does not wait for {name}",
            hint="it was answered, or its time is over: `mlagent approvals list` says what waits",
        )
    if approve and comment and "comment" not in one.parameters:
        raise InputError(f"{name} of {job} #{number} takes no comment", hint=f"leave it out, or answer at {one.url}")
    heard = partial(_heard, controller, job, one, before.approvers, approve=approve)
    try:
        if not _answer(controller, job, one, heard, approve=approve, comment=comment):
            raise _unlisted()
    except (ConfigError, InputError, InfrastructureError, PolicyRefused) as error:
        now = seen(controller, job, number, [name])
        if name not in now.pending:
            raise _over(job, one, now.approvers) from error
        if one.submitters and (controller.user or "").casefold() not in map(str.casefold, one.submitters):
            raise PolicyRefused(
                f"{controller.user} may not answer {name} of {job} #{number}",
                hint=f"ask one of {', '.join(one.submitters)}",
            ) from error
        raise


def _heard(controller: Controller, job: str, one: Pending, before: Sequence[str], *, approve: bool) -> bool | None:
    """Whether an answer that may be lost was taken: None while it waits, Held (21) where another one was.

    A rejection leaves no name: one that nobody approved meanwhile is taken for it.
    """
    now = seen(controller, job, one.build, [one.id])
    if one.id in now.pending:
        return None
    new = now.approvers[len(before) :]
    if (controller.user in new) if approve else not new:
        return True
    raise _over(job, one, now.approvers)


def _over(job: str, one: Pending, approvers: Sequence[str]) -> Held:
    so_far = f"approved so far by {', '.join(approvers)}" if approvers else "nobody approved anything there"
    return Held(
        f"{job} #{one.build} waits for {one.id} no more: {so_far}",
        hint="somebody else answered it, its time ran out, or the build was stopped: look at its page",
    )


def _answer(
    controller: Controller, job: str, one: Pending, heard: Callable[[], bool | None], *, approve: bool, comment: str
) -> bool:
    """By the first way that is there, False where none is: it answers 404 then, and has done nothing."""
    parameters = [{"name": "comment", "value": comment}] if comment and "comment" in one.parameters else []
    for at, data in _ways(f"{path(job)}{one.build}/", one.id, json.dumps({"parameter": parameters}), approve=approve):
        try:
            controller.write(partial(controller.tell, at, data, _FORM), heard)
        except NotThere:
            continue
        return True
    said: dict[str, Any] = {"parameters": parameters} if approve else {"abort": True}
    for at, step in _blue_steps(controller, job, one.build):
        if step.get("input") and step["input"]["id"] == one.id:
            told = json.dumps({"id": one.id, **said}).encode()
            controller.write(partial(controller.tell, at, told, _JSON), heard)
            return True
    return False


def _ways(page: str, name: str, form: str, *, approve: bool) -> Iterator[tuple[str, dict[str, str]]]:
    """Address and form of the stage view's own way, and of the input step's."""
    quoted = quote(name, safe="")
    if approve:
        yield f"{page}wfapi/inputSubmit?inputId={quoted}", {"json": form}
        yield f"{page}input/{quoted}/proceed", {"json": form, "proceed": "Approve"}
    else:
        yield f"{page}input/{quoted}/abort", {}


def _build(controller: Controller, job: str, number: int) -> Json:
    try:
        found: Json = controller.ask(f"{path(job)}{number}/api/json", tree=_TREE)
    except NotThere as error:
        raise InputError(
            f"{controller.where} has no build {number} of {job}, or {controller.user} may not read it",
            hint="is the job's name right, folders included, and does this user have Job/Read there?",
        ) from error
    return found


def _pending(controller: Controller, job: str, number: int, told: Json, known: Sequence[str]) -> tuple[Pending, ...]:
    own = {one.id: one for one in _exported(told, number)}
    try:
        listed = [
            _of(number, one, [each["name"] for each in one.get("inputs") or ()])
            for one in controller.ask(f"{path(job)}{number}/wfapi/pendingInputActions")
        ]
    except NotThere:
        listed = list(own.values()) or list(_other(controller, job, number, known))
    page = f"{controller.where}/{path(job)}{number}/input/"
    whole = (own.get(one.id, one) for one in listed)  # the step itself tells who may answer, wfapi does not
    return tuple(msgspec.structs.replace(one, url=page) for one in whole)


def _exported(told: Json, number: int) -> Iterator[Pending]:
    """As the input step itself tells it in the build's own JSON, since its version 466."""
    for action in told["actions"]:
        for one in (action or {}).get("executions") or ():
            if "input" in one and not one.get("settled"):
                step = one["input"] or {}
                names = [each["name"] for each in step.get("parameters") or ()]
                yield _of(number, {**step, "id": one["id"]}, names)


def _other(controller: Controller, job: str, number: int, known: Sequence[str]) -> Iterator[Pending]:
    """By Blue Ocean, and where that is not there either, by looking for a page of each name that is known."""
    try:
        for _, step in _blue_steps(controller, job, number):
            if one := step.get("input"):
                yield _of(number, one, [each["name"] for each in one.get("parameters") or ()])
    except ConfigError:
        for name in known:
            if controller.is_there(f"{path(job)}{number}/input/{quote(name, safe='')}/"):
                yield Pending(build=number, id=name, message="", parameters=("comment",))


def _of(number: int, told: Json, parameters: Sequence[str]) -> Pending:
    named = tuple(one.strip() for one in (told.get("submitter") or "").split(",") if one.strip())
    message = told.get("message") or ""
    return Pending(build=number, id=told["id"], message=message, submitters=named, parameters=tuple(parameters))


def _blue(job: str, number: int) -> Iterator[str]:
    """Where Blue Ocean may have the steps of a build: of a job in folders, of a branch of a multibranch one."""
    *folders, last = (quote(one, safe="") for one in job.split("/"))
    above = "".join(f"pipelines/{one}/" for one in folders)
    for kind in ("pipelines", "branches") if folders else ("pipelines",):
        yield f"blue/rest/organizations/jenkins/{above}{kind}/{last}/runs/{number}/steps/"


def _blue_steps(controller: Controller, job: str, number: int) -> Iterator[tuple[str, Json]]:
    """Each step, with its address."""
    for at in _blue(job, number):
        try:
            found = controller.ask(at, limit=10_000)
        except NotThere:
            continue
        yield from ((f"{at}{quote(str(one['id']), safe='')}/", one) for one in found)
        return
    raise _unlisted()


def _unlisted() -> ConfigError:
    return ConfigError(
        "the controller cannot say what a build waits for: it has neither pipeline-rest-api nor blueocean-rest",
        hint="install one of the plugins (jenkins/README.md), or answer on the build's page",
    )


def _causes(controller: Controller, job: str, number: int, depth: int) -> Iterator[Json]:
    try:
        told = controller.ask(f"{path(job)}{number}/api/json", tree=_CAUSES)
    except NotThere:  # a job that this user may not read: its cause stands there without one
        return
    for one in (cause for action in told["actions"] for cause in (action or {}).get("causes") or ()):
        yield one
        if one.get("upstreamProject") and depth:
            yield from _causes(controller, one["upstreamProject"], int(one["upstreamBuild"]), depth - 1)
