"""How many pods more there will be while the release comes, and what each takes."""

import math
from collections.abc import Mapping
from decimal import Decimal

import msgspec

from mlagent.core.ports.cluster import Object
from mlagent.rollout import names
from mlagent.rollout.objects import Wanted, placement, quantity
from mlagent.rollout.objects.container import resources

PODS = "pods"
Amounts = Mapping[str, Decimal]


class Need(msgspec.Struct, frozen=True, kw_only=True):
    """`pods` come on top of those that are there, before one of these goes; `total` are there in the end.

    `each` is what one takes, `before` what one of the old ones does.
    """

    pods: int
    total: int
    each: Amounts
    before: Amounts = {}

    @property
    def more(self) -> str:
        """How many, for people."""
        return f"{self.pods} more pod" + ("s" if self.pods != 1 else "")

    def most(self, resource: str) -> Decimal:
        """How much more is taken at the worst moment: when the last pod comes, where each takes more than before."""
        each, before = self.each.get(resource, Decimal(0)), self.before.get(resource, Decimal(0))
        return self.pods * each + (self.total - self.pods) * max(Decimal(0), each - before)


def need(wanted: Wanted, live: Object | None) -> Need:
    """Count for a Deployment as it is, None for none; under an autoscaler for as many as it has now."""
    each = {name: quantity.read(text) for name, text in resources(wanted).items()} | {PODS: Decimal(1)}
    total = _total(wanted, live)
    if live is None:
        return Need(pods=total, total=total, each=each)
    there = live.get("status", {}).get("replicas", 0)
    template = live["spec"]["template"]
    same = template["metadata"].get("labels", {}).get(names.PLACEMENT) == placement(wanted)
    pods = max(0, total + (0 if same else _surge(wanted.settings.surge, total)) - there)
    return Need(pods=min(pods, total), total=total, each=each, before=requests(template["spec"]) | {PODS: Decimal(1)})


def requests(spec: Object) -> dict[str, Decimal]:
    """What a pod asks for: all its containers together, or the greediest that runs before them."""
    found: dict[str, Decimal] = {}
    for one in spec.get("containers", ()):
        for name, amount in _requests(one).items():
            found[name] = found.get(name, Decimal(0)) + amount
    for one in spec.get("initContainers", ()):
        for name, amount in _requests(one).items():
            found[name] = max(found.get(name, Decimal(0)), amount)
    return found


def _requests(container: Object) -> dict[str, Decimal]:
    said = container.get("resources") or {}
    return {
        name: quantity.read(text) for name, text in ((said.get("limits") or {}) | (said.get("requests") or {})).items()
    }


def _total(wanted: Wanted, live: Object | None) -> int:
    least, most = wanted.sized.pods, wanted.settings.replicas_max
    if most is None or live is None:
        return least
    now: int = live["spec"].get("replicas", 1)
    return min(most, max(least, now))


def _surge(said: str, total: int) -> int:
    """A share is rounded up, as Kubernetes does."""
    return math.ceil(total * int(said[:-1]) / 100) if said.endswith("%") else int(said)
