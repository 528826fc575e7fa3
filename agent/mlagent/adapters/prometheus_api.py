"""Counters from a Prometheus server, by its HTTP API: instant queries, nothing else."""

import math
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple
from urllib.parse import unquote, urlencode, urlsplit

import msgspec
import urllib3
from urllib3.exceptions import HTTPError, LocationParseError, SSLError

from mlagent.errors import ConfigError, InfrastructureError, MlagentError

CONNECT_SECONDS, READ_SECONDS = 5.0, 30.0
LONGEST = 300
BUSY = (408, 429)
HINT = "it is the URL of the server itself, as in http://prometheus.monitoring:9090"


class Place(NamedTuple):
    """Where it is; a password in the URL is sent, and shown nowhere."""

    url: str
    shown: str
    headers: Mapping[str, str]

    def __repr__(self) -> str:
        """Not the password."""
        return f"Place({self.shown!r})"


class Answer(msgspec.Struct, frozen=True):
    """What it says to any question; `error` where it refuses, `warnings` where a part of the answer is missing."""

    status: str
    data: Any = None
    error: str = ""
    warnings: tuple[str, ...] | None = None


class Sample(msgspec.Struct, frozen=True):
    """One series at one moment: seconds of Unix time, and the value as text."""

    metric: dict[str, str]
    value: tuple[float, str]


class Vector(msgspec.Struct, frozen=True):
    """The only type of result that has series at one moment."""

    resultType: str  # noqa: N815 - Prometheus calls it so
    result: list[Any]


class Prometheus:
    """Nothing is reached before the first query; may be shared by threads."""

    def __init__(self, url: str) -> None:
        """ConfigError (3) for what is no URL of a server."""
        self._place = _place(url)
        self._pools = urllib3.PoolManager(retries=False)

    def series(self, query: str) -> Sequence[tuple[Mapping[str, str], float]]:
        """Labels and value of every series that answers the query now; none where nothing is known.

        InfrastructureError (20) when the server is away or too busy, ConfigError (3) when it refuses the question.
        """
        answer = self._ask(query)
        try:
            said = msgspec.json.decode(answer.data, type=Answer)
        except (msgspec.MsgspecError, UnicodeError):
            raise _by_status(self._place, answer.status, "") from None
        if answer.status != 200 or said.status != "success":
            raise _by_status(self._place, answer.status, said.error or said.status)
        if said.warnings:  # a store behind it was away: what is missing would count as nothing
            raise _in_part(self._place, said.warnings[0])
        return _series(self._place, said.data)

    def _ask(self, query: str) -> urllib3.BaseHTTPResponse:
        url = f"{self._place.url}/api/v1/query?{urlencode({'query': query})}"
        timeout = urllib3.Timeout(connect=CONNECT_SECONDS, read=READ_SECONDS)
        try:
            return self._pools.request("GET", url, headers=self._place.headers, timeout=timeout, redirect=False)
        except (HTTPError, OSError) as error:
            raise _unreached(self._place, error) from None


def _place(url: str) -> Place:
    try:
        parts = urlsplit(url)
        fine = parts.scheme in ("http", "https") and bool(parts.hostname) and (parts.port is None or parts.port > 0)
    except ValueError:
        fine = False
    if not fine or parts.query or parts.fragment:
        raise ConfigError("what is set as `prometheus` is no URL of a server", hint=HINT)
    shown = parts._replace(netloc=parts.netloc.rpartition("@")[2]).geturl().rstrip("/")
    login = parts.netloc.rpartition("@")[0]
    headers = urllib3.make_headers(basic_auth=unquote(login)) if login else {}
    return Place(shown, shown, {"User-Agent": "mlagent", **headers})


def _series(place: Place, data: object) -> Sequence[tuple[Mapping[str, str], float]]:
    try:
        vector = msgspec.convert(data, Vector)
        samples = msgspec.convert(vector.result, list[Sample]) if vector.resultType == "vector" else None
    except msgspec.ValidationError:
        raise _strange(place) from None
    if samples is None:
        raise ConfigError(f"{place.shown} answered with a {vector.resultType}, and not with series", hint=HINT)
    return [(one.metric, _number(one.value[1])) for one in samples]


def _number(text: str) -> float:
    """Prometheus writes +Inf, -Inf and NaN as Python reads them."""
    try:
        return float(text)
    except ValueError:
        return math.nan


def _by_status(place: Place, status: int, said: str) -> MlagentError:
    words = f": {' '.join(said.split())[:LONGEST]}" if said else ""
    text = f"Prometheus at {place.shown} answered {status}{words}"
    if status >= 500 or status in BUSY:
        return InfrastructureError(text, hint="it is too busy, or a part of it is down; the same command goes on")
    if status in (401, 403):
        return ConfigError(text, hint="it wants to know who asks; a server that this node may ask without is needed")
    if status in (400, 422):
        return ConfigError(text, hint="it does not take the question; is it older than Prometheus 2?")
    return _strange(place, f" ({status})")


def _in_part(place: Place, said: str) -> InfrastructureError:
    return InfrastructureError(
        f"Prometheus at {place.shown} answers with a part alone: {' '.join(said.split())[:LONGEST]}",
        hint="a store behind it is away; the same command goes on when it is back",
    )


def _strange(place: Place, more: str = "") -> ConfigError:
    return ConfigError(f"what answers at {place.shown} is no Prometheus{more}", hint=HINT)


def _unreached(place: Place, error: Exception) -> MlagentError:
    said = " ".join(str(error).split())[:LONGEST]
    if isinstance(error, SSLError) and "certificate" in said.lower():
        return ConfigError(
            f"the certificate of {place.shown} is not trusted: {said}", hint="add its authority to this node's own"
        )
    if isinstance(error, LocationParseError):
        return ConfigError(f"{place.shown} is no address", hint=HINT)
    return InfrastructureError(f"Prometheus at {place.shown} does not answer: {said}", hint="is it up?")
