"""The Groovy harness as a process that runs one Jenkinsfile, heard while it does."""

import json
import os
import signal
import subprocess
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from typing import Any, NamedTuple

from tests.e2e.conftest import ROOT

RUN = ROOT / "tests/groovy/run"
Event = dict[str, Any]


class Job(NamedTuple):
    """What the harness is told of a job: folders, what nodes have, what Jenkins keeps, and the controller's double."""

    home: str
    origin: str
    jenkinsfile: str
    environment: dict[str, str]
    secrets: dict[str, str]
    controller: dict[str, Any]


class Courier:
    """A build that goes on; its events are those of `harness/Whole.groovy`, the oldest first."""

    def __init__(self, process: subprocess.Popen[str]) -> None:
        """Listen from now on."""
        self.process, self.events = process, list[Event]()
        self._heard = threading.Condition()
        self._thread = threading.Thread(target=self._listen, daemon=True)
        self._thread.start()

    @property
    def log(self) -> str:
        """What the build has printed until now."""
        return "\n".join(one["said"] for one in [*self.events] if "said" in one)

    def until(self, true: Callable[[Event], object], seconds: float = 900, since: int = 0) -> Event:
        """The first event, from that position on, for which this is true; it must come."""
        end = time.monotonic() + seconds
        with self._heard:
            while True:
                if found := next((one for one in self.events[since:] if true(one)), None):
                    return found
                assert not self.over, f"the build ended before:\n{self.log[-6000:]}"
                assert self._heard.wait(end - time.monotonic()), f"it did not come about:\n{self.log[-6000:]}"

    def done(self, command: str, seconds: float = 900) -> Event:
        """Wait until mlagent's command ended well."""
        return self.until(lambda one: (one.get("command"), one.get("code")) == (command, 0), seconds)

    def ended(self, seconds: float = 900) -> Event:
        """How the build ended, and all that was asked of Jenkins."""
        found: Event = self.until(lambda one: "end" in one, seconds)["end"]
        return found

    @property
    def over(self) -> bool:
        """Whether nothing will come any more."""
        return not self._thread.is_alive() or any("end" in one or "gone" in one for one in self.events[-1:])

    def _listen(self) -> None:
        assert self.process.stdout
        for line in self.process.stdout:
            self._hear(json.loads(line) if line.startswith("{") else {"said": line.rstrip("\n")})
        self._hear({"gone": self.process.wait()})

    def _hear(self, event: Event) -> None:
        with self._heard:
            self.events.append(event)
            self._heard.notify_all()


@contextmanager
def building(job: Job, number: int, env: dict[str, str]) -> Iterator[Courier]:
    """The job's build of this number, ended with the block; `env` is the harness's own, and no node's secret."""
    pipe = subprocess.PIPE
    command = [str(RUN), "--whole"]
    process = subprocess.Popen(
        command,
        cwd=ROOT,
        env=env,
        stdin=pipe,
        stdout=pipe,
        stderr=subprocess.STDOUT,
        text=True,
        start_new_session=True,
    )
    assert process.stdin
    process.stdin.write(json.dumps({**job._asdict(), "number": number}))
    process.stdin.close()
    try:
        yield Courier(process)
    finally:
        with suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGTERM)
        process.wait(60)
        if process.stdout:
            process.stdout.close()
