"""A tracker whose server may be away: what could not be written waits here, and is written before the next."""

import shutil
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

import msgspec

from mlagent.adapters.system import Meter
from mlagent.core.files import write_whole
from mlagent.core.ports.tracker import ExperimentTracker, Follow, Point, Training
from mlagent.errors import InfrastructureError

TRAINING = "training.json"
EVERY_SECONDS = 5.0
PAUSE_SECONDS = 60.0  # after a server did not answer
PATIENCE_SECONDS = 60.0  # for a write that is under way when the training ends


class WaitingTracker:
    """The ExperimentTracker port over another one; a training never fails because nobody could log it."""

    def __init__(
        self, opened: Callable[[], ExperimentTracker], home: Path, every_seconds: float = EVERY_SECONDS
    ) -> None:
        """Open nothing yet; `home` is the folder in which trainings wait."""
        self.reason = ""
        self._opened, self._home, self._every = opened, home, every_seconds
        self._follower: _Follower | None = None

    @contextmanager
    def following(self) -> Iterator[Follow]:
        """Write now and then, from a thread of its own: nobody waits for the server."""
        follower = self._follower = _Follower(lambda one: self._opened().record(one), self._every)
        try:
            yield follower.give
        finally:
            follower.end()

    def record(self, training: Training) -> str | None:
        """Write what waits, then this; None where it waits now, too."""
        follower, self._follower = self._follower, None
        if follower:
            follower.end()
            training = msgspec.structs.replace(training, system=tuple(follower.readings))
            if not follower.join(PATIENCE_SECONDS):
                self.reason = f"the tracking server has not answered for {PATIENCE_SECONDS:g} seconds"
                self._keep(training)
                return None
        try:
            self._send()
            return self._opened().record(training)
        except InfrastructureError as error:
            self._keep(training)
            self.reason = error.message
            return None

    def params(self, run_id: str) -> Mapping[str, str]:
        """Ask the other."""
        return self._opened().params(run_id)

    def history(self, run_id: str, metric: str) -> Sequence[Point]:
        """Ask the other."""
        return self._opened().history(run_id, metric)

    def files(self, run_id: str) -> Sequence[str]:
        """Ask the other."""
        return self._opened().files(run_id)

    def _send(self) -> None:
        """In the order in which they came; what was written is forgotten at once."""
        waiting = sorted(path.parent for path in self._home.glob(f"*/{TRAINING}"))
        for folder in waiting:
            self._opened().record(_read(folder))
            shutil.rmtree(folder)

    def _keep(self, training: Training) -> None:
        """Its files first: a folder without training.json was never whole."""
        number = max((int(path.name) for path in self._home.glob("*")), default=0) + 1
        folder = self._home / f"{number:06d}"
        folder.mkdir(parents=True)
        for file in training.files:
            shutil.copyfile(file, folder / file.name)
        kept = {name: getattr(training, name) for name in Training.__struct_fields__ if name != "files"}
        kept["files"] = [file.name for file in training.files]
        write_whole(folder / TRAINING, msgspec.json.encode(kept))


class _Follower:
    """Writes the newest state of a training every few seconds, with readings of the machine."""

    def __init__(self, write: Callable[[Training], object], every: float) -> None:
        self.readings: list[Point] = []
        self._write, self._every = write, every
        self._newest: Training | None = None
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._run, name="tracking", daemon=True)
        self._thread.start()

    def give(self, training: Training) -> None:
        self._newest = training

    def end(self) -> None:
        self._over.set()

    def join(self, seconds: float) -> bool:
        """Whether the thread has ended."""
        self._thread.join(seconds)
        return not self._thread.is_alive()

    def _run(self) -> None:
        meter, written, quiet_until = Meter(), None, 0.0
        while not self._over.wait(self._every):
            step, at = len({one.step for one in self.readings}) + 1, time.time_ns() // 1_000_000
            self.readings += [Point(name, value, step, at) for name, value in meter.read().items()]
            newest = self._newest
            if newest is None or newest is written or time.monotonic() < quiet_until:
                continue
            try:
                self._write(msgspec.structs.replace(newest, system=tuple(self.readings)))
                written = newest
            except InfrastructureError:  # told at the end, by whoever records the whole
                quiet_until = time.monotonic() + PAUSE_SECONDS


def _read(folder: Path) -> Training:
    kept = msgspec.json.decode((folder / TRAINING).read_bytes())
    names = kept.pop("files")
    training = msgspec.convert(kept, Training)
    return msgspec.structs.replace(training, files=[folder / name for name in names])
