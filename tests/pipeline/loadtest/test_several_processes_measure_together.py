"""Locust's master and its workers, here and, as far as they can tell, elsewhere: one schedule, no orphan."""

import signal
import socket
import subprocess
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import psutil
import pytest

from mlagent.loadtest import golden, samples
from mlagent.loadtest import result as results
from mlagent.loadtest.golden import Golden
from mlagent.loadtest.request import Piece
from mlagent.loadtest.schedule import arrivals
from tests.pipeline.loadtest.conftest import RIGHT, wait_for

if TYPE_CHECKING:
    from tests.pipeline.loadtest.conftest import Meter, Site

LONG: dict[str, Any] = {"processes": 2, "duration_seconds": 60}


def workers_of(meter: "Meter") -> list[psutil.Process]:
    found: list[psutil.Process] = psutil.Process(meter.started[-1].pid).children()
    return found


def asking(meter: "Meter", site: "Site", **changes: object) -> "subprocess.Popen[str]":
    process = meter.start(site.url, **{**LONG, **changes})
    wait_for(lambda: len(site.bodies) > 20)
    return process


def told(process: "subprocess.Popen[str]", folder: Path, seconds: float = 60) -> tuple[samples.Samples, results.Result]:
    said = process.communicate(timeout=seconds)[1]
    assert process.returncode == 0, said
    return samples.read(folder / "samples.npy"), results.read(folder / "result.json")


def test_each_request_of_the_one_schedule_is_sent_once_by_one_of_them(meter: "Meter", site: "Site") -> None:
    found, result = meter.run(site.url, processes=3, users=7, rate_per_second=150)
    due = np.sort(np.concatenate(arrivals(users=7, pieces=[Piece(seconds=1, rate_per_second=150)], seed=1)))
    assert np.array_equal(found["intended"], due)
    assert len(site.bodies) == len(due) == result.requests
    assert (result.errors, result.wrong, result.late_share < 0.5) == (0, 0, True)
    assert np.bincount(found["worker"]).min() > 0.5 * len(due) / 3
    assert site.connections == 7
    assert [(one.worker, one.lost) for one in result.meters] == [(0, False), (1, False), (2, False)]
    assert all(one.host == socket.gethostname() and 0 < (one.cpu_share or 0) < 1 for one in result.meters)
    left = {"samples.npy", "result.json", "latency.hlog", "locust.html"}
    assert {path.name for path in meter.output.iterdir()} == left


def test_wrong_answers_are_seen_by_any_of_them(meter: "Meter", site: "Site") -> None:
    site.behave = lambda _: (200, RIGHT[0])
    found, result = meter.run(site.url, processes=2)
    assert result.wrong == found["wrong"].sum() == sum(b'"row":2' in body for body in site.bodies)
    assert result.first_wrong is not None
    assert result.first_wrong.row == 1


def test_a_rate_may_be_constant_and_targets_may_alternate_with_their_own_rows(meter: "Meter", site: "Site") -> None:
    golden.write(meter.root / "other.jsonl", [Golden({"row": 1, "other": True}, {})])
    targets = [
        {"name": "candidate", "url": site.url},
        {"name": "champion", "url": site.url, "golden": str(meter.root / "other.jsonl")},
    ]
    pieces = [{"seconds": 0.5, "rate_per_second": 80, "target": at, "label": f"{at}"} for at in (0, 1, 1, 0)]
    found, result = meter.run(site.url, processes=2, targets=targets, pieces=pieces, arrivals="constant")
    assert np.diff(np.sort(found["intended"])) == pytest.approx(1 / 80)
    assert [(one.label, one.due, one.sent, one.answered) for one in result.pieces] == [
        (label, 40, 40, 40) for label in "0110"
    ]
    assert sum(b"other" in body for body in site.bodies) == 80
    log = (meter.output / "latency.hlog").read_text(encoding="utf-8")
    assert [line.partition(",")[0] for line in log.splitlines() if line.startswith("Tag=")] == [
        "Tag=candidate", "Tag=champion", "Tag=candidate", "Tag=champion"
    ]  # fmt: skip
    assert "champion" in (meter.output / "locust.html").read_text(encoding="utf-8")


def test_a_worker_that_dies_is_told_as_lost_with_all_its_requests_and_the_others_go_on(
    meter: "Meter", site: "Site"
) -> None:
    process = asking(meter, site, duration_seconds=5, users=4)
    workers_of(meter)[1].kill()
    found, result = told(process, meter.output)
    lost = next(one for one in result.meters if one.lost)
    theirs = found["worker"] == lost.worker
    assert [one.lost for one in result.meters].count(True) == 1
    assert (lost.cpu_share, lost.cpu_share_max) == (None, None)
    assert set(found["status"][theirs]) == {0}
    assert np.isnan(found["service"][theirs]).all()
    assert (found["status"][~theirs] == 200).all()
    assert 150 < theirs.sum() < 350
    assert result.unanswered == theirs.sum()


def test_a_worker_that_falls_silent_is_lost_and_does_not_hold_the_run_up(meter: "Meter", site: "Site") -> None:
    process = asking(meter, site, duration_seconds=3, users=4)
    workers_of(meter)[0].suspend()
    began = time.monotonic()
    _, result = told(process, meter.output)
    assert time.monotonic() - began < 30
    assert [one.lost for one in result.meters].count(True) == 1


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM])
def test_no_worker_outlives_the_meter(meter: "Meter", site: "Site", number: signal.Signals) -> None:
    process = asking(meter, site)
    workers = workers_of(meter)
    assert len(workers) == 2
    process.send_signal(number)
    wait_for(lambda: not any(one.is_running() and one.status() != psutil.STATUS_ZOMBIE for one in workers), 10)
    assert list(meter.output.glob("*.npy")) == []


def test_nobody_but_this_machine_reaches_the_meter_unless_other_machines_are_wanted(
    meter: "Meter", site: "Site"
) -> None:
    process = asking(meter, site)
    listening = [
        one.laddr.ip for one in psutil.Process(process.pid).net_connections() if one.status == psutil.CONN_LISTEN
    ]
    assert listening == ["127.0.0.1"]


def test_a_port_in_use_is_named(meter: "Meter", site: "Site") -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        number = taken.getsockname()[1]
        process = meter.start(site.url, processes=1, workers={"host": "127.0.0.1", "port": number, "count": 1})
        said = process.communicate(timeout=30)[1]
    assert process.returncode == 3
    assert f"the load test cannot listen for its workers at 127.0.0.1:{number}" in said


def test_a_token_is_read_by_each_of_them_and_told_to_nobody(meter: "Meter", site: "Site") -> None:
    secret = "s3cret-t0ken"
    (meter.root / "token").write_text(f"{secret}\n", encoding="utf-8")
    targets = [{"name": "candidate", "url": site.url, "token_file": str(meter.root / "token")}]
    process = asking(meter, site, targets=targets, duration_seconds=2)
    told_to_system = [
        text for one in [psutil.Process(process.pid), *workers_of(meter)]
        for text in [*one.cmdline(), *one.environ().values()]
    ]  # fmt: skip
    told(process, meter.output)
    assert site.authorized == {f"Bearer {secret}"}
    written = b"".join(path.read_bytes() for path in [*meter.output.iterdir(), meter.root / "request.json"])
    assert secret not in " ".join(told_to_system)
    assert secret.encode() not in written
