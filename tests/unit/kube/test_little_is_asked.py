"""A rollout looks often: one question each, of kinds one for each version of a group."""

from typing import Any

import pytest

from mlagent.adapters.kube.cluster import KubeCluster
from mlagent.core.ports.cluster import Asked, Kind
from tests.api_server_double import Answer, Double

DEPLOYMENT, POD = Kind("apps/v1", "Deployment"), Kind("v1", "Pod")
WANTED: dict[str, Any] = {"apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": "risk"}}


@pytest.fixture(autouse=True)
def answers(double: Double) -> None:
    double.says("/deployments", Answer(200, {"metadata": {"name": "risk"}}))
    double.says("/pods", Answer(200, {"items": [{"metadata": {"name": "b"}}, {"metadata": {"name": "a"}}]}))


def test_nothing_is_asked_before_it_is_needed(double: Double, cluster: KubeCluster) -> None:
    assert double.seen == []


def test_kinds_are_asked_once(double: Double, cluster: KubeCluster) -> None:
    for _ in range(3):
        cluster.get(DEPLOYMENT, "risk")
        cluster.list(POD)
    assert len(double.seen) == 6 + 2
    assert len(double.asked("/apis/apps/v1$")) == len(double.asked("/api/v1$")) == 1


def test_a_kind_that_is_not_served_is_asked_for_again_it_may_come(double: Double, cluster: KubeCluster) -> None:
    assert cluster.get(Kind("apps/v1", "Rollout"), "risk") is None
    assert cluster.get(Kind("apps/v1", "Rollout"), "risk") is None
    assert len(double.asked("/apis/apps/v1$")) == 2


def test_an_apply_says_who_and_how(double: Double, cluster: KubeCluster) -> None:
    cluster.apply(WANTED, "us")
    cluster.apply(WANTED, "us", force=True, dry_run=True)
    first, second = double.asked("PATCH")
    assert first.target == "/apis/apps/v1/namespaces/risk/deployments/risk?fieldManager=us"
    assert first.headers["content-type"] == "application/apply-patch+yaml"
    assert {one.lower() for one in second.target.partition("?")[2].split("&")} == {
        "fieldmanager=us",
        "force=true",
        "dryrun=all",
    }


def test_labels_become_one_selector(double: Double, cluster: KubeCluster) -> None:
    assert [one["metadata"]["name"] for one in cluster.list(POD, {"b": "2", "a/c": "1"})] == ["a", "b"]
    assert double.asked("/pods")[0].target == "/api/v1/namespaces/risk/pods?labelSelector=a/c%3D1%2Cb%3D2"
    cluster.list(POD, everywhere=True)
    assert double.asked("/pods")[1].target == "/api/v1/pods"


def test_nodes_are_in_no_namespace(double: Double, cluster: KubeCluster) -> None:
    double.says("selfsubjectaccessreviews", Answer(201, {"status": {"allowed": True}}))
    double.says("/nodes", Answer(200, {"items": None}))
    assert cluster.allowed(Asked("list", "", "nodes"))
    assert cluster.list(Kind("v1", "Node")) == []
    assert double.asked("/nodes")[0].target == "/api/v1/nodes"
    assert b'"namespace"' not in double.asked("reviews")[0].body


def test_a_question_of_rights_names_the_part_of_a_resource(double: Double, cluster: KubeCluster) -> None:
    double.says("selfsubjectaccessreviews", Answer(201, {"status": {"allowed": False}}))
    assert not cluster.allowed(Asked("get", "", "pods/proxy", "one"))
    body = double.asked("reviews")[0].body
    for part in (b'"resource": "pods"', b'"subresource": "proxy"', b'"name": "one"', b'"namespace": "risk"'):
        assert part in body
