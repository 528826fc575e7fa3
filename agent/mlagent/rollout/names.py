"""How our objects are called, and where on them we write down what."""

from collections.abc import Mapping

from mlagent.core.ports.cluster import Kind

DEPLOYMENT = Kind("apps/v1", "Deployment")
REPLICA_SET = Kind("apps/v1", "ReplicaSet")
POD = Kind("v1", "Pod")
LEASE = Kind("coordination.k8s.io/v1", "Lease")

MANAGER = "mlagent"  # of the objects' fields
NOTES = "mlagent-notes"  # of the annotations that follow
ASKS = "mlagent-asks"
PAUSER = "mlagent-pause"  # of spec.paused, while a rollout is paused

PLACEMENT = "mlagent.io/placement"  # label of pod templates: which template it is
IMAGE = "mlagent.io/image"  # annotations of pod templates: the image's manifest, the model's digest, its version
MODEL = "mlagent.io/model"
VERSION = "mlagent.io/version"
ROLLOUT = "mlagent.io/rollout"  # annotations of the Deployment: the State, in JSON
HISTORY = "mlagent.io/history"  # what served here in full, the newest first: a list of Placed
ASKED = "mlagent.io/asked"  # what a person asks of the rollout: an Ask

CONTAINER = "server"
PORT, METRICS_PORT = 8000, 8001


def selector(model: str) -> dict[str, str]:
    """Labels by which our pods are found; they never change. In an environment an object is called as its model."""
    return {"app.kubernetes.io/name": model, "app.kubernetes.io/managed-by": "mlagent"}


def labels(model: str, environment: str, version: str) -> Mapping[str, str]:
    """The recommended labels of every object."""
    return selector(model) | {
        "app.kubernetes.io/component": "model-server",
        "app.kubernetes.io/part-of": model,
        "app.kubernetes.io/instance": f"{model}-{environment}",
        "app.kubernetes.io/version": version,
    }
