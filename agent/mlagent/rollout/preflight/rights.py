"""What the deployer may do."""

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor

from mlagent.core.ports.cluster import Asked
from mlagent.rollout import roles
from mlagent.rollout.preflight.finding import Finding

AT_ONCE = 8
CURE = "`mlagent manifests rbac` writes the role: have an administrator apply it, and deploy as its account"


def judge(allowed: Callable[[Asked], bool]) -> Iterator[Finding]:
    """Ask for each right, several at a time, and name those that are missing."""
    rights = list(roles.asked())
    with ThreadPoolExecutor(AT_ONCE) as pool:
        answers = list(pool.map(allowed, [one for one, _ in rights]))
    denied = [(one, rule) for (one, rule), yes in zip(rights, answers, strict=True) if not yes]
    needed = [(one, rule) for one, rule in denied if rule.needed]
    number = sum(rule.needed for _, rule in rights)
    yield Finding(
        what="rights",
        asked=f"{number} of them",
        found=f"missing: {_named(needed)}" if needed else "all are there",
        outcome="short" if needed else "pass",
        cure=CURE if needed else "",
    )
    if len(denied) > len(needed):
        yield Finding(
            what="rights to know more",
            asked="those as well",
            found=f"missing: {_named([(one, rule) for one, rule in denied if not rule.needed])}",
            outcome="unknown",
            cure=CURE,
        )


def _named(denied: list[tuple[Asked, roles.Rule]]) -> str:
    """Spell a resource once, with its verbs: `patch, delete deployments.apps (the rollout itself)`."""
    found: dict[str, list[str]] = {}
    for one, rule in denied:
        where = f"{one.resource}.{one.group}" if one.group else one.resource
        found.setdefault(f"{where} ({rule.why})", []).append(one.verb)
    return "; ".join(f"{', '.join(verbs)} {resource}" for resource, verbs in found.items())
