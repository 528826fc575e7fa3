"""Whose a container, network or image is: a name for this process by which others see whether it still lives."""

import os
import re
from pathlib import Path

PREFIX = "mlagent"
_BOOT = Path("/proc/sys/kernel/random/boot_id")
_NAME = re.compile(r"b(?P<boot>[0-9a-f]+)-n(?P<space>\d+)-p(?P<pid>\d+)-s(?P<start>\d+)")


def own() -> str:
    """This process: boot of the machine, process namespace, number, start."""
    pid = os.getpid()
    return f"b{_boot()}-n{_space()}-p{pid}-s{_start(pid)}"


def gone(text: str) -> bool:
    """Whether the holder named in the text has ended for certain; one in another namespace cannot be known."""
    found = _NAME.search(text)
    if found is None:
        return False
    if found["boot"] != _boot():
        return True
    return int(found["space"]) == _space() and _start(int(found["pid"])) != int(found["start"])


def _boot() -> str:
    try:
        return _BOOT.read_text().replace("-", "")[:12]
    except OSError:
        return "0"


def _space() -> int:
    try:
        return Path("/proc/self/ns/pid").stat().st_ino
    except OSError:
        return 0


def _start(pid: int) -> int:
    """When it began, in ticks of the kernel; 0 where there is no such process, or it is dead already."""
    try:
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except OSError:
        return 0
    return 0 if fields[0] in "ZX" else int(fields[19])
