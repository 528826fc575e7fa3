"""With the rendered role alone all objects are applied and removed; preflight counts what a real cluster has."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import msgspec
import pytest

from mlagent import adapters
from mlagent.adapters.kube.cluster import KubeCluster
from mlagent.config.environments import Staging
from mlagent.config.images import Serving
from mlagent.config.secret import Secret
from mlagent.core.ports.cluster import Kind
from mlagent.core.release import Release
from mlagent.rollout import names, roles
from mlagent.rollout.objects import SCALER, Wanted, handover, render, served, to_yaml, unwanted
from mlagent.rollout.preflight import Finding, look
from tests.cluster import house

RELEASE = Release(model="risk", image=f"registry.example/risk@sha256:{'1' * 64}", version=1, onnx="sha256:" + "a" * 64)


@pytest.fixture
def room() -> Iterator[str]:
    with house.namespace() as name:
        yield name


@contextmanager
def deployer(room: str, folder: Path, *, capacity: bool = True) -> Iterator[KubeCluster]:
    """The cluster as the account sees it that was made for deploying."""
    house.admin("apply", "--filename", "-", stdin=to_yaml(roles.render(room, capacity=capacity)))
    kubeconfig = Secret(f"file:{house.kubeconfig_of(roles.DEPLOYER, room, folder)}")
    try:
        with adapters.cluster(Staging(namespace=room, kubeconfig=kubeconfig), folder) as found:
            yield found
    finally:
        wide = f"{roles.CAPACITY}-{room}"
        house.admin("delete", "clusterrole,clusterrolebinding", wide, "--ignore-not-found")


def wanted(room: str, *, given: Serving | None = None, **settings: Any) -> Wanted:
    """A release whose image nobody can pull."""
    asked = msgspec.convert({"namespace": room} | settings, Staging)
    return Wanted(release=RELEASE, environment="staging", settings=asked, serving=given or Serving(cpus=0.1))


def found(cluster: KubeCluster, asked: Wanted) -> dict[str, Finding]:
    return {one.what: one for one in look(cluster, asked)}


def can(room: str, folder: Path, verb: str, what: str) -> bool:
    """By kubectl's own word."""
    config = house.kubeconfig_of(roles.DEPLOYER, room, folder)
    return house.kubectl("auth", "can-i", verb, what, "-n", room, kubeconfig=config).stdout.strip() == "yes"


def test_the_role_is_enough_for_every_act_and_for_nothing_else(room: str, tmp_path: Path) -> None:
    with deployer(room, tmp_path) as cluster:
        denied = [one for one, _ in roles.asked() if not cluster.allowed(one)]
        assert denied == []
        asked = wanted(room, replicas_max=4, ingress_host="risk.example")
        objects = render(asked, served(cluster.versions))
        for one in objects:
            cluster.apply(one, names.MANAGER)
        for one in objects:
            cluster.apply(one, names.MANAGER)
            assert cluster.get(Kind(one["apiVersion"], one["kind"]), "risk")
        cluster.swap({"apiVersion": names.LEASE.api, "kind": "Lease", "metadata": {"name": "risk"}, "spec": {}})
        lease = cluster.get(names.LEASE, "risk")
        assert lease is not None
        assert cluster.swap({**lease, "spec": {"holderIdentity": "me"}})
        for kind, name in unwanted(wanted(room), served(cluster.versions)):
            cluster.delete(kind, name)
            assert cluster.get(kind, name) is None
        cluster.delete(names.DEPLOYMENT, "risk")
    for verb, what in (
        ("get", "secrets"),
        ("list", "secrets"),
        ("create", "pods"),
        ("create", "pods/exec"),
        ("create", "pods/proxy"),
        ("delete", "services"),
        ("create", "rolebindings"),
        ("list", "deployments"),
    ):
        assert not can(room, tmp_path, verb, what), (verb, what)
    assert can(room, tmp_path, "get", "pods/proxy")


