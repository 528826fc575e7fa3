"""What a run brings to an environment: its release, with all that its container is made from."""

from collections.abc import Mapping, Sequence
from pathlib import Path

import msgspec

from mlagent.config.environments import Staging
from mlagent.core import oci
from mlagent.core.context import Context, Done
from mlagent.core.digest import Digest, of_bytes
from mlagent.core.release import Release
from mlagent.errors import PolicyRefused
from mlagent.rollout.objects import Wanted

SERVER = ["-m", "mlagent.serving"]
STARTED, HELD = "seconds until ready", "capacity"  # what the load test calls them
BEFORE = ("gate", "load-test")
RECORD = "release"  # the stage that writes the release record


def of_run(environment: str, config: Staging, inputs: Mapping[str, Path], ctx: Context) -> Wanted:
    """What this run brings to the environment; PolicyRefused (12) where it pushed no image, or a gate is open."""
    done = {one.stage: one for one in ctx.done}
    if open_ := [name for name in BEFORE if name not in done]:
        hint = "`mlagent run` goes through all stages in order; `mlagent show` says how they ended"
        raise PolicyRefused(f"this run has not passed {' and '.join(open_)}, so nothing of it is deployed", hint=hint)
    if "pushed" not in inputs:
        hint = "set registry.repository, and give `mlagent push`: a cluster pulls from there"
        raise PolicyRefused("this run has pushed no image, so there is nothing to deploy", hint=hint)
    image, origin = inputs["image"].read_bytes(), ctx.origin()
    release = Release(
        model=ctx.sections["project"].name,
        image=f"{ctx.sections['registry'].repository}@{of_bytes(image)}",
        version=msgspec.json.decode(inputs["version"].read_bytes())["number"] if "version" in inputs else None,
        onnx=done["export"].outputs["onnx"],
        data=origin.data,
        commit=origin.commit,
        build=origin.build,
        run=ctx.run_id,
    )
    return Wanted(
        release=release,
        environment="production" if environment == "production" else "staging",
        settings=config,
        serving=ctx.sections["serving"],
        python=_python(image, ctx),
        measured_start_seconds=_seen(STARTED, done["load-test"]),
        measured_rate=_seen(HELD, done["load-test"]),
    )


def _python(image: bytes, ctx: Context) -> str:
    """The image's Python, where what runs in it is our server."""
    described = msgspec.json.decode(image, type=oci.Manifest).config.digest
    entry = msgspec.json.decode(ctx.blobs.path(described).read_bytes())["config"].get("Entrypoint") or [""]
    return str(entry[0]) if entry[1:3] == SERVER else ""


def _seen(metric: str, tested: Done) -> float | None:
    """What the load test saw: how long the container took until it was ready, say; None where it was not looked for."""
    checks = (one for verdict in tested.verdicts for one in verdict.checks)
    return next((one.value for one in checks if one.metric == metric), None)


def record(done: Sequence[Done]) -> Mapping[str, Digest]:
    """What the run has written down of its release, by artifact: its record, card and verdicts; nothing where not."""
    return next((one.outputs for one in done if one.stage == RECORD), {})
