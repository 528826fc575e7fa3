"""Asks the cluster all that preflight wants to know; changes nothing."""

import contextlib
from collections.abc import Iterator, Sequence

from mlagent.core.ports.cluster import Asked, Cluster, Kind, Object
from mlagent.errors import ConfigError
from mlagent.rollout import names
from mlagent.rollout.objects import Served, Wanted, render, served
from mlagent.rollout.preflight import nodes, quota, references, rights, watching
from mlagent.rollout.preflight.finding import Finding
from mlagent.rollout.preflight.need import Need, need

NAMESPACE, NODE, QUOTA = Kind("v1", "Namespace"), Kind("v1", "Node"), Kind("v1", "ResourceQuota")


def look(cluster: Cluster, wanted: Wanted) -> tuple[Finding, ...]:
    """Look at everything; at nothing more where the namespace is not there, or nothing in it may be looked at.

    Errors are those of the port.
    """
    findings = [_namespace(cluster)]
    if findings[0].outcome == "short":
        return tuple(findings)
    findings += rights.judge(cluster.allowed)
    missing = any(one.outcome == "short" for one in findings)
    with contextlib.suppress(ConfigError) if missing else contextlib.nullcontext():
        for one in _rest(cluster, wanted):
            findings.append(one)
    return tuple(findings)


def _rest(cluster: Cluster, wanted: Wanted) -> Iterator[Finding]:
    yield _versions(served(cluster.versions), wanted)
    live, pods = cluster.get(names.DEPLOYMENT, wanted.model), cluster.list(names.POD, names.selector(wanted.model))
    wants = need(wanted, live)
    yield from _quota(cluster, wants)
    found = _seen(cluster, NODE)
    yield _nodes(cluster, found, wants, wanted)
    yield from references.look(cluster, wanted)
    yield references.image([one for one in found or () if nodes.allows(one, wanted)], wanted)
    yield watching.look(cluster, pods, wanted)


def _namespace(cluster: Cluster) -> Finding:
    name, asked = cluster.namespace, "it is there"
    if not cluster.allowed(Asked("get", "", "namespaces", name)):
        return Finding(what=f"namespace {name}", asked=asked, found="may not be looked at", outcome="unknown")
    there = cluster.get(NAMESPACE, name) is not None
    return Finding(
        what=f"namespace {name}",
        asked=asked,
        found="it is" if there else "there is none of this name",
        outcome="pass" if there else "short",
        cure="" if there else f"`kubectl create namespace {name}`, or correct `namespace`, `context`",
    )


def _versions(found: Served, wanted: Wanted) -> Finding:
    """Render all of it: whatever cannot be is said by the rendering itself."""
    try:
        objects = render(wanted, found)
    except ConfigError as error:
        said = str(error)
        return Finding(what="objects", asked="all of them", found=said, outcome="short", cure=error.hint)
    named = ", ".join(f"{one['kind']} ({one['apiVersion']})" for one in objects)
    return Finding(what="objects", asked="all of them", found=named, outcome="pass")


def _quota(cluster: Cluster, wants: Need) -> Iterator[Finding]:
    quotas = _seen(cluster, QUOTA)
    if quotas is not None:
        yield from quota.judge(quotas, wants)
        return
    yield Finding(
        what="quota",
        asked=wants.more,
        found="quotas may not be listed",
        outcome="unknown",
        cure=rights.CURE,
    )


def _nodes(cluster: Cluster, found: Sequence[Object] | None, wants: Need, wanted: Wanted) -> Finding:
    if found is None:
        asked = f"room for {wants.more}"
        said = "nodes may not be listed, so nobody knows before"
        return Finding(what="nodes", asked=asked, found=said, outcome="unknown", cure=rights.CURE)
    everywhere = _seen(cluster, names.POD, everywhere=True)
    pods = cluster.list(names.POD) if everywhere is None else everywhere
    return nodes.judge(found, pods, wants, wanted, all_seen=everywhere is not None)


def _seen(cluster: Cluster, kind: Kind, *, everywhere: bool = False) -> Sequence[Object] | None:
    """List them; None where that is not allowed."""
    try:
        return cluster.list(kind, everywhere=everywhere)
    except ConfigError:
        return None
