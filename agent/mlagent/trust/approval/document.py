"""One answer to one question, as it is attested beside the image: what was decided, by whom, on what evidence."""

from collections.abc import Mapping
from typing import Any

import msgspec

from mlagent.core.ports.approvals import Decision, Question
from mlagent.trust import plain

TYPE = "urn:mlagent:approval:v1"


class Approval(msgspec.Struct, frozen=True, kw_only=True):
    """The predicate.

    `responsible` says of each person whose own work this is why it is (`author of 1a2b3c`). `against` are rules that
    the answer breaks: it counts all the same where an administrator gave it, as an `override`.
    """

    question: Question
    decision: Decision
    responsible: Mapping[str, str] = {}
    against: tuple[str, ...] = ()
    override: bool = False


def parse(predicate: Mapping[str, Any]) -> Approval:
    """Read the predicate of a statement; InputError (4) where it is none of ours."""
    return plain.convert(predicate, Approval, "the attestation of an approval")
