"""Workers that somebody started on other machines, as far as they can tell: waited for, led, sent home, or refused."""

import json
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests.pipeline.loadtest.conftest import wait_for

if TYPE_CHECKING:
    from tests.pipeline.loadtest.conftest import Meter, Site

WORKER = [sys.executable, "-W", "error", "-m", "mlagent.loadtest", "worker"]


@pytest.fixture
def port() -> int:
    """A port that is free."""
    with socket.create_server(("127.0.0.1", 0)) as free:
        number: int = free.getsockname()[1]
        return number


@pytest.fixture
def worker(port: int) -> Iterator[subprocess.Popen[str]]:
    """A worker that was started by hand."""
    with subprocess.Popen([*WORKER, "--master", f"127.0.0.1:{port}"], stderr=subprocess.PIPE, text=True) as started:
        yield started
        started.kill()


def test_workers_that_were_started_elsewhere_are_waited_for_and_sent_home(
    meter: "Meter", site: "Site", worker: "subprocess.Popen[str]", port: int
) -> None:
    workers = {"host": "127.0.0.1", "port": port, "count": 1, "wait_seconds": 30}
    found, result = meter.run(site.url, processes=1, workers=workers)
    assert set(found["worker"].tolist()) == {0, 1}
    assert len(site.bodies) == result.requests
    assert worker.communicate(timeout=60)[1] == ""
    assert worker.returncode == 0


def test_one_worker_more_than_wanted_is_sent_home_and_asks_nothing(
    meter: "Meter", site: "Site", worker: "subprocess.Popen[str]", port: int
) -> None:
    with subprocess.Popen([*WORKER, "--master", f"127.0.0.1:{port}"], stderr=subprocess.PIPE, text=True) as other:
        workers = {"host": "127.0.0.1", "port": port, "count": 1, "wait_seconds": 30}
        found, result = meter.run(site.url, processes=0, workers=workers)
        assert len(site.bodies) == len(found) == result.requests
        assert len(result.meters) == 1
        assert (worker.communicate(timeout=60)[1], other.communicate(timeout=60)[1]) == ("", "")
        assert (worker.returncode, other.returncode) == (0, 0)


def test_a_worker_of_another_version_is_refused_by_name(meter: "Meter", site: "Site", port: int) -> None:
    script = (
        "import sys, mlagent; mlagent.__version__ = '0.0.1'\n"
        "from mlagent.loadtest import __main__; sys.exit(__main__.main(sys.argv[1:]))"
    )
    command = [sys.executable, "-W", "error", "-c", script, "worker", "--master", f"127.0.0.1:{port}"]
    with subprocess.Popen(command, stderr=subprocess.PIPE, text=True) as far:
        workers = {"host": "127.0.0.1", "port": port, "count": 1, "wait_seconds": 30}
        process = meter.start(site.url, processes=0, workers=workers)
        said = process.communicate(timeout=60)[1]
        far.kill()
    assert process.returncode == 3
    assert f"the load test worker on {socket.gethostname()} has mlagent 0.0.1" in said
    assert site.bodies == []


def test_a_worker_that_waits_for_its_master_can_be_stopped(
    worker: "subprocess.Popen[str]",
) -> None:
    time.sleep(2)
    worker.terminate()
    assert worker.communicate(timeout=60)[1] == "stopped by SIGTERM\n"
    assert worker.returncode == 143


def test_other_machines_alone_may_ask(meter: "Meter", site: "Site", worker: "subprocess.Popen[str]", port: int) -> None:
    workers = {"host": "127.0.0.1", "port": port, "count": 1, "wait_seconds": 30}
    found, result = meter.run(site.url, processes=0, workers=workers)
    assert set(found["worker"].tolist()) == {0}
    assert result.errors == 0


def test_the_command_starts_one_in_any_folder(meter: "Meter", site: "Site", port: int, tmp_path: Path) -> None:
    command = [str(Path(sys.executable).with_name("mlagent")), "load-worker", "--master", f"127.0.0.1:{port}"]
    with subprocess.Popen(command, cwd=tmp_path, stderr=subprocess.PIPE, text=True) as started:
        workers = {"host": "127.0.0.1", "port": port, "count": 1, "wait_seconds": 30}
        found, result = meter.run(site.url, processes=0, workers=workers)
        assert (result.errors, len(site.bodies)) == (0, len(found))
        assert "Error" not in started.communicate(timeout=30)[1]
        assert started.returncode == 0


def test_a_load_test_that_never_comes_ends_the_worker_that_waits_for_it(port: int, tmp_path: Path) -> None:
    command = [str(Path(sys.executable).with_name("mlagent")), "load-worker", "--master", f"127.0.0.1:{port}"]
    ended = subprocess.run(
        [*command, "--wait-seconds", "1"], cwd=tmp_path, capture_output=True, text=True, timeout=60, check=False
    )
    assert ended.returncode == 20
    first, second, hint = ended.stderr.splitlines()
    assert first == f"waiting up to 1 s for the load test at 127.0.0.1:{port}"
    assert second == f"no load test answered at 127.0.0.1:{port} within 1 s"
    assert hint.startswith("hint: start the load test first")


def test_a_worker_that_never_comes_is_worth_a_retry(meter: "Meter", site: "Site", port: int) -> None:
    workers = {"host": "127.0.0.1", "port": port, "count": 2, "wait_seconds": 1}
    process = meter.start(site.url, processes=0, workers=workers)
    said = process.communicate(timeout=30)[1]
    assert process.returncode == 20
    assert "0 of 2 load test workers came within 1 s" in said
    assert f"mlagent load-worker --master HOST:{port}" in said
    assert site.bodies == []


def test_a_worker_whose_master_is_gone_ends_and_asks_no_more(
    meter: "Meter", site: "Site", worker: "subprocess.Popen[str]", port: int
) -> None:
    workers = {"host": "127.0.0.1", "port": port, "count": 1, "wait_seconds": 30}
    process = meter.start(site.url, processes=0, workers=workers, duration_seconds=60)
    wait_for(lambda: len(site.bodies) > 20)
    process.kill()
    said = worker.communicate(timeout=30)[1]
    assert worker.returncode == 20
    assert "the load test was not heard of for 10 s" in said
    asked = len(site.bodies)
    time.sleep(0.3)
    assert len(site.bodies) == asked


def test_a_token_that_a_worker_cannot_read_is_told_with_its_machine(
    meter: "Meter", site: "Site", port: int, tmp_path: Path
) -> None:
    (tmp_path / "token").write_text("x", encoding="utf-8")
    targets = [{"name": "candidate", "url": site.url, "token_file": str(tmp_path / "token")}]
    command = [*WORKER, "--master", f"127.0.0.1:{port}", "--token-file", "/no/such/file"]
    with subprocess.Popen(command, stderr=subprocess.PIPE, text=True) as far:
        workers = {"host": "127.0.0.1", "port": port, "count": 1, "wait_seconds": 30}
        process = meter.start(site.url, processes=0, workers=workers, targets=targets)
        said = process.communicate(timeout=60)[1]
        assert process.returncode == 4
        assert f"on {socket.gethostname()} the token" in said
        assert far.communicate(timeout=60)[1]
        assert far.returncode == 4
    assert json.loads((meter.output / "error.json").read_text(encoding="utf-8"))["category"] == "input"
    assert [path.name for path in meter.output.iterdir()] == ["error.json"]
