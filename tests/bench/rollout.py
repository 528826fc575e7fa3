"""A rolling update by `mlagent deploy` and by `kubectl set image` with `kubectl rollout status`, on equal Deployments.

By the clock, in turns, between the same two images of insurance-risk; each goes its own way while the other one rests.
"""

import json
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from mlagent.rollout import names
from tests.bench.compare import Ratio, ratio
from tests.cluster.house import admin, admin_json, apply, until
from tests.e2e.rollout import bed, home
from tests.e2e.rollout.home import Home
from tests.parts.registry import registry

ROUNDS = 12
GOAL = 1.2
PEER = {"app": "peer"}


def run() -> str:
    """A line for the exchange of the pods, one for the whole command, which asks, verifies and records besides."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        with registry(folder / "registry", tls=True) as images, home.home(bed.make(folder, images), folder / "h") as at:
            at.deploy(at.one)
            _equal(at)
            rounds = [_round(at, turn) for turn in range(ROUNDS + 1)][1:]
    exchange = ratio([(one, peer) for one, _, peer in rounds])
    whole = ratio([(one, peer) for _, one, peer in rounds])
    return f"{_said('the exchange', exchange)}\n{_said('the whole command', whole)}"


def _said(what: str, found: Ratio) -> str:
    return f"rollout, {what} of {ROUNDS}, to kubectl's: {found}; goal: at most {GOAL}, or not resolved"


def _round(at: Home, turn: int) -> tuple[float, float, float]:
    """Milliseconds of our exchange, of our whole command, of kubectl's two commands: to the other image and no other.

    Neither begins before the pods that the last one took away have gone.
    """
    project = (at.two, at.one)[turn % 2]
    at.renew()
    _rest(at)
    whole = _clocked(lambda: at.deploy(project))
    exchange = _exchange(at, project)
    _rest(at)
    image = f"{names.CONTAINER}={at.bed.image(project)}"
    return exchange, whole, _clocked(lambda: _kubectl(at, image))


def _clocked(work: Callable[[], object]) -> float:
    began = time.perf_counter()
    work()
    return (time.perf_counter() - began) * 1000


def _kubectl(at: Home, image: str) -> None:
    admin("set", "image", "deployment/peer", image, "--namespace", at.production)
    admin("rollout", "status", "deployment/peer", "--namespace", at.production)


def _exchange(at: Home, project: Path) -> float:
    """From when the rollout began, before anything was applied, until every pod had said what it serves."""
    run = project / ".mlagent/runs" / at.bed.record(project)["run_id"]
    moments = json.loads((run / "deploy@staging/timeline.json").read_text())["moments"]
    assert moments[-1]["phase"] == "done"
    return float(moments[-1]["at"]) * 1000


def _rest(at: Home) -> None:
    """No pod is leaving."""
    namespaces = (at.staging, at.production)
    until(lambda: sum(len(admin_json("get", "pods", "-n", one)["items"]) for one in namespaces) == 2 * len(namespaces))


def _equal(at: Home) -> None:
    """The same Deployment in the other namespace, with all that the pods need, and a Service."""
    live = admin_json("get", "deployment", bed.MODEL, "-n", at.staging)["spec"]
    live["template"]["metadata"]["labels"] = live["template"]["metadata"]["labels"] | PEER
    spec = live | {"selector": {"matchLabels": PEER}}
    account = {"apiVersion": "v1", "kind": "ServiceAccount", "metadata": {"name": bed.MODEL}}
    pulls = account | {"imagePullSecrets": [{"name": "pull"}]}
    service = admin_json("get", "service", bed.MODEL, "-n", at.staging)["spec"]["ports"]
    ports = [{key: port[key] for key in ("name", "port", "targetPort")} for port in service]
    apply(
        pulls,
        {
            "apiVersion": "v1",
            "kind": "Service",
            "metadata": {"name": "peer"},
            "spec": {"selector": PEER, "ports": ports},
        },
        {"apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": "peer"}, "spec": spec},
        namespace=at.production,
    )
    admin("rollout", "status", "deployment/peer", "--namespace", at.production)
