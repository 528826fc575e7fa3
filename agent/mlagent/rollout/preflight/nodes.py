"""Whether the pods find room on nodes, one by one."""

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from decimal import Decimal

import msgspec

from mlagent.core.ports.cluster import Object
from mlagent.rollout.objects import Wanted, quantity
from mlagent.rollout.objects.pod import tolerations
from mlagent.rollout.preflight.finding import Finding
from mlagent.rollout.preflight.need import PODS, Need, requests

ENDED = frozenset({"Succeeded", "Failed"})
KEEPING_OUT = frozenset({"NoSchedule", "NoExecute"})


class Room(msgspec.Struct, frozen=True, kw_only=True):
    """A node that our pods may go to, what it has for pods, and what of that is free."""

    node: str
    has: Mapping[str, Decimal]
    free: Mapping[str, Decimal]

    def could(self, each: Mapping[str, Decimal]) -> bool:
        """Whether it would take one if it were empty."""
        return all(self.has.get(name, Decimal(0)) >= amount for name, amount in each.items())

    def fits(self, each: Mapping[str, Decimal]) -> int:
        """How many of them."""
        return max(0, min(int(self.free.get(name, Decimal(0)) // amount) for name, amount in each.items() if amount))

    def lacking(self, each: Mapping[str, Decimal]) -> list[str]:
        """Why not one of them."""
        return [
            f"{quantity.write(amount - self.free.get(name, Decimal(0)), name)} {name} too little"
            for name, amount in each.items()
            if amount > self.free.get(name, Decimal(0))
        ]


def judge(nodes: Sequence[Object], pods: Sequence[Object], need: Need, wanted: Wanted, *, all_seen: bool) -> Finding:
    """Place them; `pods` are those that run, of the whole cluster if `all_seen`.

    Where only some are seen, too little room is certain, and enough is not.
    """
    rooms = list(_rooms(nodes, pods, wanted))
    fits = sum(room.fits(need.each) for room in rooms)
    asked = f"room for {need.more} of {_spelled(need.each)}"
    if fits >= need.pods:
        found = _room(rooms, fits)
        if all_seen or not need.pods:
            return Finding(what="nodes", asked=asked, found=found, outcome="pass")
        return Finding(
            what="nodes",
            asked=asked,
            found=f"{found} without what other namespaces take, which may not be seen",
            outcome="unknown",
            cure="`mlagent manifests rbac` has a role to list pods and nodes",
        )
    return Finding(
        what="nodes",
        asked=asked,
        found=f"{_why(rooms, need, len(nodes))}: {need.pods - fits} too many",
        outcome="short",
        cure="free or add nodes that node_selector and tolerations allow; or ask for less (serving, surge …)",
        passing=any(room.could(need.each) for room in rooms),
    )


def _rooms(nodes: Sequence[Object], pods: Sequence[Object], wanted: Wanted) -> Iterator[Room]:
    taken: dict[str, dict[str, Decimal]] = defaultdict(lambda: defaultdict(Decimal))
    for pod in pods:
        if pod.get("status", {}).get("phase") not in ENDED:
            for name, amount in (requests(pod["spec"]) | {PODS: Decimal(1)}).items():
                taken[pod["spec"].get("nodeName", "")][name] += amount
    for node in nodes:
        if allows(node, wanted):
            name, allocatable = node["metadata"]["name"], node["status"]["allocatable"]
            has = {key: quantity.read(text) for key, text in allocatable.items()}
            free = {key: amount - taken[name][key] for key, amount in has.items()}
            yield Room(node=name, has=has, free=free)


def allows(node: Object, wanted: Wanted) -> bool:
    """Whether a pod of ours may be placed there: ready, open, chosen, and no taint that it does not tolerate."""
    spec, labels = node.get("spec", {}), node["metadata"].get("labels", {})
    ready = any(one["type"] == "Ready" and one["status"] == "True" for one in node["status"].get("conditions", ()))
    chosen = all(labels.get(key) == text for key, text in wanted.settings.node_selector.items())
    taints = [one for one in spec.get("taints") or () if one["effect"] in KEEPING_OUT]
    kept = tolerations(wanted)
    return (
        ready and not spec.get("unschedulable") and chosen and all(any(_bears(k, one) for k in kept) for one in taints)
    )


def _bears(toleration: Mapping[str, str], taint: Mapping[str, str]) -> bool:
    return (
        toleration["key"] == taint["key"]
        and toleration["effect"] == taint["effect"]
        and (toleration["operator"] == "Exists" or toleration.get("value", "") == taint.get("value", ""))
    )


def _why(rooms: Sequence[Room], need: Need, nodes: int) -> str:
    if not rooms:
        return f"none of {nodes} node{'s' if nodes != 1 else ''} is ready, open to it and chosen by node_selector"
    best = max(rooms, key=lambda room: (room.fits(need.each), -len(room.lacking(need.each))))
    lacking = ", ".join(best.lacking(need.each))
    fits = sum(room.fits(need.each) for room in rooms)
    return _room(rooms, fits) + (f"; on {best.node} there is {lacking}" if lacking else "")


def _room(rooms: Sequence[Room], fits: int) -> str:
    return f"1 node has room for {fits}" if len(rooms) == 1 else f"{len(rooms)} nodes have room for {fits}"


def _spelled(each: Mapping[str, Decimal]) -> str:
    return ", ".join(f"{quantity.write(amount, name)} {name}" for name, amount in each.items() if name != PODS)
