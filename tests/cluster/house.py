"""The cluster that `tests/parts/with --cluster` started, as tests use it: its administrator, and everybody else."""

import json
import os
import select
import socket
import subprocess
import time
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

PARTS = Path(__file__).parents[1] / "parts"


def admin_kubeconfig() -> Path:
    """The administrator's."""
    return Path(os.environ["MLAGENT_TEST_KUBECONFIG"])


def kubectl(*arguments: str, stdin: str = "", kubeconfig: Path | None = None) -> subprocess.CompletedProcess[str]:
    """How `kubectl ARGUMENTS` ended; by the administrator, where nobody else is named."""
    command = ["kubectl", "--kubeconfig", str(kubeconfig or admin_kubeconfig()), *arguments]
    return subprocess.run(command, input=stdin, capture_output=True, text=True, check=False)


def admin(*arguments: str, stdin: str = "") -> str:
    """What the administrator is answered; it must work."""
    ended = kubectl(*arguments, stdin=stdin)
    assert ended.returncode == 0, ended.stderr
    return ended.stdout


def admin_json(*arguments: str) -> Any:
    """The same, as JSON: `admin_json("get", "pods", "-n", name)["items"]`."""
    return json.loads(admin(*arguments, "--output", "json"))


def as_wanted(one: dict[str, Any]) -> dict[str, Any]:
    """An object as somebody wants it, without what the cluster itself notes of it at any moment."""
    noted = ("resourceVersion", "managedFields")
    metadata = {key: value for key, value in one["metadata"].items() if key not in noted}
    return {key: value for key, value in one.items() if key != "status"} | {"metadata": metadata}


def apply(*objects: dict[str, Any], namespace: str) -> None:
    """Objects that the administrator wants there."""
    admin("apply", "--namespace", namespace, "--filename", "-", stdin=json.dumps(_list(objects)))


def _list(objects: tuple[dict[str, Any], ...]) -> dict[str, Any]:
    return {"apiVersion": "v1", "kind": "List", "items": list(objects)}


@contextmanager
def namespace() -> Iterator[str]:
    """A namespace of its own, and its default account; gone, with all that is in it, after the block."""
    name = f"mlagent-test-{uuid.uuid4().hex[:8]}"
    admin("create", "namespace", name)
    try:
        until(lambda: kubectl("get", "serviceaccount", "default", "-n", name).returncode == 0)
        yield name
    finally:
        kinds = "deployments,replicasets,pods"  # killed first: a namespace waits half a pod's time to end, in steps
        admin("delete", kinds, "--all", "--namespace", name, "--force", "--grace-period=0")
        admin("delete", "namespace", name, "--timeout=180s")


def until(true: Callable[[], object], seconds: float = 60) -> None:
    """Wait for something that is asked again and again."""
    end = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < end, "it did not come about"
        time.sleep(0.2)


def kubeconfig_of(account: str, namespace: str, folder: Path) -> Path:
    """The kubeconfig of a service account: a token for an hour, no more rights than its bindings give."""
    asked = {"apiVersion": "authentication.k8s.io/v1", "kind": "TokenRequest", "spec": {"expirationSeconds": 3600}}
    path = f"/api/v1/namespaces/{namespace}/serviceaccounts/{account}/token"
    token = json.loads(admin("create", "--raw", path, "--filename", "-", stdin=json.dumps(asked)))["status"]["token"]
    config = json.loads(admin("config", "view", "--raw", "--flatten", "--minify", "--output", "json"))
    config["users"] = [{"name": account, "user": {"token": token}}]
    config["contexts"][0]["context"] |= {"user": account, "namespace": namespace}
    file = folder / f"{namespace}-{account}.kubeconfig"
    file.touch(mode=0o600)
    file.write_text(json.dumps(config))
    return file


def node_port(service: str, namespace: str) -> str:
    """Where the first port of a Service of type NodePort takes connections on this machine, once it does."""
    port = admin_json("get", "service", service, "-n", namespace)["spec"]["ports"][0]["nodePort"]
    until(lambda: _listens(port))  # the node's rules follow the pods' readiness by up to a second
    return f"http://127.0.0.1:{port}"


def _listens(port: int) -> bool:
    """Whether whoever takes the connection waits for a request; a proxy that finds nobody behind it closes at once."""
    with suppress(OSError), socket.create_connection(("127.0.0.1", port), timeout=5) as towards:
        return not select.select([towards], [], [], 0.2)[0]
    return False


@contextmanager
def api_server_away() -> Iterator[None]:
    """The API server answers nobody, while the block runs."""
    _cluster("stop-api")
    try:
        yield
    finally:
        _cluster("start-api")


@contextmanager
def api_server_silent() -> Iterator[None]:
    """The API server takes connections and says nothing, while the block runs."""
    _cluster("hold-api")
    try:
        yield
    finally:
        _cluster("free-api")


def kill(pod: dict[str, Any]) -> float:
    """End the process of its container as the kernel would, at once; when that was, in seconds since 1970."""
    (status,) = pod["status"]["containerStatuses"]
    return float(_cluster("kill", status["containerID"]))


def _cluster(*arguments: str) -> str:
    return subprocess.run([PARTS / "cluster", *arguments], check=True, stdout=subprocess.PIPE, text=True).stdout


@contextmanager
def gpus(number: str) -> Iterator[None]:
    """The node says that it has so many, as a device plugin would have it say."""

    def said(number: str | None) -> bool:
        (node,) = admin_json("get", "nodes")["items"]
        for part in ("capacity", "allocatable"):
            node["status"][part].pop("nvidia.com/gpu", None)
            node["status"][part] |= {"nvidia.com/gpu": number} if number else {}
        path = f"/api/v1/nodes/{node['metadata']['name']}/status"
        written = kubectl("replace", "--raw", path, "--filename", "-", stdin=json.dumps(node))
        return written.returncode == 0  # the kubelet may have been faster

    until(lambda: said(number))
    try:
        yield
    finally:
        until(lambda: said(None))
