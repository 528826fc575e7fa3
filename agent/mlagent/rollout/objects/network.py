"""How the model is reached, and by whom."""

from typing import Any

from mlagent.core.ports.cluster import Object
from mlagent.rollout import names
from mlagent.rollout.objects.metadata import metadata
from mlagent.rollout.objects.wanted import Served, Wanted, need

PORT = 80


def service(wanted: Wanted) -> Object:
    """The model's port alone: health and metrics are asked of single pods."""
    settings = wanted.settings
    port = {"name": "http", "port": PORT, "targetPort": "http", "protocol": "TCP"}
    return {
        "apiVersion": "v1",
        "kind": "Service",
        "metadata": metadata(wanted),
        "spec": {
            "type": settings.service,
            "selector": names.selector(wanted.model),
            "ports": [port | ({"nodePort": settings.node_port} if settings.node_port else {})],
        },
    }


def ingress(wanted: Wanted, served: Served) -> Object:
    """Every path of the host leads to the Service."""
    settings = wanted.settings
    backend = {"service": {"name": wanted.model, "port": {"name": "http"}}}
    rule = {"host": settings.ingress_host, "http": {"paths": [{"path": "/", "pathType": "Prefix", "backend": backend}]}}
    tls = [{"hosts": [settings.ingress_host], "secretName": settings.ingress_tls}]
    return {
        "apiVersion": need(served.networking, "networking.k8s.io", "Ingress"),
        "kind": "Ingress",
        "metadata": metadata(wanted),
        "spec": {
            **({"ingressClassName": settings.ingress_class} if settings.ingress_class else {}),
            **({"tls": tls} if settings.ingress_tls else {}),
            "rules": [rule],
        },
    }


def policy(wanted: Wanted, served: Served) -> Object:
    """Who may come in by which port; nobody goes out: a model server asks nobody anything, not even for names.

    ConfigMaps, Secrets and images come by the kubelet, which no policy holds. A cluster without a network that enforces
    policies takes this object and does nothing. Namespaces are told by the label that Kubernetes sets since 1.21.
    """
    settings = wanted.settings
    return {
        "apiVersion": need(served.networking, "networking.k8s.io", "NetworkPolicy"),
        "kind": "NetworkPolicy",
        "metadata": metadata(wanted),
        "spec": {
            "podSelector": {"matchLabels": names.selector(wanted.model)},
            "policyTypes": ["Ingress", "Egress"],
            "ingress": [_let_in("http", settings.callers), _let_in("metrics", settings.scrapers)],
            "egress": [],
        },
    }


def _let_in(port: str, namespaces: tuple[str, ...]) -> dict[str, Any]:
    """From these namespaces, or from anywhere where none is named."""
    found: dict[str, Any] = {"ports": [{"port": port, "protocol": "TCP"}]}
    if namespaces:
        wanted = {"key": "kubernetes.io/metadata.name", "operator": "In", "values": sorted(namespaces)}
        found["from"] = [{"namespaceSelector": {"matchExpressions": [wanted]}}]
    return found
