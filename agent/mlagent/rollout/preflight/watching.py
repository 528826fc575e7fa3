"""Whether single pods can be asked what they serve and count."""

from collections.abc import Sequence

from mlagent.core.ports.cluster import Asked, Cluster, Object
from mlagent.rollout import names
from mlagent.rollout.objects import Wanted
from mlagent.rollout.objects.container import LIVE
from mlagent.rollout.preflight.finding import Finding

WHAT, ASKED = "metrics port", f"{names.METRICS_PORT} of single pods, through the API server"
CURE = (
    "let the API server reach the pods: a network policy or a firewall may stand between (`scrapers` closes this port);"
    " or set `prometheus`, and counters are read there"
)


def look(cluster: Cluster, pods: Sequence[Object], wanted: Wanted) -> Finding:
    """Ask one that is ready; where none is, whether we may is all that can be known."""
    if not cluster.allowed(Asked("get", "", "pods/proxy")):
        return _short("that is not allowed", wanted, cure="allow `get pods/proxy` (`mlagent manifests rbac`)")
    ready = [pod["metadata"]["name"] for pod in pods if _ready(pod)]
    if not ready:
        return Finding(
            what=WHAT,
            asked=ASKED,
            found="allowed; no pod runs yet that could be asked",
            outcome="unknown",
            cure="the first pod of the release shows it",
        )
    if cluster.ask(ready[0], names.METRICS_PORT, LIVE) is None:
        return _short(f"{ready[0]} is ready and does not answer", wanted, cure=CURE)
    return Finding(what=WHAT, asked=ASKED, found=f"{ready[0]} answers", outcome="pass")


def _short(found: str, wanted: Wanted, cure: str) -> Finding:
    """With a Prometheus the counters come from there, and only what single pods answer is not known."""
    if wanted.settings.prometheus:
        said = f"{found}; counters come from {wanted.settings.prometheus}"
        return Finding(what=WHAT, asked=ASKED, found=said, outcome="unknown", cure=cure)
    return Finding(what=WHAT, asked=ASKED, found=found, outcome="short", cure=cure)


def _ready(pod: Object) -> bool:
    conditions = pod.get("status", {}).get("conditions") or ()
    alive = "deletionTimestamp" not in pod["metadata"]
    return alive and any(one["type"] == "Ready" and one["status"] == "True" for one in conditions)
