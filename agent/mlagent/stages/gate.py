"""Only judges: compares what was measured with what was asked for, and says no where it must."""

from collections.abc import Mapping
from datetime import UTC, datetime, time
from typing import TYPE_CHECKING, Annotated, Literal

import msgspec
from msgspec import Meta

from mlagent.core.stage import Needs, Package, Stage
from mlagent.core.verdict import GOOD, WORST_FIRST, Check, verdict

if TYPE_CHECKING:
    from pathlib import Path

    from mlagent.core.context import Context, Outputs
    from mlagent.measure.evaluation import Evaluation
    from mlagent.measure.gating import Limits
SHOWN = 3
LIMITS = "evaluation.json has every figure; the limits are the keys of `gate:` (agent/docs/gate.md)"
TOO_FEW = "more rows, or a greater data.test; gate.rows_min says how few decide nothing, labels_min how few of a class"
OWN_GAP = r"^\s*\w+_(difference|ratio) of .+(<=|>=)\s*[0-9.]+\s*$"
AtMostOne = Annotated[float, Meta(le=1)]
Correlation = Annotated[float, Meta(ge=-1, le=1)]
NotNegative = Annotated[float, Meta(ge=0)]
Share = Annotated[float, Meta(ge=0, le=1)]


class Config(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What a model must reach to ship; a limit that is not set is not judged."""

    accuracy_min: Annotated[Share | None, Meta(description="The least share of rows classified right.")] = None
    balanced_accuracy_min: Annotated[Share | None, Meta(description="The least mean recall over the classes.")] = None
    roc_auc_min: Annotated[Share | None, Meta(description="The least area under the ROC curve (two classes).")] = None
    pr_auc_min: Annotated[Share | None, Meta(description="The least average precision (two classes).")] = None
    f1_min: Annotated[Share | None, Meta(description="The least F1 at the decision threshold (two classes).")] = None
    precision_min: Annotated[
        Share | None, Meta(description="The least precision at the decision threshold (two classes).")
    ] = None
    recall_min: Annotated[
        Share | None, Meta(description="The least recall at the decision threshold (two classes).")
    ] = None
    specificity_min: Annotated[
        Share | None, Meta(description="The least specificity at the decision threshold (two classes).")
    ] = None
    mcc_min: Annotated[
        Correlation | None,
        Meta(description="The least Matthews correlation at the decision threshold (two classes)."),
    ] = None
    macro_f1_min: Annotated[Share | None, Meta(description="The least mean F1 over the classes (several classes).")] = (
        None
    )
    macro_auc_min: Annotated[
        Share | None,
        Meta(
            description="The least mean area under the ROC curve, one class against the rest (several classes).",
        ),
    ] = None
    r2_min: Annotated[
        AtMostOne | None, Meta(description="The least share of the variance that is explained (regression).")
    ] = None
    gini_min: Annotated[
        AtMostOne | None, Meta(description="The least Gini index of the order, 1 for the true order (counts).")
    ] = None
    log_loss_max: Annotated[NotNegative | None, Meta(description="The greatest mean log loss in nats (classes).")] = (
        None
    )
    brier_max: Annotated[NotNegative | None, Meta(description="The greatest Brier score (classes).")] = None
    calibration_error_max: Annotated[
        NotNegative | None,
        Meta(description="The greatest calibration error over ten quantile bins (classes); noise alone gives some."),
    ] = None
    mae_max: Annotated[
        NotNegative | None,
        Meta(description="The greatest mean absolute error, in the target's unit (regression, counts)."),
    ] = None
    rmse_max: Annotated[
        NotNegative | None,
        Meta(description="The greatest root of the mean squared error, in the target's unit (regression, counts)."),
    ] = None
    poisson_deviance_max: Annotated[
        NotNegative | None, Meta(description="The greatest mean Poisson deviance (counts).")
    ] = None
    mean_prediction_ratio_min: Annotated[
        NotNegative | None, Meta(description="The least mean prediction by the mean of what came true.")
    ] = None
    mean_prediction_ratio_max: Annotated[
        NotNegative | None, Meta(description="The greatest mean prediction by the mean of what came true.")
    ] = None
    bias_min: Annotated[float | None, Meta(description="The least mean of prediction less target (regression).")] = None
    bias_max: Annotated[float | None, Meta(description="The greatest mean of prediction less target (regression).")] = (
        None
    )

    demographic_parity_difference_max: Annotated[
        Share | None, Meta(description="The greatest difference of selection rates between groups.")
    ] = None
    demographic_parity_ratio_min: Annotated[
        Share | None,
        Meta(description="The least ratio of selection rates between groups (0.8: the four-fifths rule)."),
    ] = None
    equal_opportunity_difference_max: Annotated[
        Share | None, Meta(description="The greatest difference of true positive rates between groups.")
    ] = None
    equal_opportunity_ratio_min: Annotated[
        Share | None, Meta(description="The least ratio of true positive rates between groups.")
    ] = None
    fpr_difference_max: Annotated[
        Share | None, Meta(description="The greatest difference of false positive rates between groups.")
    ] = None
    fpr_ratio_min: Annotated[
        Share | None, Meta(description="The least ratio of false positive rates between groups.")
    ] = None
    equalized_odds_difference_max: Annotated[
        Share | None,
        Meta(description="The greater of the differences of true and of false positive rates."),
    ] = None
    accuracy_difference_max: Annotated[
        Share | None, Meta(description="The greatest difference of accuracies between groups (classes).")
    ] = None
    bias_difference_max: Annotated[
        NotNegative | None,
        Meta(description="The greatest difference of mean errors between groups (regression, counts)."),
    ] = None
    mae_difference_max: Annotated[
        NotNegative | None,
        Meta(description="The greatest difference of mean absolute errors between groups (regression, counts)."),
    ] = None

    gaps: Annotated[
        tuple[Annotated[str, Meta(pattern=OWN_GAP)], ...],
        Meta(description="Limits for single attributes: `demographic_parity_difference of Gender <= 0.05`."),
    ] = ()

    slice_roc_auc_min: Annotated[
        Share | None, Meta(description="The least ROC AUC of the worst slice (two classes).")
    ] = None
    slice_accuracy_min: Annotated[
        Share | None, Meta(description="The least accuracy of the worst slice (several classes).")
    ] = None
    slice_log_loss_max: Annotated[
        NotNegative | None, Meta(description="The greatest log loss of the worst slice (classes).")
    ] = None
    slice_mae_max: Annotated[
        NotNegative | None, Meta(description="The greatest mean absolute error of the worst slice (regression).")
    ] = None
    slice_poisson_deviance_max: Annotated[
        NotNegative | None, Meta(description="The greatest Poisson deviance of the worst slice (counts).")
    ] = None

    bound: Annotated[
        Literal["value", "interval"],
        Meta(description="interval: limits hold for the worse end of the figure's interval, not for the figure alone."),
    ] = "value"
    compare_by: Annotated[
        str | None,
        Meta(description="The metric that is compared with a constant answer and with production; null: by the task."),
    ] = None
    baseline_margin: Annotated[
        NotNegative | None, Meta(description="By so much the model must surely be better than a constant answer.")
    ] = 0.0
    production_margin: Annotated[
        NotNegative | None, Meta(description="By more than so much it must surely not be worse than production.")
    ] = 0.01
    bias: Annotated[
        Literal["judged", "not_applicable"],
        Meta(description="not_applicable: no one is treated unlike by this model; bias_reason says why."),
    ] = "judged"
    bias_reason: Annotated[str, Meta(description="Why bias is not judged; it stands in the verdict.")] = ""
    rows_min: Annotated[int, Meta(ge=1, description="Fewer test rows than this say nothing: inconclusive.")] = 100
    labels_min: Annotated[
        int, Meta(ge=1, description="Fewer test rows of any class than this say nothing: inconclusive.")
    ] = 10
    selected_min: Annotated[
        int,
        Meta(
            ge=0,
            description="Gaps say nothing where fewer rows of the smallest group would be said 1 if all were alike.",
        ),
    ] = 5

    def __post_init__(self) -> None:
        """Leave out bias only with a reason."""
        if (self.bias == "not_applicable") != bool(self.bias_reason.strip()):
            message = "bias_reason says why bias is not_applicable: give both or neither"
            raise ValueError(message)


def run(config: Config, inputs: "Mapping[str, Path]", ctx: "Context") -> "Outputs":
    """Judge every limit, the gain on a constant answer and on production, groups and slices; then apply waivers."""
    from mlagent import __version__
    from mlagent.config import waivers
    from mlagent.core.context import Outputs
    from mlagent.measure import evaluation, gating

    found = evaluation.decode(inputs["evaluation"].read_bytes())
    limits = _limits(config, found)
    _refuse_unfit(config, found, limits)
    file = ctx.references.get("waivers")
    entries = waivers.load(file) if file else []
    today = datetime.now(UTC).date()
    project = ctx.sections["project"].name
    checks = [waivers.applied(one, entries, project, today) for one in gating.checks(found, limits)]
    until = min((one.waiver.expires for one in checks if one.waiver), default=None)
    judged = verdict(
        "gate",
        checks,
        inputs={**ctx.digests, **{name: one for name, one in ctx.facts.items() if one.startswith("sha256:")}},
        tools={"mlagent": __version__},
        valid_until=datetime.combine(until, time.max, UTC).isoformat(timespec="seconds") if until else None,
        notes=[f"bias: not applicable: {config.bias_reason}"] if config.bias == "not_applicable" else [],
    )
    return Outputs(
        summary=_said(checks),
        verdicts=(judged,),
        hint=TOO_FEW if judged.outcome == "inconclusive" else LIMITS,
    )


def _limits(config: Config, found: "Evaluation") -> "Limits":
    from mlagent.measure.gating import COMPARED_BY, Limits, own_gap, sorted_out

    asked = {key: one for key, one in msgspec.to_builtins(config).items() if one is not None and one != ""}
    metrics, gaps, slices = sorted_out(asked)
    plain = {key: asked[key] for key in ("bound", "rows_min", "labels_min", "selected_min")}
    return Limits(
        metrics=metrics,
        gaps=gaps,
        own_gaps=tuple(map(own_gap, config.gaps)),
        slices=slices,
        compare_by=config.compare_by or COMPARED_BY[found.task],
        baseline_margin=config.baseline_margin,
        production_margin=config.production_margin,
        **plain,
    )


def _refuse_unfit(config: Config, found: "Evaluation", limits: "Limits") -> None:
    """What cannot be judged as it is asked for is a mistake in the file, not a no."""
    from mlagent.config.fields import nearest
    from mlagent.errors import ConfigError
    from mlagent.measure import gating
    from mlagent.measure.metrics import HIGHER_IS_BETTER, NAMES

    names = ", ".join(NAMES[found.task])
    wrong = gating.unfit(found.task, limits.metrics, limits.slices)
    if wrong:
        raise ConfigError(f"gate.{wrong[0]} does not fit this task ({found.task})", hint=f"its metrics: {names}")
    if limits.compare_by not in NAMES[found.task] or HIGHER_IS_BETTER[limits.compare_by] is None:
        raise ConfigError(
            f"gate.compare_by is {limits.compare_by!r}, which has no better end in this task ({found.task})",
            hint=f"its metrics: {names}",
        )
    groups = next(iter(found.models.values())).groups
    strangers = [one.attribute for one in limits.own_gaps if one.attribute not in groups]
    if strangers:
        raise ConfigError(
            f"gate.gaps limits {strangers[0]!r}, which is none of evaluate.groups{nearest(strangers[0], groups)}",
            hint=f"evaluate.groups: {', '.join(groups) or 'none'}",
        )
    if config.bias == "not_applicable":
        if groups or limits.gaps or limits.own_gaps:
            raise ConfigError(
                "gate.bias is not_applicable, yet groups are measured or their gaps limited",
                hint="take evaluate.groups and the limits of gaps out, or gate.bias and its reason",
            )
    elif not groups or not (limits.gaps or limits.own_gaps):
        raise ConfigError(
            "gate.bias: nothing says whom the model could treat unlike, or how unlike",
            hint="name sensitive columns in evaluate.groups and set a limit such as"
            " gate.demographic_parity_difference_max; or say gate.bias: not_applicable with gate.bias_reason",
        )


def _said(checks: list[Check]) -> str:
    """A sentence: what did not pass first, then what did."""
    order = sorted(checks, key=lambda one: WORST_FIRST.index(one.outcome))
    bad = sum(one.outcome not in GOOD for one in checks)
    shown = order[: max(bad, SHOWN)]
    rest = len(order) - len(shown)
    head = f"{bad} of {len(order)} checks did not pass: " if bad else f"{len(order)} of {len(order)} checks passed: "
    return head + "; ".join(one.reason for one in shown) + (f"; and {rest} more" if rest else "")


STAGE = Stage(
    name="gate",
    title="Gate on quality",
    about="Judges what was measured: limits on metrics, on gaps between groups and on the worst slice, the gain on a"
    " constant answer and on production; a failed gate blocks everything after it.",
    config=Config,
    run=run,
    reads=("evaluation",),
    accepts="data-profile",
    uses=("project",),
    facts=("waivers",),
    effect="compute",
    revision=2,
    needs=Needs(packages=(Package("numpy", "control"),), light=True),
)
