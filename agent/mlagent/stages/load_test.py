"""Serve the image in a container, or without one the model in a process; judge answers and latency as users feel it."""

from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from math import isfinite
from typing import TYPE_CHECKING, Annotated, Literal

import msgspec
from msgspec import Meta

from mlagent.core.artifact import Artifact
from mlagent.core.ports.engine import NoEngine
from mlagent.core.stage import Needs, Package, Stage

if TYPE_CHECKING:
    from pathlib import Path

    from polars import DataFrame

    from mlagent.core.context import Context, Outputs
    from mlagent.core.ports.engine import About, Engine
    from mlagent.data.encode import Shape
    from mlagent.loadtest.answers import Wrong
    from mlagent.loadtest.golden import Golden
    from mlagent.loadtest.place import Place
    from mlagent.loadtest.result import Result
    from mlagent.loadtest.standing import Standing
    from mlagent.loadtest.verdict import Limits, Measured

GOLDEN, STOOD, SAID = "golden.jsonl", "container.json", "server.log"


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
    """Serve it; ask for golden rows, first one by one and then under load; judge how it stood and what it answered."""
    from mlagent.loadtest import golden, judgement

    rows, wrong = _golden(config, inputs, ctx), None
    golden.write(ctx.work / GOLDEN, rows)
    try:
        with (_container if "image" in inputs else _process)(inputs, ctx) as place:
            if place.url:
                wrong = _ask(config, place, rows, ctx)
            stood = place.standing()
    except NoEngine as error:
        return judgement.unserved(error, ctx.digests)
    if stood:
        (ctx.work / STOOD).write_bytes(msgspec.json.format(msgspec.json.encode(stood)))
    return _judged(config, ctx, stood, wrong, len(rows))


@contextmanager
def _process(inputs: "Mapping[str, Path]", ctx: "Context") -> "Iterator[Place]":
    """The exported model behind the server, beside mlagent."""
    from mlagent.loadtest.place import Process

    name = ctx.sections["project"].name
    files = ["--model", str(inputs["onnx"]), "--signature", str(inputs["signature"])]
    arguments = [*files, "--name", name, "--port", "0", "--metrics-port", "0"]
    with ctx.tools.serve("mlagent.serving", arguments, ctx.work / "server.json") as url:
        ctx.log.info(f"serving {name} at {url}")
        yield Process(url)


@contextmanager
def _container(inputs: "Mapping[str, Path]", ctx: "Context") -> "Iterator[Place]":
    """The image itself, by its digest, with what production gives it; the registry is up for the pull only."""
    from mlagent import adapters
    from mlagent.core.ports.engine import Limits as Given
    from mlagent.loadtest.place import LINES, Container

    given = ctx.sections["serving"]
    with ExitStack() as held:
        engine = held.enter_context(adapters.container_engine())
        begun, image = _pulled(engine, inputs, ctx, held)
        limits = Given(cpus=given.cpus, memory_mb=given.memory_mb)
        served = held.enter_context(engine.serving(image, limits, ctx.run_id))
        ctx.log.info(f"serving {begun.manifest} with {given.cpus:g} cpus and {given.memory_mb} MiB")
        try:
            place = held.enter_context(Container(served, begun))
            place.wait(given.start_seconds)
            yield place
            if place.standing().hint:
                for line in served.said(20):
                    ctx.log.output(line)
        finally:
            (ctx.work / SAID).write_text("".join(f"{line}\n" for line in served.said(LINES)))


def _pulled(engine: "Engine", inputs: "Mapping[str, Path]", ctx: "Context", held: ExitStack) -> "tuple[Standing, str]":
    """What will serve, and the engine's name for it, while `held` lasts; NoEngine for one of another platform."""
    from mlagent.adapters import layout_server
    from mlagent.core import oci
    from mlagent.loadtest.standing import Standing

    digest, given, about = ctx.digests["image"], ctx.sections["serving"], engine.about()
    manifest = msgspec.json.decode(inputs["image"].read_bytes(), type=oci.Manifest)
    pieces = {one.digest: ctx.blobs.path(one.digest) for one in (manifest.config, *manifest.layers)}
    platform = _platform(pieces[manifest.config.digest], about)
    with layout_server.serving({**pieces, digest: inputs["image"]}) as host:
        image = held.enter_context(engine.pulled(host, digest))
    return Standing(
        engine=about.version,
        platform=platform,
        manifest=digest,
        config=manifest.config.digest,
        cpus=given.cpus,
        memory_mb=given.memory_mb,
    ), image


