"""An autoscaler scales what was deployed, and a deploy keeps its number; what does not fit is refused with numbers."""

import json
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from mlagent.errors import ConfigError
from mlagent.rollout import preflight, roles
from tests.cluster import house
from tests.cluster.house import until
from tests.cluster.metrics_api import metrics_api
from tests.cluster.scene import MODEL, Scene, scene, watching
from tests.parts.registry import Registry

BASE = Path(os.environ["MLAGENT_TEST_BASE"])
LAZY, BUSY = 5, 100  # millicores, of the 100 that a pod asks for
SCALED: dict[str, Any] = {"replicas": 1, "replicas_max": 3, "cpu_percent": 50}


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory, registry: Registry) -> Iterator[Scene]:
    with scene(tmp_path_factory.mktemp("scene"), registry, BASE) as made:
        yield made


@pytest.fixture
def placed(made: Scene) -> Scene:
    """Version 1 serves in one pod."""
    made.comes(made.wanted("serves", 1, replicas=1), overwrite=True)
    return made


@contextmanager
def nothing_changes(placed: Scene) -> Iterator[None]:
    """Not a field of the Deployment is written in the block, and no object is made."""

    def there() -> dict[str, Any]:
        kinds = "deployments,services,serviceaccounts,networkpolicies,poddisruptionbudgets,horizontalpodautoscalers"
        items = house.admin_json("get", kinds, "-n", placed.room)["items"]
        return {f"{one['kind']} {one['metadata']['name']}": house.as_wanted(one) for one in items}

    until(lambda: len(house.admin_json("get", "pods", "-n", placed.room)["items"]) == 1)
    before = there()
    yield
    assert there() == before


def refused(placed: Scene, **settings: Any) -> ConfigError:
    """How a deploy of version 2 was refused; nothing has changed."""
    with nothing_changes(placed), pytest.raises(ConfigError) as refused:
        placed.bring(placed.wanted("serves", 2, **settings), [])
    assert refused.value.message.startswith("nothing has changed in the cluster, which is not ready for it: ")
    return refused.value


def test_an_autoscaler_scales_out_and_in_and_a_deploy_in_between_keeps_the_number(made: Scene, tmp_path: Path) -> None:
    with metrics_api(tmp_path) as metrics:
        metrics.millicores = LAZY
        made.comes(made.wanted("serves", 1, **SCALED), overwrite=True)
        metrics.millicores = BUSY
        until(lambda: made.serving() == {"1": 3})
        with watching(made) as watch:
            made.comes(made.wanted("serves", 2, **SCALED))
        assert made.serving() == {"2": 3}
        assert min(watch.reached) >= 3
        metrics.millicores = LAZY
        until(lambda: made.serving() == {"2": 2})
    autoscaler = house.admin_json("get", "hpa", MODEL, "-n", made.room)
    assert (autoscaler["spec"]["minReplicas"], autoscaler["spec"]["maxReplicas"]) == (1, 3)


def test_the_rate_that_is_expected_is_the_least_that_an_autoscaler_leaves(made: Scene, tmp_path: Path) -> None:
    rated: dict[str, Any] = {
        "replicas": None,
        "rate_per_second": 200,
        "capacity_per_second": 100,
        "replicas_max": 4,
        "cpu_percent": 50,
    }
    with metrics_api(tmp_path) as metrics:
        metrics.millicores = LAZY
        made.comes(made.wanted("serves", 1, **rated), overwrite=True)
        until(lambda: made.serving() == {"1": 3})  # 200 of 3 x 70, which is what 100 may be used to

        def settled() -> bool:
            kind = "horizontalpodautoscalers.v1.autoscaling"
            told = house.admin_json("get", kind, MODEL, "-n", made.room)["status"]
            return told.get("currentCPUUtilizationPercentage") == LAZY and bool(told["desiredReplicas"] == 3)

        until(settled)  # it has looked at pods that do nothing, and leaves them
        time.sleep(15)  # longer than this cluster's autoscaler waits before it takes pods away
        assert made.serving() == {"1": 3}
    assert house.admin_json("get", "hpa", MODEL, "-n", made.room)["spec"]["minReplicas"] == 3