def test_another_namespace_is_closed_to_it(room: str, tmp_path: Path) -> None:
    with house.namespace() as other, deployer(room, tmp_path):
        config = Secret(f"file:{house.kubeconfig_of(roles.DEPLOYER, room, tmp_path)}")
        with adapters.cluster(Staging(namespace=other, kubeconfig=config), tmp_path) as cluster:
            findings = found(cluster, wanted(other))
            assert findings[f"namespace {other}"].outcome == "unknown"
            assert "get, create, patch, update, delete deployments.apps" in findings["rights"].found
            assert set(findings) <= {f"namespace {other}", "rights", "rights to know more", "objects"}


def test_a_right_that_is_missing_is_named(room: str, tmp_path: Path) -> None:
    with deployer(room, tmp_path) as cluster:
        role = house.admin_json("get", "role", roles.DEPLOYER, "-n", room)
        role["rules"] = [rule for rule in role["rules"] if rule["resources"] != ["pods/proxy"]]
        house.apply(role, namespace=room)
        findings = found(cluster, wanted(room))
        assert findings["rights"].found.startswith("missing: get pods/proxy")
        assert findings["metrics port"].outcome == "short"


def test_room_is_counted_on_the_real_node_and_in_a_real_quota(room: str, tmp_path: Path) -> None:
    with deployer(room, tmp_path) as cluster:
        assert found(cluster, wanted(room))["nodes"].outcome == "pass"
        greedy = found(cluster, wanted(room, given=Serving(cpus=256)))["nodes"]
        assert "cpu too little" in greedy.found
        hard = {"pods": "3", "requests.cpu": "250m"}
        meta = {"name": "small"}
        house.apply(
            {"apiVersion": "v1", "kind": "ResourceQuota", "metadata": meta, "spec": {"hard": hard}}, namespace=room
        )
        house.until(lambda: house.admin_json("get", "resourcequota", "small", "-n", room).get("status", {}).get("hard"))
        short = found(cluster, wanted(room, replicas=4))
        assert short["quota small, pods"].found == "3 left of 3: 1 too little"
        assert short["quota small, requests.cpu"].found == "0.25 left of 0.25: 0.15 too little"
        assert found(cluster, wanted(room, replicas=2))["quota"].outcome == "pass"


def test_without_the_right_to_see_nodes_room_is_unknown(room: str, tmp_path: Path) -> None:
    with deployer(room, tmp_path, capacity=False) as cluster:
        assert found(cluster, wanted(room))["nodes"].outcome == "unknown"


def test_gpus_are_found_where_a_node_offers_them(room: str, tmp_path: Path) -> None:
    with deployer(room, tmp_path) as cluster:
        without = found(cluster, wanted(room, gpus=1, replicas=2))["nodes"]
        assert "1 nvidia.com/gpu too little" in without.found
        assert without.outcome == "short"
        with house.gpus("1"):
            one = found(cluster, wanted(room, gpus=1, replicas=2))["nodes"]
            assert one.found.endswith("1 too many")
            assert found(cluster, wanted(room, gpus=1, replicas=1))["nodes"].outcome == "pass"


def test_the_number_of_pods_does_not_jump_when_an_autoscaler_takes_over_or_leaves(room: str, tmp_path: Path) -> None:
    def bring(cluster: KubeCluster, **settings: Any) -> int:
        (asked,) = (
            one for one in render(wanted(room, **settings), served(cluster.versions)) if one["kind"] == "Deployment"
        )
        first = handover(cluster.get(names.DEPLOYMENT, "risk"), asked)
        seen = [cluster.apply(first, SCALER, force=True)] if first else []
        seen.append(cluster.apply(asked, names.MANAGER))
        (number,) = {one["spec"]["replicas"] for one in seen}
        return int(number)

    with deployer(room, tmp_path) as cluster:
        assert bring(cluster, replicas=3) == 3
        assert bring(cluster, replicas=3, replicas_max=9) == 3
        assert bring(cluster, replicas=3, replicas_max=9) == 3
        house.admin("scale", "deployment/risk", "--replicas=5", "-n", room)
        assert bring(cluster, replicas=3, replicas_max=9) == 5
        house.admin("scale", "deployment/risk", "--replicas=3", "-n", room)
        assert bring(cluster, replicas=2) == 2
        assert bring(cluster, replicas=2, replicas_max=9) == 2
