"""Real runs against servers on loopback that do well, stall, hang, lie or are not there."""

import contextlib
import socket
import threading
import time
from typing import TYPE_CHECKING

import numpy as np
import pytest
from scipy import stats

from mlagent.loadtest.measured import measure
from mlagent.loadtest.request import Piece
from mlagent.loadtest.schedule import arrivals
from tests.pipeline.loadtest.conftest import RIGHT

if TYPE_CHECKING:
    from tests.pipeline.loadtest.conftest import Meter, Site


def test_every_scheduled_request_is_sent_once_and_answered(meter: "Meter", site: "Site") -> None:
    found, result = meter.run(site.url, warmup_seconds=0.5)
    pieces = [Piece(seconds=0.5, rate_per_second=100, kept=False), Piece(seconds=1, rate_per_second=100)]
    due = np.sort(np.concatenate(arrivals(users=4, pieces=pieces, seed=1)))
    assert np.array_equal(found["intended"], due)
    assert len(site.bodies) == len(due) == result.requests
    assert (result.errors, result.unanswered) == (0, 0)
    assert (found["status"] == 200).all()
    assert set(found["bytes"]) == {len(RIGHT[0])}
    assert (result.wrong, result.first_wrong, found["wrong"].sum()) == (0, None, 0)
    assert (found["latency"] > found["lag"]).all()
    assert set(site.bodies) == {b'{"rows":[{"row":1}]}', b'{"rows":[{"row":2}]}'}
    assert result.locust
    left = {"samples.npy", "result.json", "latency.hlog", "locust.html"}
    assert {path.name for path in meter.output.iterdir()} == left


def test_each_user_keeps_its_connection(meter: "Meter", site: "Site") -> None:
    meter.run(site.url)
    assert site.connections == 4


def test_requests_leave_at_poisson_moments(meter: "Meter", site: "Site") -> None:
    found, _ = meter.run(site.url, users=8, rate_per_second=150, duration_seconds=3)
    gaps = np.diff(np.sort(found["intended"] + found["lag"]))
    assert gaps.mean() == pytest.approx(1 / 150, rel=0.2)
    assert stats.kstest(gaps, stats.expon(scale=1 / 150).cdf, method="asymp").statistic < 0.15


def test_a_stall_is_seen_by_all_who_were_due_during_it(meter: "Meter", site: "Site") -> None:
    def stall(number: int) -> tuple[int, None]:
        time.sleep(1.0 if number == 50 else 0.0)
        return 200, None

    site.behave = stall
    found, result = meter.run(site.url, duration_seconds=3)
    assert result.errors == 0
    assert (found["latency"] > 0.5).sum() > 25  # four users: a meter that waits with the server would see four
    measured = measure(found, [Piece(seconds=3, rate_per_second=100)], timeout_seconds=2)
    assert measured.p99_ms is not None
    assert measured.p99_ms > 700


def test_a_dead_server_is_all_errors(meter: "Meter") -> None:
    with socket.create_server(("127.0.0.1", 0)) as closed:
        port = closed.getsockname()[1]
    found, result = meter.run(f"http://127.0.0.1:{port}/")
    assert result.requests == result.errors == result.unanswered == len(found) > 50
    assert result.rate_answered == 0


def test_a_server_that_hangs_bounds_the_run_and_nothing_is_forgotten(meter: "Meter") -> None:
    began = time.monotonic()
    with socket.create_server(("127.0.0.1", 0)) as hanging:
        found, result = meter.run(f"http://127.0.0.1:{hanging.getsockname()[1]}/", timeout_seconds=0.5)
    assert time.monotonic() - began < 20
    assert result.requests == result.unanswered == len(found) > 50
    assert found["latency"].min() >= 0.49


@pytest.mark.parametrize("seconds", [60, 0.1], ids=["trickles in", "breaks off"])
def test_an_answer_that_is_never_whole_is_none(meter: "Meter", seconds: float) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listening:
        thread = threading.Thread(target=answer_in_part, args=(listening, seconds))
        thread.start()
        found, result = meter.run(
            f"http://127.0.0.1:{listening.getsockname()[1]}/", users=1, rate_per_second=5, timeout_seconds=0.5
        )
        listening.shutdown(socket.SHUT_RDWR)
        thread.join()
    assert result.unanswered == len(found) > 0


def answer_in_part(listening: socket.socket, seconds: float) -> None:
    """Answer one after another with a byte every 0.05 s, so that no single wait is long, and close in the middle."""
    with contextlib.suppress(OSError):
        while True:
            client, _ = listening.accept()
            with client, contextlib.suppress(OSError):
                client.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 10000\r\n\r\n")
                for _ in range(int(seconds / 0.05)):
                    client.sendall(b"x")
                    time.sleep(0.05)


def test_an_answer_that_comes_too_late_is_not_taken_for_the_next_one(meter: "Meter", site: "Site") -> None:
    def late(number: int) -> tuple[int, bytes | None]:
        time.sleep(0.6 if number == 5 else 0.0)
        return 200, b"late!" if number == 5 else None

    site.behave = late
    found, result = meter.run(site.url, users=1, rate_per_second=30, timeout_seconds=0.3)
    assert result.unanswered >= 1
    assert 5 not in found["bytes"]
    assert (found["status"][-3:] == 200).all()


def test_refusals_are_errors_with_their_status_and_redirects_are_not_followed(meter: "Meter", site: "Site") -> None:
    site.behave = lambda number: ((503, b"no"), (302, b"away"), (200, None))[number % 3]
    found, result = meter.run(site.url)
    assert set(found["status"].tolist()) == {200, 302, 503}
    assert result.unanswered == 0
    assert result.errors == (found["status"] != 200).sum() == pytest.approx(len(found) * 2 / 3, abs=1)


def test_a_run_in_which_nothing_is_due_ends_at_once(meter: "Meter", site: "Site") -> None:
    found, result = meter.run(site.url, rate_per_second=1e-6)
    assert (len(found), result.requests, result.late_share) == (0, 0, 0)
