"""What a deployer may do in a namespace, and no more: the one table for its role, and for what preflight asks."""

from collections.abc import Iterator
from typing import Any, NamedTuple

from mlagent.core.ports.cluster import Asked, Object

DEPLOYER = "mlagent-deployer"
CAPACITY = "mlagent-deployer-capacity"
_RBAC = "rbac.authorization.k8s.io"
_LABELS = {"app.kubernetes.io/managed-by": "mlagent", "app.kubernetes.io/component": "deployer"}


class Rule(NamedTuple):
    """Verbs on resources of a group, empty for the core group; `why` is for whoever reads a refusal.

    Without what is `needed` nothing is deployed; without the rest less is known.
    """

    group: str
    resources: tuple[str, ...]
    verbs: tuple[str, ...]
    why: str
    needed: bool = True


RULES = (
    Rule("apps", ("deployments",), ("get", "create", "patch", "update", "delete"), "the rollout itself"),
    Rule("apps", ("replicasets",), ("list",), "templates to go back to"),
    Rule("", ("services", "serviceaccounts"), ("get", "create", "patch"), "how the model is reached, and who it is"),
    Rule("policy", ("poddisruptionbudgets",), ("get", "create", "patch"), "pods that go one by one"),
    Rule("networking.k8s.io", ("networkpolicies",), ("get", "create", "patch"), "who may call"),
    Rule("networking.k8s.io", ("ingresses",), ("get", "create", "patch", "delete"), "the host name, where one is set"),
    Rule("autoscaling", ("horizontalpodautoscalers",), ("get", "create", "patch", "delete"), "replicas_max"),
    Rule("", ("pods",), ("get", "list"), "which pods are ready"),
    Rule("", ("pods/log",), ("get",), "why a pod is not", needed=False),
    Rule("", ("pods/proxy",), ("get",), "what each pod serves, and counts"),
    Rule("", ("resourcequotas",), ("list",), "room in the quota", needed=False),
    Rule("coordination.k8s.io", ("leases",), ("get", "create", "update"), "one deployer at a time"),
)
"""In the namespace. Who may create a Deployment there may run any image, and give it any Secret that is there."""

NODES = Rule("", ("nodes", "pods"), ("list",), "room on the nodes")
"""In the whole cluster, and optional: without it nobody knows before whether there is room."""


def asked() -> Iterator[tuple[Asked, Rule]]:
    """Each single thing that a deployer does in the namespace."""
    for rule in RULES:
        for resource in rule.resources:
            for verb in rule.verbs:
                yield Asked(verb, rule.group, resource), rule


def render(namespace: str, *, capacity: bool = True) -> tuple[Object, ...]:
    """Account, role and binding in the namespace; with `capacity` also the role to look at nodes.

    Whoever applies them must be allowed to give these rights; the deployer never is.
    """
    own = {"apiGroups": [""], "resources": ["namespaces"], "verbs": ["get"], "resourceNames": [namespace]}
    local, wide = _metadata(DEPLOYER, namespace), _metadata(f"{CAPACITY}-{namespace}")
    objects: list[dict[str, Any]] = [
        {"apiVersion": "v1", "kind": "ServiceAccount", "metadata": local},
        _role("Role", local, [own, *map(_rule, RULES)]),
        _binding("Role", local, namespace),
    ]
    if capacity:
        objects += [_role("ClusterRole", wide, [_rule(NODES)]), _binding("ClusterRole", wide, namespace)]
    return tuple(objects)


def _role(kind: str, metadata: Object, rules: list[dict[str, Any]]) -> dict[str, Any]:
    return {"apiVersion": f"{_RBAC}/v1", "kind": kind, "metadata": metadata, "rules": rules}


def _binding(kind: str, metadata: Object, namespace: str) -> dict[str, Any]:
    """Give the role of the same name to the deployer of the namespace."""
    return {
        "apiVersion": f"{_RBAC}/v1",
        "kind": f"{kind}Binding",
        "metadata": metadata,
        "roleRef": {"apiGroup": _RBAC, "kind": kind, "name": metadata["name"]},
        "subjects": [{"kind": "ServiceAccount", "name": DEPLOYER, "namespace": namespace}],
    }


def _rule(rule: Rule) -> dict[str, Any]:
    return {"apiGroups": [rule.group], "resources": list(rule.resources), "verbs": list(rule.verbs)}


def _metadata(name: str, namespace: str = "") -> dict[str, Any]:
    return {"name": name, **({"namespace": namespace} if namespace else {}), "labels": _LABELS}
