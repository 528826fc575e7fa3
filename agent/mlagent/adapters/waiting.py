"""A tracker whose server may be away: what could not be written waits here, and is written before the next."""

import shutil
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

import msgspec

from mlagent.core.files import write_whole
from mlagent.core.ports.tracker import ExperimentTracker, Point, Training
from mlagent.errors import InfrastructureError

TRAINING = "training.json"


class WaitingTracker:
    """The ExperimentTracker port over another one; a training never fails because nobody could log it."""

    def __init__(self, opened: Callable[[], ExperimentTracker], home: Path) -> None:
        """Open nothing yet; `home` is the folder in which trainings wait."""
        self.reason = ""
        self._opened, self._home = opened, home

    def record(self, training: Training) -> str | None:
        """Write what waits, then this; None where it waits now, too."""
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


def _read(folder: Path) -> Training:
    kept = msgspec.json.decode((folder / TRAINING).read_bytes())
    points = msgspec.convert(kept.pop("points"), list[Point])
    files = [folder / name for name in kept.pop("files")]
    return Training(**kept, points=points, files=files)
