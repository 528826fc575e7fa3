"""Divide the rows once, before anything learns, and look for what would leak from one part into another."""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Annotated, Literal

import msgspec
from msgspec import Meta

from mlagent.core.artifact import Artifact
from mlagent.core.stage import Needs, Package, Stage

if TYPE_CHECKING:
    from pathlib import Path

    from mlagent.core.context import Context, Outputs


class Config(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What may leak, and how numbers are scaled."""

    scaling: Annotated[
        Literal["none", "standard"],
        Meta(description="standard: numbers less their mean, by their standard deviation, both of the training part."),
    ] = "none"

    giveaway_max: Annotated[
        float,
        Meta(
            gt=0,
            le=1,
            description="How much of the target one column may give away"
            " (classes: Goodman-Kruskal lambda; numbers: share of the variance of their ranks).",
        ),
    ] = 0.95
    crossing_max: Annotated[
        float,
        Meta(ge=0, le=1, description="The share of other rows whose key the training part may hold too."),
    ] = 0.0


def run(config: Config, inputs: "Mapping[str, Path]", ctx: "Context") -> "Outputs":
    """Divide, look for leaks, encode by the training part, and write the three parts."""
    from mlagent import __version__
    from mlagent.core.context import Outputs
    from mlagent.core.verdict import check, verdict
    from mlagent.data import encode, schema_file, split, table

    data = ctx.sections["data"]
    schema = schema_file.load(ctx.project / data.schema, data.schema) if data.schema else None
    rows = table.read(ctx.data, data, schema)
    data = table.settled(data, rows)
    masks = split.parts(rows, data)
    leaks = split.leaks(rows, masks, data)
    shape = encode.fit(rows.where(masks["train"]).features, rows.classes, schema, config.scaling, data.kind)
    for name, mask in masks.items():
        part = rows.where(mask)
        split.save(encode.apply(shape, part.features), part.target, ctx.work / f"{name}.npz")
        if name != "train":
            split.save_rows(part, data.target, ctx.work / f"{name}-rows.parquet")
    (ctx.work / "shape.json").write_bytes(msgspec.json.encode(shape))
    known = f"{data.key} (data.key)" if data.key else "features"
    crossing = check(
        f"share of other rows whose {known} the training part holds too",
        leaks.crossing / leaks.others,
        "<=",
        config.crossing_max,
        samples=leaks.others,
        severity="fail" if data.key else "warn",
    )
    worst = max(leaks.giveaways, key=lambda name: leaks.giveaways[name])
    given = [
        check(f"target given away by {name}", value, "<=", config.giveaway_max, samples=int(masks["train"].sum()))
        for name, value in leaks.giveaways.items()
        if value > config.giveaway_max or name == worst
    ]
    sizes = ", ".join(f"{int(mask.sum())} {name}" for name, mask in masks.items())
    return Outputs(
        summary=f"{sizes} rows; {shape.features} features of {len(shape.encoding)} columns",
        verdicts=(verdict("split", [crossing, *given], inputs=ctx.facts, tools={"mlagent": __version__}),),
        hint="a column that holds the answer is no feature: data.exclude; rows that belong together: data.group",
    )


STAGE = Stage(
    name="split",
    title="Divide the rows",
    about="Divides the rows into train, validation and test by content, key, group, time or file; looks for leaks.",
    config=Config,
    run=run,
    writes=(
        Artifact("shape", "shape.json", "the features in order, the categories of columns, the number of classes"),
        Artifact("train-part", "train.npz", "the rows to learn from"),
        Artifact("validation-part", "validation.npz", "the rows that choose the epoch"),
        Artifact("test-part", "test.npz", "the rows that training never sees"),
        Artifact("validation-rows", "validation-rows.parquet", "the validation rows as they stand in the data"),
        Artifact("test-rows", "test-rows.parquet", "the test rows as they stand in the data"),
    ),
    sections=("data",),
    facts=("data", "schema"),
    effect="compute",
    revision=3,
    needs=Needs(packages=(Package("polars", "control"), Package("numpy", "control"))),
)
