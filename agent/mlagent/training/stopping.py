"""Signals end the worker at once: no half-written file, no exception that the team's code could swallow."""

import os
import signal
import sys
from pathlib import Path
from types import FrameType

from mlagent.training.files import drop_partials

SIGNALS = (signal.SIGINT, signal.SIGTERM)


def stop_on_signals(output: Path) -> None:
    """From now on SIGINT and SIGTERM remove partial files from `output` and end the process with 128 + n."""

    def stop(number: int, _frame: FrameType | None) -> None:
        drop_partials(output)
        sys.stderr.write(f"stopped by {signal.Signals(number).name}\n")
        sys.stderr.flush()
        os._exit(128 + number)

    for number in SIGNALS:
        signal.signal(number, stop)
