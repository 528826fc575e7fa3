"""A server whose every delay is known: drawn by a seed, waited for by absolute timers, and told afterwards.

    python known_server.py '{"seed": 1, "delays": "mixed", "stalls": [[1.0, 0.5]], "failing": 0.1, "noise": 0.04}'

It prints its port, and then answers rows as expected. `GET /told` gives the seconds from each request's last byte to
its answer, with its status, as they were. A stall holds the whole process up: so many seconds after the first request,
for so long. A failing part of the requests is refused with 500, as quickly as any. Noise is what a neighbour on the
node costs: so many seconds more in a third of each 0.9 s of the clock, for all servers alike. `delays` is a number of
seconds, too.
"""

import asyncio
import json
import random
import sys
import time
from typing import Any

Told = list[tuple[float, int]]


def mixed(source: random.Random) -> float:
    """Most answers log-normally around 165 ms, one in five around 500 ms."""
    return source.lognormvariate(-1.8, 0.35) if source.random() < 0.8 else source.gauss(0.5, 0.02)


def noise(plan: dict[str, Any]) -> float:
    """What the node costs now."""
    return float(plan.get("noise", 0)) if time.time() % 0.9 < 0.3 else 0.0


def quick(_source: random.Random) -> float:
    """At once."""
    return 0.0


class Answering(asyncio.Protocol):
    """One connection; requests come one after another."""

    def __init__(self, plan: dict[str, Any], told: Told, source: random.Random) -> None:
        """All connections share what is told, and the source of chance."""
        self.plan, self.told, self.source, self.had = plan, told, source, b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Keep it."""
        assert isinstance(transport, asyncio.Transport)
        self.transport = transport

    def data_received(self, data: bytes) -> None:
        """Answer what is whole."""
        arrived = time.perf_counter()
        self.had += data
        head, ends, body = self.had.partition(b"\r\n\r\n")
        fields = [line.partition(b":") for line in head.lower().split(b"\r\n")]
        length = next((int(value) for name, _, value in fields if name == b"content-length"), 0)
        if not ends or len(body) < length:
            return
        self.had = b""
        if head.startswith(b"GET /told"):
            self.write(200, json.dumps(self.told).encode())
            return
        self.begin()
        status = 500 if self.source.random() < self.plan.get("failing", 0) else 200
        delay = 0.0 if status == 500 else self.delay() + noise(self.plan)
        row = json.loads(body)["rows"][0]["row"]
        loop = asyncio.get_running_loop()
        loop.call_at(loop.time() + delay, self.answer, arrived, status, row)

    def delay(self) -> float:
        """What it takes itself, in seconds."""
        drawn = self.plan["delays"]
        return float(drawn) if isinstance(drawn, float) else {"mixed": mixed, "quick": quick}[drawn](self.source)

    def begin(self) -> None:
        """With the first request of all, plan the stalls."""
        stalls, self.plan["stalls"] = self.plan.get("stalls", []), []
        for after, seconds in stalls:
            asyncio.get_running_loop().call_later(after, time.sleep, seconds)

    def answer(self, arrived: float, status: int, row: int) -> None:
        """Say what is expected, and keep how long it took."""
        if self.transport.is_closing():
            return
        self.write(status, json.dumps({"rows": [{"prediction": row / 2}]}).encode())
        self.told.append((time.perf_counter() - arrived, status))

    def write(self, status: int, body: bytes) -> None:
        """One answer."""
        self.transport.write(b"HTTP/1.1 %d Known\r\nContent-Length: %d\r\n\r\n%s" % (status, len(body), body))


async def main(plan: dict[str, Any]) -> None:
    """Serve until killed."""
    told, source = Told(), random.Random(plan["seed"])  # noqa: S311 - known on purpose
    server = await asyncio.get_running_loop().create_server(lambda: Answering(plan, told, source), "127.0.0.1", 0)
    sys.stdout.write(f"{server.sockets[0].getsockname()[1]}\n")
    sys.stdout.flush()
    await server.serve_forever()


if __name__ == "__main__":
    asyncio.run(main(json.loads(sys.argv[1])))
