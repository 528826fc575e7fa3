"""How training went, epoch by epoch."""

import math
from collections.abc import Sequence
from typing import Any

from mlagent.plot.axes import Axis, reach
from mlagent.plot.lines import Curve, Rule, lines
from mlagent.report.html import absent, figure, figures, said, section
from mlagent.report.run import Missing, Run

NOT_DRAWN = ("epoch", "of", "at", "seconds")
MOST = 9


def training(run: Run) -> str:
    """Losses on one plot, every other figure on its own."""
    title = "Training"
    if isinstance(run.epochs, Missing):
        return section("training", title, absent(f"There are no learning curves: {run.epochs.why}."))
    epochs = [one for one in run.epochs if _number(one.get("epoch")) is not None]
    names = list(dict.fromkeys(name for one in epochs for name in one if name not in NOT_DRAWN))
    names = [name for name in names if any(_number(one.get(name)) is not None for one in epochs)]
    losses = [name for name in names if name.endswith("loss")][:3]
    groups = ([losses] if losses else []) + [[name] for name in names if name not in losses]
    if not groups:
        return section("training", title, absent("No figures were told of any epoch."))
    plain = said(f"{len(epochs)} epoch{'s' * (len(epochs) > 1)}{_more(run)}.")
    left = f"{len(groups) - MOST} more figures stand in epochs.jsonl." if len(groups) > MOST else ""
    drawn = figures(_plot(group, epochs) for group in groups[:MOST])
    return section("training", title, plain, drawn, said(left) if left else "")


def _more(run: Run) -> str:
    """Whether these are all the epochs there will be."""
    stage = run.stage("train")
    if stage is None or stage.state == "done":
        return ""
    return ", and it goes on" if stage.state == "running" else ", and it did not end well"


def _plot(names: Sequence[str], epochs: Sequence[dict[str, Any]]) -> str:
    at = [float(one["epoch"]) for one in epochs]
    curves = [Curve(_plain(name), at, [_float(one.get(name)) for one in epochs]) for name in names]
    low, high = reach([value for one in curves for value in one.y])
    ends = (min(at), max(at)) if len(set(at)) > 1 else (at[0] - 1, at[0] + 1)
    title = " and ".join(one.name for one in curves) if len(curves) < 3 else "losses"
    y = Axis("loss (lower is better)" if len(curves) > 1 else curves[0].name, low, high)
    return figure(
        f"{title[0].upper()}{title[1:]} by epoch",
        lines(f"{title} by epoch", curves, Axis("epoch", *ends, whole=True), y, rules=_best(curves)),
    )


def _best(curves: Sequence[Curve]) -> list[Rule]:
    """Where the loss on the validation part is lowest: the epoch that is kept."""
    for one in curves:
        known = [(value, at) for at, value in zip(one.x, one.y, strict=True) if math.isfinite(value)]
        if one.name == "validation loss" and len(known) > 1:
            return [Rule("x", min(known)[1], f"lowest: epoch {min(known)[1]:g}")]
    return []


def _number(value: object) -> float | None:
    return float(value) if isinstance(value, int | float) and math.isfinite(value) else None


def _float(value: object) -> float:
    found = _number(value)
    return math.nan if found is None else found


def _plain(name: str) -> str:
    return name.replace("_", " ")