def _platform(config: "Path", about: "About") -> str:
    found = msgspec.json.decode(config.read_bytes())
    platform = f"{found['os']}/{found['architecture']}"
    if platform != about.platform:
        raise NoEngine(
            f"the image is for {platform}, and the container engine here runs {about.platform}",
            hint=f"run this stage on a node of {platform}, or build for this one (package.platform)",
        )
    return platform


def _ask(config: Config, place: "Place", rows: "list[Golden]", ctx: "Context") -> "Wrong | None":
    """Ask for each golden row once; for load only where all are right, else give the first that is not."""
    from mlagent.loadtest import functional

    real, seconds = config.golden == "test-rows", config.timeout_seconds
    wrong = functional.check(place.url, rows, tolerance=config.tolerance, timeout_seconds=seconds, real=real)
    if wrong is None:
        _measure(config, place, ctx)
    return wrong


def _measure(config: Config, place: "Place", ctx: "Context") -> None:
    """Send the load; once more where the meter itself was late, since such a reading says nothing."""
    from mlagent.loadtest import functional

    for again in (True, False):
        ctx.tools.run("mlagent.loadtest", _request(config, place.url + functional.PATH, ctx), ctx.work)
        measured, result = _measured(config, ctx)
        late = measured.late_share
        if late <= config.late_share_max or result.wrong:
            return
        told = "measuring once more" if again else "nothing can be said"
        ctx.log.warning(f"this machine was too busy: the meter sent {late:.2%} of the requests late; {told}")


def _judged(config: Config, ctx: "Context", stood: "Standing | None", wrong: "Wrong | None", rows: int) -> "Outputs":
    """Gather what was seen, and have it judged."""
    from datetime import UTC, datetime, timedelta

    from mlagent.adapters.onnx_runtime import tools
    from mlagent.loadtest.judgement import Seen, outputs

    seen = Seen(stood=stood, rows=rows, wrong=wrong, measured=None, result=None)
    if wrong is None and seen.asked:
        measured, result = _measured(config, ctx)
        seen = msgspec.structs.replace(seen, measured=measured, result=result)
    until = (datetime.now(UTC) + timedelta(hours=config.valid_hours)).isoformat(timespec="milliseconds")
    return outputs(seen, _limits(config), ctx.sections["serving"].start_seconds, ctx.digests, tools(), until)


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
    rate = config.rate_per_second
    pieces: list[dict[str, object]] = [{"seconds": config.duration_seconds, "rate_per_second": rate}]
    if config.warmup_seconds:
        pieces.insert(0, {"seconds": config.warmup_seconds, "rate_per_second": rate, "kept": False})
    asked = {name: getattr(config, name) for name in ("users", "timeout_seconds", "seed", "tolerance")}
    targets = [{"name": "candidate", "url": url}]
    return {"targets": targets, "pieces": pieces, "golden": str(ctx.work / GOLDEN), **asked}


def _limits(config: Config) -> "Limits":
    from mlagent.loadtest.verdict import Limits

    return Limits(**{name: getattr(config, name) for name in Limits.__struct_fields__})


STAGE = Stage(
    name="load-test",
    title="Load-test the service level",
    about="Serves the image in a container with production's limits or, where none is made, the exported model in a"
    " process; asks it for golden rows, one by one and then under load by Locust, and judges every answer, latency and"
    " errors.",
    config=Config,
    run=run,
    reads=("onnx", "signature", "shape", "data-profile", "test-rows", "image"),
    writes=(
        Artifact("golden", GOLDEN, "rows to ask a server for, each with the answer that is expected"),
        Artifact("samples", "samples.npy", "every request: when due, its latency, its status, if wrong", optional=True),
        Artifact("latency", "latency.json", "percentiles after the warm-up, wrong answers", optional=True),
        Artifact("container", STOOD, "of an image: its digests, limits, start, memory, end", optional=True),
    ),
    sections=("serving",),
    uses=("project", "data"),
    facts=("schema",),
    effect="observe",
    revision=3,
    needs=Needs(
        docker=True,
        packages=(
            Package("onnxruntime", "serve"),
            Package("uvicorn", "serve"),
            Package("uvloop", "serve"),
            Package("httptools", "serve"),
            Package("locust", "loadtest"),
            Package("polars", "control"),
        ),
    ),
)
