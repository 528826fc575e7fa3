"""The parts themselves: pods run, a NodePort answers, rights are limited, the API goes away, an autoscaler scales."""

import json
import os
import subprocess
import time
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.cluster import house, images
from tests.cluster.house import admin, admin_json, kubectl, until
from tests.cluster.load import loading
from tests.cluster.metrics_api import metrics_api
from tests.parts.registry import Registry
from tests.parts.registry import registry as run_registry

BASE = Path(os.environ["MLAGENT_TEST_BASE"])


@pytest.fixture(scope="module")
def images_of(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Registry]:
    with run_registry(tmp_path_factory.mktemp("registry")) as made:
        yield made


@pytest.fixture(scope="module")
def room() -> Iterator[str]:
    with house.namespace() as name:
        yield name


@pytest.fixture(scope="module")
def serving(images_of: Registry, room: str, tmp_path_factory: pytest.TempPathFactory) -> str:
    """The name of a Deployment that answers, and of its Service."""
    image = images.push("serves", tmp_path_factory.mktemp("images"), BASE, images_of, "v1")
    house.apply(deployment("serves", image), service("serves"), namespace=room)
    admin("rollout", "status", "deployment/serves", "-n", room, "--timeout=60s")
    return "serves"


def deployment(name: str, image: str, memory: str = "128Mi") -> dict[str, Any]:
    container = {
        "name": "model",
        "image": image,
        "ports": [{"containerPort": 8000}, {"containerPort": 8001}],
        "readinessProbe": {"httpGet": {"path": "/v2/health/ready", "port": 8001}, "periodSeconds": 1},
        "resources": {"requests": {"cpu": "50m"}, "limits": {"memory": memory}},
    }
    pod = {"automountServiceAccountToken": False, "containers": [container]}
    template = {"metadata": {"labels": {"app": name}}, "spec": pod}
    spec = {"selector": {"matchLabels": {"app": name}}, "template": template}
    return {"apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": name}, "spec": spec}


def service(name: str) -> dict[str, Any]:
    spec = {"type": "NodePort", "selector": {"app": name}, "ports": [{"port": 80, "targetPort": 8000}]}
    return {"apiVersion": "v1", "kind": "Service", "metadata": {"name": name}, "spec": spec}


def ready(name: str, namespace: str) -> int:
    status = admin_json("get", "deployment", name, "-n", namespace)["status"]
    return int(status.get("readyReplicas", 0))


@pytest.mark.parametrize("keep_alive", [True, False])
def test_a_service_answers_on_this_machine_what_its_pod_says(
    serving: str, room: str, tmp_path: Path, *, keep_alive: bool
) -> None:
    url = f"{house.node_port(serving, room)}/predict"
    with loading(url, tmp_path / "out.json", rate=100, keep_alive=keep_alive) as load:
        time.sleep(2)
        report = load.stop()
    assert report.failed == ()
    assert report.ok == report.sent >= 100
    assert report.versions == {"v1": report.ok}
    assert (report.opened <= 8) == keep_alive


def test_an_account_may_do_only_what_its_role_says(room: str, tmp_path: Path) -> None:
    admin("create", "serviceaccount", "reader", "-n", room)
    admin("create", "role", "reader", "--verb=list", "--resource=pods", "-n", room)
    admin("create", "rolebinding", "reader", "--role=reader", f"--serviceaccount={room}:reader", "-n", room)
    config = house.kubeconfig_of("reader", room, tmp_path)
    until(lambda: kubectl("get", "pods", kubeconfig=config).returncode == 0)
    refused = kubectl("get", "secrets", kubeconfig=config)
    assert f'User "system:serviceaccount:{room}:reader" cannot list resource "secrets"' in refused.stderr
    elsewhere = kubectl("get", "pods", "-n", "default", kubeconfig=config)
    assert 'cannot list resource "pods"' in elsewhere.stderr


