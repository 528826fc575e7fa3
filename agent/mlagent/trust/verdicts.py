"""Every verdict of a run in one attestation: which stage judged what, when, and how it ended."""

from collections.abc import Iterable, Mapping
from typing import Annotated, Any

import msgspec
from msgspec import Meta

from mlagent.core.context import Done
from mlagent.core.verdict import Verdict
from mlagent.trust import plain

TYPE = "urn:mlagent:verdicts:v1"


class Judged(msgspec.Struct, frozen=True, kw_only=True):
    """One verdict; `ended` says when it was reached, by which run."""

    stage: Annotated[str, Meta(description="The stage that judged.")]
    ended: Annotated[str, Meta(description="When, as RFC 3339 in UTC; also where an earlier run did so.")]
    run: Annotated[str, Meta(description="The run that judged.")]
    verdict: Verdict


class Verdicts(msgspec.Struct, frozen=True, kw_only=True):
    """The predicate."""

    verdicts: tuple[Judged, ...]


def of(done: Iterable[Done]) -> Verdicts:
    """Those of all stages that are done, in their order."""
    found = (Judged(stage=one.stage, ended=one.ended, run=one.made_by, verdict=v) for one in done for v in one.verdicts)
    return Verdicts(verdicts=tuple(found))


def parse(predicate: Mapping[str, Any]) -> Verdicts:
    """Read the predicate of a statement; InputError (4) where it is none of ours."""
    return plain.convert(predicate, Verdicts, "the attestation of verdicts")
