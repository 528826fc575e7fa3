"""Name, namespace and labels, as every object has them."""

from typing import Any

from mlagent.rollout import names
from mlagent.rollout.objects.wanted import Wanted

VERSION = "app.kubernetes.io/version"


def metadata(wanted: Wanted) -> dict[str, Any]:
    """Of an object that outlives releases: its labels name no version."""
    labels = dict(names.labels(wanted.model, wanted.environment, ""))
    del labels[VERSION]
    return {**where(wanted), "labels": labels}


def of_release(wanted: Wanted) -> dict[str, Any]:
    """Of the Deployment, whose labels name the version that it has."""
    labels = dict(names.labels(wanted.model, wanted.environment, wanted.release.called))
    return {**where(wanted), "labels": labels}


def where(wanted: Wanted) -> dict[str, Any]:
    """Name and namespace."""
    namespace = wanted.settings.namespace
    return {"name": wanted.model} | ({"namespace": namespace} if namespace else {})
