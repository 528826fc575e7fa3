"""Serve the image in a container, or without one the model in a process; judge answers and latency as users feel it."""

from collections.abc import Mapping
from typing import TYPE_CHECKING

import msgspec

from mlagent.core.artifact import Artifact
from mlagent.core.ports.engine import NoEngine
from mlagent.core.stage import Needs, Package, Stage
from mlagent.stages.load_test.settings import GOLDEN, Config

if TYPE_CHECKING:
    from pathlib import Path

    from mlagent.core.context import Context, Outputs
    from mlagent.loadtest.golden import Golden
    from mlagent.loadtest.judgement import Seen
    from mlagent.loadtest.place import Place
    from mlagent.stages.load_test.places import Image, Model

__all__ = ["STAGE", "Config"]
STOOD = "container.json"


def run(config: Config, inputs: "Mapping[str, Path]", ctx: "Context") -> "Outputs":
    """Serve it; ask for golden rows, first one by one and then under load; judge how it stood and what it answered."""
    from mlagent.loadtest import golden, judgement
    from mlagent.loadtest.judgement import Seen
    from mlagent.stages.load_test import judging, places, rows, search

    made, seen = rows.make(config, inputs, ctx), Seen()
    golden.write(ctx.work / GOLDEN, made)
    try:
        with places.serving(_served(inputs, ctx), ctx) as place:
            if place.url:
                seen = _ask(config, place, made, inputs, ctx)
            stood = place.standing()
    except NoEngine as error:
        return judgement.unserved(error, ctx.digests)
    if stood:
        (ctx.work / STOOD).write_bytes(msgspec.json.format(msgspec.json.encode(stood)))
    search.write(ctx.work, seen.capacity, stood)
    return judging.outputs(config, msgspec.structs.replace(seen, stood=stood, rows=len(made)), ctx)


def _served(inputs: "Mapping[str, Path]", ctx: "Context") -> "Image | Model":
    from mlagent.stages.load_test.places import Image, Model

    if "image" in inputs:
        return Image(file=inputs["image"], manifest=ctx.digests["image"])
    return Model(onnx=inputs["onnx"], signature=inputs["signature"])


def _ask(config: Config, place: "Place", rows: "list[Golden]", inputs: "Mapping[str, Path]", ctx: "Context") -> "Seen":
    """Ask for each golden row once; for load only where all are right, else give the first that is not."""
    from mlagent.loadtest import functional
    from mlagent.loadtest.judgement import Seen
    from mlagent.loadtest.request import Target
    from mlagent.stages.load_test import beside, search
    from mlagent.stages.load_test.loads import Bench

    real, seconds = config.golden == "test-rows", config.timeout_seconds
    target = Target(name="candidate", url=place.url + functional.PATH)
    wrong = functional.check(target, rows, tolerance=config.tolerance, timeout_seconds=seconds, real=real)
    if wrong:
        return Seen(wrong=wrong)
    with beside.champion(config, inputs, ctx, rows) as champion:
        return search.load(config, Bench(ctx.tools, ctx.work, ctx.log), target, champion)


STAGE = Stage(
    name="load-test",
    title="Load-test the service level",
    about="Serves the image in a container with production's limits or, where none is made, the exported model in a"
    " process; asks it for golden rows, one by one and then under load by Locust, in alternation with what serves in"
    " production where that can be had, and judges every answer, latency and errors, or looks for the capacity.",
    config=Config,
    run=run,
    reads=("onnx", "signature", "shape", "data-profile", "test-rows", "image"),
    writes=(
        Artifact("golden", GOLDEN, "rows to ask a server for, each with the answer that is expected"),
        Artifact("samples", "samples.npy", "every request: when due, its latency, its status, if wrong", optional=True),
        Artifact("latency", "latency.json", "percentiles after the warm-up, wrong answers", optional=True),
        Artifact("load", "result.json", "the load in numbers: its pieces, the meter's health", optional=True),
        Artifact("hdr", "latency.hlog", "latencies as an HdrHistogram log, second by second", optional=True),
        Artifact("locust", "locust.html", "Locust's own page of the load", optional=True),
        Artifact("capacity", "capacity.json", "the highest rate that holds the service level, if asked", optional=True),
        Artifact("container", STOOD, "of an image: its digests, limits, start, memory, end", optional=True),
    ),
    sections=("serving",),
    uses=("project", "data"),
    facts=("schema", "production-model"),
    effect="observe",
    revision=4,
    needs=Needs(
        docker=True,
        packages=(
            Package("onnxruntime", "serve"),
            Package("uvloop", "serve"),
            Package("httptools", "serve"),
            Package("locust", "loadtest"),
            Package("polars", "control"),
        ),
    ),
)
