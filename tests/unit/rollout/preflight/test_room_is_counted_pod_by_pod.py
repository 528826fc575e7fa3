"""Quotas and nodes: how many pods fit, how many are too many, of what there is too little."""

from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mlagent.config.images import Serving
from mlagent.rollout.preflight import Finding, nodes, quota
from mlagent.rollout.preflight.need import Need, need
from tests.unit.rollout.objects.releases import RELEASE, rendered, wanted
from tests.unit.rollout.preflight import clusters
from tests.unit.rollout.preflight.clusters import Walled, found, node, pod, put, serve

NEXT = msgspec.structs.replace(RELEASE, version=8)


def there(replicas: int, **settings: Any) -> Any:
    """The Deployment of the release before, with so many pods."""
    return rendered(wanted(replicas=replicas, **settings))["Deployment"] | {"status": {"replicas": replicas}}


def test_a_first_release_needs_all_its_pods_and_a_next_one_the_surge() -> None:
    assert need(wanted(replicas=4), None).pods == 4
    assert need(wanted(release=NEXT, replicas=4, surge="25%"), there(4)).pods == 1
    assert need(wanted(release=NEXT, replicas=5, surge="25%"), there(5)).pods == 2
    assert need(wanted(release=NEXT, replicas=5, surge="3"), there(5)).pods == 3
    assert need(wanted(release=NEXT, replicas=6, surge="1"), there(4)).pods == 3
    assert need(wanted(replicas=4), there(4)).pods == 0
    assert need(wanted(replicas=2), there(4)).pods == 0


def test_under_an_autoscaler_the_number_is_the_one_that_it_chose() -> None:
    scaled = there(6)
    assert need(wanted(release=NEXT, replicas=2, replicas_max=8, surge="50%"), scaled).pods == 3
    assert need(wanted(release=NEXT, replicas=2, replicas_max=4, surge="50%"), scaled).total == 4


@given(total=st.integers(1, 12), surge=st.integers(1, 12), before=st.integers(100, 3000), after=st.integers(100, 3000))
def test_the_most_that_is_taken_is_that_of_the_worst_moment_of_the_exchange(
    total: int, surge: int, before: int, after: int
) -> None:
    """Simulate it: as many new ones as the surge allows, then one for each old one that goes."""
    old, new, most, held = total, 0, 0, total * before
    while new < total:
        new, most = (new + 1, most) if old + new < total + surge else (new, most)
        most = max(most, old * before + new * after - held)
        if old + new == total + surge or new == total:
            old -= old > 0
    asked = wanted(release=NEXT, replicas=total, surge=str(surge), given=Serving(cpus=after / 1000, memory_mb=1024))
    live = rendered(wanted(replicas=total, given=Serving(cpus=before / 1000, memory_mb=1024)))["Deployment"]
    counted = need(asked, live | {"status": {"replicas": total}}).most("cpu")
    assert float(counted) * 1000 == pytest.approx(most)


def judged(wants: Need, *quotas: dict[str, Any]) -> list[Finding]:
    named = [{"metadata": {"name": f"q{at}"}, **one} for at, one in enumerate(quotas)]
    return list(quota.judge(named, wants))


def test_a_quota_says_which_of_its_resources_is_short_by_how_much() -> None:
    wants = need(wanted(release=NEXT, replicas=4, surge="2", given=Serving(cpus=1.5, memory_mb=2048), gpus=1), None)
    limits = {
        "requests.cpu": ("8", "3"),
        "limits.memory": ("20Gi", "13Gi"),
        "requests.nvidia.com/gpu": ("4", "1"),
        "pods": ("10", "1"),
        "services": ("1", "1"),
    }
    one = {"status": {"hard": {k: v[0] for k, v in limits.items()}, "used": {k: v[1] for k, v in limits.items()}}}
    short = {one.what: one for one in judged(wants, one)}
    assert set(short) == {"quota q0, requests.cpu", "quota q0, limits.memory", "quota q0, requests.nvidia.com/gpu"}
    assert short["quota q0, requests.cpu"].found == "5 left of 8: 1 too little"
    assert short["quota q0, requests.cpu"].asked.startswith("6 more")
    assert short["quota q0, limits.memory"].found == "7Gi left of 20Gi: 1Gi too little"
    assert "raise limits.memory of ResourceQuota q0 by 1Gi" in short["quota q0, limits.memory"].cure
    assert {one.outcome for one in short.values()} == {"short"}


def test_a_quota_with_just_enough_has_enough() -> None:
    wants = need(wanted(replicas=2), None)
    (passed,) = judged(wants, clusters.quota(cpu=("3", "1"), memory=("4Gi", "2Gi"), pods=("2", "0")))
    assert passed.outcome == "pass"
    assert judged(wants)[0].found == "the namespace has none"


@pytest.mark.parametrize(
    "spec",
    [
        {"scopes": ["BestEffort"]},
        {"scopes": ["Terminating"]},
        {"scopeSelector": {"matchExpressions": [{"scopeName": "PriorityClass", "operator": "In", "values": ["high"]}]}},
    ],
)
def test_quotas_of_other_pods_are_not_ours(spec: dict[str, Any]) -> None:
    wants = need(wanted(replicas=2), None)
    assert judged(wants, clusters.quota(spec, pods=("0", "0")))[0].outcome == "pass"
    assert judged(wants, clusters.quota({"scopes": ["NotTerminating"]}, pods=("0", "0")))[0].outcome == "short"


