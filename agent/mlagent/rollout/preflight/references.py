"""Whether what the pods refer to is there: Secrets, ConfigMaps, and the image."""

from collections.abc import Iterator, Sequence

from mlagent.core.ports.cluster import Asked, Cluster, Kind, Object
from mlagent.rollout.objects import Wanted
from mlagent.rollout.preflight.finding import Finding

SECRET, CONFIG_MAP = Kind("v1", "Secret"), Kind("v1", "ConfigMap")
RESOURCES = {SECRET: "secrets", CONFIG_MAP: "configmaps"}
UNDONE = "else the pods do not start, and the rollout is undone"


def look(cluster: Cluster, wanted: Wanted) -> Iterator[Finding]:
    """Look at each where that is allowed: a deployer need not read Secrets."""
    settings = wanted.settings
    keys: dict[tuple[Kind, str], list[str]] = {}
    for kind, references in ((CONFIG_MAP, settings.configuration), (SECRET, settings.secrets)):
        for reference in references.values():
            name, _, key = reference.partition("/")
            keys.setdefault((kind, name), []).append(key)
    if settings.pull_secret:
        keys.setdefault((SECRET, settings.pull_secret), []).append(".dockerconfigjson")
    for (kind, name), listed in keys.items():
        yield _one(cluster, kind, name, sorted(set(listed)))


def image(nodes: Sequence[Object], wanted: Wanted) -> Finding:
    """Whether the nodes (those that may have a pod) have the image already; if not, only a pod shows that it comes."""
    having = [node for node in nodes if _has(node, wanted.release.digest)]
    by = f"by the Secret {wanted.settings.pull_secret}" if wanted.settings.pull_secret else "without a pull secret"
    if nodes and len(having) == len(nodes):
        found = f"all {len(nodes)} nodes have it"
        return Finding(what="image", asked=wanted.release.image, found=found, outcome="pass")
    return Finding(
        what="image",
        asked=wanted.release.image,
        found=f"pulled {by} when the first pod comes",
        outcome="unknown",
        cure="an image that cannot be pulled undoes the rollout; set pull_secret where the registry asks who pulls",
    )


def _one(cluster: Cluster, kind: Kind, name: str, keys: list[str]) -> Finding:
    what, asked = f"{kind.name} {name}", ", ".join(keys)
    if not cluster.allowed(Asked("get", "", RESOURCES[kind], name)):
        return Finding(
            what=what,
            asked=asked,
            found="may not be looked at",
            outcome="unknown",
            cure=f"see that it is there, with these keys; {UNDONE}",
        )
    there = cluster.get(kind, name)
    if there is None:
        return Finding(
            what=what,
            asked=asked,
            found=f"is not in the namespace {cluster.namespace}",
            outcome="short",
            cure=f"make the {kind.name} {name} there, with {asked}; {UNDONE}",
        )
    missing = [key for key in keys if key not in {**(there.get("data") or {}), **(there.get("binaryData") or {})}]
    return Finding(
        what=what,
        asked=asked,
        found=f"has no {', '.join(missing)}" if missing else "is there",
        outcome="short" if missing else "pass",
        cure=f"add {', '.join(missing)} to the {kind.name} {name}" if missing else "",
    )


def _has(node: Object, digest: str) -> bool:
    named = [name for one in node["status"].get("images") or () for name in one.get("names") or ()]
    return any(name.endswith(f"@{digest}") for name in named)