def newest(group: str, *versions: str) -> str:
    """The first of these that the API server has, by kubectl's word."""
    there = house.admin("api-versions").split()
    return next(one for one in versions if f"{group}/{one}" in there)


def test_the_versions_that_this_server_has_are_taken(made: Scene) -> None:
    scaler, budget = newest("autoscaling", "v2", "v2beta2"), newest("policy", "v1", "v1beta1")
    found = {one.what: one for one in preflight.look(made.cluster, made.wanted("serves", 1, **SCALED))}
    assert f"HorizontalPodAutoscaler (autoscaling/{scaler})" in found["objects"].found
    assert f"PodDisruptionBudget (policy/{budget})" in found["objects"].found
    made.comes(made.wanted("serves", 1, **SCALED), overwrite=True)
    for kind in (f"horizontalpodautoscalers.{scaler}.autoscaling", f"poddisruptionbudgets.{budget}.policy"):
        assert house.admin_json("get", kind, MODEL, "-n", made.room)["metadata"]["name"] == MODEL


def test_the_number_becomes_ours_again_when_the_autoscaler_goes(made: Scene) -> None:
    made.comes(made.wanted("serves", 1, **SCALED), overwrite=True)
    made.comes(made.wanted("serves", 1, replicas=2))
    assert house.kubectl("get", "hpa", MODEL, "-n", made.room).returncode != 0
    assert made.serving() == {"1": 2}


def test_without_gpus_that_is_said_with_the_number_and_with_them_it_comes(placed: Scene) -> None:
    error = refused(placed, replicas=1, gpus=1)
    assert "nodes: asked room for 1 more pod of 0.1 cpu, 128Mi memory, 1 nvidia.com/gpu; " in error.message
    assert "1 nvidia.com/gpu too little" in error.message
    with house.gpus("1"):
        more = refused(placed, replicas=1, gpus=2)
        assert "1 nvidia.com/gpu too little" in more.message
        placed.comes(placed.wanted("serves", 2, replicas=1, gpus=1))
        assert placed.serving() == {"2": 1}


def test_a_quota_that_is_too_small_is_named_with_what_is_missing_and_that_much_is_enough(placed: Scene) -> None:
    with quota(placed.room, "150m"):
        error = refused(placed, replicas=1)
        asked = "quota small, requests.cpu: asked 0.1 more while pods are exchanged"
        assert f"{asked}; 0.05 left of 0.15: 0.05 too little" in error.message
        assert "raise requests.cpu of ResourceQuota small by 0.05" in error.hint
    with quota(placed.room, "200m"):
        placed.comes(placed.wanted("serves", 2, replicas=1))
    assert placed.serving() == {"2": 1}


def test_a_right_that_the_deployer_lacks_is_named(placed: Scene) -> None:
    with less_rights(placed.room, "deployments", ["get", "create", "delete"]):
        error = refused(placed, replicas=1)
    assert "missing: patch, update deployments.apps (" in error.message
    assert "`mlagent manifests rbac` writes the role" in error.hint


@contextmanager
def less_rights(room: str, resource: str, verbs: list[str]) -> Iterator[None]:
    """The deployer may do no more than this with a resource."""

    def write(rules: list[dict[str, Any]]) -> None:
        body = json.dumps({"rules": rules})
        house.admin("patch", "role", roles.DEPLOYER, "--type=merge", "--patch", body, "-n", room)

    rules = house.admin_json("get", "role", roles.DEPLOYER, "-n", room)["rules"]
    write([one | ({"verbs": verbs} if resource in one["resources"] else {}) for one in rules])
    try:
        yield
    finally:
        write(rules)


@contextmanager
def quota(room: str, cpu: str) -> Iterator[None]:
    """The namespace's pods may ask for so much, and what they do is counted."""
    spec = {"hard": {"requests.cpu": cpu}}
    made = {"apiVersion": "v1", "kind": "ResourceQuota", "metadata": {"name": "small"}, "spec": spec}
    house.apply(made, namespace=room)
    try:
        until(lambda: house.admin_json("get", "quota", "small", "-n", room).get("status", {}).get("used"))
        yield
    finally:
        house.admin("delete", "quota", "small", "-n", room)
