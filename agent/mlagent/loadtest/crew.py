"""The local workers of a load test: child processes of ours, started and always ended."""

import os
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager

import gevent

ENDING_SECONDS = 5.0

Process = subprocess.Popen[bytes]


@contextmanager
def started(count: int, host: str, port: int) -> Iterator[Mapping[int, Process]]:
    """So many workers of the master at `host`:`port`, by process id, for the time of the block."""
    command = [sys.executable, *_warnings(), "-m", "mlagent.loadtest", "worker"]
    command += ["--master", f"{host}:{port}", "--parent-pid", str(os.getpid())]
    processes = list[Process]()
    try:
        for _ in range(count):
            processes.append(subprocess.Popen(command, stdin=subprocess.DEVNULL))
        yield {one.pid: one for one in processes}
    finally:
        _end(processes)


def _warnings() -> list[str]:
    return [text for one in sys.warnoptions for text in ("-W", one)]


def _end(processes: list[Process]) -> None:
    """Give them a moment to end by themselves, then end them."""
    with gevent.Timeout(ENDING_SECONDS, exception=False):
        while any(one.poll() is None for one in processes):
            gevent.sleep(0.02)
    for one in processes:
        if one.poll() is None:
            one.kill()
        one.wait()
