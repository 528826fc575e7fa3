"""Bring the release to an environment: verified, without a lost request, checked by what every pod then serves."""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from functools import partial
from typing import TYPE_CHECKING, Any, NamedTuple

import msgspec

from mlagent.config.environments import SOAKING, Production, Staging
from mlagent.core.artifact import Artifact
from mlagent.core.stage import Needs, Package, Stage

if TYPE_CHECKING:
    from pathlib import Path

    from mlagent.config.images import Registry
    from mlagent.core.context import Context, Done, Outputs
    from mlagent.core.ports.cluster import Cluster
    from mlagent.core.ports.ledger import Ledger
    from mlagent.core.ports.log import Log
    from mlagent.core.release import Release, Served
    from mlagent.ledger.desk import Desk
    from mlagent.rollout.bring import Voice
    from mlagent.rollout.drive import Driven
    from mlagent.rollout.objects import Wanted
    from mlagent.rollout.state import State
    from mlagent.trust.policy import Written
    from mlagent.trust.verify import Decision

DEPLOYED, TIMELINE, DECISION = "deployed.json", "timeline.json", "decision.json"
CAME = "came"  # the note of how a release came, for when there is nothing to exchange any more
OVERWRITE, POLICY, LAST = "overwrite", "policy", "production"


def run(environment: str, config: Staging, inputs: "Mapping[str, Path]", ctx: "Context") -> "Outputs":
    """Ask whether it may come, verify it, look for room; exchange the pods; then alias and ledger.

    Not of a pull request, nor where a stage was skipped. RolledBack (30) where it was undone.
    """
    from mlagent import adapters
    from mlagent.core.context import Outputs
    from mlagent.core.digest import canonical_json
    from mlagent.rollout import bring, brought

    for label in ("skipped", "pull_request"):
        if label in ctx.labels:
            return Outputs(summary=f"nothing is deployed of {label.replace('_', ' ')} ({ctx.labels[label]})")
    wanted = brought.of_run(environment, config, inputs, ctx)
    _admit(wanted, inputs, ctx)
    decision = _verified(wanted.release, environment, ctx)
    _tell_size(wanted, ctx)
    with adapters.cluster(config, ctx.project, environment) as cluster:
        desk = _desk(cluster, wanted.model, ctx)
        _guard(desk, cluster, wanted, environment, ctx)
        came = ctx.recall().get(CAME)
        driven = bring.bring(cluster, wanted, _voice(ctx), overwrite=OVERWRITE in ctx.asked)
        (ctx.work / TIMELINE).write_bytes(canonical_json(_told(driven, came, ctx)))
        if decision:
            (ctx.work / DECISION).write_bytes(canonical_json(decision))
        if driven.state.phase != "done":
            return _undone(driven.state)
        return _done(driven.state, wanted, cluster.namespace, decision, desk, ctx)


def _tell_size(wanted: "Wanted", ctx: "Context") -> None:
    """Say where the number of pods comes from, where a rate was named."""
    if wanted.sized.why:
        ctx.log.info(wanted.sized.why)


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


def _desk(cluster: "Cluster", model: str, ctx: "Context") -> "Desk":
    """The ledger, and all that a promotion writes besides."""
    from mlagent.adapters import sealing
    from mlagent.ledger.anchors import Annotation, VersionTags
    from mlagent.ledger.desk import Desk
    from mlagent.trust import witnessing

    sections, file = ctx.sections, ctx.references.get(POLICY)
    keys = witnessing.keys_of(sections["ledger"].public_key, _written(file), sections["sign"].public_key, ctx.project)
    return Desk(
        model=model,
        ledger=ctx.ledger,
        registry=ctx.registry,
        anchors=(VersionTags(ctx.registry, model), Annotation(cluster, model)),
        sign=sealing.sealer(sections["ledger"], sections["sign"], sections["registry"], ctx.project),
        good=sealing.good(keys, sections["registry"], ctx.project),
        now=_now,
        say=ctx.log.warning,
        demanded=bool(sections["ledger"].public_key),
    )


def _guard(desk: "Desk", cluster: "Cluster", wanted: "Wanted", environment: str, ctx: "Context") -> None:
    """Ask whether all is as the ledger says, before anything changes; write down what was cut off before it was."""
    served = _served(cluster, wanted, environment)
    desk.admit(f"{wanted.release} is not deployed to {environment}", served)
    for where, what in served.items():
        desk.make_up(where, what, ctx.origin().who)


def _served(cluster: "Cluster", wanted: "Wanted", environment: str) -> "Mapping[str, Served]":
    """What serves, by environment; nothing where just this does, by a deploy that need only be written down."""
    from mlagent.rollout import place, standing

    served = standing.served(place.stands(cluster, wanted.model, environment))
    ours = served.came is not None and served.release is not None and served.release.digest == wanted.release.digest
    return {} if ours and not served.edits else {environment: served}


