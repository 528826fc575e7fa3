"""Judge a release by what its pods counted since it came to an environment; go back to the one before if it is bad."""

from collections.abc import Mapping
from datetime import UTC, datetime
from functools import partial
from typing import TYPE_CHECKING

import msgspec

from mlagent.config.environments import SOAKING, Production, Staging
from mlagent.core.artifact import Artifact
from mlagent.core.stage import Needs, Package, Stage

if TYPE_CHECKING:
    from pathlib import Path

    from mlagent.core.context import Context, Outputs
    from mlagent.core.ports.cluster import Cluster
    from mlagent.core.verdict import Verdict
    from mlagent.ledger.desk import Desk
    from mlagent.rollout.readings import Readings
    from mlagent.rollout.release import Placed
    from mlagent.rollout.soaking import Noted
    from mlagent.rollout.standing import Deployed, Standing

SOAKED = "soaked.json"


def run(environment: str, config: Staging, inputs: "Mapping[str, Path]", ctx: "Context") -> "Outputs":
    """Return at once: 0 over and good, 21 not over, 11 too few requests, 30 bad and rolled back.

    12 where something else serves, 10 where it is bad and nothing served before it.
    """
    from mlagent import adapters
    from mlagent.core.context import Outputs
    from mlagent.rollout import place, soaking
    from mlagent.rollout.standing import Deployed

    if f"deployed@{environment}" not in inputs:
        return Outputs(summary="nothing soaks: nothing was deployed")
    deployed = msgspec.json.decode(inputs[f"deployed@{environment}"].read_bytes(), type=Deployed)
    noted = msgspec.convert(dict(ctx.recall()), soaking.Noted)
    with adapters.cluster(config, ctx.project, environment) as cluster:
        stands = place.stands(cluster, deployed.placed.release.model, environment)
        if noted.bad and soaking.ours(deployed, stands):
            return _undone(cluster, config, deployed, stands, noted.bad, ctx)
        placed = soaking.must_serve(deployed, stands)
        seen = _read(cluster, config, placed, noted, ctx)
        judged = _judged(config, deployed, placed, seen)
        bad = judged if judged.outcome == "fail" else None
        ctx.remember(msgspec.to_builtins(soaking.Noted(readings=seen, bad=bad)))
        if bad:
            return _undone(cluster, config, deployed, stands, bad, ctx)
    return _ended(config, deployed, placed, seen, judged, ctx)


def _read(cluster: "Cluster", config: Staging, placed: "Placed", noted: "Noted", ctx: "Context") -> "Readings":
    """What the pods counted, asked of themselves or of Prometheus, beside what is known of those that are gone."""
    from mlagent import adapters
    from mlagent.rollout import place, readings

    pods = place.look(cluster, placed.release.model).of(placed.id)
    if config.prometheus is None:
        found = readings.read(cluster, pods, noted.readings)
    else:
        series = adapters.prometheus(config.prometheus).series
        found = readings.read_kept(series, cluster.namespace, pods, noted.readings)
    for one in found.unread:
        ctx.log.warning(f"not read: {one}")
    return found


def _judged(config: Staging, deployed: "Deployed", placed: "Placed", seen: "Readings") -> "Verdict":
    from mlagent.rollout import judging, soaking

    over = datetime.now(UTC) >= soaking.until(placed, config.soak_minutes)
    inputs = {"image": placed.release.digest, "onnx": placed.release.onnx}
    return judging.soaked(seen, soaking.limits(config), deployed.environment, over=over, inputs=inputs)


def _ended(
    config: Staging, deployed: "Deployed", placed: "Placed", seen: "Readings", judged: "Verdict", ctx: "Context"
) -> "Outputs":
    """Held (21) until it is over; then the verdict, which is a pass or says nothing."""
    from mlagent.core.context import Outputs
    from mlagent.core.digest import canonical_json
    from mlagent.rollout import soaking

    held = soaking.wait(placed, config.soak_minutes, datetime.now(UTC), judged)
    if held:
        raise held
    kept = soaking.kept(deployed, placed, config.soak_minutes, seen, judged)
    (ctx.work / SOAKED).write_bytes(canonical_json(kept))
    said = "; ".join([*(one.reason for one in judged.checks), *judged.notes])
    return Outputs(
        summary=f"{placed.release} since {placed.since}: {said}",
        verdicts=(judged,),
        hint=soaking.hint(judged, deployed.environment),
    )


