"""A double of metrics.k8s.io, registered with the cluster, whose numbers a test sets: an autoscaler really scales."""

import json
import socket
import ssl
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

from tests.cluster.house import admin, admin_json, apply, kubectl, until
from tests.parts.registry import certificate

GROUP, NAME, NAMESPACE = "metrics.k8s.io/v1beta1", "metrics-double", "kube-system"
VERBS = {"namespaced": True, "verbs": ["get", "list"]}
RESOURCES = {"kind": "APIResourceList", "apiVersion": "v1", "groupVersion": GROUP, "resources": [
    {"name": "pods", "singularName": "", "kind": "PodMetrics", **VERBS},
]}  # fmt: skip


class Metrics:
    """What every container is said to use; tests write it."""

    def __init__(self) -> None:
        self.millicores = 0
        self.asked = 0

    def of_pods(self, namespace: str, selector: str) -> dict[str, Any]:
        """A PodMetricsList of the pods that are there."""
        self.asked += 1
        pods = admin_json("get", "pods", "--namespace", namespace, "--selector", selector)["items"]
        return {"kind": "PodMetricsList", "apiVersion": GROUP, "metadata": {}, "items": list(map(self._of, pods))}

    def _of(self, pod: dict[str, Any]) -> dict[str, Any]:
        usage = {"cpu": f"{self.millicores}m", "memory": "32Mi"}
        return {
            "metadata": {name: pod["metadata"].get(name) for name in ("name", "namespace", "labels")},
            "timestamp": datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ"),
            "window": "10s",
            "containers": [{"name": one["name"], "usage": usage} for one in pod["spec"]["containers"]],
        }


def answers(metrics: Metrics) -> type[BaseHTTPRequestHandler]:
    """What a server of these answers."""

    class Answer(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            parts = urlsplit(self.path)
            match parts.path.strip("/").split("/"):
                case ["apis", "metrics.k8s.io", "v1beta1"]:
                    self._give(200, RESOURCES)
                case ["apis", "metrics.k8s.io", "v1beta1", "namespaces", namespace, "pods"]:
                    self._give(200, metrics.of_pods(namespace, parse_qs(parts.query).get("labelSelector", [""])[0]))
                case _:
                    self._give(404, {"kind": "Status", "apiVersion": "v1", "status": "Failure", "code": 404})

        def _give(self, status: int, answer: object) -> None:
            body = json.dumps(answer).encode()
            self.send_response(status)
            self.send_header("content-type", "application/json")
            self.send_header("content-length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            pass

    return Answer


def seen_from_the_node() -> str:
    """The address of this machine that the cluster's node reaches."""
    [address] = [
        one["address"]
        for one in admin_json("get", "nodes")["items"][0]["status"]["addresses"]
        if one["type"] == "InternalIP"
    ]
    with socket.socket(type=socket.SOCK_DGRAM) as towards:
        towards.connect((address, 9))
        return str(towards.getsockname()[0])


def objects(address: str, port: int) -> list[dict[str, Any]]:
    """A Service in front of the server."""
    metadata = {"name": NAME, "namespace": NAMESPACE}
    ports = {"ports": [{"port": 443, "targetPort": port}]}
    subset = {"addresses": [{"ip": address}], "ports": [{"port": port}]}
    return [
        {"apiVersion": "v1", "kind": "Service", "metadata": metadata, "spec": ports},
        {"apiVersion": "v1", "kind": "Endpoints", "metadata": metadata, "subsets": [subset]},
    ]


def registered() -> dict[str, Any]:
    """What makes it a part of the API."""
    spec = {
        "group": "metrics.k8s.io", "version": "v1beta1", "insecureSkipTLSVerify": True, "groupPriorityMinimum": 100,
        "versionPriority": 100, "service": {"name": NAME, "namespace": NAMESPACE},
    }  # fmt: skip
    metadata = {"name": "v1beta1.metrics.k8s.io"}
    return {"apiVersion": "apiregistration.k8s.io/v1", "kind": "APIService", "metadata": metadata, "spec": spec}


@contextmanager
def metrics_api(folder: Path) -> Iterator[Metrics]:
    """The cluster has metrics while the block runs."""
    metrics, address = Metrics(), seen_from_the_node()
    server = ThreadingHTTPServer((address, 0), answers(metrics))
    tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    tls.load_cert_chain(folder / "metrics.crt", certificate(folder / "metrics.crt"))
    server.socket = tls.wrap_socket(server.socket, server_side=True, do_handshake_on_connect=False)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        apply(*objects(address, server.server_port), namespace=NAMESPACE)
        apply(registered(), namespace=NAMESPACE)
        until(lambda: "pods" in kubectl("api-resources", "--api-group", "metrics.k8s.io").stdout)
        yield metrics
    finally:
        admin("delete", "apiservice", "v1beta1.metrics.k8s.io", "--ignore-not-found")  # else nothing can be deleted
        admin("delete", "service,endpoints", NAME, "--namespace", NAMESPACE, "--ignore-not-found")
        server.shutdown()
        thread.join()
        server.server_close()
