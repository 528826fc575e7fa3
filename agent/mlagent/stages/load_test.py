"""Put the exported model behind a real HTTP server, send it a Poisson load, and judge its latency as users feel it."""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Annotated

import msgspec
from msgspec import Meta

from mlagent.core.artifact import Artifact
from mlagent.core.stage import Needs, Package, Stage

if TYPE_CHECKING:
    from pathlib import Path

    import numpy as np

    from mlagent.core.context import Context, Outputs
    from mlagent.loadtest.verdict import Limits

BODIES = 256
DATATYPES = {("f", 4): "FP32", ("f", 8): "FP64", ("i", 8): "INT64", ("b", 1): "BOOL", ("O", 8): "BYTES"}


class Config(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The service level, and the load under which it must hold."""

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
    seed: Annotated[int, Meta(ge=0, lt=2**32, description="Draws the moments at which users ask.")] = 1


def run(config: Config, inputs: "Mapping[str, Path]", ctx: "Context") -> "Outputs":
    """Serve the ONNX file on loopback, load it with rows of the test part, judge what was measured."""
    from datetime import UTC, datetime, timedelta

    from mlagent.core.context import Outputs
    from mlagent.loadtest import samples, verdict

    name = ctx.sections["project"].name
    (ctx.work / "bodies.jsonl").write_bytes(_bodies(inputs["test-rows"], inputs["shape"]))
    arguments = ["--model", str(inputs["onnx"]), "--name", name, "--port", "0"]
    with ctx.tools.serve("mlagent.serving", arguments, ctx.work / "server.json") as url:
        ctx.log.info(f"serving {name} at {url}")
        ctx.tools.run(
            "mlagent.loadtest", _request(config, f"{url}/v2/models/{name}/infer", ctx), ctx.work, lambda: None
        )
    measured = verdict.measure(
        samples.read(ctx.work / "samples.npy"),
        warmup_seconds=config.warmup_seconds,
        timeout_seconds=config.timeout_seconds,
    )
    (ctx.work / "latency.json").write_bytes(msgspec.json.format(msgspec.json.encode(measured)))
    until = (datetime.now(UTC) + timedelta(hours=config.valid_hours)).isoformat(timespec="milliseconds")
    judged = verdict.judge(measured, _limits(config), inputs=ctx.digests, tools=_tools(ctx), valid_until=until)
    seen = f"p50 {measured.p50_ms:.2f}, p95 {measured.p95_ms:.2f} ms; " if measured.requests else ""
    return Outputs(
        summary=seen + "; ".join(check.reason for check in judged.checks),
        verdicts=(judged,),
        hint="a smaller model, a lower load-test.rate_per_second, or a limit that this machine can meet",
    )


def _bodies(rows: "Path", shape: "Path") -> bytes:
    """Requests of one row each, in the Open Inference Protocol's JSON, a line each."""
    from mlagent.data import encode, split

    known = msgspec.json.decode(shape.read_bytes(), type=encode.Shape)
    arrays = encode.inputs(known, split.load_rows(rows).head(BODIES))
    count = len(next(iter(arrays.values())))
    bodies = ([_tensor(name, array[at : at + 1]) for name, array in arrays.items()] for at in range(count))
    return b"".join(msgspec.json.encode({"inputs": tensors}) + b"\n" for tensors in bodies)


def _tensor(name: str, row: "np.ndarray") -> dict[str, object]:
    """One row of one input; JSON has no NaN, so an absent number is sent as 0: it takes as long."""
    data = [0 if one != one else one for one in row.ravel().tolist()]  # noqa: PLR0124
    return {"name": name, "shape": list(row.shape), "datatype": DATATYPES[row.dtype.kind, row.itemsize], "data": data}


def _request(config: Config, url: str, ctx: "Context") -> dict[str, object]:
    asked = ("users", "rate_per_second", "warmup_seconds", "duration_seconds", "timeout_seconds", "seed")
    return {"url": url, "bodies": str(ctx.work / "bodies.jsonl"), **{name: getattr(config, name) for name in asked}}


def _limits(config: Config) -> "Limits":
    from mlagent.loadtest.verdict import Limits

    return Limits(**{name: getattr(config, name) for name in Limits.__struct_fields__})


def _tools(ctx: "Context") -> dict[str, str]:
    from mlagent.adapters.onnx_runtime import tools

    result = msgspec.json.decode((ctx.work / "result.json").read_bytes())
    return tools() | {"locust": result["locust"]}


STAGE = Stage(
    name="load-test",
    title="Load-test the service level",
    about="Serves the exported model over HTTP on loopback, loads it with Locust, and judges p99 latency and errors.",
    config=Config,
    run=run,
    reads=("onnx", "shape", "test-rows"),
    writes=(
        Artifact("samples", "samples.npy", "every request: when it was due, its latency, its status"),
        Artifact("latency", "latency.json", "percentiles and shares after the warm-up"),
    ),
    uses=("project",),
    effect="observe",
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
