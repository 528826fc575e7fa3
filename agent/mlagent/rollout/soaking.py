"""Whether a release has soaked: how long it has still to serve, and whether it is still the one that serves."""

from datetime import datetime, timedelta

import msgspec

from mlagent.config.environments import Staging
from mlagent.core.verdict import Verdict
from mlagent.errors import Held, PolicyRefused
from mlagent.rollout.admission import Soaked
from mlagent.rollout.judging import LATENCY, Limits
from mlagent.rollout.readings import Readings
from mlagent.rollout.release import Placed
from mlagent.rollout.standing import Deployed, Standing


class Soak(Soaked, frozen=True, kw_only=True):
    """What is kept of a soak: what `deploy` asks for, and on what it rests; times are RFC 3339 in UTC."""

    placement: str
    since: str
    until: str
    requests: int
    errors: int
    restarts: int
    pods: int


class Noted(msgspec.Struct, frozen=True, kw_only=True):
    """What earlier attempts of the same run saw: counts of pods that may be gone, and the verdict that was a no."""

    readings: Readings = Readings()
    bad: Verdict | None = None


def ours(deployed: Deployed, stands: Standing) -> bool:
    """Whether the release serves, or is what the newest rollout leads, or led, back from: nobody came in between."""
    wanted, newest = deployed.placed.id, stands.rollout
    if stands.moving and stands.moving.kind == "deploy":
        return False
    if stands.placed and stands.placed.id == wanted:
        return True
    return newest is not None and newest.kind == "rollback" and newest.stable is not None and newest.stable.id == wanted


def must_serve(deployed: Deployed, stands: Standing) -> Placed:
    """What soaks, as it is known there.

    Held (21) while a rollout is under way, PolicyRefused (12), with what does, where something else serves.
    """
    environment, wanted = deployed.environment, deployed.placed
    if stands.moving:
        raise Held(
            f"a rollout to {stands.moving.target.release} is under way in {environment} ({stands.moving.phase})",
            hint=f"`mlagent rollout status --env {environment}` shows how far it is",
        )
    if stands.placed is None or stands.placed.id != wanted.id:
        raise PolicyRefused(
            f"{environment} serves {_serving(stands)}, and not {wanted.release}, which this run deployed",
            hint="a later release, or a rollback, has taken its place: what does not serve does not soak",
        )
    return msgspec.structs.replace(stands.placed, since=stands.placed.since or wanted.since)


def _serving(stands: Standing) -> str:
    if not stands.exists:
        return "nothing"
    if stands.placed is None:
        return stands.strange
    since = f" since {stands.placed.since}" if stands.placed.since else ""
    return f"{stands.placed.release}{since}"


def until(placed: Placed, minutes: float) -> datetime:
    """When it is over: so long after it had come to serve in full."""
    return datetime.fromisoformat(placed.since) + timedelta(minutes=minutes)


def wait(placed: Placed, minutes: float, now: datetime, judged: Verdict) -> Held | None:
    """That it is not over, with the time that it takes until then; None when it is."""
    end = until(placed, minutes)
    left = (end - now).total_seconds()
    if left <= 0:
        return None
    so_far = "; ".join(one.reason for one in judged.checks)
    return Held(
        f"{placed.release} soaks until {end.isoformat(timespec='seconds')}, {_spoken(left)} from now; so far: {so_far}",
        hint="the same command then; Jenkins asks again by itself",
        seconds=left + 1,
    )


def kept(deployed: Deployed, placed: Placed, minutes: float, seen: Readings, judged: Verdict) -> Soak:
    """What is written down of it."""
    counted = seen.counts.values()
    return Soak(
        environment=deployed.environment,
        image=placed.release.digest,
        outcome=judged.outcome,
        placement=placed.id,
        since=placed.since,
        until=until(placed, minutes).isoformat(timespec="seconds"),
        requests=sum(one.requests for one in counted),
        errors=sum(one.errors for one in counted),
        restarts=seen.restarted,
        pods=len(seen.restarts),
    )


def hint(judged: Verdict, environment: str) -> str:
    """What to do where it is not good; nothing where it is."""
    if judged.outcome == "pass":
        return ""
    if judged.outcome == "fail":
        return f"`mlagent report` shows what was counted; build again, or set other limits ({environment}.soak_…)"
    open_ = [one.metric for one in judged.checks if one.outcome == "inconclusive"]
    edges = f", or a {environment}.soak_p99_ms on an edge of the histogram" if LATENCY in open_ else ""
    return f"send it more requests{edges}; then the same command again, which goes on counting"


def _spoken(seconds: float) -> str:
    minutes = seconds / 60
    return f"{minutes:.0f} minutes" if minutes >= 2 else f"{seconds:.0f} s"


def limits(section: Staging) -> Limits:
    """Those of an environment's section."""
    return Limits(
        error_rate_max=section.soak_error_rate_max,
        p99_ms=section.soak_p99_ms,
        restarts_max=section.soak_restarts_max,
        requests_min=section.soak_requests_min,
    )
