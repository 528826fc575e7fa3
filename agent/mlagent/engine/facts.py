"""What a run did, as facts for the ledger, made from its record; `telling` brings each there once."""

import os
from collections.abc import Iterator, Mapping

import msgspec

from mlagent.core import digest
from mlagent.core.artifact import ABSENT, Stored
from mlagent.core.digest import Digest
from mlagent.core.ports.ledger import Fact, What
from mlagent.core.stage import Stage
from mlagent.core.verdict import GOOD, Check, Verdict
from mlagent.engine import origin
from mlagent.engine.clock import now
from mlagent.engine.record import RunRecord, StageRecord
from mlagent.measure.drift import is_drift

HAPPENED, MADE_BY = "happened", "made_by"
RELEASES = ("image", "onnx")  # the artifacts that name one, the best first
ENDS = ("done", "refused", "inconclusive", "invalid", "undone", "failed")
NAMELESS = frozenset({HAPPENED, MADE_BY, "rows", "commit", "dirty", "says"})  # details that make no other fact
OF_ITS_RELEASE = ("data-accepted", "retrained")


def key(fact: Fact) -> str:
    """What a fact of a run is called: the same however often, by whom and when it is told."""
    said = {name: text for name, text in fact.details.items() if name not in NAMELESS}
    about = fact.release if fact.what in OF_ITS_RELEASE else ""
    return f"{fact.what} {digest.of_json([fact.environment, about, said])}"


def maker(fact: Fact) -> str:
    """The run that it is about, where another one tells it."""
    return fact.details.get(MADE_BY) or fact.run


def release(made: Mapping[str, Stored]) -> Digest:
    """What a run is about by what it has made so far: its image, else its model, else nothing."""
    found = (made[name] for name in RELEASES if name in made)
    return next((one.digest for one in found if one != ABSENT), "")


def of_stage(run: RunRecord, stage: Stage, entry: StageRecord, about: Digest) -> Iterator[Fact]:
    """What the end of a stage says: its verdicts with what was waived and what drifted, and a model that is new."""
    for verdict in entry.verdicts:
        yield from _of_verdict(run, stage, verdict, about)
    onnx = entry.outputs.get("onnx")
    if onnx and run.reason and entry.reused_from in (None, run.run_id):
        yield _fact(run, "retrained", onnx.digest, reason=run.reason)


def _of_verdict(run: RunRecord, stage: Stage, verdict: Verdict, about: Digest) -> Iterator[Fact]:
    name, where = digest.of_json(verdict), stage.environment
    judged = {"subject": verdict.subject, "outcome": verdict.outcome, "stage": stage.name}
    yield _fact(run, "verdict", about, where, (name,), **judged, digest=name)
    for one in verdict.checks:
        if one.waiver:
            waiver = {"owner": one.waiver.owner, "reason": one.waiver.reason, "expires": str(one.waiver.expires)}
            yield _fact(run, "waived", about, where, check=one.metric, stage=stage.name, **waiver)
    moved = [one for one in verdict.checks if one.outcome != "pass" and is_drift(one.metric)]
    if moved:
        worst = max(moved, key=_badness)
        says = {"subject": verdict.subject, "worst": worst.metric, "says": worst.reason}
        yield _fact(run, "drifted", about, where, **says, verdict=name)


def _badness(one: Check) -> tuple[bool, float]:
    """What fails before what is let go, then by how far it is past its threshold."""
    return one.outcome not in GOOD, (one.value or 0.0) / one.threshold if one.threshold else one.value or 0.0


def accepted(run: RunRecord, data: Digest, profile: Digest, rows: int | None) -> Fact:
    """These rows passed the gate: what new ones are compared with."""
    counted = {} if rows is None else {"rows": str(rows)}
    return _fact(run, "data-accepted", data, "", (profile,), **counted)


def skipped(run: RunRecord, stage: Stage, reason: str, about: Digest) -> Fact:
    """The team leaves a stage out."""
    return _fact(run, "overridden", about, stage.environment, what=f"stages.skip: {stage.name}", reason=reason)


def overrode(run: RunRecord, stage: Stage, switch: str, about: Digest) -> Fact:
    """A stage was told to do in its environment what it does not do by itself."""
    what = {"what": f"{stage.command} --{switch}", "reason": stage.switches[switch], "attempt": str(run.attempt)}
    return _fact(run, "overridden", about, stage.environment, **what)


def finished(run: RunRecord, outcome: str, stage: str, category: str, about: Digest) -> Fact:
    """The run came to an end: through all stages, or at one that did not go well, with the category of its error."""
    said = {"outcome": outcome, "stage": stage, "category": category, "attempt": str(run.attempt)}
    said |= {"commit": run.commit or "", "dirty": "" if run.dirty is None else str(run.dirty).lower()}
    said |= {"pull_request": os.environ.get("CHANGE_ID", "")}
    return _fact(run, "run-finished", about, **{name: text for name, text in said.items() if text})


def of_another(fact: Fact, run: RunRecord) -> Fact:
    """The same, said to be of the run that made the result; it happened at some time since that began."""
    return msgspec.structs.replace(fact, time=run.begun, details={**fact.details, MADE_BY: run.run_id})


def late(fact: Fact) -> Fact:
    """The same, for a ledger that is told later than it happened."""
    made_elsewhere = MADE_BY in fact.details
    return fact if made_elsewhere else msgspec.structs.replace(fact, details={**fact.details, HAPPENED: fact.time})


def _fact(
    run: RunRecord,
    what: What,
    about: Digest,
    environment: str = "",
    holds: tuple[Digest, ...] = (),
    /,
    **details: str,
) -> Fact:
    return Fact(
        what=what,
        model=run.project,
        who=origin.who(),
        time=now(),
        release=about,
        environment=environment,
        build=run.build,
        run=run.run_id,
        holds=holds,
        details=details,
    )
