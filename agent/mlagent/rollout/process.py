"""Which process holds something, so exactly that another one on its machine knows when it is gone."""

import os
import socket
from pathlib import Path

PROC = Path("/proc")
STATE, STARTED = 0, 19  # places among the fields of /proc/PID/stat that follow the name
GONE = ("Z", "X")  # dead, and only waiting for its parent to ask how it ended


def called() -> str:
    """This process, for people."""
    return f"process {os.getpid()} on {socket.gethostname()}"


def mark(pid: int | None = None) -> str:
    """Machine since its boot, process namespace, number, start; empty where the system does not tell, or it is gone."""
    number = os.getpid() if pid is None else pid
    try:
        after_name = (PROC / str(number) / "stat").read_text(encoding="ascii").rpartition(")")[2].split()
        return "" if after_name[STATE] in GONE else f"{_here()} {number} {after_name[STARTED]}"
    except OSError:
        return ""


def dead(other: str) -> bool:
    """Whether a process with this mark was here, and is not any more; False for what cannot be known."""
    try:
        here = _here()
    except OSError:
        return False
    where, _, rest = other.rpartition(" ")[0].rpartition(" ")
    return where == here and rest.isdigit() and mark(int(rest)) != other


def _here() -> str:
    boot = (PROC / "sys/kernel/random/boot_id").read_text(encoding="ascii").strip()
    return f"{boot} {(PROC / 'self/ns/pid').readlink()}"
