"""The worker as its parent meets it: a process with an exit status, told to stop now and then."""

import json
import signal
import time
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    import subprocess

    from tests.pipeline.training.conftest import Workshop

SWALLOWS = """
import time
from torch import nn

class Net(nn.Linear):
    def forward(self, features):
        try:
            time.sleep(0.02)
        except BaseException:
            pass
        return super().forward(features)

def build_model(config):
    return Net(config["features"], config["classes"])
"""


def lines(workshop: "Workshop") -> list[str]:
    path = workshop.output / "epochs.jsonl"
    return path.read_text(encoding="utf-8").splitlines() if path.exists() else []


def wait_for_epochs(workshop: "Workshop", process: "subprocess.Popen[str]", count: int) -> None:
    end = time.monotonic() + 60
    while len(lines(workshop)) < count:
        assert process.poll() is None
        assert time.monotonic() < end
        time.sleep(0.02)


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_ends_it_at_once_with_128_and_its_number(workshop: "Workshop", number: signal.Signals) -> None:
    workshop.model(SWALLOWS)
    with workshop.start(workshop.training(epochs=100_000)) as process:
        wait_for_epochs(workshop, process, 2)
        (workshop.output / ".model.pt.partial").write_bytes(b"half")
        process.send_signal(number)
        sent = time.monotonic()
        told = process.communicate()[1]
    assert process.returncode == 128 + number
    assert time.monotonic() - sent < 20  # its epochs would take days
    assert told == f"stopped by {number.name}\n"
    assert {path.name for path in workshop.output.iterdir()} == {"environment.txt", "epochs.jsonl"}
    assert [json.loads(line)["epoch"] for line in lines(workshop)] == list(range(1, len(lines(workshop)) + 1))


def test_a_failure_of_the_teams_ends_the_process_with_5(workshop: "Workshop") -> None:
    workshop.model("def build_model(config):\n    return 1 / 0\n")
    with workshop.start(workshop.training()) as process:
        told = process.communicate()[1]
    assert process.returncode == 5
    assert told == (
        "Traceback (the project's own frames):\n"
        f'  File "{workshop.project / "model.py"}", line 2, in build_model\n'
        "    return 1 / 0\n"
        "           ~~^~~\n"
        "ZeroDivisionError: division by zero\n"
        "build_model failed: ZeroDivisionError: division by zero (model.py:2)\n"
        "hint: the project's own test of build_model can show this sooner: run `pytest`\n"
    )


def test_two_processes_train_the_same_weights(workshop: "Workshop") -> None:
    made = []
    for seed in ("1", "2"):
        with workshop.start(workshop.training(threads=0), PYTHONHASHSEED=seed) as process:
            assert process.communicate()[1] == ""
        made.append([(workshop.output / name).read_bytes() for name in ("model.pt", "result.json")])
    assert made[0] == made[1]