def on(
    *listed: dict[str, Any], pods: tuple[dict[str, Any], ...] = (), all_seen: bool = True, **settings: Any
) -> Finding:
    """What nodes n0, n1 … are found to have room for."""
    asked = wanted(**settings)
    named = [one | {"metadata": one["metadata"] | {"name": f"n{at}"}} for at, one in enumerate(listed)]
    return nodes.judge(named, pods, need(asked, None), asked, all_seen=all_seen)


def test_pods_are_placed_whole_on_single_nodes() -> None:
    assert on(node(cpu="1500m"), node(cpu="1500m"), replicas=2).outcome == "pass"
    split = on(node(cpu="1500m"), node(cpu="1500m"), replicas=3)
    assert (split.outcome, split.passing) == ("short", True)
    assert split.found == "2 nodes have room for 2: 1 too many"


def test_what_runs_takes_its_room_and_what_has_ended_does_not() -> None:
    busy = (pod("n0", cpu="3500m"), pod("n0", phase="Succeeded", cpu="4"), pod("n9", cpu="4"))
    full = on(node(), pods=busy, replicas=1)
    assert full.outcome == "short"
    assert "on n0 there is 0.5 cpu too little" in full.found
    assert full.passing
    assert on(node(), pods=busy[1:], replicas=4).outcome == "pass"


def test_the_number_of_pods_a_node_takes_is_a_limit_as_well() -> None:
    crowded = tuple(pod("n0") for _ in range(9))
    assert on(node(pods="10"), pods=crowded, replicas=1).outcome == "pass"
    assert on(node(pods="10"), pods=crowded, replicas=2).outcome == "short"


def test_gpus_are_counted_and_named() -> None:
    assert on(node(gpu="2"), replicas=2, gpus=1).outcome == "pass"
    none = on(node(), replicas=2, gpus=1)
    assert none.outcome == "short"
    assert "1 nvidia.com/gpu too little" in none.found
    assert "2 too many" in none.found
    assert not none.passing


TAINT = {"key": "team", "value": "risk", "effect": "NoSchedule"}


@pytest.mark.parametrize(
    ("there", "settings"),
    [
        (node(closed=True), {}),
        (node(ready="False"), {}),
        (node(ready="Unknown"), {}),
        (node(taints=[TAINT]), {}),
        (node(taints=[TAINT]), {"tolerations": ("team=web:NoSchedule",)}),
        (node(taints=[TAINT]), {"tolerations": ("team=risk:NoExecute",)}),
        (node(labels={"pool": "web"}), {"node_selector": {"pool": "models"}}),
    ],
)
def test_a_node_that_takes_none_of_ours_is_no_room(there: dict[str, Any], settings: dict[str, Any]) -> None:
    told = on(there, **settings)
    assert (told.outcome, told.passing) == ("short", False)
    assert "none of 1 node is ready, open to it and chosen by node_selector" in told.found


@pytest.mark.parametrize(
    ("there", "settings"),
    [
        (node(taints=[TAINT]), {"tolerations": ("team=risk:NoSchedule",)}),
        (node(taints=[TAINT]), {"tolerations": ("team:NoSchedule",)}),
        (node(taints=[{**TAINT, "effect": "PreferNoSchedule"}]), {}),
        (node(labels={"pool": "models"}), {"node_selector": {"pool": "models"}}),
        (node(gpu="2", taints=[{"key": "nvidia.com/gpu", "effect": "NoSchedule"}]), {"gpus": 1}),
    ],
)
def test_a_node_that_takes_ours_is(there: dict[str, Any], settings: dict[str, Any]) -> None:
    assert on(there, **settings).outcome == "pass"


def test_where_other_namespaces_are_not_seen_enough_is_not_certain_and_too_little_is() -> None:
    assert on(node(), all_seen=False).outcome == "unknown"
    assert on(node(cpu="500m"), all_seen=False).outcome == "short"


def test_a_look_counts_pods_of_all_namespaces() -> None:
    cluster = Walled()
    cluster.elsewhere = [pod("n1", cpu="6500m")]
    assert "too many" in found(cluster, wanted(replicas=2))["nodes"].found
    cluster.nowhere_else = True
    assert found(cluster, wanted(replicas=2))["nodes"].outcome == "unknown"


def test_what_serves_already_is_counted_once() -> None:
    cluster = Walled()
    serve(cluster, wanted(replicas=4))
    put(cluster, clusters.QUOTA, "q", **clusters.quota(pods=("5", "4")))
    findings = found(cluster, wanted(release=NEXT, replicas=4, surge="1"))
    assert findings["quota"].outcome == "pass"
    assert findings["quota"].asked == "1 more pod"
    short = found(cluster, wanted(release=NEXT, replicas=4, surge="2"))["quota q, pods"]
    assert short.found == "1 left of 5: 1 too little"
