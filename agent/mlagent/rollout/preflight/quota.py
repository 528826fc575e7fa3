"""Whether the namespace's quotas let the pods be."""

from collections.abc import Iterator, Mapping, Sequence

from mlagent.core.ports.cluster import Object
from mlagent.rollout.objects import quantity
from mlagent.rollout.objects.container import GPU
from mlagent.rollout.preflight.finding import Finding
from mlagent.rollout.preflight.need import PODS, Need

COUNTED: Mapping[str, str] = {
    "cpu": "cpu",
    "requests.cpu": "cpu",
    "limits.cpu": "cpu",
    "memory": "memory",
    "requests.memory": "memory",
    "limits.memory": "memory",
    f"requests.{GPU}": GPU,
    PODS: PODS,
    f"count/{PODS}": PODS,
}
"""What a quota may limit, and what of ours counts for it: our limits are what we ask for."""

_OTHERS = frozenset({"BestEffort", "Terminating"})  # scopes of pods that ours are not


def judge(quotas: Sequence[Object], need: Need) -> Iterator[Finding]:
    """Hold what more will be taken at the worst moment to what is left of each."""
    short = [found for one in quotas if _ours(one) for found in _short(one, need)]
    yield from short
    if not short:
        names = ", ".join(one["metadata"]["name"] for one in quotas)
        found = f"{names} has room for it" if names else "the namespace has none"
        yield Finding(what="quota", asked=need.more, found=found, outcome="pass")


def _short(one: Object, need: Need) -> Iterator[Finding]:
    status, name = one.get("status", {}), one["metadata"]["name"]
    for key, hard in (status.get("hard") or {}).items():
        if key not in COUNTED:
            continue
        most, limit = need.most(COUNTED[key]), quantity.read(hard)
        left = limit - quantity.read((status.get("used") or {}).get(key, "0"))
        if most > left:
            asked, there, lacking = (quantity.write(amount, key) for amount in (most, max(left, left * 0), most - left))
            yield Finding(
                what=f"quota {name}, {key}",
                asked=f"{asked} more while pods are exchanged",
                found=f"{there} left of {quantity.write(limit, key)}: {lacking} too little",
                outcome="short",
                cure=f"raise {key} of ResourceQuota {name} by {lacking}; or ask for less: replicas, surge, serving",
            )


def _ours(one: Object) -> bool:
    """Whether it counts pods like ours; one by priority class does not: ours name none."""
    spec = one.get("spec", {})
    return not (_OTHERS & set(spec.get("scopes") or ())) and not spec.get("scopeSelector")
