"""Bring the release to an environment: verified, without a lost request, checked by what every pod then serves."""

from collections.abc import Mapping
from datetime import UTC, datetime
from functools import partial
from typing import TYPE_CHECKING, Any

import msgspec

from mlagent.config.environments import SOAKING, Production, Staging
from mlagent.core.artifact import Artifact
from mlagent.core.stage import Needs, Package, Stage

if TYPE_CHECKING:
    from pathlib import Path

    from mlagent.core.context import Context, Done, Outputs
    from mlagent.core.release import Release
    from mlagent.rollout.bring import Voice
    from mlagent.rollout.drive import Driven
    from mlagent.rollout.objects import Wanted
    from mlagent.rollout.state import State
    from mlagent.trust.verify import Decision

DEPLOYED, TIMELINE, DECISION = "deployed.json", "timeline.json", "decision.json"
CAME = "came"  # the note of how a release came, for when there is nothing to exchange any more
OVERWRITE, POLICY, LAST = "overwrite", "policy", "production"
SERVER = ["-m", "mlagent.serving"]
STARTED = "seconds until ready"  # what the load test calls it
BEFORE = ("gate", "load-test")


def run(environment: str, config: Staging, inputs: "Mapping[str, Path]", ctx: "Context") -> "Outputs":
    """Ask whether it may come, verify it, look for room; exchange the pods; then alias and ledger.

    Not of a pull request, nor where a stage was skipped. RolledBack (30) where it was undone.
    """
    from mlagent import adapters
    from mlagent.core.context import Outputs
    from mlagent.core.digest import canonical_json
    from mlagent.rollout import bring

    for label in ("skipped", "pull_request"):
        if label in ctx.labels:
            return Outputs(summary=f"nothing is deployed of {label.replace('_', ' ')} ({ctx.labels[label]})")
    wanted = of_run(environment, config, inputs, ctx)
    _admit(wanted, inputs, ctx)
    decision = _verified(wanted.release, environment, ctx)
    with adapters.cluster(config, ctx.project, environment) as cluster:
        came = ctx.recall().get(CAME)
        driven = bring.bring(cluster, wanted, _voice(ctx), overwrite=OVERWRITE in ctx.asked)
        namespace = cluster.namespace
    (ctx.work / TIMELINE).write_bytes(canonical_json(_told(driven, came, ctx)))
    if decision:
        (ctx.work / DECISION).write_bytes(canonical_json(decision))
    return _done(driven.state, namespace, environment, ctx) if driven.state.phase == "done" else _undone(driven.state)


def _told(driven: "Driven", came: Mapping[str, Any] | None, ctx: "Context") -> object:
    """How it came; where it was there already, how it had come by this run before."""
    state = driven.state
    there = state.phase == "done" and state.stable is not None and state.stable.id == state.target.id
    if not (there and came and came["placement"] == state.target.id):
        came = {"placement": state.target.id, "timeline": msgspec.to_builtins(driven.timeline)}
    ctx.remember({"rollout": msgspec.to_builtins(state), CAME: came})
    return came["timeline"]


def _voice(ctx: "Context") -> "Voice":
    from mlagent.rollout.bring import Voice

    def remember(state: "State") -> None:
        ctx.remember({**ctx.recall(), "rollout": msgspec.to_builtins(state)})

    return Voice(
        who=f"{ctx.origin().who}, run {ctx.run_id}", say=ctx.log.info, remember=remember, show=ctx.log.underway
    )


def _done(state: "State", namespace: str, environment: str, ctx: "Context") -> "Outputs":
    """What is served was checked: now alias and ledger."""
    from mlagent.core.context import Outputs
    from mlagent.core.digest import canonical_json
    from mlagent.rollout import promotion
    from mlagent.rollout.standing import Deployed

    placed, now = state.target, datetime.now(UTC).isoformat(timespec="milliseconds")
    recorded = promotion.promoted(ctx.registry, ctx.ledger, placed, environment, ctx.origin().who, now)
    if recorded.unknown:
        ctx.log.warning(recorded.unknown)
    deployed = Deployed(environment=environment, namespace=namespace, placed=placed, image=placed.release.digest)
    (ctx.work / DEPLOYED).write_bytes(canonical_json(deployed))
    before = f" in the place of {state.stable.release}" if state.stable and state.stable.id != placed.id else ""
    return Outputs(summary=f"{placed.release} serves in {environment}{before}, since {placed.since}")


def _undone(state: "State") -> "Outputs":
    from mlagent.core.context import Outputs

    serves = f"{state.stable.release} serves" if state.stable else "nothing serves, as before"
    said = f"{state.target.release} was taken back ({state.reason}): {serves}"
    return Outputs(summary=said, undone=said, hint="its pods' newest lines stand above; build a better one")


def show(environment: str, config: Staging, inputs: "Mapping[str, Path]", ctx: "Context", *, ask: bool) -> str:
    """What would change, as a diff; with `ask`, first all that a deploy asks before anything changes."""
    from mlagent import adapters
    from mlagent.rollout import bring, preflight
    from mlagent.rollout.differences import differences

    wanted = of_run(environment, config, inputs, ctx)
    if ask:
        _admit(wanted, inputs, ctx)
        _verified(wanted.release, environment, ctx)
    with adapters.cluster(config, ctx.project, environment) as cluster:
        if ask:
            findings = preflight.look(cluster, wanted)
            ctx.log.info(f"{sum(one.outcome == 'pass' for one in findings)} of {len(findings)} looked at and good")
            preflight.raise_unless_ready(findings)
        return differences(bring.changes(cluster, wanted)) or f"{environment} is as {wanted.release} wants it\n"


