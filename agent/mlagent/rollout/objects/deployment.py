"""The Deployment, which exchanges pods without ever having fewer ready than wanted."""

from typing import Any

from mlagent.core.ports.cluster import Object
from mlagent.rollout import names
from mlagent.rollout.objects.metadata import of_release
from mlagent.rollout.objects.pod import template
from mlagent.rollout.objects.wanted import Wanted

HISTORY = 10  # old templates that the cluster keeps: the ways back


def deployment(wanted: Wanted) -> Object:
    """Give it; it names no number of pods where an autoscaler does."""
    settings = wanted.settings
    number = {} if wanted.scaled else {"replicas": wanted.sized.pods}
    return {
        "apiVersion": names.DEPLOYMENT.api,
        "kind": names.DEPLOYMENT.name,
        "metadata": of_release(wanted),
        "spec": {
            **number,
            "selector": {"matchLabels": names.selector(wanted.model)},
            "strategy": {"type": "RollingUpdate", "rollingUpdate": {"maxUnavailable": 0, "maxSurge": _surge(wanted)}},
            "progressDeadlineSeconds": settings.progress_seconds,
            "revisionHistoryLimit": HISTORY,
            "minReadySeconds": settings.settle_seconds,
            "template": template(wanted),
        },
    }


def _surge(wanted: Wanted) -> Any:  # noqa: ANN401 - a number or a share, as the API has it
    surge = wanted.settings.surge
    return surge if surge.endswith("%") else int(surge)
