"""Put the exported model behind a real HTTP server, and judge its answers and its latency as users feel it."""

from collections.abc import Mapping
from math import isfinite
from typing import TYPE_CHECKING, Annotated, Literal

import msgspec
from msgspec import Meta

from mlagent.core.artifact import Artifact
from mlagent.core.stage import Needs, Package, Stage

if TYPE_CHECKING:
    from pathlib import Path

    from polars import DataFrame

    from mlagent.core.context import Context, Outputs
    from mlagent.data.encode import Shape
    from mlagent.loadtest.answers import Wrong
    from mlagent.loadtest.golden import Golden
    from mlagent.loadtest.result import Result
    from mlagent.loadtest.verdict import Limits, Measured

GOLDEN = "golden.jsonl"
TOO_SLOW = "a smaller model, a lower load-test.rate_per_second, or a limit that this machine can meet"
TOO_LITTLE = (
    "nothing else should run on this machine meanwhile; for more requests, a greater load-test.duration_seconds;"
    " then give the same command again"
)
NO_LOAD = "latency and errors are not judged: no load was sent, for a golden row was not answered as expected"
NOT_THE_SAME = (
    f"the server does not answer what ONNX Runtime answers to the same row of {GOLDEN}: is signature.json the model's"
    " own, does the model compute the same on each call and for each size of a batch?"
)


