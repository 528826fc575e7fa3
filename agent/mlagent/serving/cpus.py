"""How many processors this process may use: its affinity, and the quota of its container (cgroup v1 and v2)."""

import os
from collections.abc import Callable, Iterator
from pathlib import Path

_V1_MOUNTS = ("cpu", "cpu,cpuacct", "cpuacct,cpu")


def limit(root: Path = Path("/"), affinity: int | None = None) -> float:
    """The smallest of all limits, in processors (may be a part of one); `root` and `affinity` are for tests."""
    own = affinity or len(os.sched_getaffinity(0))
    return min([float(own), *_quotas(root)])


def _quotas(root: Path) -> Iterator[float]:
    """Every quota between this process's cgroup and the root of what it can see."""
    mount = root / "sys/fs/cgroup"
    for controllers, path in _groups(root / "proc/self/cgroup"):
        if controllers == [""]:
            yield from _upwards(mount, path, _v2)
        if "cpu" in controllers:
            for name in _V1_MOUNTS:
                yield from _upwards(mount / name, path, _v1)


def _groups(file: Path) -> Iterator[tuple[list[str], str]]:
    """The controllers and the path of each hierarchy."""
    try:
        lines = file.read_text().splitlines()
    except OSError:
        return
    for line in lines:
        _, controllers, path = line.split(":", 2)
        yield controllers.split(","), path


def _upwards(mount: Path, path: str, read: Callable[[Path], float | None]) -> Iterator[float]:
    """A limit of any group around ours counts; in a container its own group may be the mount itself."""
    inside = Path(path.lstrip("/"))
    for part in (inside, *inside.parents):
        quota = read(mount / part)
        if quota is not None:
            yield quota


def _v2(group: Path) -> float | None:
    found = _words(group / "cpu.max")
    return int(found[0]) / int(found[1]) if len(found) == 2 and found[0] != "max" else None


def _v1(group: Path) -> float | None:
    quota, period = _words(group / "cpu.cfs_quota_us"), _words(group / "cpu.cfs_period_us")
    return int(quota[0]) / int(period[0]) if quota and period and int(quota[0]) > 0 else None


def _words(file: Path) -> list[str]:
    try:
        return file.read_text().split()
    except OSError:
        return []
