"""Ask people whether a release may come, where the policy wants that; believe Jenkins itself what they answered."""

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, datetime
from functools import partial
from typing import TYPE_CHECKING, NamedTuple

import msgspec

from mlagent.config.environments import SOAKING, Production, Staging
from mlagent.core.artifact import Artifact
from mlagent.core.stage import Needs, Package, Stage

if TYPE_CHECKING:
    from pathlib import Path

    from mlagent.core.context import Context, Outputs
    from mlagent.core.ports.approvals import Decision, Seen, Started
    from mlagent.rollout.objects import Wanted
    from mlagent.trust.approval.asking import Asked, Noted
    from mlagent.trust.policy import Policy

APPROVED, POLICY = "approved.json", "policy"


class Look(NamedTuple):
    """Who can be asked what people did: the build's page in Jenkins, or the store; `seen` is given the inputs asked."""

    seen: "Callable[[tuple[str, ...]], Seen]"
    started: "Callable[[], Started]"


class Case(NamedTuple):
    """What is to be decided, and all it takes to find out."""

    asked: "Asked"
    policy: "Policy"
    wanted: "Wanted"
    look: Look
    inputs: "Mapping[str, Path]"
    ctx: "Context"


def run(environment: str, config: Staging, inputs: "Mapping[str, Path]", ctx: "Context") -> "Outputs":
    """Ask, one person after the other; Asks (21) while one is to answer, then what the last answer says.

    Not of a pull request, nor where a stage was skipped.
    """
    from mlagent.core.context import Outputs
    from mlagent.rollout import brought
    from mlagent.trust.approval import evidence
    from mlagent.trust.approval.asking import Asked

    for label in ("skipped", "pull_request"):
        if label in ctx.labels:
            return Outputs(summary=f"nobody is asked about {label.replace('_', ' ')} ({ctx.labels[label]})")
    policy = _policy(environment, ctx)
    if policy is None or policy.approvals is None:
        return Outputs(summary=f"nobody is asked: the policy wants no approval for {environment}")
    wanted = brought.of_run(environment, config, inputs, ctx)
    if config.namespace is not None:  # else it is `promote` that asks for what was before
        _admit(wanted, inputs, ctx)
    asked = Asked(
        release=wanted.release,
        environment=environment,
        evidence=evidence.of(wanted.release, environment, policy.digest, ctx.done),
        policy=policy.digest,
        rules=policy.approvals,
        build=ctx.origin().url or f"run:{ctx.run_id}",
    )
    with _look(asked, ctx) as look:
        return _go(Case(asked, policy, wanted, look, inputs, ctx))


def _policy(environment: str, ctx: "Context") -> "Policy | None":
    """The node's; None without one: what the strict default asks for, only a key can show."""
    from mlagent.trust.policy import policy
    from mlagent.trust.policy_file import load

    file = ctx.references.get(POLICY)
    return policy(load(file), environment) if file else None


def _admit(wanted: "Wanted", inputs: "Mapping[str, Path]", ctx: "Context") -> None:
    """Nobody is asked about what `deploy` would refuse anyway."""
    from mlagent.ledger import history
    from mlagent.rollout import admission

    left = history.left_behind(ctx.ledger, wanted.model, wanted.environment, wanted.release.build)
    admission.admit(admission.of_run(wanted.release, wanted.environment, left, inputs, ctx))


@contextmanager
def _look(asked: "Asked", ctx: "Context") -> "Iterator[Look]":
    from mlagent import adapters
    from mlagent.errors import PolicyRefused

    if asked.in_jenkins and not asked.rules.controller:
        raise PolicyRefused(
            "the policy does not say which Jenkins is asked who approved: approvals.controller is empty",
            hint="whoever runs the platform writes its address there; what the build's environment says, a Jenkinsfile"
            " can set",
        )
    if asked.in_jenkins:
        with adapters.asked_build(
            ctx.sections["approvals"], asked.rules.controller, ctx.origin(), ctx.log.warning
        ) as build:
            yield Look(build.seen, build.started)
        return
    if not asked.rules.outside_jenkins:
        raise PolicyRefused(
            f"{asked.release} has to be approved for {asked.environment} in Jenkins, and this is no build there",
            hint="build it there; a policy that takes approvals from the store says approvals.outside_jenkins: true",
        )
    yield Look(lambda _: _seen_here(), adapters.started_here)


def _seen_here() -> "Seen":
    from mlagent.core.ports.approvals import Seen

    return Seen(time=_now().isoformat(timespec="seconds"))


def _go(case: Case) -> "Outputs":
    """Take the answer to what was asked, if there is one; ask the next, if one is needed."""
    from mlagent.core.context import Outputs
    from mlagent.core.digest import canonical_json
    from mlagent.trust.approval import asking
    from mlagent.trust.approval.readback import must_be_this_build

    asked, look, ctx = case.asked, case.look, case.ctx
    if asked.in_jenkins:
        must_be_this_build(look.seen(()), ctx.origin().commit)
    noted = msgspec.convert(dict(ctx.recall().get(asked.build, {})), asking.Noted).of(asked, answered=bool(ctx.answer))
    noted = _answered(case, noted)
    if not noted.enough(asked.rules):
        raise _ask(case, noted)
    (ctx.work / APPROVED).write_bytes(canonical_json(noted.given))
    by = " and ".join(one.decision.who + (" (override)" if one.override else "") for one in noted.given)
    return Outputs(summary=f"{asked.release} may come to {asked.environment}: approved by {by}")


