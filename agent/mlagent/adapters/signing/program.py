"""The cosign program: where it is, which flags it has, and one run of it with little to see."""

import ctypes
import os
import re
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from functools import cache
from pathlib import Path
from typing import NamedTuple

from mlagent.core import interrupt
from mlagent.errors import ConfigError, InfrastructureError

SECONDS = 180.0
POLL_SECONDS = 0.2
SEEN = ("PATH", "HOME", "TMPDIR", "LANG", "SSL_CERT_FILE", "SSL_CERT_DIR")
PROXIES = ("http_proxy", "https_proxy", "no_proxy", "all_proxy")
GET_IT = (
    "`apt-get install cosign` (Debian 13 and later), or put a release of https://github.com/sigstore/cosign on the PATH"
)
PR_SET_PDEATHSIG = 1
_LIBC = ctypes.CDLL(None) if sys.platform == "linux" else None


class Ended(NamedTuple):
    """How one run ended; `said` is what it said about it, secrets masked."""

    status: int
    output: bytes
    said: str


class Option(NamedTuple):
    """A flag with its value; one that is not `needed` is left out where this cosign does not know it."""

    name: str
    value: str
    needed: bool = True


class Program:
    """May be shared by threads."""

    def __init__(self, name: str, project: Path, seconds: float = SECONDS) -> None:
        """`name` is looked for on the search path; one with a slash is a file, relative to the project."""
        self._name, self._project, self._seconds = name, project, seconds

    def flags(self, command: str) -> frozenset[str]:
        """The flags that a command of it has, asked once."""
        found = self._found()
        return _flags(found, Path(found).stat().st_mtime_ns, command)

    def run(
        self,
        command: str,
        options: Sequence[Option],
        arguments: Sequence[str],
        environment: Mapping[str, str],
        *,
        passed: Sequence[str] = (),
        secrets: frozenset[str] = frozenset(),
        writes: bool = False,
    ) -> Ended:
        """Run to the end; ConfigError (3) where there is none or it is too old, InfrastructureError (20) when it hangs.

        It sees `environment`, and of ours what every program needs or begins as one of `passed`. One that `writes` dies
        with us, so that it does not write on behind the next attempt.
        """
        known = self.flags(command)
        if missing := [one.name for one in options if one.needed and one.name not in known]:
            raise ConfigError(
                f"{self._name} has no {missing[0]} for `cosign {command}`: it is too old, or too new",
                hint=f"mlagent is tested with cosign 2.5; {GET_IT}",
            )
        given = [f"{one.name}={one.value}" for one in options if one.name in known]
        seen = {name: text for name, text in os.environ.items() if _may_see(name, passed)}
        whole = [self._found(), command, *given, *arguments]
        status, output, error = _run(whole, {**seen, **environment}, self._seconds, writes=writes)
        return Ended(status, output, masked(_told(error), secrets))

    def _found(self) -> str:
        path = str(self._project / Path(self._name).expanduser()) if "/" in self._name else self._name
        found = shutil.which(path)
        if found is None:
            raise ConfigError(f"there is no program {self._name!r} here, which signs and verifies images", hint=GET_IT)
        return found


def masked(text: str, secrets: frozenset[str]) -> str:
    """The text without them, the longest first."""
    for one in sorted(secrets, key=len, reverse=True):
        text = text.replace(one, "[secret]")
    return text


def _may_see(name: str, passed: Sequence[str]) -> bool:
    return name in SEEN or name.lower() in PROXIES or name.startswith(tuple(passed))


@cache
def _flags(path: str, _changed: int, command: str) -> frozenset[str]:
    status, output, error = _run([path, command, "--help"], {"PATH": os.environ.get("PATH", "")}, SECONDS, writes=False)
    found = frozenset(re.findall(r"^\s*(?:-\w, )?(--[a-z0-9-]+)", output.decode(errors="replace"), re.MULTILINE))
    if status or not found:
        raise ConfigError(f"{path} does not answer `{command} --help` as cosign does: {_told(error)}", hint=GET_IT)
    return found


def _told(error: bytes) -> str:
    """Its last words, without the warnings and without saying it twice."""
    lines = [line.strip() for line in error.decode(errors="replace").splitlines() if line.strip()]
    errors = [line for line in lines if line.startswith("Error: ")] or lines[-1:]
    return errors[-1].removeprefix("Error: ")[:1500] if errors else "it did not say why"


def _run(
    command: Sequence[str], environment: Mapping[str, str], seconds: float, *, writes: bool
) -> tuple[int, bytes, bytes]:
    end = time.monotonic() + seconds
    try:
        process = subprocess.Popen(
            command,
            env=dict(environment),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            start_new_session=True,
            preexec_fn=_die_with_parent if writes else None,  # noqa: PLW1509 - one call into libc, loaded before
        )
    except OSError as error:
        raise ConfigError(f"{command[0]} cannot be run: {error.strerror}", hint=GET_IT) from error
    with process:
        try:
            while True:
                interrupt.check()
                try:
                    output, said = process.communicate(timeout=POLL_SECONDS)
                except subprocess.TimeoutExpired:
                    if time.monotonic() > end:
                        raise InfrastructureError(
                            f"`cosign {command[1]}` did not end within {seconds:g} seconds",
                            hint="does the registry, or the service that keeps the key, answer?",
                        ) from None
                else:
                    return process.returncode, output, said
        finally:
            process.kill()


def _die_with_parent() -> None:
    if _LIBC:
        _LIBC.prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
