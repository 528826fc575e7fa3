"""Waits until a server says that it is ready, as an orchestrator's probe does."""

import http.client
import time
from collections.abc import Callable
from urllib.parse import urlsplit

from mlagent.core import interrupt

READY = "/v2/health/ready"
EVERY_SECONDS, ANSWER_SECONDS = 0.05, 2.0


def wait(url: str, running: Callable[[], bool], seconds: float) -> float | None:
    """Ask `url` until it is ready; how many seconds that took, None where it ended before or `seconds` were over."""
    began = time.monotonic()
    while True:
        interrupt.check()
        if _ready(url):
            return time.monotonic() - began
        if time.monotonic() - began > seconds or not running():
            return None
        time.sleep(EVERY_SECONDS)


def _ready(url: str) -> bool:
    parts = urlsplit(url)
    connection = http.client.HTTPConnection(parts.hostname or "", parts.port, timeout=ANSWER_SECONDS)
    try:
        connection.request("GET", READY)
        return connection.getresponse().status == 200
    except (OSError, http.client.HTTPException):
        return False
    finally:
        connection.close()
