"""The sections that say how the stages are carried: from which branches, with what before and after, how long."""

from typing import Annotated

import msgspec
from msgspec import Meta

HOLD_KEYS = ("push", "sign", "release", "approve", "deploy", "soak")


class Deploy(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What may leave the building; every other branch, and every pull request, stops after load-test."""

    branches: Annotated[tuple[str, ...], Meta(description="The branches that go past load-test.")] = ("main", "master")


class Stages(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The team's own scripts around a stage, how long it may take, and what is left out; each by the stage's name."""

    before: Annotated[
        dict[str, str],
        Meta(description="A program of the project to run before a stage, in the worker: {train: tools/fetch.sh}."),
    ] = {}
    after: Annotated[
        dict[str, str], Meta(description="The same after a stage did its work, and before that is kept.")
    ] = {}
    timeout_minutes: Annotated[
        dict[str, int], Meta(description="How long a stage may take in Jenkins, in minutes: {train: 600}.")
    ] = {}
    skip: Annotated[
        dict[str, Annotated[str, Meta(min_length=1)]],
        Meta(description="Stages to leave out, and why: {check: linted elsewhere}; such a run ends after load-test."),
    ] = {}

    def __post_init__(self) -> None:
        """Run nothing of the team's beside a key, and go round none of them."""
        for name in self.skip:
            if name.partition("@")[0] in HOLD_KEYS:
                message = f"skip: {name} is on the way to production, which is not reached by leaving it out"
                raise ValueError(message)
        for name in (*self.before, *self.after):
            if name.partition("@")[0] in HOLD_KEYS:
                message = f"{name} holds keys, and nothing of the team's runs beside them: no before or after there"
                raise ValueError(message)
        if any(minutes < 1 for minutes in self.timeout_minutes.values()):
            message = "timeout_minutes are at least 1"
            raise ValueError(message)
