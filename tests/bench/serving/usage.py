"""Seconds of CPU of a server: of all its processes, and of those that ended, as /proc has them."""

import os
from pathlib import Path
from typing import NamedTuple

TICKS = os.sysconf("SC_CLK_TCK")


class _Process(NamedTuple):
    parent: int
    session: int
    ticks: int
    ended: int  # ticks of children that it has waited for


def cpu_seconds(root: int) -> float:
    """User and system, of the process, its session and all that descend from it."""
    known = _all()
    return sum(known[pid].ticks + known[pid].ended for pid in members(root, known)) / TICKS


def members(root: int, known: dict[int, _Process] | None = None) -> set[int]:
    """Its processes that live."""
    known = _all() if known is None else known
    found = {pid for pid, one in known.items() if root in (pid, one.session)}
    while more := {pid for pid, one in known.items() if one.parent in found} - found:
        found |= more
    return found


def _all() -> dict[int, _Process]:
    found = {}
    for folder in Path("/proc").iterdir():
        if folder.name.isdecimal():
            try:
                fields = (folder / "stat").read_text().rpartition(")")[2].split()
            except OSError:
                continue  # it has just ended
            parent, session = int(fields[1]), int(fields[3])
            own, ended = (sum(map(int, fields[at : at + 2])) for at in (11, 13))
            found[int(folder.name)] = _Process(parent, session, own, ended)
    return found
