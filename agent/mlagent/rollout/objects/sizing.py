"""How many pods an environment begins with: as it is set, or by the rate expected and what one pod was seen to hold."""

import math
from typing import NamedTuple

from mlagent.config.environments import Environment

FEWEST = 2  # one may go, and the other serves
USED = 0.7  # of what a pod holds: the rest is for a pod that is gone, and for a minute that is worse than expected


class Sized(NamedTuple):
    """How many, and where the number comes from, for people; empty where nobody asked for it by a rate."""

    pods: int
    why: str = ""


def sized(settings: Environment, measured: float | None) -> Sized:
    """Count; `measured` are the requests a second that one pod held in this run's load test, None where not looked for.

    A number that is set wins. Under an autoscaler it is the fewest, and never more than its most.
    """
    rate, capacity = settings.rate_per_second, settings.capacity_per_second or measured
    if settings.replicas is not None:
        return Sized(settings.replicas, f"replicas is set to {settings.replicas}" if rate else "")
    if rate is None:
        return Sized(FEWEST)
    if capacity is None:
        return Sized(
            FEWEST, f"{FEWEST} pods, for no capacity is known: `mlagent load-test --profile capacity` finds it"
        )
    wanted = max(FEWEST, math.ceil(rate / (USED * capacity) - 1e-9))
    source = "capacity_per_second" if settings.capacity_per_second else "the load test of this run"
    why = f"{wanted} pods for {rate:g} requests/s, each used to {USED:.0%} of the {capacity:g} it holds ({source})"
    if settings.replicas_max is not None and wanted > settings.replicas_max:
        return Sized(
            settings.replicas_max, f"{why}; no more than replicas_max, {settings.replicas_max}, are begun with"
        )
    return Sized(wanted, why)
