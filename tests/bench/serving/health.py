"""Readiness on the port of health and metrics, asked steadily while the other port is under load."""

import http.client
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from http import HTTPStatus

EVERY_SECONDS = 0.05


@contextmanager
def asked(port: int) -> Iterator[list[float]]:
    """Ask twenty times a second, each on a connection of its own, as a kubelet does; give what was waited, in ms.

    At the end of the block RuntimeError is raised where any was not answered with 200 within ten seconds.
    """
    over, waits, failed = threading.Event(), list[float](), list[Exception]()

    def ask() -> None:
        began = time.perf_counter()
        while not over.wait(max(0.0, began + EVERY_SECONDS - time.perf_counter())):
            began = time.perf_counter()
            try:
                _ready(port)
                waits.append((time.perf_counter() - began) * 1000)
            except (OSError, http.client.HTTPException) as error:
                failed.append(error)

    thread = threading.Thread(target=ask)
    thread.start()
    try:
        yield waits
    finally:
        over.set()
        thread.join()
    if failed:
        raise RuntimeError(f"readiness was not answered {len(failed)} times, {len(waits)} times it was: {failed[0]}")


def _ready(port: int) -> None:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=10)
    try:
        connection.request("GET", "/v2/health/ready")
        response = connection.getresponse()
        response.read()
    finally:
        connection.close()
    if response.status != HTTPStatus.OK:
        raise OSError(f"readiness answered {response.status}")
