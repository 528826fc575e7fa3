"""A folder of our own for the time of one command: its login, in memory where the system has such a place."""

import base64
import json
import os
import re
import shutil
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from mlagent.adapters.oci_registry import docker_config
from mlagent.adapters.oci_registry.login import Login
from mlagent.core.oci import HUB

MEMORY = Path("/dev/shm")  # noqa: S108 - the folder made in it is ours alone
OLD_SECONDS = 600  # no command takes as long
_NAME = re.compile(r"mlagent-(\d+)-\w+")


@contextmanager
def folder(host: str, login: Login | None) -> Iterator[Path]:
    """With a `config.json` as Docker's, which holds this login alone; those that killed processes left go later."""
    place = MEMORY if os.access(MEMORY, os.W_OK | os.X_OK) else Path(tempfile.gettempdir())
    _tidy(place)
    made = Path(tempfile.mkdtemp(prefix=f"mlagent-{os.getpid()}-", dir=place))
    try:
        with os.fdopen(os.open(made / "config.json", os.O_CREAT | os.O_WRONLY, 0o600), "w") as file:
            json.dump({"auths": _auths(host, login) if login else {}}, file)
        yield made
    finally:
        shutil.rmtree(made, ignore_errors=True)


def _auths(host: str, login: Login) -> dict[str, dict[str, str]]:
    found = {"identitytoken": login.identity, "registrytoken": login.bearer}
    if login.username or login.password:
        found["auth"] = base64.b64encode(f"{login.username}:{login.password}".encode()).decode()
    kept = {name: text for name, text in found.items() if text}
    return {docker_config.HUB_NAMES[0] if host == HUB else host: kept} if kept else {}


def _tidy(place: Path) -> None:
    """Where containers share the place, a process of another's may live under a number that we do not know."""
    for one in place.glob("mlagent-*"):
        found = _NAME.fullmatch(one.name)
        with suppress(OSError):
            if found and not Path(f"/proc/{found[1]}").exists() and time.time() - one.stat().st_mtime > OLD_SECONDS:
                shutil.rmtree(one, ignore_errors=True)
