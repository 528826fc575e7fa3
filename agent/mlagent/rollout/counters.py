"""What pods counted since they began: read from their own /metrics, or as Prometheus kept it, and summed up."""

import math
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import pairwise
from typing import NamedTuple

import msgspec

PREFIX = "mlagent_serving"
REQUESTS, SECONDS, INFO = f"{PREFIX}_requests_total", f"{PREFIX}_request_seconds_bucket", f"{PREFIX}_model_info"
STARTED = "process_start_time_seconds"
_LINE = re.compile(r"([A-Za-z_:][\w:]*)(?:\{(.*)\})? (\S+)(?: -?\d+)?")
_LABEL = re.compile(r'([A-Za-z_]\w*)="((?:[^"\\]|\\.)*)"(?:,|$)')
_SPELLED = {r"\\": "\\", r"\"": '"', r"\n": "\n"}


class Counters(msgspec.Struct, frozen=True, kw_only=True):
    """Requests for answers (/predict and …/infer), and how many of them failed with a 5xx, since the process began.

    `buckets` are (edge in seconds, requests that took at most so long), rising, the last edge infinite (None);
    `started` is when the process began (seconds since 1970), `version` and `model` what it says it serves.
    """

    requests: int = 0
    errors: int = 0
    buckets: tuple[tuple[float | None, int], ...] = ()
    started: float = 0.0
    version: str = ""
    model: str = ""


class Sample(NamedTuple):
    """One number of one series."""

    name: str
    labels: Mapping[str, str]
    value: float


def parse(text: str) -> Counters:
    """What a pod's /metrics say; ValueError, with why, where it is not what our server writes."""
    return counted(_samples(text))


def by_pod(series: Sequence[tuple[Mapping[str, str], float]]) -> dict[str, Counters | ValueError]:
    """What Prometheus kept of each pod (label `pod`), asked by `query`; the error where that makes no sense."""
    found: dict[str, list[Sample]] = {}
    for labels, value in series:
        found.setdefault(labels.get("pod", ""), []).append(Sample(labels.get("__name__", ""), labels, value))
    return {pod: _tried(samples) for pod, samples in found.items()}


def query(namespace: str, pods: Iterable[str]) -> str:
    """All that is read of these pods, in one question; scrapes must have put on the labels `namespace` and `pod`."""
    names = f"{REQUESTS}|{SECONDS}|{INFO}|{STARTED}"
    return f'{{__name__=~"{names}",namespace="{namespace}",pod=~"{"|".join(pods)}"}}'


def counted(samples: Iterable[Sample]) -> Counters:
    """The samples of one process; ValueError where they contradict themselves, or are no server's of ours."""
    requests = errors = 0
    edges: dict[float, int] = {}
    known: dict[str, Sample] = {}
    for one in samples:
        if one.name == REQUESTS and _asks(one):
            requests += _count(one)
            errors += _count(one) if one.labels.get("status", "").startswith("5") else 0
        elif one.name == SECONDS and _asks(one):
            edge = _number(one.labels.get("le", ""))
            edges[edge] = edges.get(edge, 0) + _count(one)
        elif one.name in (INFO, STARTED):
            known[one.name] = one
    if STARTED not in known or INFO not in known or not math.isfinite(known[STARTED].value):
        raise ValueError(f"no good {STARTED if INFO in known else INFO}: this is not what mlagent's server counts")
    info = known[INFO].labels
    return Counters(
        requests=requests,
        errors=errors,
        buckets=_rising(edges),
        started=known[STARTED].value,
        version=info.get("version", ""),
        model=info.get("digest", ""),
    )


def total(each: Iterable[Counters]) -> Counters:
    """The sum over processes; ValueError where their histograms have different edges."""
    there = list(each)
    edges: dict[float | None, int] = {}
    filled = [one.buckets for one in there if one.buckets]
    for buckets in filled:
        if [edge for edge, _ in buckets] != [edge for edge, _ in filled[0]]:
            message = "pods of one placement count latency by different edges"
            raise ValueError(message)
        for edge, count in buckets:
            edges[edge] = edges.get(edge, 0) + count
    return Counters(
        requests=sum(one.requests for one in there),
        errors=sum(one.errors for one in there),
        buckets=tuple(edges.items()),
    )


def _asks(one: Sample) -> bool:
    route = one.labels.get("route", "")
    return route == "/predict" or route.endswith("/infer")


def _samples(text: str) -> Iterator[Sample]:
    for at, line in enumerate(text.splitlines(), 1):
        if not line.strip() or line.startswith("#"):
            continue
        found = _LINE.fullmatch(line.strip())
        if found is None:
            raise ValueError(f"line {at} is no metric: {line[:80]!r}")
        name, labels, value = found.groups()
        yield Sample(name, _labels(labels or "", at), _number(value))


def _labels(text: str, at: int) -> dict[str, str]:
    found = list(_LABEL.finditer(text))
    if "".join(one[0] for one in found) != text:
        raise ValueError(f"line {at}: {text[:80]!r} are no labels")
    return {one[1]: re.sub(r"\\.", lambda part: _SPELLED.get(part[0], part[0]), one[2]) for one in found}


def _number(text: str) -> float:
    try:
        return float(text)
    except ValueError:
        raise ValueError(f"{text[:40]!r} is no number") from None


def _count(one: Sample) -> int:
    if not (math.isfinite(one.value) and one.value >= 0):
        raise ValueError(f"{one.name} is {one.value}, and a count is not")
    return int(one.value)


def _rising(edges: Mapping[float, int]) -> tuple[tuple[float | None, int], ...]:
    found = sorted(edges.items())
    if found and not math.isinf(found[-1][0]):
        message = "the histogram of latencies has no last bucket (+Inf)"
        raise ValueError(message)
    if any(after < before for (_, before), (_, after) in pairwise(found)):
        message = "the histogram of latencies falls, and it counts upwards"
        raise ValueError(message)
    return tuple((None if math.isinf(edge) else edge, count) for edge, count in found)


def _tried(samples: Sequence[Sample]) -> Counters | ValueError:
    try:
        return counted(samples)
    except ValueError as error:
        return error
