"""A user's connection: encrypted where it should be, trusted or not used, and never used again once it failed."""

import socket
import ssl
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from mlagent.loadtest import golden
from mlagent.loadtest.golden import Golden
from tests.certificates import certificates
from tests.pipeline.loadtest.conftest import RIGHT

if TYPE_CHECKING:
    from tests.pipeline.loadtest.conftest import Meter, Site

ONE: dict[str, Any] = {"users": 1, "rate_per_second": 20}


def answered(client: socket.socket) -> None:
    """Answer one row after another until the caller leaves."""
    had = bytearray()
    with client, suppress(OSError):
        while data := client.recv(1 << 20):
            had += data
            if had.endswith(b"}]}"):
                right = RIGHT[0] if b'"row":1' in had else RIGHT[1]
                client.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%s" % (len(right), right))
                had.clear()


@contextmanager
def secured(folder: Path) -> Iterator[tuple[str, Path]]:
    """A server behind TLS: its URL, and the authority that vouches for it."""
    made = certificates(folder / "tls")
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(made.certificate, made.key)
    listening = socket.create_server(("127.0.0.1", 0))
    over = threading.Event()

    def accept() -> None:
        while not over.is_set():
            with suppress(OSError):
                client, _ = listening.accept()
                with client, suppress(OSError):
                    answered(context.wrap_socket(client, server_side=True))

    thread = threading.Thread(target=accept)
    thread.start()
    try:
        yield f"https://127.0.0.1:{listening.getsockname()[1]}/predict", made.ca
    finally:
        over.set()
        listening.shutdown(socket.SHUT_RDWR)
        listening.close()
        thread.join()


def test_a_server_that_a_trusted_authority_vouches_for_is_asked_over_tls(
    meter: "Meter", tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with secured(tmp_path) as (url, authority):
        monkeypatch.setenv("SSL_CERT_FILE", str(authority))
        _, result = meter.run(url, **ONE)
    assert result.requests > 5
    assert (result.errors, result.wrong) == (0, 0)


def test_one_that_nobody_vouches_for_is_told_nothing(meter: "Meter", tmp_path: Path) -> None:
    with secured(tmp_path) as (url, _):
        _, result = meter.run(url, **ONE)
    assert result.requests == result.unanswered > 5


def test_a_body_that_is_never_read_costs_its_own_request_alone(meter: "Meter", site: "Site") -> None:
    golden.write(meter.root / "golden.jsonl", [Golden({"row": 1, "large": "x" * 20_000_000}, {})])
    with socket.create_server(("127.0.0.1", 0)) as listening:
        thread = threading.Thread(target=read_from_the_third_on, args=(listening,))
        thread.start()
        url = f"http://127.0.0.1:{listening.getsockname()[1]}/"
        found, result = meter.run(url, users=1, rate_per_second=6, duration_seconds=2, timeout_seconds=1)
        listening.shutdown(socket.SHUT_RDWR)
        thread.join()
    assert found["status"][:2].tolist() == [0, 0]
    assert set(found["status"][2:].tolist()) == {200}
    assert result.unanswered == 2


def read_from_the_third_on(listening: socket.socket) -> None:
    """Two callers are not listened to; all later ones are answered."""
    held = list[socket.socket]()
    with suppress(OSError):
        while True:
            client, _ = listening.accept()
            if len(held) < 2:
                held.append(client)
                continue
            answered(client)
    for one in held:
        one.close()
