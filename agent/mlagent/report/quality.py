"""How good the model is that ships: every metric beside a constant answer and production, and its curves."""

import math
from collections.abc import Iterator

from mlagent.measure.bootstrap import Interval
from mlagent.measure.curves import Reliability
from mlagent.measure.evaluation import CONSTANT, PRODUCTION, Curves, Evaluation, Measured
from mlagent.measure.gating import gained
from mlagent.measure.headlines import HEADLINES, spoken
from mlagent.measure.metrics import HIGHER_IS_BETTER, NAMES
from mlagent.plot.axes import Axis, reach
from mlagent.plot.lines import Curve, Mark, Rule, lines
from mlagent.plot.whiskers import Figure, whiskers
from mlagent.plot.words import number, text
from mlagent.report.html import absent, figure, figures, said, section, table
from mlagent.report.run import Missing, Run

NO_CURVES = "ROC, precision-recall and calibration curves are of two classes, both among the rows; this target is: {}."
OTHERS = {CONSTANT: "constant answer", PRODUCTION: "production"}


def quality(run: Run) -> str:
    """Metrics of each model that could ship; curves of the one that does."""
    found = run.evaluation
    if isinstance(found, Missing):
        return section("quality", "Quality", absent(f"The model was not measured: {found.why}."))
    name, ships = next(iter(found.models.items()))
    drawn = [*_compared(found, ships), *(_curves(ships, ships.curves, found) if ships.curves else ())]
    tables = (_metrics(found, called, one, called == name) for called, one in found.models.items())
    plain = "" if ships.curves else absent(NO_CURVES.format(found.task))
    return section("quality", "Quality", said(_about(found)), *_unknown(found), *tables, figures(drawn), plain)


def _about(found: Evaluation) -> str:
    classes = f" ({', '.join(f'{one:,}' for one in found.labels)} by class)" if 0 < len(found.labels) <= 20 else ""
    known = math.isfinite(found.threshold)
    rule = f" From a probability of {number(found.threshold)} on it says 1 ({found.threshold_by})." if known else ""
    return (
        f"Measured on {found.rows:,} rows that training never saw{classes}; intervals of {100 * found.level:g} % from"
        f" {found.resamples:,} bootstrap resamples, comparisons on the same rows.{rule}"
    )


def _unknown(found: Evaluation) -> Iterator[str]:
    for name, why in found.unknown.items():
        yield absent(f"It is not compared with {OTHERS.get(name, name)}: {why}.")


def _metrics(found: Evaluation, called: str, one: Measured, ships: bool) -> str:  # noqa: FBT001 - of one caller
    others = [name for name in OTHERS if name in found.others]
    head = ["metric", "value", "interval"]
    for name in others:
        head += [OTHERS[name], f"gain over {OTHERS[name]}"]
    rows = []
    for metric in NAMES[found.task]:
        figure_ = one.metrics[metric]
        row = [text(spoken(metric)), number(figure_.value), _ends(figure_)]
        for name in others:
            row += [number(found.others[name][metric].value), _gain(metric, one.less[name][metric])]
        rows.append(row)
    caption = "Metrics of the model that ships" if ships else f"Metrics of the variant {called}"
    return table(caption, head, rows, numbers=range(1, len(head)))


def _ends(one: Interval) -> str:
    return f"{number(one.low)} to {number(one.high)}" if math.isfinite(one.low + one.high) else "not known"


def _gain(metric: str, apart: Interval) -> str:
    """How much better, with its interval, where one end is better."""
    if HIGHER_IS_BETTER[metric] is None:
        return "no better end"
    gain = gained(metric, apart)
    if math.isnan(gain.value):
        return number(gain.value)
    return f"{number(gain.value)}<br>({_ends(gain)})"


def _compared(found: Evaluation, ships: Measured) -> Iterator[str]:
    """The headline metrics beside those of the others, as dots with whiskers."""
    for metric in HEADLINES[found.task]:
        rows = [("this model", ships.metrics[metric])]
        rows += [(OTHERS[name], found.others[name][metric]) for name in OTHERS if name in found.others]
        dots = [Figure(name, one.value, one.low, one.high) for name, one in rows]
        word = spoken(metric)
        better = "higher" if HIGHER_IS_BETTER[metric] else "lower"
        axis = Axis(f"{word} ({better} is better)", *reach([end for one in dots for end in one[1:]]))
        yield figure(f"{word[0].upper()}{word[1:]} beside others", whiskers(f"{word} beside others", dots, axis))


def _curves(ships: Measured, curves: Curves, found: Evaluation) -> Iterator[str]:
    at = {name: one.value for name, one in ships.metrics.items()}
    threshold = f"threshold {number(found.threshold)}"
    yield figure(
        f"ROC curve, area {number(at['roc_auc'])}",
        lines(
            "ROC curve",
            [Curve("model", curves.roc.x, curves.roc.y)],
            Axis("false positive rate", 0, 1),
            Axis("true positive rate", 0, 1),
            marks=[Mark(1 - at["specificity"], at["recall"], threshold)],
            diagonal="chance",
        ),
    )
    found_share = found.labels[1] / found.rows if len(found.labels) == 2 else math.nan
    yield figure(
        f"Precision and recall, average precision {number(at['pr_auc'])}",
        lines(
            "Precision and recall",
            [Curve("model", curves.precision_recall.x, curves.precision_recall.y)],
            Axis("recall", 0, 1),
            Axis("precision", 0, 1),
            marks=[Mark(at["recall"], at["precision"], threshold)],
            rules=[Rule("y", found_share, "share of class 1")],
        ),
    )
    yield _calibration(curves.reliability, found.threshold, threshold)


def _calibration(told: Reliability, at: float, threshold: str) -> str:
    top = min(1.0, 1.1 * max(*told.predicted, *told.observed, 1e-9))
    return figure(
        "Calibration: what was said against what came true",
        lines(
            "Calibration",
            [Curve("tenths of the rows", told.predicted, told.observed)],
            Axis("probability said (mean of a tenth)", 0, top),
            Axis("share that came true", 0, top),
            rules=[Rule("x", at if at <= top else math.nan, threshold)],
            diagonal="as said",
        ),
    )