def _undone(
    cluster: "Cluster", config: Staging, deployed: "Deployed", stands: "Standing", bad: "Verdict", ctx: "Context"
) -> "Outputs":
    """Go back, then say so; where nothing served before, the verdict alone is a no (10) and the release goes on."""
    from mlagent.core.context import Outputs
    from mlagent.ledger.promotion import rolled_back
    from mlagent.rollout import back, place, soaking, standing

    environment, hint = deployed.environment, soaking.hint(bad, deployed.environment)
    reason = "; ".join(one.reason for one in bad.checks if one.outcome == "fail")
    if stands.placed and stands.placed.id == deployed.placed.id and stands.before is None:
        return Outputs(summary=f"{reason}; nothing served before it, so it goes on", verdicts=(bad,), hint=hint)
    model, who = deployed.placed.release.model, ctx.origin().who
    with place.driving(cluster, model, environment, config, who=who, say=ctx.log.info) as hands:
        if not soaking.ours(deployed, hands.read()):  # somebody was here until we held it
            soaking.must_serve(deployed, hands.read())
        went = back.back(hands, reason=reason, leaving=deployed.placed.id)
    placed, left, desk = went.placed, deployed.placed.release, _desk(cluster, model, ctx)
    desk.glance(environment, standing.served(stands), who)
    desk.settle(rolled_back(placed.release, environment, who, left=left, reason=reason, placement=placed.id))
    undone = f"{left} was bad in {environment}: {reason}; {placed.release} serves again"
    return Outputs(summary=undone, verdicts=(bad,), hint=hint, undone=undone)


def _desk(cluster: "Cluster", model: str, ctx: "Context") -> "Desk":
    """The ledger, and all that a rollback writes besides; a key that is not here does not stand in the way."""
    from mlagent.adapters import sealing
    from mlagent.errors import ConfigError
    from mlagent.ledger.anchors import Annotation, VersionTags
    from mlagent.ledger.desk import Desk

    sections, sign = ctx.sections, None
    try:
        sign = sealing.sealer(sections["ledger"], sections["sign"], sections["registry"], ctx.project)
    except ConfigError as error:
        ctx.log.warning(f"the ledger's checkpoint is not signed: {error.message}")
    return Desk(
        model=model,
        ledger=ctx.ledger,
        registry=ctx.registry,
        anchors=(VersionTags(ctx.registry, model), Annotation(cluster, model)),
        sign=sign,
        good=None,  # what is bad makes way, whoever signed what
        now=lambda: datetime.now(UTC).isoformat(timespec="milliseconds"),
        say=ctx.log.warning,
    )


def _stage(environment: str, config: type[Staging]) -> Stage:
    return Stage(
        name=f"soak@{environment}",
        title="Let it soak",
        about="Judges the release by what its own pods counted since it serves: errors, latency, restarts. Returns at"
        " once: not over is 21, with the time that it takes until then; too few requests are 11; a release that is"
        " bad, at any time, makes way for the one before it (30).",
        config=config,
        run=partial(run, environment),
        reads=(f"deployed@{environment}",),
        writes=(
            Artifact(f"soaked@{environment}", SOAKED, "what soaked, for how long, what was counted", optional=True),
        ),
        section=environment,
        environment=environment,
        ignores=set(config.__struct_fields__) - SOAKING - {"namespace"},
        uses=("registry", "ledger", "sign"),
        waits="soak_wait_minutes",
        wants=(f"{environment}.namespace",),
        effect="observe",
        retries=2,
        needs=Needs(trusted_node=True, cluster=True, credentials=True, packages=(Package("kubernetes", "deploy"),)),
    )


STAGING, PRODUCTION = _stage("staging", Staging), _stage("production", Production)
