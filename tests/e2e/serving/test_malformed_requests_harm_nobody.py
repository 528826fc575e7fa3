"""Malformed requests many at once, and one behind the other: each is answered, and the server is as it was."""

import asyncio
import re
from collections import Counter
from pathlib import Path
from random import Random

from tests.e2e.serving import good, mutants
from tests.e2e.serving.several import Several, several

SEED, BODIES, FRAMES, BATCH, AT_ONCE = 13, 60_000, 40_000, 16, 48
QUIET_SECONDS = 0.5  # without an answer: the server waits for more of the request
LAST = b"GET /v2/health/live HTTP/1.1\r\nhost: a\r\nconnection: close\r\n\r\n"
GROWTH = 30 << 20
_ANSWER = re.compile(rb"HTTP/1\.1 (\d{3}) [^\r\n]*\r\n(?:(?!\r\n).*\r\n)*?\r\n")


class Answers:
    """What came back, counted; `bad` are those that must not be, with what was sent."""

    def __init__(self, server: Several) -> None:
        """Count nothing yet."""
        self._port = server.port
        self.statuses, self.bad, self.unfinished = Counter[int](), list[tuple[str, bytes]](), 0

    async def ask(self, sent: bytes, least: int) -> None:
        """Send it with a last request behind it, and read to the end; at least so many answers have to come."""
        reader, writer = await asyncio.open_connection("127.0.0.1", self._port, limit=1 << 20)
        told = b""
        try:
            writer.write(sent + LAST)
            while part := await asyncio.wait_for(reader.read(1 << 18), QUIET_SECONDS if least < 2 else 20):
                told += part
        except TimeoutError:
            self.unfinished += 1
            least = 0
        except ConnectionError as error:
            self.bad.append((repr(error), sent))
        finally:
            writer.transport.abort()
        self._judge(sent, told, least)

    def _judge(self, sent: bytes, told: bytes, least: int) -> None:
        heads = [(int(one[1]), one[0]) for one in _ANSWER.finditer(told)]
        statuses = [status for status, _ in heads]
        self.statuses.update(statuses)
        if len(heads) < least or any(status >= 500 for status in statuses):
            self.bad.append((f"{statuses} of {least}", sent))
        elif least and b"connection: close" not in heads[-1][1]:
            self.bad.append((f"closed without a word: {told[-300:]!r}", sent))


async def _sent(server: Several, *, bodies: int, frames: int, seed: int) -> Answers:
    chance, answers, free = Random(seed), Answers(server), asyncio.Semaphore(AT_ONCE)  # noqa: S311  to be repeated

    async def ask(sent: bytes, least: int) -> None:
        try:
            await answers.ask(sent, least)
        finally:
            free.release()

    async with asyncio.TaskGroup() as all_of_them:
        for _ in range(bodies // BATCH):
            await free.acquire()
            all_of_them.create_task(ask(b"".join(mutants.body(chance) for _ in range(BATCH)), BATCH + 1))
        for _ in range(frames):
            await free.acquire()
            all_of_them.create_task(ask(mutants.frame(chance), 1))
    return answers


def test_each_is_answered_for_what_it_is_and_the_server_is_as_it_was(tmp_path: Path) -> None:
    with several(tmp_path) as server:
        workers = server.workers()
        asyncio.run(_sent(server, bodies=4000, frames=3000, seed=SEED - 1))
        before = server.memory()
        answers = asyncio.run(_sent(server, bodies=BODIES, frames=FRAMES, seed=SEED))
        grown = server.memory() - before
        assert [(why, sent[:2000]) for why, sent in answers.bad[:3]] == []
        assert answers.unfinished < FRAMES / 4
        assert answers.statuses[400] > BODIES / 2
        assert grown < GROWTH
        assert server.workers() == workers
        again = asyncio.run(_asked_well(server))
        assert again == Counter({200: 6})
    assert server.errors() == ""


async def _asked_well(server: Several) -> Counter[int]:
    answers = Answers(server)
    await answers.ask(b"".join(good.wholes()[:-1]) + good.wholes()[0], 6)
    assert answers.bad == []
    return answers.statuses