def _done(
    state: "State",
    wanted: "Wanted",
    namespace: str,
    decision: "Decision | None",
    desk: "Desk",
    ctx: "Context",
) -> "Outputs":
    """What is served was checked: now ledger and alias."""
    from mlagent.core.context import Outputs
    from mlagent.core.digest import canonical_json
    from mlagent.ledger.promotion import promoted
    from mlagent.rollout import brought
    from mlagent.rollout.standing import Deployed

    placed, environment = state.target, wanted.environment
    release, origin = placed.release, ctx.origin()
    desk.settle(
        promoted(
            release,
            environment,
            origin.who,
            record=brought.record(ctx.done),
            policy=decision.policy if decision else "",
            reason=origin.reason,
            placement=placed.id,
            deployed={"namespace": namespace, "placement": placed.id, "version": release.called},
        )
    )
    deployed = Deployed(environment=environment, namespace=namespace, placed=placed, image=release.digest)
    (ctx.work / DEPLOYED).write_bytes(canonical_json(deployed))
    before = f" in the place of {state.stable.release}" if state.stable and state.stable.id != placed.id else ""
    size = f"; {wanted.sized.why}" if wanted.sized.why else ""
    return Outputs(summary=f"{release} serves in {environment}{before}, since {placed.since}{size}")


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="milliseconds")


def _undone(state: "State") -> "Outputs":
    from mlagent.core.context import Outputs

    serves = f"{state.stable.release} serves" if state.stable else "nothing serves, as before"
    said = f"{state.target.release} was taken back ({state.reason}): {serves}"
    return Outputs(summary=said, undone=said, hint="its pods' newest lines stand above; build a better one")


def show(environment: str, config: Staging, inputs: "Mapping[str, Path]", ctx: "Context", *, ask: bool) -> str:
    """What would change, as a diff; with `ask`, first all that a deploy asks before anything changes."""
    from mlagent import adapters
    from mlagent.rollout import bring, brought, preflight
    from mlagent.rollout.differences import differences

    wanted = brought.of_run(environment, config, inputs, ctx)
    if ask:
        _admit(wanted, inputs, ctx)
        _verified(wanted.release, environment, ctx)
    _tell_size(wanted, ctx)
    with adapters.cluster(config, ctx.project, environment) as cluster:
        if ask:
            no, served = f"{wanted.release} would not be deployed", _served(cluster, wanted, environment)
            _desk(cluster, wanted.model, ctx).admit(no, served)
            findings = preflight.look(cluster, wanted)
            ctx.log.info(f"{sum(one.outcome == 'pass' for one in findings)} of {len(findings)} looked at and good")
            preflight.raise_unless_ready(findings)
        return differences(bring.changes(cluster, wanted)) or f"{environment} is as {wanted.release} wants it\n"


def _admit(wanted: "Wanted", inputs: "Mapping[str, Path]", ctx: "Context") -> None:
    """Order, soak, commit."""
    from mlagent.ledger import history
    from mlagent.rollout import admission

    left = history.left_behind(ctx.ledger, wanted.model, wanted.environment, wanted.release.build)
    admission.admit(admission.of_run(wanted.release, wanted.environment, left, inputs, ctx))


def _verified(release: "Release", environment: str, ctx: "Context") -> "Decision | None":
    file, of = ctx.references.get(POLICY), Asking(ctx.done, ctx.origin().url or f"run:{ctx.run_id}")
    return verified(release, environment, file, of, ctx.sections["registry"], ctx.project, ctx.ledger, ctx.log)


class Asking(NamedTuple):
    """Who asks: the stages of the run before this, and the build (its page in Jenkins, else its run)."""

    done: "Sequence[Done]"
    build: str


def verified(
    release: "Release",
    environment: str,
    file: "Path | None",
    of: Asking,
    settings: "Registry",
    project: "Path",
    ledger: "Ledger",
    log: "Log",
) -> "Decision | None":
    """The decision by the policy in a file; without one, staging goes on, and production is held to the strict one."""
    from mlagent import adapters
    from mlagent.core.oci import parse
    from mlagent.trust import gathering
    from mlagent.trust.approval import evidence
    from mlagent.trust.approval.held import Wanted as Rests
    from mlagent.trust.policy import policy
    from mlagent.trust.verify import judge

    if file is None and environment != LAST:
        log.warning("nothing was verified: this node has no policy (MLAGENT_POLICY_FILE)")
        return None
    asked, where = policy(_written(file), environment), parse(release.image)
    verifier = adapters.verifier(settings, project, transparency_log=asked.transparency_log)
    with adapters.image_registry(where, settings, project, notice=log.warning) as registry:
        found = gathering.gather(where, registry, verifier, asked)
    found = gathering.of_environment(found, ledger, release.model, environment)
    rests = Rests(evidence=evidence.of(release, environment, asked.digest, of.done), build=of.build)
    decision = judge(found, asked, datetime.now(UTC), wanted=rests)
    decision.raise_unless_passed()
    log.info(f"{release} shows what the policy asks for")
    return decision


def _written(file: "Path | None") -> "Written":
    """The node's policy, else the strict one."""
    from mlagent.trust.policy import Written
    from mlagent.trust.policy_file import load

    return load(file) if file else Written()


def stage(environment: str, config: type[Staging], *more: str) -> Stage:
    """The stage of an environment, which reads `more` than others."""
    return Stage(
        name=f"deploy@{environment}",
        title="Deploy to an environment",
        about="Asks whether the release may come and all is as the ledger says, verifies it by the platform's policy,"
        " looks for room and rights, then has Kubernetes exchange the pods, none of the old ones before a new one is"
        " ready; undoes it on bad evidence; asks every pod what it serves, and only then moves ledger and alias. Off"
        " without a namespace.",
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
        uses=("project", "registry", "serving", "policy", "ledger", "sign"),
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