def _answered(case: Case, noted: "Noted") -> "Noted":
    """With the answer, written down; raises what a rejection, or nobody's answer, ends with."""
    from mlagent.stages.approve import recording, showing
    from mlagent.trust.approval import asking
    from mlagent.trust.approval.separation import Responsible

    asked, ctx, question = case.asked, case.ctx, noted.question
    if question is None and noted.no and ctx.answer.get("outcome") == noted.no.decision.outcome:
        raise asking.ended(asked, noted.no)
    decision = _decision(case, noted)
    if question is None or decision is None:
        return noted
    approved = decision.outcome == "approved"
    people = showing.responsible(asked, case.policy, case.look.started(), ctx) if approved else Responsible(ids={})
    approval = asking.judged(asked, noted, question, decision, people)
    recording.record(asked, approval, ctx)
    given = (*noted.given, approval) if approved else ()
    noted = msgspec.structs.replace(noted, question=None, before=None, given=given, no=None if approved else approval)
    _remember(asked, noted, ctx)
    if not approved:
        raise asking.ended(asked, approval)
    ctx.log.info(f"approved by {decision.who} ({question.number} of {question.count})")
    return noted


def _decision(case: Case, noted: "Noted") -> "Decision | None":
    """What was answered: by Jenkins' own word, or by what lies in the store."""
    from mlagent.core.ports.approvals import Decision
    from mlagent.trust.approval import asking
    from mlagent.trust.approval.readback import read_back

    asked, ctx, question = case.asked, case.ctx, noted.question
    if question is None:
        return None
    if asked.in_jenkins:
        if not (ctx.answer and noted.before) or ctx.answer.get("to", "") not in ("", question.input):
            return None  # nobody has answered, or the one before, whose answer was read already
        asking.must_be_ours(asked, noted)
        return read_back(question, noted.before, case.look.seen((question.input,)), ctx.answer, ctx.origin().commit)
    found = ctx.approvals.decision(question.id)
    if found or _now() < datetime.fromisoformat(question.expires):
        return msgspec.structs.replace(found, confirmed="store", evidence=question.evidence) if found else None
    return Decision(
        question=question.id,
        release=question.release,
        evidence=question.evidence,
        outcome="timed-out",
        who="",
        time=_now().isoformat(timespec="seconds"),
    )


def _ask(case: Case, noted: "Noted") -> Exception:
    """Put the next question; outside of Jenkins the same again where nobody has answered it; the end that says so."""
    from mlagent.adapters import webhook
    from mlagent.stages.approve import showing
    from mlagent.trust.approval import asking

    asked, look, ctx = case.asked, case.look, case.ctx
    question, now = None if asked.in_jenkins else noted.question, _now()
    new = question is None
    if question is None:
        expires = asking.expires(asked.rules, now)
        people = showing.responsible(asked, case.policy, look.started(), ctx)
        message = showing.message(asked, noted, people, expires, case.wanted, case.inputs, ctx)
        question = asking.question(asked, noted, message, now)
    known = tuple(f"Approve{asked.environment.capitalize()}{one + 1}" for one in range(asked.rules.count))
    before = look.seen(known)
    noted = msgspec.structs.replace(noted, question=question, before=before)
    _remember(asked, noted, ctx)
    ctx.approvals.ask(question)
    if new:
        webhook.tell(ctx.sections["approvals"], question, asked.build, ctx.log.warning)
    return asking.asks(question, _now())


def _remember(asked: "Asked", noted: "Noted", ctx: "Context") -> None:
    """How far it went in this build; other builds of the same run have notes of their own."""
    ctx.remember({**ctx.recall(), asked.build: msgspec.to_builtins(noted)})


def _now() -> datetime:
    return datetime.now(UTC)


def _stage(environment: str, config: type[Staging], *more: str) -> Stage:
    return Stage(
        name=f"approve@{environment}",
        title="Ask for approval",
        about="Where the platform's policy wants approvals for the environment: asks people one after the other, in"
        " Jenkins on no node, and shows them what is decided; reads back from Jenkins itself who approved, and holds"
        " that against the policy; ledger and image then tell of it. Rejected is 12, waiting or timed out 21, aborted"
        " 130. Off without a namespace, unless `approval` asks.",
        config=config,
        run=partial(run, environment),
        section=environment,
        environment=environment,
        ignores=SOAKING,
        reads=("image", "version", "pushed", "evaluation", *more),
        writes=(Artifact(f"approved@{environment}", APPROVED, "who approved, on what evidence", optional=True),),
        uses=("project", "registry", "serving", "policy", "sign", "approvals"),
        facts=(POLICY,),
        wants=(f"{environment}.namespace", f"{environment}.approval"),
        effect="converge",
        retries=2,
        needs=Needs(trusted_node=True, credentials=True, packages=(Package("jenkins", "jenkins"),)),
        minutes=30,
    )


STAGING = _stage("staging", Staging)
PRODUCTION = _stage("production", Production, "soaked@staging")
