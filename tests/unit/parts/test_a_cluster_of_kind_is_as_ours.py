"""The file that kind is given says of the cluster what tests/parts/cluster says of the tests' own."""

import re
from typing import Any

from ruamel.yaml import YAML

from tests.unit.parts.conftest import ROOT

PARTS = ROOT / "tests/parts"
KNOWN = {"kind", "apiVersion", "containerdConfigPatches", "kubeadmConfigPatches", "nodes"}  # of those in kind's page
CLUSTER: dict[str, Any] = YAML(typ="safe").load(PARTS / "kind.yaml")
OURS = (PARTS / "cluster").read_text()


def patch(kind: str, api: str) -> dict[str, Any]:
    """The one of these; in it, arguments as a mapping, however kubeadm takes them."""
    (found,) = (
        one
        for one in map(YAML(typ="safe").load, CLUSTER["kubeadmConfigPatches"])
        if (one.pop("kind"), one.pop("apiVersion")) == (kind, api)
    )
    return dict(found)


def arguments(api: str) -> dict[str, dict[str, str]]:
    """By part of the control plane."""
    parts = {name: part["extraArgs"] for name, part in patch("ClusterConfiguration", api).items()}
    listed = api.endswith("v1beta4")
    return {
        name: {one["name"]: one["value"] for one in given} if listed else dict(given) for name, given in parts.items()
    }


def test_it_is_of_the_version_that_kind_reads() -> None:
    assert (CLUSTER["kind"], CLUSTER["apiVersion"]) == ("Cluster", "kind.x-k8s.io/v1alpha4")
    assert set(CLUSTER) == KNOWN
    (node,) = CLUSTER["nodes"]
    assert set(node) == {"role", "extraPortMappings"}


def test_each_port_that_a_service_may_get_answers_on_loopback_alone() -> None:
    first, last = map(int, arguments("kubeadm.k8s.io/v1beta3")["apiServer"]["service-node-port-range"].split("-"))
    wanted = [
        {"containerPort": port, "hostPort": port, "listenAddress": "127.0.0.1", "protocol": "TCP"}
        for port in range(first, last + 1)
    ]
    assert CLUSTER["nodes"][0]["extraPortMappings"] == wanted
    assert len(wanted) >= 16


def test_both_versions_of_kubeadm_are_told_the_same_in_text() -> None:
    told = arguments("kubeadm.k8s.io/v1beta3")
    assert told == arguments("kubeadm.k8s.io/v1beta4")
    assert set(told) == {"apiServer", "controllerManager", "scheduler"}
    assert {type(value) for given in told.values() for value in given.values()} == {str}


def test_what_is_asked_of_the_control_plane_is_asked_of_ours() -> None:
    told = arguments("kubeadm.k8s.io/v1beta3")
    del told["apiServer"]["service-node-port-range"]  # ours has the usual one
    asked = {
        name: value or "true"
        for name, value in re.findall(r"--((?:horizontal|leader|enable)[a-z-]+)(?:[ =](\w+))?", OURS)
    }
    assert {name: value for given in told.values() for name, value in given.items()} == asked


def test_what_is_asked_of_the_kubelet_is_asked_of_ours() -> None:
    ours = YAML(typ="safe").load(re.search(r"syncFrequency.*?(?=CONFIG)", OURS, re.DOTALL).group())  # type: ignore[union-attr]
    assert patch("KubeletConfiguration", "kubelet.config.k8s.io/v1beta1") == ours
