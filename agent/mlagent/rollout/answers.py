"""What pods say they serve: the version that their answers name, the digest of the model that they count by."""

from mlagent.core.ports.cluster import Cluster
from mlagent.rollout.counters import parse
from mlagent.rollout.names import METRICS_PORT, PORT
from mlagent.rollout.readings import OK, PATH
from mlagent.rollout.seen import Answer

VERSION = "x-model-version"
BUSY = 500  # from here on it is the server's own trouble, or that of what lies between: no answer yet


def ask(cluster: Cluster, model: str, pod: str) -> Answer | None:
    """Ask the port that callers use, then the one of those who watch; None where one of them does not answer yet."""
    served = cluster.ask(pod, PORT, f"/v2/models/{model}")
    counted = cluster.ask(pod, METRICS_PORT, PATH)
    if served is None or counted is None or max(served.status, counted.status) >= BUSY:
        return None
    found = _model(counted.body) if counted.status == OK else ""
    return Answer(version=served.headers.get(VERSION, ""), model=found)


def _model(body: bytes) -> str:
    try:
        return parse(body.decode()).model
    except ValueError:
        return ""
