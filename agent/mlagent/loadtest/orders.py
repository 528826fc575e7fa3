"""The worker's command line: where its master is, and what it brings along."""

import re
from typing import NamedTuple

from mlagent.errors import UsageError

_NAMES = ("--master", "--token-file", "--wait-seconds", "--parent-pid")
WAIT_SECONDS = 60  # for the master to answer, where nothing else is said
MOST_WAIT_SECONDS = 300  # Locust itself gives up then


class Orders(NamedTuple):
    """`parent` is a process that is not to be outlived; `token_file` stands for those that the targets name.

    `wait_seconds` is how long the master may take to answer for the first time.
    """

    host: str
    port: int
    parent: int | None
    token_file: str | None
    wait_seconds: int = WAIT_SECONDS


def read(arguments: list[str]) -> Orders:
    """Read them; UsageError (2) says what is wrong."""
    found = dict(zip(arguments[::2], arguments[1::2], strict=False))
    unknown = next((name for name in arguments[::2] if name not in _NAMES), None)
    if unknown is not None or len(arguments) % 2:
        raise UsageError(f"a worker does not know {unknown or arguments[-1]!r}", hint="see the usage above")
    place = re.fullmatch(r"(?P<host>[^\s:]+|\[[0-9a-fA-F:]+\]):(?P<port>[0-9]{1,5})", found.get("--master", ""))
    if place is None or not 1 <= int(place["port"]) <= 65_535:
        raise UsageError("`--master` names no HOST:PORT", hint="such as --master 10.0.0.5:5557")
    parent = found.get("--parent-pid", "")
    if parent and not parent.isdecimal():
        raise UsageError("`--parent-pid` names no process", hint="it is a number")
    wait = found.get("--wait-seconds", str(WAIT_SECONDS))
    if not wait.isdecimal() or not 1 <= int(wait) <= MOST_WAIT_SECONDS:
        raise UsageError("`--wait-seconds` is no number of seconds", hint=f"it is from 1 to {MOST_WAIT_SECONDS}")
    return Orders(
        place["host"], int(place["port"]), int(parent) if parent else None, found.get("--token-file"), int(wait)
    )
