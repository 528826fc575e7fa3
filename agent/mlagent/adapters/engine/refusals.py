"""What the engine's no means, and how to get a yes."""

import errno
import os
import socket
from collections.abc import Iterator
from contextlib import contextmanager

import requests
from docker.errors import APIError, DockerException

from mlagent.core.ports.engine import NoEngine
from mlagent.errors import InfrastructureError

SOCKET = "unix:///var/run/docker.sock"
_INSTALL = (
    "apt-get install docker.io brings one and DOCKER_HOST names one elsewhere on this machine; or take another node"
)
_REASONS = {
    errno.ENOENT: ("there is none", _INSTALL),
    errno.ECONNREFUSED: ("nobody listens there", "start the engine (systemctl start docker); or take another node"),
    errno.EACCES: ("this user may not ask it", "add the user that runs mlagent to the group docker, and log in anew"),
}


def where() -> str:
    """The address of the engine that is asked."""
    return os.environ.get("DOCKER_HOST") or SOCKET


def knock() -> None:
    """Raise NoEngine where nobody opens: the SDK, which would find that too, leaves its socket open then."""
    kind, _, path = where().partition("://")
    if kind.endswith("unix"):
        with socket.socket(socket.AF_UNIX) as door:
            try:
                door.connect(path)
            except OSError as error:
                raise _explained(error) from error


@contextmanager
def told() -> Iterator[None]:
    """Raise what the SDK raises in the block as errors of the tree."""
    try:
        yield
    except (DockerException, requests.RequestException) as error:
        raise _explained(error) from error


def _explained(error: Exception) -> InfrastructureError:
    if isinstance(error, APIError):
        said = str(error.explanation or error).strip()
        full = "no space left" in said
        return InfrastructureError(
            f"the container engine refused: {said}",
            hint="free some of the disk that the engine keeps images on: docker system df says what takes it"
            if full
            else "the engine's own log says more (journalctl -u docker)",
        )
    lost = [one for one in _chain(error) if isinstance(one, OSError)]  # every RequestException is one
    if not lost and "API version" not in str(error):
        return InfrastructureError(
            f"the container engine could not be asked: {error}",
            hint="a credential helper that Docker's configuration names (credsStore) must be there and work",
        )
    number = next((one.errno for one in lost if one.errno in _REASONS), 0)
    reason, hint = _REASONS.get(number, (str(error), "is DOCKER_HOST right, and is the engine up?"))
    return NoEngine(f"no container engine answers at {where()}: {reason}", hint=hint)


def _chain(error: BaseException) -> Iterator[BaseException]:
    """The exception, and all behind and in it: urllib3 puts the system's own into its arguments."""
    open_: list[BaseException] = [error]
    seen: set[int] = set()
    while open_:
        one = open_.pop()
        if id(one) in seen:
            continue
        seen.add(id(one))
        yield one
        inside = [arg for arg in one.args if isinstance(arg, BaseException)]
        open_ += [*inside, *(before for before in (one.__cause__, one.__context__) if before)]
