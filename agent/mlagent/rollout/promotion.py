"""What follows once a release is seen to serve: the alias of its environment moves, and the ledger says who did it."""

from collections.abc import Mapping
from typing import Literal, NamedTuple

from mlagent.core.ports.ledger import MOVES, Fact, Ledger
from mlagent.core.ports.models import ModelRegistry
from mlagent.core.release import Release
from mlagent.errors import Held
from mlagent.rollout.release import Placed

ATTEMPTS = 10


class Recorded(NamedTuple):
    """What was done: both are False where it stood so already; `unknown` says why no alias could be moved."""

    pointed: bool
    appended: bool
    unknown: str = ""


def promoted(registry: ModelRegistry, ledger: Ledger, placed: Placed, environment: str, who: str, now: str) -> Recorded:
    """The release reached the environment; `who` did it, `now` is RFC 3339 in UTC. Nothing is written twice."""
    return _record("promoted", registry, ledger, placed, environment, who, now, {})


def rolled_back(
    registry: ModelRegistry,
    ledger: Ledger,
    placed: Placed,
    environment: str,
    who: str,
    now: str,
    *,
    left: Release | None,
    reason: str,
) -> Recorded:
    """`placed` serves again in the place of `left`; a promotion of an older build is none, so the order stands."""
    details = {"reason": reason}
    details |= {"from": left.digest, "from_version": left.called, "from_build": str(left.build)} if left else {}
    return _record("rolled-back", registry, ledger, placed, environment, who, now, details)


def left_behind(ledger: Ledger, model: str, environment: str, build: int) -> Fact | None:
    """The rollback that left this build's release, unless a later one went back to it; it does not come by itself."""
    for one in ledger.about(model, environment):
        fact = one.fact
        if fact.what == "rolled-back" and fact.details.get("from_build") == str(build):
            return fact
        if fact.what == "rolled-back" and fact.build == build:
            return None
    return None


def _record(
    what: Literal["promoted", "rolled-back"],
    registry: ModelRegistry,
    ledger: Ledger,
    placed: Placed,
    environment: str,
    who: str,
    now: str,
    details: Mapping[str, str],
) -> Recorded:
    release = placed.release
    pointed, unknown = _point(registry, release, environment)
    if _stands(ledger, what, release, environment):
        return Recorded(pointed, appended=False, unknown=unknown)
    fact = Fact(
        what=what,
        model=release.model,
        who=who,
        time=now,
        release=release.digest,
        environment=environment,
        build=release.build,
        details={**details, "placement": placed.id},
    )
    ledger.append(fact)
    return Recorded(pointed, appended=True, unknown=unknown)


def _point(registry: ModelRegistry, release: Release, alias: str) -> tuple[bool, str]:
    """Move the alias unless it is there; Held (21) when others move it each time."""
    known = {one.number: one.digest for one in registry.versions(release.model)}
    number = release.version
    if number is None or known.get(number) != release.onnx:
        return False, f"the registry of models that is asked here does not know {release}, so no alias was moved"
    for _ in range(ATTEMPTS):
        before = registry.pointed(release.model, alias)
        if before is not None and before.number == number:
            return False, ""
        if registry.point(release.model, alias, number, before.number if before else None):
            return True, ""
    raise Held(
        f"others move the alias {alias} of {release.model} all the time",
        hint="who else deploys this model? The same command tries again",
    )


def _stands(ledger: Ledger, what: str, release: Release, environment: str) -> bool:
    """Whether the newest fact of the environment says just this."""
    there = (one.fact for one in ledger.about(release.model, environment))
    newest = next((one for one in there if one.what in MOVES), None)
    return newest is not None and (newest.what, newest.release, newest.build) == (what, release.digest, release.build)
