"""In-memory adapters: shipped, for unit tests of those who build on the ports; they pass the same contract tests."""

import threading
from collections.abc import Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from pathlib import Path

import msgspec

from mlagent.adapters.stores import layout, refusals
from mlagent.adapters.stores.partial import partial
from mlagent.core.digest import of_bytes
from mlagent.core.ports.store import Named
from mlagent.core.ports.tracker import Follow, Point, Training


class MemoryTracker:
    """The ExperimentTracker port in a dictionary."""

    reason = ""

    def __init__(self) -> None:
        """Start with no runs."""
        self.runs: dict[str, Training] = {}

    def record(self, training: Training) -> str:
        """Keep the training under the id of its key; one that is finished stays."""
        run_id = f"memory-{training.key}"
        before = self.runs.get(run_id)
        if before is None or before.state != "finished":
            self.runs[run_id] = training if before is None else _joined(before, training)
        return run_id

    def following(self) -> AbstractContextManager[Follow]:
        """Keep what is given at once."""
        return nullcontext(self.record)

    def params(self, run_id: str) -> Mapping[str, str]:
        """The run's hyperparameters."""
        return dict(self.runs[run_id].params)

    def history(self, run_id: str, metric: str) -> Sequence[Point]:
        """Every point of a metric, by step."""
        return sorted((one for one in self.runs[run_id].points if one.metric == metric), key=lambda one: one.step)

    def files(self, run_id: str) -> Sequence[str]:
        """Names of the kept files."""
        return sorted(path.name for path in self.runs[run_id].files)


def _joined(before: Training, now: Training) -> Training:
    """What was kept, and what is new: each step once."""
    known = {(one.metric, one.step) for one in before.points}
    new = [one for one in now.points if (one.metric, one.step) not in known]
    return msgspec.structs.replace(now, points=[*before.points, *new])


class MemoryStore:
    """The Store port in two dictionaries; it may be shared by threads."""

    atomic_swap = True

    def __init__(self) -> None:
        """Start empty."""
        self._kept: dict[str, bytes] = {}
        self._objects: dict[str, Named] = {}
        self._writes = 0
        self._lock = threading.Lock()

    def put(self, source: Path, digest: str) -> None:
        """Keep the file's bytes."""
        path = layout.blob(digest)
        try:
            data = source.read_bytes()
        except OSError as error:
            raise refusals.no_source(source, error) from error
        if of_bytes(data) != digest:
            raise refusals.wrong_digest(source, digest, of_bytes(data))
        self._kept.setdefault(path, data)

    def get(self, digest: str, target: Path) -> None:
        """Write the bytes to the target."""
        data = self._kept.get(layout.blob(digest))
        if data is None:
            raise refusals.missing("in memory", digest)
        if of_bytes(data) != digest:
            self.drop(digest)
            raise refusals.corrupt("in memory", digest, of_bytes(data))
        with partial(target.with_name(f".{target.name}")) as copy:
            copy.write(data)
            copy.become(target)

    def size(self, digest: str) -> int | None:
        """The number of bytes."""
        data = self._kept.get(layout.blob(digest))
        return None if data is None else len(data)

    def drop(self, digest: str) -> None:
        """Forget the blob."""
        self._kept.pop(layout.blob(digest), None)

    def blobs(self) -> Iterator[str]:
        """Digests of all blobs, sorted."""
        yield from filter(None, map(layout.digest_at, sorted(self._kept)))

    def read(self, name: str) -> Named | None:
        """The object."""
        return self._objects.get(layout.named(name))

    def write(self, name: str, data: bytes) -> None:
        """Replace the object."""
        with self._lock:
            self._replace(layout.named(name), data)

    def swap(self, name: str, data: bytes, expected: str | None) -> bool:
        """Replace the object if its version is the expected one."""
        path = layout.named(name)
        with self._lock:
            current = self._objects.get(path)
            if (current.version if current else None) != expected:
                return False
            self._replace(path, data)
            return True

    def remove(self, name: str) -> None:
        """Forget the object."""
        self._objects.pop(layout.named(name), None)

    def names(self, prefix: str) -> Iterator[str]:
        """Names that start with the prefix, sorted."""
        layout.prefix(prefix)
        names = sorted(path.removeprefix(f"{layout.NAMED}/") for path in list(self._objects))
        yield from (name for name in names if name.startswith(prefix))

    def _replace(self, path: str, data: bytes) -> None:
        self._writes += 1
        self._objects[path] = Named(data, str(self._writes))
