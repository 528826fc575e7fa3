"""What to measure, as typed and bounded data: a request that is not in the contract starts nothing."""

import ipaddress
from pathlib import Path
from typing import Annotated
from urllib.parse import urlsplit

import msgspec
from msgspec import Meta

from mlagent.errors import Bug

_HINT = "the caller of `python -m mlagent.loadtest` wrote a wrong request; the contract is mlagent.loadtest.request"


class Request(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One measurement: `users` ask at random moments, together `rate_per_second` times a second on average.

    `golden` is a file of golden rows, asked for in turn, whose answers are right within `tolerance`;
    `timeout_seconds` bounds one answer;
    warm-up requests come first and are kept apart by when they were due; results go into the folder `output`.
    """

    url: str
    golden: str
    tolerance: Annotated[float, Meta(ge=0, le=1)]
    users: Annotated[int, Meta(ge=1, le=10_000)]
    rate_per_second: Annotated[float, Meta(gt=0, le=100_000)]
    warmup_seconds: Annotated[float, Meta(ge=0, le=3600)]
    duration_seconds: Annotated[float, Meta(gt=0, le=86_400)]
    timeout_seconds: Annotated[float, Meta(gt=0, le=600)]
    seed: Annotated[int, Meta(ge=0)]
    output: str

    @property
    def scheduled_seconds(self) -> float:
        """How long requests fall due: warm-up and measurement."""
        return self.warmup_seconds + self.duration_seconds


def read_output(path: Path) -> Path:
    """Give the folder that results and error.json go into; Bug when the file does not name an existing one."""
    try:
        output = msgspec.json.decode(path.read_bytes(), type=_Output).output
    except (OSError, msgspec.DecodeError) as error:
        raise Bug(f"the request {path.name} cannot be used: {error}", hint=_HINT) from error
    if not Path(output).is_dir():
        raise Bug(f"the request's output is no folder: {output}", hint=_HINT)
    return Path(output)


def read(path: Path) -> Request:
    """Read and check a request; Bug names the key that is wrong."""
    try:
        request = msgspec.json.decode(path.read_bytes(), type=Request)
    except (OSError, msgspec.DecodeError) as error:
        raise Bug(f"the request {path.name} is wrong: {error}", hint=_HINT) from error
    _refuse_far(request.url)
    return request


class _Output(msgspec.Struct, frozen=True):
    output: str


def _refuse_far(url: str) -> None:
    """Refuse all but this machine: a load test of somebody else's server is an attack."""
    try:
        parts = urlsplit(url)
        host, _ = parts.hostname or "", parts.port
    except ValueError as error:
        raise Bug(f"the request's url {url!r} is none: {error}", hint=_HINT) from error
    if parts.scheme != "http" or not host:
        raise Bug(f"the request's url {url!r} is no http:// URL", hint=_HINT)
    if not _is_loopback(host):
        raise Bug(
            f"the request's url points at {host!r}: only servers on this machine are load-tested",
            hint="use 127.0.0.1, ::1 or localhost; another machine needs its owner's consent",
        )


def _is_loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"
