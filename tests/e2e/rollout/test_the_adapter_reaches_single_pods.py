"""What single pods answer and say, with an account's own rights, on a real cluster."""

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from mlagent import adapters
from mlagent.adapters.kube.cluster import KubeCluster
from mlagent.config.environments import Staging
from mlagent.config.secret import Secret
from mlagent.core.ports.cluster import Asked, Kind
from mlagent.errors import ConfigError
from tests.cluster import house, images
from tests.cluster.house import admin, until
from tests.parts.registry import registry as run_registry

BASE = Path(os.environ["MLAGENT_TEST_BASE"])
KINDS = ("serves", "never_ready", "crashing")
POD, DEPLOYMENT = Kind("v1", "Pod"), Kind("apps/v1", "Deployment")
ACCOUNT = Kind("v1", "ServiceAccount")  # each namespace has one from its beginning
RULES = [
    {"apiGroups": [""], "resources": ["pods", "pods/log"], "verbs": ["get", "list"]},
    {"apiGroups": [""], "resources": ["pods/proxy"], "verbs": ["get"]},
]


def pod(name: str, image: str) -> dict[str, Any]:
    container = {"name": "server", "image": image}
    sidecar = {"name": "sidecar", "image": image, "command": ["/usr/bin/python3", "-c", "import time; time.sleep(999)"]}
    spec = {"automountServiceAccountToken": False, "containers": [container, sidecar]}
    return {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": name, "labels": {"app": "risk"}}, "spec": spec}


def account(name: str, namespace: str, folder: Path, rules: list[dict[str, Any]]) -> Path:
    """The kubeconfig of an account that may do this, and nothing else."""
    about = {"metadata": {"name": name}, "apiVersion": "rbac.authorization.k8s.io/v1"}
    subject = {"kind": "ServiceAccount", "name": name, "namespace": namespace}
    role = {"apiGroup": "rbac.authorization.k8s.io", "kind": "Role", "name": name}
    house.apply(
        {"apiVersion": "v1", "kind": "ServiceAccount", "metadata": {"name": name}},
        {**about, "kind": "Role", "rules": rules},
        {**about, "kind": "RoleBinding", "subjects": [subject], "roleRef": role},
        namespace=namespace,
    )
    return house.kubeconfig_of(name, namespace, folder)


@pytest.fixture(scope="module")
def room(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A namespace with a pod of each kind, named after it."""
    folder = tmp_path_factory.mktemp("images")
    with run_registry(folder / "registry") as registry, house.namespace() as name:
        for kind in KINDS:
            house.apply(pod(kind.replace("_", "-"), images.push(kind, folder, BASE, registry)), namespace=name)
        yield name


@pytest.fixture(scope="module")
def watcher(room: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[KubeCluster]:
    """The adapter, with a Secret for a kubeconfig, and the rights of one who watches."""
    file = account("watcher", room, tmp_path_factory.mktemp("watcher"), RULES)
    with adapters.cluster(Staging(namespace=room, kubeconfig=Secret(f"file:{file}")), Path()) as found:
        until(lambda: found.ask("serves", 8001, "/v2/health/ready") and found.ask("never-ready", 8001, "/metrics"))
        yield found


def test_what_a_pod_answers_is_given_with_its_status_and_headers(watcher: KubeCluster) -> None:
    ready = watcher.ask("serves", 8001, "/v2/health/ready")
    assert ready is not None
    assert (ready.status, ready.body) == (200, b'{"ready": true}')
    assert ready.headers["x-model-version"] == "1"
    metrics = watcher.ask("serves", 8001, "/metrics")
    assert metrics is not None
    assert b"mlagent_serving_requests_total" in metrics.body
    nothing = watcher.ask("serves", 8001, "/nothing?x=1")
    assert nothing is not None
    assert (nothing.status, nothing.body) == (404, b'{"error": "there is nothing here"}')


def test_a_pod_that_says_503_answers(watcher: KubeCluster) -> None:
    ready = watcher.ask("never-ready", 8001, "/v2/health/ready")
    assert ready is not None
    assert (ready.status, ready.body) == (503, b'{"ready": false}')


def test_a_pod_that_does_not_listen_there_or_is_not_there_does_not_answer(watcher: KubeCluster) -> None:
    assert watcher.ask("serves", 8002, "/") is None
    assert watcher.ask("nobody", 8001, "/") is None
    admin("run", "pending", "--image=127.0.0.1:1/nothing:1", "-n", watcher.namespace)
    assert watcher.ask("pending", 8001, "/") is None


def test_what_a_container_said_before_it_ended_can_be_read_of_the_one_now_and_the_one_before(
    watcher: KubeCluster,
) -> None:
    until(lambda: watcher.said("crashing", 5, previous=True))
    assert watcher.said("crashing", 5, previous=True)[-1] == "boom: no such model"
    assert list(watcher.said("serves", 5, previous=True)) == []
    assert list(watcher.said("pending", 5)) == []


def test_pods_are_found_by_their_labels(watcher: KubeCluster) -> None:
    found = [one["metadata"]["name"] for one in watcher.list(POD, {"app": "risk"})]
    assert found == ["crashing", "never-ready", "serves"]


def test_what_is_in_another_namespace_is_listed_only_everywhere(room: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("KUBECONFIG", os.environ["MLAGENT_TEST_KUBECONFIG"])
    with adapters.cluster(Staging(namespace=room), Path()) as found:
        here, all_of_them = found.list(ACCOUNT), found.list(ACCOUNT, everywhere=True)
    assert {one["metadata"]["namespace"] for one in here} == {room}
    assert {one["metadata"]["namespace"] for one in all_of_them} >= {room, "kube-system"}


def test_an_account_is_told_what_it_may_do(watcher: KubeCluster) -> None:
    assert watcher.allowed(Asked("get", "", "pods/proxy"))
    assert not watcher.allowed(Asked("get", "", "pods/exec"))
    assert not watcher.allowed(Asked("patch", "apps", "deployments"))
    assert not watcher.allowed(Asked("list", "", "nodes"))


def test_what_it_may_not_do_is_named_with_the_cure(watcher: KubeCluster) -> None:
    with pytest.raises(ConfigError, match=f"get Deployment risk in namespace {watcher.namespace}") as no:
        watcher.get(DEPLOYMENT, "risk")
    assert "mlagent manifests rbac" in no.value.hint
    with pytest.raises(ConfigError, match="list Pod"):
        watcher.list(POD, everywhere=True)


def test_one_who_may_not_ask_pods_is_told_so_and_not_that_they_are_away(room: str, tmp_path: Path) -> None:
    file = account("blind", room, tmp_path, RULES[:1])
    with adapters.cluster(Staging(namespace=room, kubeconfig=Secret(f"file:{file}")), Path()) as blind:
        until(lambda: blind.allowed(Asked("list", "", "pods")))
        with pytest.raises(ConfigError, match="get pods/proxy serves"):
            blind.ask("serves", 8001, "/metrics")


def test_a_token_that_is_not_known_is_said_not_to_be_taken(room: str, tmp_path: Path) -> None:
    text = house.kubeconfig_of("default", room, tmp_path).read_text()
    token = text.rpartition('"token": "')[2].partition('"')[0]
    (tmp_path / "forged").write_text(text.replace(token, token[:-8] + "AAAAAAAA"))
    with adapters.cluster(Staging(namespace=room, kubeconfig=Secret(f"file:{tmp_path}/forged")), Path()) as forged:
        with pytest.raises(ConfigError, match="does not take the credentials") as no:
            forged.list(POD)
        assert token[:-8] not in f"{no.value} {no.value.hint}"


def test_the_key_of_a_client_is_taken_from_memory(room: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("WHOLE", admin("config", "view", "--raw", "--flatten"))
    with adapters.cluster(Staging(namespace=room, kubeconfig=Secret("env:WHOLE")), Path()) as found:
        assert found.allowed(Asked("delete", "", "nodes"))


def test_another_clusters_authority_is_not_trusted(room: str, monkeypatch: pytest.MonkeyPatch) -> None:
    whole = admin("config", "view", "--raw", "--flatten")
    line = next(one for one in whole.splitlines() if "certificate-authority-data" in one)
    other = next(one for one in whole.splitlines() if "client-certificate-data" in one)
    monkeypatch.setenv("OTHER", whole.replace(line.split()[1], other.split()[1]))
    other_cluster = adapters.cluster(Staging(namespace=room, kubeconfig=Secret("env:OTHER")), Path())
    with other_cluster as found, pytest.raises(ConfigError, match=r"certificate .* is not trusted"):
        found.list(POD)
