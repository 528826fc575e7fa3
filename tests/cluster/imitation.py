"""The program of the imitations: `imitation.py KIND VERSION`, which runs in a pod with nothing but Python."""

import hashlib
import json
import os
import signal
import sys
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import FrameType

from mlagent.serving.metrics import CONTENT_TYPE, Meter

KIND, VERSION = (*sys.argv[1:3], "", "")[:2]
MODEL = f"sha256:{hashlib.sha256(VERSION.encode()).hexdigest()}"  # as long as a model's, and another for each version
METER = Meter({"name": "imitation", "mlagent": "0", "digest": MODEL}, ["/predict"])
ENDING = threading.Event()
DRAIN_SECONDS = 5.0


def ready() -> bool:
    """Whether requests are wanted."""
    return KIND != "never_ready" and not ENDING.is_set()


class Answer(BaseHTTPRequestHandler):
    """The routes of both ports; the counts are of one."""

    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        if self.path == "/v2/health/ready":
            self._give(200 if ready() else 503, {"ready": ready()})
        elif self.path == "/v2/health/live":
            self._give(200, {"live": True})
        elif self.path == "/metrics":
            self._give(200, METER.text(ready=ready()), CONTENT_TYPE)
        else:
            self._give(404, {"error": "there is nothing here"})

    def do_POST(self) -> None:
        begun = time.perf_counter()
        self.rfile.read(int(self.headers.get("content-length", 0)))
        known = self.path == "/predict"
        status = (500 if KIND == "answers_errors" else 200) if known else 404
        METER.count(self.path if known else "other", status, time.perf_counter() - begun)
        self._give(status, {"model_name": "imitation", "rows": [{"p": 0.5}]} if status == 200 else {"error": "no"})

    def _give(self, status: int, answer: object, content_type: str = "application/json") -> None:
        body = (answer if isinstance(answer, str) else json.dumps(answer)).encode()
        self.send_response(status)
        self.send_header("content-type", content_type)
        self.send_header("content-length", str(len(body)))
        self.send_header("x-model-version", VERSION)
        if ENDING.is_set():
            self.send_header("connection", "close")
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        pass


class Server(ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 128


def end(_number: int, _frame: FrameType | None) -> None:
    """No new requests are wanted; those that come are answered for a while."""
    ENDING.set()
    threading.Timer(DRAIN_SECONDS, os._exit, [0]).start()


def main() -> None:
    """Do what the kind of imitation does."""
    if KIND == "crashing":
        time.sleep(1)
        sys.exit("boom: no such model")
    held = []
    while KIND == "out_of_memory":
        held.append(bytearray(b"x" * (1 << 22)))
        time.sleep(0.005)
    signal.signal(signal.SIGTERM, end)
    for port in (8000, 8001):
        threading.Thread(target=Server(("0.0.0.0", port), Answer).serve_forever, daemon=True).start()  # noqa: S104
    while True:
        signal.pause()


if __name__ == "__main__":
    main()
