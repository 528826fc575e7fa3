"""What single pods answer and say, through the API server; a pod that is away is no error."""

from collections.abc import Mapping, Sequence
from typing import Any
from urllib.parse import quote

from urllib3.exceptions import HTTPError

from mlagent.adapters.kube import refusals
from mlagent.adapters.kube.link import Link, No, Refused
from mlagent.adapters.kube.refusals import Silent, Tried
from mlagent.adapters.kube.shapes import Pod
from mlagent.core.ports.cluster import Replied

MOST = 8 << 20  # bytes of an answer, or of what a pod said
AWAY = ("trying to reach service", "address not allowed", "no endpoints", "dialing backend", "timed out")
MAIN = "kubectl.kubernetes.io/default-container"
AWAY_PLAIN = b"Error trying to reach service"  # so up to Kubernetes 1.20, in no Status


def ask(link: Link, namespace: str, pod: str, port: int, path: str, seconds: float) -> Replied | None:
    """GET of a path of one pod's port: whatever the pod answers is an answer; None where it is away, or silent."""
    tried = Tried("get", "pods/proxy", pod, namespace)
    target = f"{_pod(namespace, pod)}:{port}/proxy/{path.removeprefix('/')}"
    any_type = {"Accept": "*/*"}
    try:
        answer = link.send(
            "get",
            target,
            tried,
            borne=lambda no: _is_away(no) or _is_its_own(no),
            seconds=seconds,
            header_params=any_type,
        )
        return Replied(answer.status, _small(answer.headers), _read(answer))
    except Refused as refused:
        no = refused.no
        return None if _is_away(no) else Replied(no.status, _small(no.headers), _bytes(no))
    except (Silent, HTTPError, OSError):
        return None


def said(link: Link, namespace: str, pod: str, lines: int, *, previous: bool) -> Sequence[str]:
    """The newest lines of its main container; none where there are none, or we may not see them."""
    try:
        container = _main_container(link, namespace, pod)
        query = f"tailLines={lines}&previous={str(previous).lower()}&container={quote(container)}"
        tried = Tried("get", "pods/log", pod, namespace)
        answer = link.send("get", f"{_pod(namespace, pod)}/log?{query}", tried, borne=lambda _: True)
        return _read(answer).decode(errors="replace").splitlines()
    except (Refused, HTTPError):
        return ()


def _main_container(link: Link, namespace: str, pod: str) -> str:
    """The first; a mesh that puts its own before it notes which is the main one, for kubectl."""
    tried = Tried("get", "pods", pod, namespace)
    found = link.read(Pod, "get", _pod(namespace, pod), tried, borne=lambda _: True)
    there = [one.name for one in found.spec.containers]
    noted = (found.metadata.annotations or {}).get(MAIN, "")
    return noted if noted in there else next(iter(there), "")


def _pod(namespace: str, pod: str) -> str:
    return f"/api/v1/namespaces/{namespace}/pods/{quote(pod, safe='')}"


def _is_its_own(no: No) -> bool:
    """Whether the pod says no, and not the API server."""
    return refusals.status(no.body) is None


def _is_away(no: No) -> bool:
    """Whether the API server says that it did not get through to the pod, or that there is no such pod."""
    said = refusals.status(no.body)
    if said is None:
        return no.status in (502, 503, 504) and _bytes(no).startswith(AWAY_PLAIN)
    if no.status == 404:
        return True
    return no.status in (400, 500, 502, 503, 504) and any(one in said.message for one in AWAY)


def _small(headers: Any) -> Mapping[str, str]:  # noqa: ANN401 - urllib3's
    return {key.lower(): value for key, value in dict(headers or {}).items()}


def _bytes(no: No) -> bytes:
    return no.body.encode() if isinstance(no.body, str) else no.body or b""


def _read(answer: Any) -> bytes:  # noqa: ANN401 - urllib3's
    data: bytes = answer.read(MOST, decode_content=True)
    if answer.read(1):
        answer.close()
    answer.release_conn()
    return data
