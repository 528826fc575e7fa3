"""What would happen, and why, in words: pure, so that a person, Jenkins and the runner all get the same answer."""

from collections.abc import Callable, Mapping, Sequence
from typing import Literal

import msgspec

from mlagent.core.digest import short
from mlagent.core.stage import Stage
from mlagent.engine import skips
from mlagent.engine.keys import Given, Parts, changed, key_of, parts_of
from mlagent.engine.record import StageRecord
from mlagent.engine.results import Result, of_entry
from mlagent.engine.results import known as known_outputs

State = Literal["run", "reuse", "resume", "skip", "off", "blocked", "waiting"]
Find = Callable[[Stage, str], Result | None]
INTERRUPTED = ("running", "stopped")


class Step(msgspec.Struct, frozen=True, kw_only=True):
    """One stage of a plan; `key` is None while an input is still to be made."""

    stage: str
    state: State
    reason: str
    key: str | None = None
    parts: Parts = {}
    result: Result | None = None

    @property
    def refuses(self) -> bool:
        """Whether what is reused is a no."""
        return self.result is not None and self.result.outcome != "pass"

    def settled(self, facts: Mapping[str, str]) -> "Step":
        """The step by what the facts were when its stage was done with them."""
        parts = self.parts | {f"the {name}": value for name, value in facts.items()}
        return msgspec.structs.replace(self, parts=parts, key=key_of(parts)) if self.key and facts else self


class Known(msgspec.Struct, frozen=True, kw_only=True):
    """What the planner may see: kept results by stage and key, `entries` of this run, key parts of an `earlier` one.

    With `told`, what this run has told or done to a remote stands, for the stages after it; else it is asked again.
    """

    find: Find
    entries: Mapping[str, StageRecord]
    earlier: Mapping[str, Mapping[str, str]]
    now: str
    held: str = ""
    told: bool = False


def plan(stages: Sequence[Stage], given: Given, known: Known) -> list[Step]:
    """A step for every stage, in order."""
    steps: list[Step] = []
    digests: dict[str, str] = {}
    blocked = ""
    for stage in stages:
        step = (
            Step(stage=stage.name, state="blocked", reason=blocked)
            if blocked
            else step_of(stage, given, known, digests)
        )
        steps.append(step)
        if step.refuses:
            blocked = f"{stage.name} said no"
        if step.state == "off":
            digests |= {name: one.digest for name, one in known_outputs(stage, {}).items()}
        if step.result is not None:
            digests |= {name: one.digest for name, one in known_outputs(stage, step.result.outputs).items()}
    return steps


def step_of(stage: Stage, given: Given, known: Known, digests: Mapping[str, str]) -> Step:
    """The step of one stage, given the digests of the artifacts that are known by now."""
    why = skips.of(given.facts).get(stage.name)
    if why is not None:
        return Step(stage=stage.name, state="skip", reason=why)
    off = stage.off(given.config)
    if off:
        return Step(stage=stage.name, state="off", reason=off)
    absent = [name for name in stage.reads if name not in digests]
    if absent:
        return _to_do(stage, known, f"{absent[0]} is made anew", None, {})
    parts = parts_of(stage, given, digests)
    key = key_of(parts)
    result = _kept(stage, key, known)
    if result is None:
        return _to_do(stage, known, _why(stage, parts, known), key, parts)
    if result.valid_until and result.valid_until <= known.now:
        return _to_do(stage, known, f"its verdict held until {result.valid_until}", key, parts)
    said = "made by" if result.outcome == "pass" else "said no in"
    reason = f"{said} {f'run {result.made_by}' if result.made_by else 'this run'}"
    return Step(stage=stage.name, state="reuse", reason=reason, key=key, parts=parts, result=result)


def _kept(stage: Stage, key: str, known: Known) -> Result | None:
    if stage.effect == "compute":
        return known.find(stage, key)
    entry = known.entries.get(stage.name)
    own = stage.effect == "observe" or (stage.effect in ("publish", "converge") and known.told)
    if own and entry and entry.state == "done" and entry.key == key:
        return of_entry(entry, "")
    return None


def _to_do(stage: Stage, known: Known, reason: str, key: str | None, parts: Parts) -> Step:
    entry = known.entries.get(stage.name)
    state: State = "run"
    if known.held:
        state, reason = "waiting", known.held
    elif entry and entry.state in INTERRUPTED and entry.key == key:
        state, reason = "resume", f"attempt {entry.attempt} was interrupted"
    return Step(stage=stage.name, state=state, reason=reason, key=key, parts=parts)


def _why(stage: Stage, parts: Parts, known: Known) -> str:
    if stage.effect not in ("compute", "observe"):
        return f"{stage.effect}: always asks the world"
    before = known.earlier.get(stage.name)
    if before is None:
        return "never run before"
    names = changed(before, parts)
    if not names:
        return (
            "a reading of the world, not yet taken by this run"
            if stage.effect == "observe"
            else "its result is not kept"
        )
    said = ", ".join(
        f"{name} ({short(before[name])} -> {short(parts[name])})" if _both(name, before, parts) else name
        for name in names[:3]
    )
    return f"changed: {said}{' …' if len(names) > 3 else ''}"


def _both(name: str, before: Mapping[str, str], now: Mapping[str, str]) -> bool:
    return before.get(name, "").startswith("sha256:") and now.get(name, "").startswith("sha256:")
