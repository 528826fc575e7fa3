"""Only judges: compares what was measured with what was asked for, and says no where it must."""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Annotated

import msgspec
from msgspec import Meta

from mlagent.core.stage import Needs, Package, Stage

if TYPE_CHECKING:
    from pathlib import Path

    from mlagent.core.context import Context, Outputs


class Config(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The floor below which nothing ships."""

    accuracy_min: Annotated[float, Meta(ge=0, le=1, description="The least share of unseen rows classified right.")] = (
        0.9
    )
    rows_min: Annotated[int, Meta(ge=1, description="Fewer test rows than this say nothing: inconclusive.")] = 100


def run(config: Config, inputs: "Mapping[str, Path]", ctx: "Context") -> "Outputs":
    """Judge accuracy against the floor, and against always naming the commonest class."""
    from functools import partial

    from mlagent import __version__
    from mlagent.core.context import Outputs
    from mlagent.core.verdict import check, verdict
    from mlagent.measure.classification import Metrics

    metrics = msgspec.json.decode(inputs["metrics"].read_bytes(), type=Metrics)
    judge = partial(check, samples=metrics.rows, samples_min=config.rows_min)
    gain = metrics.accuracy - metrics.baseline_accuracy
    checks = [
        judge("accuracy", metrics.accuracy, ">=", config.accuracy_min, interval=metrics.accuracy_interval),
        judge("accuracy above the commonest class's", gain, ">=", 0.0),
    ]
    judged = verdict("gate", checks, inputs=ctx.digests, tools={"mlagent": __version__})
    return Outputs(
        summary="; ".join(one.reason for one in checks),
        verdicts=(judged,),
        hint="train longer or on better data; the floor is gate.accuracy_min",
    )


STAGE = Stage(
    name="gate",
    title="Gate on quality",
    about="Compares the measured accuracy with the floor; a failed gate blocks everything after it.",
    config=Config,
    run=run,
    reads=("metrics",),
    accepts="data-profile",
    effect="compute",
    needs=Needs(packages=(Package("numpy", "control"),)),
)
