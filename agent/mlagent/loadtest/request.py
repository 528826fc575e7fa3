"""What to measure, as typed and bounded data: a request that is not in the contract starts nothing."""

import ipaddress
from collections.abc import Sequence
from itertools import accumulate
from pathlib import Path
from typing import Annotated, Literal
from urllib.parse import urlsplit

import msgspec
from msgspec import Meta

from mlagent.errors import Bug

Arrivals = Literal["poisson", "constant"]
MOST_REQUESTS = 50_000_000
_HINT = "the caller of `python -m mlagent.loadtest` wrote a wrong request; the contract is mlagent.loadtest.request"


class Target(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What is asked: `url` is POSTed to, with the bearer token that the file `token_file` holds, where one is named.

    `golden` names the golden rows of this target alone, where they are others than the request's.
    """

    name: Annotated[str, Meta(pattern=r"^[A-Za-z0-9._-]{1,64}$")]
    url: str
    token_file: str | None = None
    golden: str | None = None


class Piece(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A time of one rate on one target (its place in the request); one that is not `kept` is a warm-up."""

    seconds: Annotated[float, Meta(gt=0, le=86_400)]
    rate_per_second: Annotated[float, Meta(gt=0, le=100_000)]
    target: Annotated[int, Meta(ge=0)] = 0
    kept: bool = True
    label: str = ""


class Workers(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Workers of other machines: where they find us, how many must come, and how long they are waited for."""

    host: str
    port: Annotated[int, Meta(ge=1, le=65_535)]
    count: Annotated[int, Meta(ge=1, le=1000)]
    wait_seconds: Annotated[float, Meta(gt=0, le=3600)] = 60.0


class Request(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One measurement: `users` ask, together at the rate of each piece in turn, whatever the answers do.

    They ask at random moments (`poisson`) or evenly spaced ones (`constant`). `golden` is a file of golden rows, asked
    for in turn, whose answers are right within `tolerance`; `timeout_seconds` bounds one answer. `processes` share the
    users here, remote `workers` beside them. `hosts` may be asked beside this machine. Results go into `output`.
    """

    targets: Annotated[tuple[Target, ...], Meta(min_length=1, max_length=16)]
    pieces: Annotated[tuple[Piece, ...], Meta(min_length=1, max_length=10_000)]
    arrivals: Arrivals = "poisson"
    users: Annotated[int, Meta(ge=1, le=10_000)]
    processes: Annotated[int, Meta(ge=0, le=256)] = 1
    workers: Workers | None = None
    golden: str
    tolerance: Annotated[float, Meta(ge=0, le=1)]
    timeout_seconds: Annotated[float, Meta(gt=0, le=600)]
    seed: Annotated[int, Meta(ge=0)]
    output: str
    hosts: tuple[str, ...] = ()

    @property
    def starts(self) -> Sequence[float]:
        """When each piece begins, in seconds from the common start; the last one is the end of all."""
        return [0.0, *accumulate(one.seconds for one in self.pieces)]

    @property
    def scheduled_seconds(self) -> float:
        """How long requests fall due: all pieces."""
        return self.starts[-1]

    @property
    def deadline(self) -> float:
        """When the last answer must have come, in seconds from the common start."""
        return self.scheduled_seconds + self.timeout_seconds

    @property
    def golden_files(self) -> Sequence[str]:
        """The file of golden rows of each target."""
        return [one.golden or self.golden for one in self.targets]


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
    for target in request.targets:
        _refuse_far(target.url, request.hosts)
    _refuse_senseless(request)
    return request


class _Output(msgspec.Struct, frozen=True):
    output: str


def _refuse_senseless(request: Request) -> None:
    """Refuse what each key alone allows, and all together do not."""
    if max(one.target for one in request.pieces) >= len(request.targets):
        raise Bug(f"a piece of the request asks a target beyond its {len(request.targets)}", hint=_HINT)
    meters = request.processes + (request.workers.count if request.workers else 0)
    if not 1 <= meters <= request.users:
        said = f"{request.users} users cannot be shared by {meters} meter processes"
        raise Bug(f"the request is wrong: {said}", hint="each process needs a user: more users, or fewer processes")
    due = sum(one.seconds * one.rate_per_second for one in request.pieces)
    if due > MOST_REQUESTS:
        raise Bug(
            f"the request asks for about {due:.0f} requests, at most {MOST_REQUESTS} are kept",
            hint="a shorter time, or a lower rate",
        )


def _refuse_far(url: str, hosts: Sequence[str]) -> None:
    """Refuse all but this machine and what was allowed: a load test of somebody else's server is an attack."""
    try:
        parts = urlsplit(url)
        host, _ = parts.hostname or "", parts.port
    except ValueError as error:
        raise Bug(f"the request's url {url!r} is none: {error}", hint=_HINT) from error
    if parts.scheme not in ("http", "https") or not host:
        raise Bug(f"the request's url {url!r} is no http:// or https:// URL", hint=_HINT)
    if not is_loopback(host) and host not in (one.lower() for one in hosts):
        raise Bug(
            f"the request's url points at {host!r}: only servers on this machine are load-tested",
            hint="use 127.0.0.1, ::1 or localhost; another machine needs its owner's consent",
        )


def is_loopback(host: str) -> bool:
    """Whether a host's name or address is this machine's own."""
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"