class Config(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The service level, and the load under which it must hold."""

    p50_ms: Annotated[
        Annotated[float, Meta(gt=0)] | None, Meta(description="The median of latency; null sets no limit.")
    ] = None
    p95_ms: Annotated[
        Annotated[float, Meta(gt=0)] | None, Meta(description="The 95th percentile of latency; null sets no limit.")
    ] = None
    p99_ms: Annotated[
        float, Meta(gt=0, description="The 99th percentile of latency, from when a request was due, in milliseconds.")
    ] = 50.0
    error_rate_max: Annotated[float, Meta(ge=0, le=1, description="The share of requests that may fail.")] = 0.0
    rate_per_second: Annotated[float, Meta(gt=0, le=10_000, description="Requests a second, over all users.")] = 150.0
    users: Annotated[int, Meta(ge=1, le=1000, description="Independent users, each with a connection of its own.")] = 8
    duration_seconds: Annotated[float, Meta(gt=0, le=3600, description="How long latencies are kept.")] = 10.0
    warmup_seconds: Annotated[float, Meta(ge=0, le=600, description="How long load runs before that.")] = 2.0
    timeout_seconds: Annotated[float, Meta(gt=0, le=600, description="A request that takes longer is an error.")] = 5.0
    requests_min: Annotated[int, Meta(ge=1, description="Fewer kept requests than this say nothing: inconclusive.")] = (
        1000
    )
    valid_hours: Annotated[
        float, Meta(gt=0, le=8760, description="How long a reading holds for later attempts of the same run.")
    ] = 24.0
    late_share_max: Annotated[
        float, Meta(ge=0, le=1, description="The share of requests the meter itself may send over 5 ms late.")
    ] = 0.05
    golden: Annotated[
        Literal["synthetic", "test-rows"],
        Meta(description="Which rows are asked for: made up from the schema, or real ones of the test part."),
    ] = "synthetic"
    golden_rows: Annotated[int, Meta(ge=1, le=10_000, description="How many rows are asked for, in turn.")] = 256
    tolerance: Annotated[
        float,
        Meta(ge=0, le=1, description="How far an answer may be from the expected one: so much, and that part of it."),
    ] = 1e-4
    seed: Annotated[int, Meta(ge=0, lt=2**32, description="Draws the moments at which users ask, and the rows.")] = 1


def run(config: Config, inputs: "Mapping[str, Path]", ctx: "Context") -> "Outputs":
    """Serve the ONNX file on loopback; ask for golden rows, first one by one and then under load; judge the answers."""
    from mlagent.loadtest import functional, golden

    name = ctx.sections["project"].name
    rows = _golden(config, inputs, ctx)
    golden.write(ctx.work / GOLDEN, rows)
    files = ["--model", str(inputs["onnx"]), "--signature", str(inputs["signature"])]
    arguments = [*files, "--name", name, "--port", "0", "--metrics-port", "0"]
    with ctx.tools.serve("mlagent.serving", arguments, ctx.work / "server.json") as url:
        ctx.log.info(f"serving {name} at {url}")
        wrong = functional.check(
            url,
            rows,
            tolerance=config.tolerance,
            timeout_seconds=config.timeout_seconds,
            real=config.golden == "test-rows",
        )
        if wrong is None:
            _measure(config, url + functional.PATH, ctx)
    return _judged(config, ctx, wrong, len(rows))


def _measure(config: Config, url: str, ctx: "Context") -> None:
    """Send the load; once more where the meter itself was late, since such a reading says nothing."""
    for again in (True, False):
        ctx.tools.run("mlagent.loadtest", _request(config, url, ctx), ctx.work)
        measured, result = _measured(config, ctx)
        late = measured.late_share
        if late <= config.late_share_max or result.wrong:
            return
        told = "measuring once more" if again else "nothing can be said"
        ctx.log.warning(f"this machine was too busy: the meter sent {late:.2%} of the requests late; {told}")


def _judged(config: Config, ctx: "Context", wrong: "Wrong | None", rows: int) -> "Outputs":
    """One verdict on the rows at rest and, where these were right, on the load."""
    from datetime import UTC, datetime, timedelta

    from mlagent.adapters.onnx_runtime import tools
    from mlagent.core.context import Outputs
    from mlagent.core.verdict import verdict
    from mlagent.loadtest import verdict as judging

    checks, seen, versions, notes = [judging.at_rest(wrong, rows)], "", tools(), [NO_LOAD]
    if wrong is None:
        measured, result = _measured(config, ctx)
        checks += judging.judge(measured, _limits(config), result.first_wrong)
        seen = f"p50 {measured.p50_ms:.2f}, p95 {measured.p95_ms:.2f} ms; " if measured.requests else ""
        versions, notes = versions | {"locust": result.locust}, []
    until = (datetime.now(UTC) + timedelta(hours=config.valid_hours)).isoformat(timespec="milliseconds")
    judged = verdict(judging.SUBJECT, checks, inputs=ctx.digests, tools=versions, valid_until=until, notes=notes)
    return Outputs(
        summary=seen + "; ".join(check.reason for check in checks),
        verdicts=(judged,),
        hint=_hint(judged.outcome, right=wrong is None and not result.wrong),
    )


def _hint(outcome: str, *, right: bool) -> str:
    """What to do where the verdict is no, or says nothing."""
    if not right:
        return NOT_THE_SAME
    return TOO_LITTLE if outcome == "inconclusive" else TOO_SLOW


def _measured(config: Config, ctx: "Context") -> "tuple[Measured, Result]":
    from mlagent.loadtest import result, samples, verdict

    measured = verdict.measure(
        samples.read(ctx.work / "samples.npy"),
        warmup_seconds=config.warmup_seconds,
        timeout_seconds=config.timeout_seconds,
    )
    (ctx.work / "latency.json").write_bytes(msgspec.json.format(msgspec.json.encode(measured)))
    return measured, result.read(ctx.work / "result.json")


def _golden(config: Config, inputs: "Mapping[str, Path]", ctx: "Context") -> "list[Golden]":
    """Rows as callers send them, with what ONNX Runtime answers here to each alone: so they come under load."""
    from mlagent.adapters.onnx_runtime import Scorer
    from mlagent.data import encode, golden
    from mlagent.loadtest.golden import Golden

    shape = msgspec.json.decode(inputs["shape"].read_bytes(), type=encode.Shape)
    rows, score = _rows(config, shape, inputs, ctx), Scorer(inputs["onnx"])
    arrays = encode.inputs(shape, rows)
    answers = (score({name: one[at : at + 1] for name, one in arrays.items()}) for at in range(rows.height))
    expected = ([one if isfinite(one) else None for one in answer.ravel().tolist()] for answer in answers)
    return [
        Golden(row, {score.answer: answer if len(answer) > 1 else answer[0]})
        for row, answer in zip(golden.as_json(shape, rows), expected, strict=True)
    ]


def _rows(config: Config, shape: "Shape", inputs: "Mapping[str, Path]", ctx: "Context") -> "DataFrame":
    from mlagent.data import golden, schema_file, split
    from mlagent.measure.profile import Profile

    if config.golden == "test-rows":
        return split.load_rows(inputs["test-rows"]).head(config.golden_rows)
    data = ctx.sections["data"]
    schema = schema_file.load(ctx.project / data.schema, data.schema) if data.schema else None
    known = msgspec.json.decode(inputs["data-profile"].read_bytes(), type=Profile)
    return golden.synthetic(shape, schema, known, config.golden_rows, config.seed)


def _request(config: Config, url: str, ctx: "Context") -> dict[str, object]:
    asked = ("users", "rate_per_second", "warmup_seconds", "duration_seconds", "timeout_seconds", "seed", "tolerance")
    return {"url": url, "golden": str(ctx.work / GOLDEN), **{name: getattr(config, name) for name in asked}}


def _limits(config: Config) -> "Limits":
    from mlagent.loadtest.verdict import Limits

    return Limits(**{name: getattr(config, name) for name in Limits.__struct_fields__})


STAGE = Stage(
    name="load-test",
    title="Load-test the service level",
    about="Serves the exported model over HTTP on loopback, asks it for golden rows, one by one and then under load by"
    " Locust, and judges every answer, latency and errors.",
    config=Config,
    run=run,
    reads=("onnx", "signature", "shape", "data-profile", "test-rows"),
    writes=(
        Artifact("golden", GOLDEN, "rows to ask a server for, each with the answer that is expected"),
        Artifact("samples", "samples.npy", "every request: when due, its latency, its status, if wrong", optional=True),
        Artifact("latency", "latency.json", "percentiles after the warm-up, wrong answers", optional=True),
    ),
    uses=("project", "data"),
    facts=("schema",),
    effect="observe",
    revision=2,
    needs=Needs(
        packages=(
            Package("onnxruntime", "serve"),
            Package("uvicorn", "serve"),
            Package("uvloop", "serve"),
            Package("httptools", "serve"),
            Package("locust", "loadtest"),
            Package("polars", "control"),
        )
    ),
)
