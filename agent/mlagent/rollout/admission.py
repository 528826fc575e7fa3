"""Whether a release may come to an environment at all: what is asked before the cluster is."""

from collections.abc import Iterator, Mapping
from pathlib import Path

import msgspec

from mlagent.core.context import Context
from mlagent.core.digest import Digest, short
from mlagent.core.ports.ledger import Fact, reached
from mlagent.core.release import Release
from mlagent.core.verdict import Outcome
from mlagent.errors import PolicyRefused

PRODUCTION = "production"


class Soaked(msgspec.Struct, frozen=True, kw_only=True):
    """What soaked in an environment, and how that was judged."""

    environment: str
    image: Digest
    outcome: Outcome


class Asked(msgspec.Struct, frozen=True, kw_only=True):
    """A release, and what is known of it: the highest build that the environment has reached, what soaked in staging.

    `left` is the rollback that left it, where there was one and nothing went back to it since.

    `commit` is empty where git does not know the project, `dirty` where there are changes that are not in it.
    """

    release: Release
    environment: str
    reached: int
    left: Fact | None = None
    soaked: Soaked | None = None
    commit: str = ""
    dirty: bool = False


def of_run(release: Release, environment: str, left: Fact | None, inputs: Mapping[str, Path], ctx: Context) -> Asked:
    """What a run knows of its own release; `inputs` are files by artifact."""
    origin, soaked = ctx.origin(), inputs.get("soaked@staging")
    return Asked(
        release=release,
        environment=environment,
        reached=reached(ctx.ledger, release.model, environment),
        left=left,
        soaked=msgspec.json.decode(soaked.read_bytes(), type=Soaked) if soaked else None,
        commit=origin.commit,
        dirty=origin.dirty,
    )


def admit(asked: Asked) -> None:
    """PolicyRefused (12), naming everything that stands against it."""
    against = list(_against(asked))
    if against:
        raise PolicyRefused(
            f"{asked.release} does not go to {asked.environment}: {'; '.join(said for said, _ in against)}",
            hint="; ".join(dict.fromkeys(cure for _, cure in against)),
        )


def _against(asked: Asked) -> Iterator[tuple[str, str]]:
    """What is wrong, and what to do about it."""
    if asked.reached > asked.release.build:
        yield (
            f"build {asked.reached} has been there, and this is build {asked.release.build}",
            "an older release returns by `mlagent rollback` only; or build again",
        )
    if asked.left:
        why = asked.left.details.get("reason", "")
        yield (
            f"it was rolled back there by {asked.left.who} at {asked.left.time} ({why})",
            "build a better one, or go back to it by `mlagent rollback --to`",
        )
    if asked.environment != PRODUCTION:
        return
    if asked.soaked is None:
        yield "it has not soaked in staging", "`mlagent deploy --env staging`, then `mlagent soak --env staging`"
    elif asked.soaked.image != asked.release.digest:
        yield (
            f"{short(asked.soaked.image)} has soaked in staging, and this is {short(asked.release.digest)}",
            "`mlagent deploy --env staging`, then `mlagent soak --env staging`",
        )
    elif asked.soaked.outcome != "pass":
        yield f"its soak in staging ended with {asked.soaked.outcome}", "see what `mlagent show` says of it"
    if not asked.commit:
        yield "it was built from no commit", "commit the project to git, and build from that"
    elif asked.dirty:
        yield (
            f"it was built with changes that are not in commit {asked.commit[:12]}",
            "commit them, and build from that",
        )
