"""Starts a build once, finds it again, and follows it to its end."""

import codecs
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

import msgspec

from mlagent.adapters.jenkins.controller import Controller, Json
from mlagent.adapters.jenkins.refusals import NotThere
from mlagent.config.fields import nearest
from mlagent.core import interrupt
from mlagent.errors import ConfigError, Held, InputError, UsageError

REASON = "reason"
LONGEST_PAUSE = 5.0
PIECE = 1 << 20  # bytes of a log that become text at a time


class Build(msgspec.Struct, frozen=True, kw_only=True):
    """A build as the controller tells it, times in milliseconds.

    `result` is empty while it runs, and UNKNOWN where a crash has lost it.
    """

    job: str
    number: int
    url: str
    result: str
    started: int
    duration: int
    causes: Sequence[str]
    parameters: Mapping[str, str]
    description: str


def look(controller: Controller, job: str, number: int | None) -> Build:
    """A build, the last one without a number; InputError (4) where there is none."""
    try:
        told = controller.build(job, number or "lastBuild")
    except NotThere as error:
        last = _buildable(controller, job).get("lastBuild")
        has = f"its last build is {last['number']}" if last else "it was never built: `mlagent jenkins trigger`"
        has += "; older ones go (jenkins.keep_builds)" if last and number and number < last["number"] else ""
        raise InputError(f"the job {job} has no build {number or ''}".rstrip(), hint=has) from error
    return Build(
        job=job,
        number=told["number"],
        url=told["url"],
        result="" if told["building"] else told["result"] or "UNKNOWN",
        started=told["timestamp"],
        duration=told["duration"],
        causes=[one["shortDescription"] for one in _in(told, "causes") if "shortDescription" in one],
        parameters=_parameters(told),
        description=told.get("description") or "",
    )


def start(controller: Controller, job: str, parameters: Mapping[str, str]) -> int:
    """Ask for a build once, whatever becomes of the answer; the number of its queue item.

    UsageError (2) for a parameter that the job does not have (Jenkins would drop it), ConfigError (3) for the reason.
    """
    info = _buildable(controller, job)
    _must_take(info, job, parameters)
    before = {one["id"] for one in controller.queued(job)}

    def heard() -> int | None:
        queued = [(one["id"], one) for one in controller.queued(job) if one["id"] not in before]
        begun = [(one["queueId"], one) for one in controller.builds(job) if one["number"] >= info["nextBuildNumber"]]
        return next((number for number, one in queued + begun if _ours(one, parameters, controller.user)), None)

    return controller.write(lambda: controller.start(job, parameters), heard)


def number_of(controller: Controller, job: str, item: int) -> int:
    """Wait until a queued build has begun; its number. Held (21) when somebody took it out of the queue."""
    waits, said = pauses(), {"hudson.model.Queue$WaitingItem"}  # its quiet period, which passes
    while True:
        told = controller.queue_item(item)
        if told and told.get("cancelled"):
            raise Held(f"the build was taken out of the queue of {job}", hint="somebody cancelled it; trigger it again")
        begun = (told or {}).get("executable") or {}
        number = begun.get("number") or next(
            (one["number"] for one in controller.builds(job) if one["queueId"] == item), None
        )
        if number is not None:
            return int(number)
        if told is None:
            raise InputError(f"{job} has no build of queue item {item}", hint="was it removed? look at the job's page")
        if told.get("why") and told.get("_class", "") not in said:
            controller.notice(f"{job} waits in the queue: {told['why']}")
            said.add(told.get("_class", ""))
        rest(controller, next(waits))


def end_of(controller: Controller, build: Build, asked: Callable[[Mapping[str, Any]], None]) -> Build:
    """Wait until a build has ended; `asked` is told once of each question that it waits for."""
    told: set[str] = set()
    waits = pauses()
    while True:
        build = look(controller, build.job, build.number)
        if build.result:
            return build
        for question in questions(controller, build):
            if question["id"] not in told:
                asked(question)
            told.add(question["id"])
        rest(controller, next(waits))


def questions(controller: Controller, build: Build) -> Sequence[Json]:
    """What a build that runs waits for; nothing where the controller cannot say."""
    try:
        return controller.pending(build.job, build.number)
    except ConfigError:
        return ()


def lines(controller: Controller, build: Build, *, follow: bool) -> Iterator[str]:
    """The log, line by line; with `follow` until the build has ended."""
    decode, held, begin = codecs.getincrementaldecoder("utf-8")("replace"), "", 0
    for wait in pauses():
        data, begin, more = controller.log(build.job, build.number, begin)
        for at in range(0, len(data), PIECE):
            *whole, held = (held + decode.decode(data[at : at + PIECE])).split("\n")
            yield from whole
        if not (more and follow):
            break
        if not data:
            rest(controller, wait)
    if held:
        yield held


def pauses() -> Iterator[float]:
    """Short at first, so that what is quick is seen at once."""
    wait = 0.25
    while True:
        yield wait
        wait = min(1.5 * wait, LONGEST_PAUSE)


def rest(controller: Controller, seconds: float) -> None:
    """Wait, unless a signal has come."""
    interrupt.check()
    controller.pause(seconds)


def _buildable(controller: Controller, job: str) -> Json:
    info = controller.job(job)
    if "nextBuildNumber" not in info:
        names = ", ".join(f"{job}/{one['name']}" for one in info.get("jobs", ())) or "there are none yet"
        raise InputError(f"{job} holds jobs and is not built itself", hint=f"name one of them with --job: {names}")
    return info


def _must_take(info: Json, job: str, parameters: Mapping[str, str]) -> None:
    known = [one["name"] for part in info.get("property", ()) for one in part.get("parameterDefinitions", ())]
    for name in parameters:
        if name == REASON and name not in known:
            raise ConfigError(
                f"the job {job} takes no parameter {REASON}",
                hint="`mlagent jenkins sync --apply` gives one to the project's own job (multibranch: NAME-retrain); "
                "a branch's job is built by a push, or on its page",
            )
        if name not in known:
            raise UsageError(
                f"--param {name}: the job {job} has no such parameter{nearest(name, known)}",
                hint=f"it has: {', '.join(known)}",
            )


def _ours(told: Json, parameters: Mapping[str, str], user: str | None) -> bool:
    given = {one["name"]: _said(one) for one in _in(told, "parameters") if "value" in one}  # a password's is not told
    users = {one.get("userId") for one in _in(told, "causes")}
    return user in users and all(given.get(name, value).strip() == value.strip() for name, value in parameters.items())


def _parameters(told: Json) -> dict[str, str]:
    return {one["name"]: _said(one) for one in _in(told, "parameters")}


def _said(parameter: Json) -> str:
    """A parameter's value as it is sent: a boolean as Jenkins spells it."""
    value = parameter.get("value", "")
    return str(value).lower() if isinstance(value, bool) else str(value)


def _in(told: Json, what: str) -> list[Json]:
    return [one for action in told.get("actions", ()) for one in (action or {}).get(what, ())]
