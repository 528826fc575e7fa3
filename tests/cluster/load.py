"""Requests at a constant rate from a process of their own, and an exact account of those that failed.

`python -m tests.cluster.load --url http://127.0.0.1:PORT/PATH --out FILE`, until SIGTERM or `--seconds` are over; tests
use `loading`.
"""

import argparse
import asyncio
import itertools
import signal
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import msgspec

from tests.cluster.wire import Connection, Lost

ROOT = Path(__file__).parents[2]


class Failure(msgspec.Struct, frozen=True):
    """A request without a good answer: when it was due (seconds since 1970), and how long it took."""

    at: float
    seconds: float
    kind: str  # refused, reset, timeout, short, or status NNN
    fresh: bool  # on a connection that was opened for it


class Report(msgspec.Struct, frozen=True):
    """What became of all requests."""

    sent: int
    ok: int
    failed: tuple[Failure, ...]
    versions: dict[str, int]  # by the header x-model-version of good answers; "" without one
    opened: int  # connections
    slowest: float  # seconds of the slowest good answer


class Load:
    """A schedule that several connections share; one that is late sends at once."""

    def __init__(self, options: argparse.Namespace) -> None:
        self._options, self._body = options, options.body.encode()
        self._turns, self._begun = itertools.count(), time.time()
        self._versions: Counter[str] = Counter()
        self._failed: list[Failure] = []
        self._sent = self._opened = 0
        self._slowest = 0.0
        self.over = asyncio.Event()

    async def run(self) -> Report:
        """Until it is over, and what was sent before has been answered."""
        async with asyncio.TaskGroup() as group:
            for _ in range(self._options.connections):
                group.create_task(self._client())
        ok = self._sent - len(self._failed)
        return Report(self._sent, ok, tuple(self._failed), dict(self._versions), self._opened, self._slowest)

    async def _client(self) -> None:
        connection = Connection(self._options.url, keep_alive=self._options.keep_alive)
        while await self._due(self._begun + next(self._turns) / self._options.rate):
            await self._one(connection)
        connection.close()

    async def _due(self, at: float) -> bool:
        """Wait until then; False where it is over first."""
        end = self._begun + self._options.seconds
        with suppress(TimeoutError):
            await asyncio.wait_for(self.over.wait(), max(0.0, min(at, end) - time.time()))
        return not self.over.is_set() and at < end

    async def _one(self, connection: Connection) -> None:
        at, kind = time.time(), ""
        self._sent += 1
        try:
            answer = await asyncio.wait_for(connection.post(self._body), self._options.timeout)
            if answer.status != 200:
                kind = f"status {answer.status}"
        except Lost as lost:
            kind = lost.kind
        except TimeoutError:
            kind = "timeout"
        self._opened += connection.fresh
        seconds = time.time() - at
        if kind:
            self._failed.append(Failure(at, round(seconds, 4), kind, connection.fresh))
            return
        self._slowest = max(self._slowest, round(seconds, 4))
        self._versions[answer.headers.get("x-model-version", "")] += 1


async def main(options: argparse.Namespace) -> None:
    """Send, and write the report."""
    load = Load(options)
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, load.over.set)
    print("sending", flush=True)  # noqa: T201 - whoever started it waits for this
    report = await load.run()
    options.out.write_bytes(msgspec.json.encode(report))


def within(low: float, high: float) -> Callable[[str], float]:
    """A number between these, for argparse."""

    def number(text: str) -> float:
        if not low <= float(text) <= high:
            message = f"{text} is not between {low} and {high}"
            raise argparse.ArgumentTypeError(message)
        return float(text)

    return number


def options(arguments: list[str]) -> argparse.Namespace:
    """What was asked for."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--url", required=True)
    parser.add_argument("--rate", type=within(1, 500), default=50.0, help="requests a second")
    parser.add_argument("--connections", type=int, choices=range(1, 65), metavar="1..64", default=8)
    parser.add_argument("--keep-alive", action=argparse.BooleanOptionalAction, default=True)
    parser.add_argument("--body", default="{}", help="JSON")
    parser.add_argument("--seconds", type=within(0, 900), default=600.0)
    parser.add_argument("--timeout", type=within(0.1, 60), default=10.0, help="seconds a request may take")
    parser.add_argument("--out", type=Path, required=True)
    return parser.parse_args(arguments)


class Loading:
    """A load that runs in its own process."""

    def __init__(self, process: subprocess.Popen[str], out: Path) -> None:
        self._process, self._out = process, out

    def stop(self) -> Report:
        """End it, where it runs, and read its account."""
        self._process.terminate()
        assert self._process.wait(60) == 0
        return msgspec.json.decode(self._out.read_bytes(), type=Report)


@contextmanager
def loading(
    url: str, out: Path, *, rate: float = 50, connections: int = 8, keep_alive: bool = True, body: str = "{}"
) -> Iterator[Loading]:
    """Requests that are being sent while the block runs; `out` is a file for the account of them."""
    given = [f"--url={url}", f"--out={out}", f"--rate={rate}", f"--connections={connections}", f"--body={body}"]
    command = [sys.executable, "-m", "tests.cluster.load", *given, f"--{'' if keep_alive else 'no-'}keep-alive"]
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True) as process:
        try:
            assert process.stdout
            assert process.stdout.readline() == "sending\n"
            yield Loading(process, out)
        finally:
            process.terminate()


if __name__ == "__main__":
    asyncio.run(main(options(sys.argv[1:])))
