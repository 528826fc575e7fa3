"""How a release came to its environments: ready pods of the old and the new version over time, phase by phase."""

from collections.abc import Sequence
from itertools import pairwise

from mlagent.plot.axes import Axis
from mlagent.plot.lines import Curve, Rule, lines
from mlagent.plot.words import text
from mlagent.report.html import absent, figure, said, section, table
from mlagent.report.run import Missing, Moment, Rollout, Run

TITLE = "Rollout"
APART = 0.2  # of the width: words of marks that are closer would run into each other
MOST = 60  # rows; of a longer one the quiet ones in between are left out


def rollout(run: Run) -> str:
    """A plot and a table for each environment."""
    parts = []
    for environment, found in run.rollouts.items():
        parts += _missing(environment, found) if isinstance(found, Missing) else _shown(environment, found)
    return section("rollout", TITLE, *(parts or [absent("Nothing was deployed.")]))


def _missing(environment: str, found: Missing) -> list[str]:
    return [absent(f"Nothing is told of {environment}: {found.why}.")]


def _shown(environment: str, found: Rollout) -> list[str]:
    moments = found.moments
    if not moments:
        return [absent(f"Nothing happened in {environment} that a time line could tell.")]
    caption = f"Ready pods in {environment} over time"
    drawn = figure(caption, _plot(caption, found), _note(found)) if moments[-1].at > moments[0].at else ""
    return [said(_about(environment, found)), drawn, _table(environment, found)]


def _about(environment: str, found: Rollout) -> str:
    last = found.moments[-1]
    least = min(one.old + one.new for one in found.moments)
    began = f"{found.old} served before" if found.old else "nothing served before"
    return (
        f"{environment}: {found.new} came ({began}); {last.phase} after {last.at - found.moments[0].at:.1f} s."
        f" At least {least} pods were ready all the time, {last.wanted} are wanted."
    )


def _note(found: Rollout) -> str:
    return f"Upright lines mark where a phase begins; the last one is {found.moments[-1].phase}."


def _plot(title: str, found: Rollout) -> str:
    at = [one.at for one in found.moments]
    curves = [Curve(f"new: {found.new}", *_steps(at, [one.new for one in found.moments]))]
    if found.old:
        curves.append(Curve(f"old: {found.old}", *_steps(at, [one.old for one in found.moments])))
    top = max(max(one.old, one.new, one.wanted) for one in found.moments)
    up = Axis("ready pods", 0, top * 1.15 or 1.0, whole=True)
    wanted = found.moments[-1].wanted
    limit = [Rule("y", wanted, f"wanted: {wanted}")] if wanted else []
    return lines(title, curves, Axis("seconds", at[0], at[-1]), up, rules=[*limit, *_marks(found.moments)])


def _steps(at: Sequence[float], values: Sequence[int]) -> tuple[list[float], list[float]]:
    """A number of pods holds until the next one is seen."""
    x, y = [at[0]], [float(values[0])]
    for (_, before), (now, after) in pairwise(zip(at, values, strict=True)):
        x += [now, now]
        y += [float(before), float(after)]
    return x, y


def _marks(moments: Sequence[Moment]) -> list[Rule]:
    """Where each phase begins; its words only where they have room."""
    marks: list[Rule] = []
    span, free = moments[-1].at - moments[0].at, moments[0].at
    for before, now in pairwise(moments):
        if now.phase != before.phase:
            room = now.at >= free
            marks.append(Rule("x", now.at, now.phase if room else ""))
            free = now.at + APART * span if room else free
    return marks


def _table(environment: str, found: Rollout) -> str:
    """The same in words, for those who do not see the plot."""
    kept = _told(found.moments)
    rows = [(f"{one.at:.1f}", text(one.phase), str(one.old), str(one.new), text(one.event)) for one in kept]
    left = len(found.moments) - len(kept)
    caption = f"What happened in {environment}" + (f" ({left} quiet moments are left out)" if left else "")
    return table(caption, ("seconds", "phase", "old ready", "new ready", "event"), rows, numbers=(2, 3), wide=4)


def _told(moments: Sequence[Moment]) -> Sequence[Moment]:
    """All of a short time line; of a long one what changed the phase or is told in words, at most so many."""
    if len(moments) <= MOST:
        return moments
    loud = [now for before, now in pairwise(moments) if now.event or now.phase != before.phase]
    kept = [moments[0], *loud[: MOST - 2]]
    return kept if kept[-1] is moments[-1] else [*kept, moments[-1]]
