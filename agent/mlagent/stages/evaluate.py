"""Measure the exported ONNX model, the one that ships, on rows that training never saw; judging is left to the gate."""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Annotated, Any, Literal

import msgspec
from msgspec import Meta

from mlagent.core.artifact import Artifact
from mlagent.core.stage import Needs, Package, Stage

if TYPE_CHECKING:
    from pathlib import Path

    import numpy as np
    import polars as pl

    from mlagent.core.context import Context, Outputs
    from mlagent.data.encode import Shape
    from mlagent.data.schema import Schema
    from mlagent.measure.metrics import Task

SHIPS = "model"
VARIANT = "onnx-"
Share = Annotated[float, Meta(ge=0, le=1)]


class Config(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Whom to compare, from which probability on the model says yes, and how sure figures are to be."""

    groups: Annotated[
        tuple[str, ...],
        Meta(description="Columns of sensitive attributes, features or not, whose groups are to be treated alike."),
    ] = ()
    slices: Annotated[
        tuple[str, ...],
        Meta(description="Columns on whose values the model is measured one by one; empty: all texts and booleans."),
    ] = ()
    threshold_by: Annotated[
        Literal["f1", "youden", "accuracy", "selection_rate"],
        Meta(description="What the decision threshold of a model of two classes makes best on the validation part."),
    ] = "f1"
    selection_rate: Annotated[
        float, Meta(gt=0, le=1, description="The share of rows to be said 1, where threshold_by is selection_rate.")
    ] = 0.1
    threshold: Annotated[Share | None, Meta(description="A decision threshold that is given instead of chosen.")] = None
    group_min: Annotated[int, Meta(ge=1, description="A group of fewer test rows is not judged: inconclusive.")] = 100
    label_min: Annotated[
        int, Meta(ge=1, description="So many rows of a group must have the label that a rate is about.")
    ] = 10
    slice_min: Annotated[int, Meta(ge=1, description="A slice of fewer test rows is passed over.")] = 100
    resamples: Annotated[int, Meta(ge=100, le=100_000, description="Bootstrap resamples that intervals come from.")] = (
        1000
    )
    level: Annotated[float, Meta(gt=0.5, lt=1, description="How often an interval is to hold the true figure.")] = 0.95
    seed: Annotated[int, Meta(ge=0, lt=2**32, description="Starts the resampling.")] = 1


def run(config: Config, inputs: "Mapping[str, Path]", ctx: "Context") -> "Outputs":
    """Score the test part by the model, a constant answer and the model in production; measure all on the same rows."""
    from mlagent.adapters.onnx_runtime import Scorer
    from mlagent.core.context import Outputs
    from mlagent.data import encode, schema_file, split
    from mlagent.measure import baseline, evaluation

    shape = msgspec.json.decode(inputs["shape"].read_bytes(), type=encode.Shape)
    task = _task(shape)
    data = ctx.sections["data"]
    schema = schema_file.load(ctx.project / data.schema, data.schema) if data.schema else None
    rows, (_, target) = split.load_rows(inputs["test-rows"]), split.load(inputs["test-part"])
    score = Scorer(inputs["onnx"])
    fed = encode.inputs(shape, rows)
    variants = {name.removeprefix(VARIANT): path for name, path in inputs.items() if name.startswith(VARIANT)}
    models = {SHIPS: _answer(task, score(fed))}
    models |= {name: _answer(task, Scorer(path)(fed)) for name, path in variants.items()}
    others = {
        evaluation.CONSTANT: baseline.constant(task, split.load(inputs["train-part"])[1], len(target), shape.classes)
    }
    known, unknown = _production(task, ctx, shape, rows)
    by = {name: _groups(schema, name, _column(rows, name, "groups")) for name in config.groups}
    sliced = config.slices or [one.column for one in shape.encoding if one.kind in ("text", "boolean")]
    threshold, chosen_by = _threshold(config, task, score, shape, inputs)
    found = evaluation.evaluate(
        task,
        models,
        {**others, **known},
        target,
        msgspec.convert(config, evaluation.Settings, from_attributes=True),
        threshold=threshold,
        threshold_by=chosen_by,
        groups={name: shown for name, (shown, _) in by.items()},
        slices={name: _groups(schema, name, _column(rows, name, "slices"))[0] for name in sliced},
        unknown=unknown,
        absent={name: absent for name, (_, absent) in by.items()},
    )
    (ctx.work / "evaluation.json").write_bytes(evaluation.encode(found))
    for name, reason in unknown.items():
        ctx.log.warning(f"the model in {name} is not compared: {reason}")
    return Outputs(summary=_said(found))


def _task(shape: "Shape") -> "Task":
    if shape.kind != "classification":
        return shape.kind
    return "binary" if shape.classes == 2 else "multiclass"


def _answer(task: "Task", scores: "np.ndarray") -> "np.ndarray":
    """What the model says (rows, classes) or (rows, 1), as metrics take it."""
    return scores if task == "multiclass" else scores[:, 1 if task == "binary" else 0]


def _threshold(
    config: Config,
    task: "Task",
    score: Any,  # noqa: ANN401 - a Scorer, imported late
    shape: "Shape",
    inputs: "Mapping[str, Path]",
) -> tuple[float | None, str]:
    """From which probability on it says 1, chosen on the validation part, and by what."""
    from mlagent.data import encode, split
    from mlagent.errors import ConfigError, InputError
    from mlagent.measure import threshold

    if task != "binary":
        if config.threshold is not None:
            raise ConfigError(
                f"evaluate.threshold is {config.threshold}, and only a model of two classes has one (this is {task})",
                hint="take evaluate.threshold out",
            )
        return None, ""
    if config.threshold is not None:
        return config.threshold, "evaluate.threshold"
    probability = _answer(task, score(encode.inputs(shape, split.load_rows(inputs["validation-rows"]))))
    objective: threshold.Objective = (
        ("selection_rate", config.selection_rate) if config.threshold_by == "selection_rate" else config.threshold_by
    )
    try:
        chosen = threshold.choose(probability, split.load(inputs["validation-part"])[1], objective)
    except ValueError as error:
        raise InputError(
            f"no decision threshold can be chosen on the validation part: {error}",
            hint="give evaluate.threshold, or a validation part that holds both classes (data.validation)",
        ) from error
    return chosen.threshold, f"{config.threshold_by} {chosen.score:.4g} on the validation part"


def _production(
    task: "Task", ctx: "Context", shape: "Shape", rows: "pl.DataFrame"
) -> "tuple[dict[str, np.ndarray], dict[str, str]]":
    """What the model in production says of the same rows, or why that is not known."""
    from mlagent.adapters.onnx_runtime import Scorer
    from mlagent.data import encode
    from mlagent.errors import InputError
    from mlagent.measure.evaluation import PRODUCTION

    if not ctx.facts["production-model"]:
        return {}, {}
    path = ctx.references.get("production-model")
    if path is None:
        return {}, {PRODUCTION: ctx.facts["production-model"]}
    try:
        score = Scorer(path)
        raw = set(score.types) != {"features"} or "features" in rows.columns
        scores = score(encode.feed(score.types, rows) if raw else {"features": encode.apply(shape, rows)})
    except InputError as error:
        return {}, {PRODUCTION: error.message}
    wanted = max(shape.classes, 1)
    if scores.shape[1] != wanted:
        return {}, {PRODUCTION: f"it gives {scores.shape[1]} answers a row, and this one {wanted}"}
    return {PRODUCTION: _answer(task, scores)}, {}


def _column(rows: "pl.DataFrame", name: str, key: str) -> "pl.Series":
    from mlagent.config.fields import nearest
    from mlagent.errors import ConfigError

    if name not in rows.columns:
        raise ConfigError(
            f"evaluate.{key} names {name!r}, which the rows do not have{nearest(name, rows.columns)}",
            hint=f"their columns: {', '.join(rows.columns)}",
        )
    return rows.get_column(name)


def _groups(schema: "Schema | None", name: str, values: "pl.Series") -> "tuple[np.ndarray, tuple[str, ...]]":
    """The group of each row, and groups without a row; of a sensitive column under names that hide its values."""
    from mlagent.data import groups

    named = groups.labels(values)
    absent = groups.absent(schema.columns.get(name) if schema else None, named)
    if not schema or name not in schema.sensitive:
        return named, absent
    shown = groups.masked(named)
    there = len(set(shown.tolist()))
    return shown, tuple(f"group {there + number}" for number, _ in enumerate(absent, 1))


def _said(found: Any) -> str:  # noqa: ANN401 - an Evaluation, imported late
    from mlagent.measure.headlines import HEADLINES, WORDS

    said = []
    for name in HEADLINES[found.task]:
        one, plain = found.models[SHIPS].metrics[name], found.others["constant"][name].value
        said.append(
            f"{WORDS.get(name, name)} {one.value:.4f} (95 %: {one.low:.4f} to {one.high:.4f}; constant {plain:.4f})"
        )
    worst = next(iter(found.models[SHIPS].slices.worst.values()), None)
    tail = f"; worst of {len(found.models[SHIPS].slices.slices)} slices: {worst.column}={worst.value}" if worst else ""
    return f"{', '.join(said)} on {found.rows} unseen rows{tail}".replace("95 %", f"{100 * found.level:g} %")


STAGE = Stage(
    name="evaluate",
    title="Evaluate what ships",
    about="Scores the exported ONNX model on rows that training never saw: metrics with intervals, groups, slices,"
    " a constant answer and the model in production on the same rows.",
    config=Config,
    run=run,
    reads=(
        "onnx",
        "onnx-fp32",
        "onnx-fp16",
        "onnx-int8",
        "shape",
        "train-part",
        "validation-part",
        "validation-rows",
        "test-part",
        "test-rows",
    ),
    writes=(Artifact("evaluation", "evaluation.json", "metrics with intervals, groups, slices, curves, comparisons"),),
    uses=("data",),
    facts=("schema", "production-model"),
    effect="compute",
    revision=4,
    needs=Needs(packages=(Package("polars", "control"), Package("onnxruntime", "control"))),
)
