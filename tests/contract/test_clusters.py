"""Whatever keeps objects as an API server does, does it like this; a real one is asked where one runs for the tests."""

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from mlagent import adapters
from mlagent.adapters.memory_cluster import MemoryCluster
from mlagent.config.environments import Staging
from mlagent.core.ports.cluster import Asked, Cluster, FieldConflict, Kind
from mlagent.errors import InputError
from tests.cluster import house

REAL = os.environ.get("MLAGENT_TEST_KUBECONFIG")
CONFIG, LEASE = Kind("v1", "ConfigMap"), Kind("coordination.k8s.io/v1", "Lease")
DEPLOYMENT = Kind("apps/v1", "Deployment")
UNSERVED = Kind("nobody.example/v1", "Nothing")


@pytest.fixture(scope="module")
def namespace() -> Iterator[str]:
    """One of the real cluster's for all of them: to end one takes seconds."""
    with house.namespace() as name:
        yield name


@pytest.fixture(params=["memory", "kubernetes"] if REAL else ["memory"])
def cluster(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Iterator[Cluster]:
    if request.param == "memory":
        yield MemoryCluster(namespace="risk")
        return
    name = request.getfixturevalue("namespace")
    monkeypatch.setenv("KUBECONFIG", str(REAL))
    with adapters.cluster(Staging(namespace=name), Path()) as found:
        yield found
    house.admin("delete", "configmaps,leases,deployments", "--all", "--namespace", name)


def config(name: str = "one", labels: dict[str, str] | None = None, **data: str) -> dict[str, Any]:
    return {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": name, "labels": labels or {}}, "data": data}


def noted(name: str = "one", **annotations: str) -> dict[str, Any]:
    return {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": name, "annotations": annotations}}


def deployment(**spec: Any) -> dict[str, Any]:
    labels = {"app.kubernetes.io/name": "risk"}
    containers = [{"name": "server", "image": "risk@sha256:" + 64 * "0", "env": [{"name": "A", "value": "1"}]}]
    template = {"metadata": {"labels": labels}, "spec": {"containers": containers}}
    spec = {"selector": {"matchLabels": labels}, "template": template, "replicas": 0, **spec}
    return {"apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": "risk"}, "spec": spec}


def lease(holder: str, version: str | None = None) -> dict[str, Any]:
    metadata = {"name": "risk"} | ({"resourceVersion": version} if version else {})
    kind = {"apiVersion": "coordination.k8s.io/v1", "kind": "Lease"}
    return {**kind, "metadata": metadata, "spec": {"holderIdentity": holder}}


def data(cluster: Cluster, name: str = "one") -> Any:
    found = cluster.get(CONFIG, name)
    return found and found.get("data")


def test_what_is_not_there_is_none(cluster: Cluster) -> None:
    assert cluster.get(CONFIG, "one") is None
    assert cluster.get(UNSERVED, "one") is None


def test_what_was_applied_is_there_with_what_the_server_adds(cluster: Cluster) -> None:
    made = cluster.apply(config(a="1"), "us")
    found = cluster.get(CONFIG, "one")
    assert found is not None
    assert found["data"] == {"a": "1"}
    assert (found["apiVersion"], found["kind"]) == ("v1", "ConfigMap")
    assert found["metadata"]["namespace"] == cluster.namespace
    assert made["metadata"]["uid"] == found["metadata"]["uid"]
    assert made["metadata"]["resourceVersion"] == found["metadata"]["resourceVersion"]


def test_they_are_listed_by_name_and_by_all_labels(cluster: Cluster) -> None:
    for name, labels in {"b": {"app": "x"}, "a": {"app": "x", "tier": "y"}, "c": {"app": "z"}}.items():
        cluster.apply(config(name, labels), "us")
    found = cluster.list(CONFIG, {"app": "x"})
    assert [one["metadata"]["name"] for one in found] == ["a", "b"]
    assert {(one["apiVersion"], one["kind"]) for one in found} == {("v1", "ConfigMap")}
    assert [one["metadata"]["name"] for one in cluster.list(CONFIG, {"app": "x", "tier": "y"})] == ["a"]
    assert cluster.list(UNSERVED) == ()


def test_what_is_here_is_everywhere_too_and_says_where_it_is(cluster: Cluster) -> None:
    cluster.apply(config(labels={"here": cluster.namespace}, a="1"), "us")
    found = cluster.list(CONFIG, {"here": cluster.namespace}, everywhere=True)
    assert [one["metadata"]["namespace"] for one in found] == [cluster.namespace]


def test_another_apply_changes_only_what_it_gives_and_takes_back_what_it_gave_before(cluster: Cluster) -> None:
    cluster.apply(config(a="1", b="1"), "us")
    cluster.apply(config(c="3"), "them")
    cluster.apply(config(a="2"), "us")
    assert data(cluster) == {"a": "2", "c": "3"}


def test_the_same_twice_changes_nothing(cluster: Cluster) -> None:
    first = cluster.apply(config(a="1"), "us")
    again = cluster.apply(config(a="1"), "us")
    assert again["metadata"]["resourceVersion"] == first["metadata"]["resourceVersion"]


def test_what_somebody_else_set_is_not_overwritten_and_the_no_says_who_and_what(cluster: Cluster) -> None:
    cluster.apply(config(a="1", b="1"), "them")
    with pytest.raises(FieldConflict, match=r'data\.a: .*"them"') as no:
        cluster.apply(config(a="2", b="1"), "us")
    assert "data.b" not in no.value.message
    assert data(cluster) == {"a": "1", "b": "1"}


def test_the_same_value_from_two_is_no_conflict_and_goes_only_with_both(cluster: Cluster) -> None:
    cluster.apply(config(a="1"), "them")
    cluster.apply(config(a="1"), "us")
    cluster.apply(config(), "them")
    assert data(cluster) == {"a": "1"}
    cluster.apply(config(), "us")
    assert not data(cluster)


def test_force_takes_a_field_and_who_had_it_is_in_conflict_then(cluster: Cluster) -> None:
    cluster.apply(config(a="1"), "them")
    cluster.apply(config(a="2"), "us", force=True)
    assert data(cluster) == {"a": "2"}
    with pytest.raises(FieldConflict, match=r'data\.a: .*"us"'):
        cluster.apply(config(a="1"), "them")


def test_annotations_of_two_managers_live_beside_each_other(cluster: Cluster) -> None:
    cluster.apply(config(a="1"), "us")
    cluster.apply(noted(state="{}"), "us-notes")
    cluster.apply(noted(asked="abort"), "us-asks")
    cluster.apply(config(a="2"), "us")
    cluster.apply(noted(state="{1}"), "us-notes")
    cluster.apply(noted(), "us-asks")
    found = cluster.get(CONFIG, "one")
    assert found is not None
    assert found["metadata"]["annotations"] == {"state": "{1}"}
    assert found["data"] == {"a": "2"}


def test_elements_of_a_list_are_known_by_their_name(cluster: Cluster) -> None:
    cluster.apply(deployment(), "us")
    wanted = deployment()
    wanted["spec"]["template"]["spec"]["containers"][0] |= {"image": "risk@sha256:" + 64 * "1", "env": []}
    cluster.apply(wanted, "us")
    found = cluster.get(DEPLOYMENT, "risk")
    assert found is not None
    [container] = found["spec"]["template"]["spec"]["containers"]
    assert container["image"] == "risk@sha256:" + 64 * "1"
    assert not container.get("env")


def test_what_an_apply_no_longer_gives_stays_where_somebody_else_has_it_too(cluster: Cluster) -> None:
    cluster.apply(deployment(replicas=0), "us")
    scaled = {"apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": "risk"}, "spec": {"replicas": 0}}
    cluster.apply(scaled, "scaler")
    without = deployment()
    del without["spec"]["replicas"]
    after = cluster.apply(without, "us")
    assert after["spec"]["replicas"] == 0
    with pytest.raises(FieldConflict, match=r'spec\.replicas: .*"scaler"'):
        cluster.apply(deployment(replicas=1), "us")


def test_a_dry_run_says_what_would_be_and_changes_nothing(cluster: Cluster) -> None:
    assert cluster.apply(config(a="1"), "us", dry_run=True)["data"] == {"a": "1"}
    assert cluster.get(CONFIG, "one") is None
    before = cluster.apply(config(a="1"), "us")
    assert cluster.apply(config(b="2"), "us", dry_run=True)["data"] == {"b": "2"}
    assert cluster.get(CONFIG, "one") == before
    with pytest.raises(FieldConflict):
        cluster.apply(config(a="2"), "them", dry_run=True)


def test_who_has_which_field_is_told(cluster: Cluster) -> None:
    cluster.apply(config(a="1"), "us")
    cluster.apply(config(b="1"), "them")
    found = cluster.get(CONFIG, "one")
    assert found is not None
    fields = {one["manager"]: one["fieldsV1"]["f:data"] for one in found["metadata"]["managedFields"]}
    assert fields == {"us": {"f:a": {}}, "them": {"f:b": {}}}
    assert {one["operation"] for one in found["metadata"]["managedFields"]} == {"Apply"}


def test_a_kind_that_is_not_served_cannot_be_applied(cluster: Cluster) -> None:
    with pytest.raises(InputError, match="Nothing"):
        cluster.apply({"apiVersion": UNSERVED.api, "kind": UNSERVED.name, "metadata": {"name": "one"}}, "us")


def test_only_one_makes_it(cluster: Cluster) -> None:
    made = cluster.swap(lease("us"))
    assert made is not None
    assert made["metadata"]["resourceVersion"]
    assert cluster.swap(lease("them")) is None
    found = cluster.get(LEASE, "risk")
    assert found is not None
    assert found["spec"]["holderIdentity"] == "us"


def test_only_one_writes_over_a_version(cluster: Cluster) -> None:
    made = cluster.swap(lease("us"))
    assert made is not None
    version = made["metadata"]["resourceVersion"]
    after = cluster.swap(lease("them", version))
    assert after is not None
    assert after["metadata"]["resourceVersion"] != version
    assert cluster.swap(lease("us", version)) is None
    found = cluster.get(LEASE, "risk")
    assert found is not None
    assert found["spec"]["holderIdentity"] == "them"


def test_nobody_writes_over_what_was_deleted(cluster: Cluster) -> None:
    """By the uid in it: without one, the server makes a Lease anew."""
    made = cluster.swap(lease("us"))
    assert made is not None
    cluster.delete(LEASE, "risk")
    assert cluster.swap({**made, "spec": {"holderIdentity": "them"}}) is None
    assert cluster.get(LEASE, "risk") is None


def test_writing_over_it_removes_what_others_added(cluster: Cluster) -> None:
    cluster.apply(config(a="1"), "us")
    added = cluster.apply(config(b="1"), "them")
    metadata = {key: added["metadata"][key] for key in ("name", "resourceVersion")}
    assert cluster.swap({**config(), "metadata": metadata, "data": {"a": "1"}}) is not None
    assert data(cluster) == {"a": "1"}


def test_to_delete_it_twice_is_to_delete_it_once(cluster: Cluster) -> None:
    cluster.apply(config(a="1"), "us")
    cluster.delete(CONFIG, "one")
    assert cluster.get(CONFIG, "one") is None
    cluster.delete(CONFIG, "one")
    cluster.delete(UNSERVED, "one")


def test_it_says_which_versions_of_a_group_it_serves(cluster: Cluster) -> None:
    assert "v1" in cluster.versions("autoscaling")
    assert list(cluster.versions("apps")) == ["v1"]
    assert list(cluster.versions("")) == ["v1"]
    assert list(cluster.versions("nobody.example")) == []


def test_it_says_what_may_be_done(cluster: Cluster) -> None:
    assert cluster.allowed(Asked("patch", "apps", "deployments", "risk"))
    assert cluster.allowed(Asked("get", "", "pods/proxy"))
    assert cluster.allowed(Asked("list", "", "nodes"))


def test_a_pod_that_is_not_there_answers_and_says_nothing(cluster: Cluster) -> None:
    assert cluster.ask("risk-1", 8001, "/metrics") is None
    assert list(cluster.said("risk-1", 5)) == []
