"""The tests' own load: what it calls a failure, and what it does not, against a server that misbehaves by the count."""

import asyncio
import itertools
import socket
import struct
import subprocess
import sys
import threading
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import msgspec
import pytest

from tests.cluster.load import ROOT, Report
from tests.parts.registry import free_port

GOOD = b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\nx-model-version: v1\r\n\r\n{}"
Answer = Callable[[int], bytes | None]  # of the nth request, from 1 on: None breaks the connection


@contextmanager
def server(answer: Answer, *, requests_each: int = 1000) -> Iterator[str]:
    """A server that closes a connection by itself after so many requests; its URL."""
    turns, loop = itertools.count(1), asyncio.new_event_loop()

    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        for left in reversed(range(requests_each)):
            head = await reader.readuntil(b"\r\n\r\n")
            await reader.readexactly(int(head.lower().partition(b"content-length: ")[2].split()[0]))
            given = answer(next(turns))
            if given is None:
                now = struct.pack("ii", 1, 0)
                writer.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, now)
                break
            if not left or given != GOOD:  # answer and end go in one segment: nobody can ask in between
                writer.get_extra_info("socket").setsockopt(socket.IPPROTO_TCP, socket.TCP_CORK, 1)
            writer.write(given)
            await writer.drain()
            if given != GOOD:
                break
        else:  # what is on its way by now is read and not answered: the kernel would reset the connection for it
            writer.write_eof()
            await reader.read()
        writer.close()

    async def handle(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            await talk(reader, writer)
        except (asyncio.IncompleteReadError, ConnectionError):
            writer.close()

    listening = loop.run_until_complete(asyncio.start_server(handle, "127.0.0.1", 0))
    thread = threading.Thread(target=loop.run_forever)
    thread.start()
    try:
        yield f"http://127.0.0.1:{listening.sockets[0].getsockname()[1]}/predict"
    finally:
        loop.call_soon_threadsafe(loop.stop)
        thread.join()
        listening.close()
        for task in asyncio.all_tasks(loop):
            task.cancel()
        loop.run_until_complete(asyncio.sleep(0.05))
        loop.close()


def load(url: str, folder: Path, *options: str) -> Report:
    """A hundred requests in half a second."""
    out = folder / "out.json"
    given = [f"--url={url}", f"--out={out}", "--rate=200", "--seconds=0.5", *options]
    subprocess.run([sys.executable, "-m", "tests.cluster.load", *given], cwd=ROOT, check=True, capture_output=True)
    return msgspec.json.decode(out.read_bytes(), type=Report)


@pytest.mark.parametrize(("option", "opened"), [("--keep-alive", 8), ("--no-keep-alive", 100)])
def test_good_answers_are_no_failures(option: str, opened: int, tmp_path: Path) -> None:
    with server(lambda _: GOOD) as url:
        report = load(url, tmp_path, option)
    assert (report.sent, report.ok, report.failed) == (100, 100, ())
    assert report.versions == {"v1": 100}
    assert report.opened == opened


def test_a_connection_closed_between_requests_is_no_failure(tmp_path: Path) -> None:
    with server(lambda _: GOOD, requests_each=3) as url:
        report = load(url, tmp_path, "--connections=2")
    assert (report.sent, report.failed) == (100, ())
    assert report.opened == pytest.approx(34, abs=1)


@pytest.mark.parametrize(
    ("bad", "kind"),
    [
        (None, "reset"),
        (b"HTTP/1.1 200 OK\r\ncontent-length: 9\r\n\r\n{}", "short"),
        (b"HTTP/1.1 503 Gone\r\ncontent-length: 2\r\n\r\n{}", "status 503"),
    ],
)
def test_a_request_without_a_good_answer_is_a_failure_each(bad: bytes | None, kind: str, tmp_path: Path) -> None:
    with server(lambda n: GOOD if n % 10 else bad) as url:
        report = load(url, tmp_path, "--connections=4")
    assert (report.sent, report.ok) == (100, 90)
    assert Counter(one.kind for one in report.failed) == {kind: 10}
    assert not all(one.fresh for one in report.failed)


def test_nobody_there_is_a_failure_each(tmp_path: Path) -> None:
    report = load(f"http://127.0.0.1:{free_port()}/predict", tmp_path)
    assert {(one.kind, one.fresh) for one in report.failed} == {("refused", True)}
    assert len(report.failed) == report.sent == 100


def test_no_answer_in_time_is_a_failure(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        report = load(
            f"http://127.0.0.1:{silent.getsockname()[1]}/predict", tmp_path, "--timeout=0.3", "--connections=2"
        )
    assert {one.kind for one in report.failed} == {"timeout"}
    assert report.ok == 0


@pytest.mark.parametrize("url", ["http://192.0.2.1:80/", "https://127.0.0.1:1/", "http://localhost:1/"])
def test_other_machines_are_refused(url: str, tmp_path: Path) -> None:
    command = [sys.executable, "-m", "tests.cluster.load", "--url", url, "--out", str(tmp_path / "out.json")]
    ended = subprocess.run(command, cwd=ROOT, check=False, capture_output=True, text=True)
    assert ended.returncode != 0
    assert "load goes to this machine alone" in ended.stderr
    assert not (tmp_path / "out.json").exists()
