"""How a run ended, in one sentence: what a manager reads first."""

from typing import NamedTuple

from mlagent.core.verdict import Check
from mlagent.report.run import Ran, Run

ENDED = ("refused", "inconclusive", "invalid", "held", "undone", "failed", "stopped", "running")

SAID = {
    "refused": ("blocked", "Blocked by {name}: {why}. Nothing after it ran."),
    "undone": ("blocked", "Rolled back by {name}: {why}. Nothing after it ran."),
    "inconclusive": ("inconclusive", "Inconclusive in {name}, and no data is not a pass: {why}."),
    "invalid": ("invalid", "Invalid in {name}: what was measured says nothing, good or bad: {why}."),
    "held": ("waiting", "Waiting in {name}: {why}."),
}


class Outcome(NamedTuple):
    """A word, the sentence, and what to do about it."""

    word: str
    sentence: str
    hint: str = ""


def outcome(run: Run) -> Outcome:
    """Decided by the first stage, in order, that did not end well, else by the first that has not run."""
    open_ = next((one for state in (ENDED, ("not run",)) for one in run.stages if one.state in state), None)
    done = sum(one.state == "done" for one in run.stages)
    of = sum(one.state != "off" for one in run.stages)
    skipped = ", ".join(one.name for one in run.stages if one.state == "skipped")
    if open_ is None and skipped:
        return Outcome(
            "skipped",
            f"Passed {done} of {of} stages, and skipped {skipped}: not to be deployed{_let_go(run)}.",
            "take it out of stages.skip in mlpipeline.yaml, and run again",
        )
    if open_ is None:
        checks = sum(len(one.checks) for one in run.stages)
        return Outcome("passed", f"Passed all {of} stages and {checks:,} checks{_let_go(run)}.")
    if open_.state == "not run":
        so_far = f"{done} of {of} passed so far" if done else "none has yet"
        return Outcome("incomplete", f"Not all stages have run: {so_far}, {open_.name} is next{_let_go(run)}.")
    return _ended(open_, run)


def _ended(stage: Ran, run: Run) -> Outcome:
    why = _because(stage)
    if stage.state in SAID:
        kind, words = SAID[stage.state]
        return Outcome(kind, words.format(name=stage.name, why=why), stage.hint)
    if stage.state == "stopped":
        return Outcome("interrupted", f"Interrupted in {stage.name}; the same command goes on from there.")
    if stage.state == "running" and run.alive:
        return Outcome("running", f"Still running: in {stage.name}, since {stage.started[:19].replace('T', ' ')} UTC.")
    if stage.state == "running":
        return Outcome(
            "interrupted", f"Cut off in {stage.name}, and nobody runs it now; the same command goes on from there."
        )
    return Outcome("failed", f"Failed in {stage.name}: {why}.", stage.hint)


def _because(stage: Ran) -> str:
    """The first check that did not pass, and how many more; else what the stage said."""
    broken = stage.broken
    if not broken:
        return stage.summary.removeprefix(f"{stage.name}: ").rstrip(".") or "it said nothing"
    more = f"; and {len(broken) - 1} more of {len(stage.checks)} checks did not pass" if len(broken) > 1 else ""
    return broken[0].reason + more


def _let_go(run: Run) -> str:
    """What passed though a check did not: a reader who decides must know."""
    checks = [check for one in run.stages for check in one.checks]
    warned, waived = (_those(checks, outcome) for outcome in ("warn", "waived"))
    owners = ", ".join(sorted({one.waiver.owner for one in waived if one.waiver}))
    parts = [f"{len(warned)} check{'s' * (len(warned) > 1)} only warned"] if warned else []
    parts += [f"{len(waived)} {'were' if len(waived) > 1 else 'was'} waived by {owners}"] if waived else []
    return f"; {' and '.join(parts)}" if parts else ""


def _those(checks: list[Check], outcome: str) -> list[Check]:
    return [one for one in checks if one.outcome == outcome]
