"""What people are shown of a release before they decide, gathered from the run, the cluster and the ledger."""

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import msgspec

from mlagent import adapters
from mlagent.adapters import sealing
from mlagent.core.context import Context
from mlagent.core.ports.approvals import Started
from mlagent.core.ports.signer import PublicKey
from mlagent.ledger import history
from mlagent.ledger.verification import verify
from mlagent.rollout import bring, place
from mlagent.rollout.differences import differences
from mlagent.rollout.objects import Wanted
from mlagent.trust.approval import message as text
from mlagent.trust.approval import separation
from mlagent.trust.approval.asking import Asked, Noted
from mlagent.trust.approval.separation import Responsible
from mlagent.trust.measured import Evaluation
from mlagent.trust.policy import Policy


def message(
    asked: Asked,
    noted: Noted,
    people: Responsible,
    expires: str,
    wanted: Wanted,
    inputs: Mapping[str, Path],
    ctx: Context,
) -> str:
    """The text, for the next who is asked; `people` are those whose own work it is."""
    found = inputs.get("evaluation")
    return text.message(
        text.Told(
            release=asked.release,
            environment=asked.environment,
            evidence=asked.evidence,
            expires=expires,
            approvers=asked.rules.approvers,
            number=len(noted.given) + 1,
            count=asked.rules.count,
            evaluation=msgspec.json.decode(found.read_bytes(), type=Evaluation) if found else None,
            verdicts=tuple((one.subject, one.outcome) for done in ctx.done for one in done.verdicts),
            report=_report(asked, ctx),
            responsible=people.ids,
            earlier=tuple(one.decision.who for one in noted.given),
            override=asked.rules.override,
            warnings=tuple(f"the e-mail {one} of an author is nobody's in the policy" for one in people.unmapped),
            **_there(wanted, ctx),
        )
    )


def _there(wanted: Wanted, ctx: Context) -> dict[str, Any]:
    """What serves now, and what would change in the cluster; nothing where none is set."""
    if wanted.settings.namespace is None:
        return {}
    with adapters.cluster(wanted.settings, ctx.project, wanted.environment) as cluster:
        stands = place.stands(cluster, wanted.model, wanted.environment)
        return {
            "instead": stands.placed.release if stands.placed else None,
            "diff": differences(bring.changes(cluster, wanted)),
        }


def _report(asked: Asked, ctx: Context) -> str:
    """The page of the run, among what the build keeps."""
    home = os.path.relpath(ctx.project / ".mlagent")
    return f"{asked.build}artifact/{home}/runs/{ctx.run_id}/report.html" if asked.in_jenkins else ""


def responsible(asked: Asked, policy: Policy, started: Started, ctx: Context) -> Responsible:
    """Whose work it is: everybody who wrote something since the release that is there, and who started this build.

    What is there is what a signed part of the ledger says: others than who signs could write to the rest.
    """
    since = history.commit(ctx.ledger, asked.release.model, asked.environment, _covered(policy, ctx))
    return separation.responsible(ctx.authors(since), started, asked.rules, policy.authors)


def _covered(policy: Policy, ctx: Context) -> int:
    """How many entries of the ledger are signed for by a key of the policy; a key that a project names is none."""
    known = {name: PublicKey(key.pem) for name, key in policy.keys.items()}
    good = sealing.good(known, ctx.sections["registry"], ctx.project)
    return verify(ctx.ledger, (), good).covered if good else 0
