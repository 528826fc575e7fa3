"""How many pods there are, and how many may go at once."""

from mlagent.core.ports.cluster import Object
from mlagent.rollout import names
from mlagent.rollout.objects.metadata import metadata
from mlagent.rollout.objects.wanted import Served, Wanted, need

SHARE, SECONDS = 25, 30


def autoscaler(wanted: Wanted, served: Served) -> Object:
    """Out as fast as the cluster does by itself, in by one pod or a quarter of them each half minute.

    How long it waits before it scales in is the cluster's to say: five minutes where nobody has said otherwise.
    """
    settings = wanted.settings
    cpu = {"name": "cpu", "target": {"type": "Utilization", "averageUtilization": settings.cpu_percent}}
    calm = [
        {"type": "Percent", "value": SHARE, "periodSeconds": SECONDS},
        {"type": "Pods", "value": 1, "periodSeconds": SECONDS},
    ]
    return {
        "apiVersion": need(served.autoscaling, "autoscaling", "HorizontalPodAutoscaler"),
        "kind": "HorizontalPodAutoscaler",
        "metadata": metadata(wanted),
        "spec": {
            "scaleTargetRef": {
                "apiVersion": names.DEPLOYMENT.api,
                "kind": names.DEPLOYMENT.name,
                "name": wanted.model,
            },
            "minReplicas": wanted.sized.pods,
            "maxReplicas": settings.replicas_max,
            "metrics": [{"type": "Resource", "resource": cpu}],
            "behavior": {"scaleDown": {"selectPolicy": "Max", "policies": calm}},
        },
    }


def budget(wanted: Wanted, served: Served) -> Object:
    """Who empties a node takes one pod at a time.

    With one replica that means none for a moment: a budget which kept the only one would keep the node from ever
    being emptied. Two replicas are what serves through that.
    """
    return {
        "apiVersion": need(served.policy, "policy", "PodDisruptionBudget"),
        "kind": "PodDisruptionBudget",
        "metadata": metadata(wanted),
        "spec": {"maxUnavailable": 1, "selector": {"matchLabels": names.selector(wanted.model)}},
    }