def of_run(environment: str, config: Staging, inputs: "Mapping[str, Path]", ctx: "Context") -> "Wanted":
    """What this run brings to the environment; PolicyRefused (12) where it pushed no image, or a gate is open."""
    from mlagent.core.digest import of_bytes
    from mlagent.core.release import Release
    from mlagent.errors import PolicyRefused
    from mlagent.rollout.objects import Wanted

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
        environment="production" if environment == LAST else "staging",
        settings=config,
        serving=ctx.sections["serving"],
        python=_python(image, ctx),
        measured_start_seconds=_started(done["load-test"]),
    )


def _python(image: bytes, ctx: "Context") -> str:
    """The image's Python, where what runs in it is our server."""
    from mlagent.core import oci

    described = msgspec.json.decode(image, type=oci.Manifest).config.digest
    entry = msgspec.json.decode(ctx.blobs.path(described).read_bytes())["config"].get("Entrypoint") or [""]
    return str(entry[0]) if entry[1:3] == SERVER else ""


def _started(tested: "Done") -> float | None:
    """How long the container took until it was ready, where it was tried."""
    checks = (one for verdict in tested.verdicts for one in verdict.checks)
    return next((one.value for one in checks if one.metric == STARTED), None)


def _admit(wanted: "Wanted", inputs: "Mapping[str, Path]", ctx: "Context") -> None:
    """Order, soak, commit."""
    from mlagent.core.ports.ledger import reached
    from mlagent.rollout import admission, promotion

    release = wanted.release
    origin, soaked = ctx.origin(), inputs.get("soaked@staging")
    admission.admit(
        admission.Asked(
            release=release,
            environment=wanted.environment,
            reached=reached(ctx.ledger, wanted.model, wanted.environment),
            left=promotion.left_behind(ctx.ledger, wanted.model, wanted.environment, release.build),
            soaked=msgspec.json.decode(soaked.read_bytes(), type=admission.Soaked) if soaked else None,
            commit=origin.commit,
            dirty=origin.dirty,
        )
    )


def _verified(release: "Release", environment: str, ctx: "Context") -> "Decision | None":
    """The decision by the platform's policy; without one, staging goes on, and production is held to the strict one."""
    from mlagent import adapters
    from mlagent.core.oci import parse
    from mlagent.trust import gathering
    from mlagent.trust.policy import Written, policy
    from mlagent.trust.policy_file import load
    from mlagent.trust.verify import judge

    file = ctx.references.get(POLICY)
    if file is None and environment != LAST:
        ctx.log.warning("nothing was verified: this node has no policy (MLAGENT_POLICY_FILE)")
        return None
    asked = policy(load(file) if file else Written(), environment)
    where, settings = parse(release.image), ctx.sections["registry"]
    verifier = adapters.verifier(settings, ctx.project, transparency_log=asked.transparency_log)
    with adapters.image_registry(where, settings, ctx.project, notice=ctx.log.warning) as registry:
        found = gathering.gather(where, registry, verifier, asked)
    found = gathering.of_environment(found, ctx.ledger, release.model, environment)
    decision = judge(found, asked, datetime.now(UTC))
    decision.raise_unless_passed()
    ctx.log.info(f"{release} shows what the policy asks for")
    return decision


def stage(environment: str, config: type[Staging], *more: str) -> Stage:
    """The stage of an environment, which reads `more` than others."""
    return Stage(
        name=f"deploy@{environment}",
        title="Deploy to an environment",
        about="Asks whether the release may come, verifies it by the platform's policy, looks for room and rights, then"
        " has Kubernetes exchange the pods, none of the old ones before a new one is ready; undoes it on bad evidence;"
        " asks every pod what it serves, and only then moves alias and ledger. Off without a namespace.",
        config=config,
        run=partial(run, environment),
        section=environment,
        environment=environment,
        ignores=SOAKING,
        reads=("image", "version", "pushed", *more),
        writes=(
            Artifact(f"deployed@{environment}", DEPLOYED, "which release serves where, since when", optional=True),
            Artifact(f"timeline@{environment}", TIMELINE, "how the pods were exchanged", optional=True),
            Artifact(f"decision@{environment}", DECISION, "what the policy asked, and what was found", optional=True),
        ),
        uses=("project", "registry", "serving", "policy"),
        facts=(POLICY,),
        wants=(f"{environment}.namespace",),
        switches={OVERWRITE: "Take back fields of the objects that others have edited by hand."},
        looks={
            "diff": "Only show what would change in the cluster.",
            "dry-run": "The same, after asking all that a deploy asks before anything changes.",
        },
        effect="converge",
        needs=Needs(cluster=True, trusted_node=True, credentials=True, packages=(Package("kubernetes", "deploy"),)),
        minutes=60,
    )


STAGING = stage("staging", Staging)
PRODUCTION = stage("production", Production, "soaked@staging")
