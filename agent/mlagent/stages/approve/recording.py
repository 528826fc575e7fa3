"""Writes an answer down: in the ledger, then as a statement beside the image; each once, however often it is told."""

import msgspec

from mlagent import adapters
from mlagent.core.context import Context
from mlagent.core.oci import parse
from mlagent.errors import ConfigError, InputError
from mlagent.trust import statement
from mlagent.trust.approval import document, told
from mlagent.trust.approval.asking import Asked
from mlagent.trust.approval.document import Approval


def record(asked: Asked, approval: Approval, ctx: Context) -> None:
    """What was decided; ConfigError (3) where nobody can sign it."""
    told.tell(ctx.ledger, approval, asked.release)
    _attest(asked, approval, ctx)
    if asked.in_jenkins:
        ctx.approvals.decide(approval.decision)


def _attest(asked: Asked, approval: Approval, ctx: Context) -> None:
    sign = ctx.sections["sign"]
    if not (sign.key or sign.service):
        hint = "set sign.key or sign.service: an approval is a statement beside the image, and signed"
        raise ConfigError(f"nobody can sign what was decided about {asked.release}", hint=hint)
    signer, image = adapters.signer_of(sign, ctx.sections["registry"], ctx.project), parse(asked.release.image)
    for envelope in signer.attestations(image, document.TYPE, signer.by()):
        try:
            there = document.parse(statement.parse(statement.opened(envelope)).predicate)
        except InputError:
            continue
        if there.question == approval.question and there.decision.outcome == approval.decision.outcome:
            return
    file = ctx.work / "approval.json"
    file.write_bytes(msgspec.json.encode(approval))
    signer.attest(image, document.TYPE, file)
