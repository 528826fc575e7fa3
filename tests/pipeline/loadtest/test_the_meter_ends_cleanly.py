"""The meter as its parent meets it: exit status, error.json, no half-written file."""

import json
import signal
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

from tests.pipeline.loadtest.conftest import wait_for

if TYPE_CHECKING:
    from tests.pipeline.loadtest.conftest import Meter, Site


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_ends_it_at_once_with_128_and_its_number(meter: "Meter", site: "Site", number: signal.Signals) -> None:
    process = meter.start(site.url, duration_seconds=60)
    wait_for(lambda: len(site.bodies) > 5)
    process.send_signal(number)
    assert process.communicate(timeout=30)[1] == f"stopped by {number.name}\n"
    assert process.returncode == 128 + number
    assert list(meter.output.iterdir()) == []


def test_another_machine_is_refused_before_anything_is_sent(meter: "Meter") -> None:
    process = meter.start("http://192.0.2.1/v2/models/toy/infer")
    told = process.communicate(timeout=30)[1]
    assert process.returncode == 70
    said = json.loads((meter.output / "error.json").read_text(encoding="utf-8"))
    assert said["category"] == "bug"
    assert said["message"] == "the request's url points at '192.0.2.1': only servers on this machine are load-tested"
    assert told == f"{said['message']}\nhint: {said['hint']}\n"


def test_what_an_earlier_attempt_left_is_gone_after_a_failure(meter: "Meter") -> None:
    for name in ("samples.npy", "result.json"):
        (meter.output / name).write_text("old", encoding="utf-8")
    process = meter.start("http://127.0.0.1:1/", users=0)
    process.communicate(timeout=30)
    assert process.returncode == 70
    assert [path.name for path in meter.output.iterdir()] == ["error.json"]


def test_a_disk_that_refuses_is_worth_a_retry(meter: "Meter", site: "Site") -> None:
    (meter.output / "samples.npy").mkdir()
    (meter.output / "samples.npy" / "in the way").touch()
    process = meter.start(site.url)
    assert "the load test could not go on" in process.communicate(timeout=30)[1]
    assert process.returncode == 20
    assert json.loads((meter.output / "error.json").read_text(encoding="utf-8"))["category"] == "infrastructure"


BROKEN = """
import sys
from mlagent.loadtest import __main__, course

def wrong(judge, row, body):
    raise RuntimeError("an answer that nobody thought of")

course.Judge.wrong = wrong
sys.exit(__main__.main(sys.argv[1:]))
"""


def test_a_user_that_fails_is_told_as_a_bug_and_asks_no_more(meter: "Meter", site: "Site") -> None:
    process = meter.start(site.url, script=BROKEN)
    said = process.communicate(timeout=60)[1]
    assert "the load test's own user failed: an answer that nobody thought of" in said
    assert process.returncode == 70
    assert len(site.bodies) == 4  # one a user: nobody tries again and again
    assert [path.name for path in meter.output.iterdir()] == ["error.json"]


@pytest.mark.parametrize("arguments", [[], ["one", "two"], ["/no/such/request.json"]])
def test_a_wrong_command_line_is_70(arguments: list[str]) -> None:
    ended = subprocess.run(
        [sys.executable, "-W", "error", "-m", "mlagent.loadtest", *arguments],
        check=False,
        capture_output=True,
        text=True,
        timeout=30,
    )
    assert ended.returncode == 70
    assert "request" in ended.stderr.lower()
    assert "Traceback" not in ended.stderr


def test_only_the_process_itself_opens_locust() -> None:
    names = "golden answers functional request schedule samples result verdict course hdr orders progress roll tally"
    rooms = ", ".join(f"mlagent.loadtest.{name}" for name in [*names.split(), "watch", "wire"])
    code = f"import sys, mlagent.loadtest.__main__, {rooms}; print(sorted({{'locust', 'gevent'}} & set(sys.modules)))"
    assert subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True).stdout == "[]\n"
