"""What preflight looked at, and what it found."""

from collections.abc import Sequence
from typing import Literal

import msgspec

from mlagent.errors import ConfigError, InfrastructureError


class Finding(msgspec.Struct, frozen=True, kw_only=True):
    """One thing that was looked at: what was asked for, what there is, and what to do about it.

    `passing` says of a shortfall that it may be over later without anybody changing the settings: a full cluster.
    """

    what: str
    asked: str
    found: str
    outcome: Literal["pass", "short", "unknown"]
    cure: str = ""
    passing: bool = False

    def __str__(self) -> str:
        cure = f" ({self.cure})" if self.cure and self.outcome != "pass" else ""
        return f"{self.what}: asked {self.asked}; {self.found}{cure}"


def raise_unless_ready(findings: Sequence[Finding]) -> None:
    """Name every shortfall: ConfigError (3), or InfrastructureError (20) where all may pass by themselves."""
    short = [one for one in findings if one.outcome == "short"]
    if not short:
        return
    kind = InfrastructureError if all(one.passing for one in short) else ConfigError
    raise kind(
        "nothing has changed in the cluster, which is not ready for it: "
        + "; ".join(f"{one.what}: asked {one.asked}; {one.found}" for one in short),
        hint="; ".join(dict.fromkeys(one.cure for one in short if one.cure)),
    )
