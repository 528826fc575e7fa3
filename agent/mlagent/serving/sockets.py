"""Listening: the sockets, how their connections are shared among processes, and how a door is closed on nobody."""

import contextlib
import ctypes
import resource
import socket
import struct
from typing import NamedTuple

from mlagent.serving.faults import CannotServe

_ATTACH_FILTER = 26  # SO_ATTACH_FILTER of Linux, which Python's socket does not name
_NO_NEW = (  # classic BPF on the TCP header: SYN without ACK is dropped, all else comes through
    (0x30, 0, 0, 13),
    (0x54, 0, 0, 0x12),
    (0x15, 0, 1, 0x02),
    (0x06, 0, 0, 0),
    (0x06, 0, 0, 0xFFFFFFFF),
)


class Place(NamedTuple):
    """Where to listen; port 0 takes a free one."""

    host: str
    port: int


def listen(place: Place) -> socket.socket:
    """Listen there; CannotServe where that cannot be had."""
    family = socket.AF_INET6 if ":" in place.host else socket.AF_INET
    try:
        return socket.create_server(tuple(place), family=family, backlog=1024)
    except (OSError, OverflowError) as error:
        raise CannotServe(
            f"port {place.port} of {place.host} cannot be had: {error}; port 0 takes a free one"
        ) from error


def no_new(listening: socket.socket) -> None:
    """Let nobody begin to connect any more, for all processes that share the socket.

    Whoever is connected and not yet accepted when the last handle of a listening socket is closed is reset. With this,
    those who have begun are accepted, and later ones are refused once it is closed: their system asks once a second.
    """
    code = b"".join(struct.pack("HBBI", *step) for step in _NO_NEW)
    kept = ctypes.create_string_buffer(code)
    program = struct.pack("HL", len(_NO_NEW), ctypes.addressof(kept))
    with contextlib.suppress(OSError):  # a kernel without filters: a few may be reset
        listening.setsockopt(socket.SOL_SOCKET, _ATTACH_FILTER, program)


def many_files() -> int:
    """Have as many files open as the system lets us; how many that are."""
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    with contextlib.suppress(ValueError, OSError):
        resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    return resource.getrlimit(resource.RLIMIT_NOFILE)[0]


def reached(listening: socket.socket) -> Place:
    """Where we ourselves reach it: a wildcard on loopback."""
    host, port = listening.getsockname()[:2]
    return Place({"0.0.0.0": "127.0.0.1", "::": "::1"}.get(host, host), port)  # noqa: S104  told apart, not bound


def url(listening: socket.socket) -> str:
    """The same as a URL."""
    host, port = reached(listening)
    return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"