def test_pods_answer_while_the_api_server_is_away(serving: str, room: str) -> None:
    url = f"{house.node_port(serving, room)}/v2/health/ready"
    with house.api_server_away():
        assert kubectl("get", "nodes", "--request-timeout=5s").returncode != 0
        assert json.load(urllib.request.urlopen(url, timeout=5)) == {"ready": True}
    assert ready(serving, room) == 1


def test_an_api_server_may_be_silent_for_a_while() -> None:
    with house.api_server_silent():
        assert kubectl("get", "nodes", "--request-timeout=2s").returncode != 0
    until(lambda: kubectl("get", "nodes").returncode == 0)


def test_an_autoscaler_follows_what_pods_are_said_to_use(serving: str, room: str, tmp_path: Path) -> None:
    with metrics_api(tmp_path) as metrics:
        metrics.millicores = 100  # of 50 asked for
        admin("autoscale", "deployment", serving, "--min=1", "--max=3", "--cpu-percent=80", "-n", room)
        until(lambda: ready(serving, room) == 3)
        metrics.millicores = 5
        until(lambda: ready(serving, room) == 1)
    admin("delete", "hpa", serving, "-n", room)


def last_end(name: str, namespace: str) -> str:
    """Why the container of a pod ended last, and its exit code; empty as long as none has."""
    pods = admin_json("get", "pods", "-l", f"app={name}", "-n", namespace)["items"]
    statuses = [status for pod in pods for status in pod["status"].get("containerStatuses", [])]
    ends = [status["lastState"]["terminated"] for status in statuses if status["lastState"]]
    return " ".join(f"{end['reason']} {end['exitCode']}" for end in ends)


@pytest.mark.parametrize(("kind", "end"), [("crashing", "Error 1"), ("out_of_memory", "OOMKilled 137")])
def test_an_image_ends_in_its_own_way(kind: str, end: str, images_of: Registry, room: str, tmp_path: Path) -> None:
    name = kind.replace("_", "-")
    house.apply(deployment(name, images.push(kind, tmp_path, BASE, images_of), "64Mi"), namespace=room)
    until(lambda: last_end(name, room))
    assert last_end(name, room) == end
    assert ready(name, room) == 0
    admin("delete", "deployment", name, "-n", room)


def test_an_image_lives_and_is_never_ready(images_of: Registry, room: str, tmp_path: Path) -> None:
    image = images.push("never_ready", tmp_path, BASE, images_of)
    house.apply(deployment("unready", image), namespace=room)
    until(lambda: watch_port("unready", room, "/v2/health/live").returncode == 0)
    assert "(ServiceUnavailable)" in watch_port("unready", room, "/v2/health/ready").stderr
    assert ready("unready", room) == 0
    admin("delete", "deployment", "unready", "-n", room)


def watch_port(name: str, namespace: str, path: str) -> subprocess.CompletedProcess[str]:
    """What the first pod says on the port of those who watch, through the API server."""
    [pod] = admin_json("get", "pods", "-l", f"app={name}", "-n", namespace)["items"][:1] or [
        {"metadata": {"name": "none"}}
    ]
    return kubectl("get", "--raw", f"/api/v1/namespaces/{namespace}/pods/{pod['metadata']['name']}:8001/proxy{path}")


def test_errors_are_counted_where_those_who_watch_read_them(images_of: Registry, room: str, tmp_path: Path) -> None:
    image = images.push("answers_errors", tmp_path, BASE, images_of)
    house.apply(deployment("errs", image), service("errs"), namespace=room)
    admin("rollout", "status", "deployment/errs", "-n", room, "--timeout=60s")
    with loading(f"{house.node_port('errs', room)}/predict", tmp_path / "out.json") as load:
        time.sleep(1)
        report = load.stop()
    assert report.ok == 0
    assert {one.kind for one in report.failed} == {"status 500"}
    counted = f'mlagent_serving_requests_total{{route="/predict",status="500"}} {float(report.sent)}'
    assert counted in watch_port("errs", room, "/metrics").stdout.splitlines()
