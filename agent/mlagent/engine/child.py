"""Runs programs beside mlagent: their own process group, no secrets in their environment, always ended."""

import ctypes
import errno
import os
import shutil
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import IO, cast

import msgspec

from mlagent.config.redact import Redactor
from mlagent.config.secret import Secret
from mlagent.core import interrupt
from mlagent.core.files import write_whole
from mlagent.core.ports.log import Log
from mlagent.errors import Bug, ConfigError, InfrastructureError, InputError, MlagentError, TeamCodeError

GRACE_SECONDS = 5.0
POLL_SECONDS = 0.2
PR_SET_PDEATHSIG = 1
STANDALONE = {"ruff"}  # looks at the code without importing it: mlagent's own serves where the project has none
PYTHON_TOOLS = {"python", "python3", "pytest", "py.test", "coverage", "mypy", "pip", "tox", "nox"}
START_SECONDS = 60.0
LONGEST_LINE = 1 << 16
UNDECLARED = {"PYTHONPATH", "PYTHONHOME", "VIRTUAL_ENV"}
_LIBC = ctypes.CDLL(None) if sys.platform == "linux" else None


class LocalChildren:
    """Children on this machine, in the Python environment that `python` belongs to."""

    def __init__(self, project: Path, secrets: Sequence[Secret], log: Log, python: str = sys.executable) -> None:
        """Children see no variable of a secret, no `MLAGENT_…`, no `MLPIPELINE_…`; their output is kept masked."""
        self._project, self._log, self._python = project, log, python
        self._redactor = Redactor(secrets)
        hidden = {secret.variable for secret in secrets}
        ours = [name for name in os.environ if name.startswith(("MLAGENT_", "MLPIPELINE_"))]
        kept = {name: text for name, text in os.environ.items() if name not in {*hidden, *ours}}
        if python != sys.executable:  # what nobody declared does not come in by the side door
            kept = {name: text for name, text in kept.items() if name not in UNDECLARED}
        self._env = kept | {"PATH": _search_path(Path(python).parent), "PYTHONUNBUFFERED": "1"}

    def run(
        self,
        module: str,
        request: Mapping[str, object],
        output: Path,
        poll: Callable[[], None] = lambda: None,
        *,
        seconds: float = 0,
    ) -> None:
        """Run `python -m module REQUEST.json` to its end; see the port."""
        end = time.monotonic() + seconds
        path = output / "request.json"
        write_whole(path, msgspec.json.encode({**request, "output": str(output)}))
        with self._started([self._python, "-m", module, str(path)], {}, output / "output.log") as process:
            while _running(process):
                interrupt.check()
                poll()
                if seconds and time.monotonic() > end:
                    raise TeamCodeError(
                        f"{module} took longer than {seconds:g} seconds and was ended",
                        hint="something waits for ever, or the limit (the stage's timeout_seconds) is too low",
                    )
        if process.returncode != 0:
            raise _failure(module, process.returncode, output)
        if not (output / "result.json").exists():
            raise TeamCodeError(
                f"{module} ended with status 0 before it was done",
                hint="does the project's code call os._exit, or exec another program?",
            )

    def execute(self, command: Sequence[str], *, seconds: float, env: Mapping[str, str], kept: Path) -> int:
        """Run a command of the team's to its end; see the port."""
        found = self._program(command[0])
        if found is None:
            own = self._python == sys.executable
            raise ConfigError(
                f"there is no program {command[0]!r} for `{' '.join(command)}`",
                hint="pip install it here (ruff and pytest come with mlagent[worker]), or name another"
                if own
                else "declare it where the project declares its environment (requirements.txt, say), or name another",
            )
        end = time.monotonic() + seconds
        with self._started([found, *command[1:]], env, kept) as process:
            while _running(process):
                interrupt.check()
                if time.monotonic() > end:
                    raise TeamCodeError(
                        f"`{' '.join(command)}` took longer than {seconds:g} seconds and was ended",
                        hint="something waits for ever, or the limit (check.timeout_seconds) is too low",
                    )
        return process.returncode

    def _program(self, name: str) -> str | None:
        """Where a program is: a path in the project, or on the search path; Python's tools in the environment alone."""
        if "/" in name:
            return shutil.which(str(self._project / name))
        if self._python != sys.executable and name in PYTHON_TOOLS:
            return shutil.which(name, path=str(Path(self._python).parent))
        found = shutil.which(name, path=self._env["PATH"])
        if found is None and name in STANDALONE:
            found = shutil.which(name, path=str(Path(sys.executable).parent))
        return found

    @contextmanager
    def serve(self, module: str, arguments: Sequence[str], ready: Path) -> Iterator[str]:
        """Run a server for the time of the block; see the port."""
        log = f"its output is above, and in {ready.with_suffix('.log').name}"
        with self._served(module, arguments, ready, log) as process:
            yield msgspec.json.decode(ready.read_bytes())["url"]
            if not _running(process, 0):
                raise InfrastructureError(f"{module} ended while it was in use", hint=f"{log}; did memory run out?")

    def attend(
        self, module: str, arguments: Sequence[str], ready: Path, begun: Callable[[Mapping[str, str]], None]
    ) -> int:
        """Run a server until it ends, or a signal comes for us; `begun` is told its ready file. Its exit status."""
        with self._served(module, arguments, ready, "its output is above") as process:
            begun(msgspec.json.decode(ready.read_bytes()))
            while _running(process):
                interrupt.check()
        return process.returncode

    @contextmanager
    def _served(
        self, module: str, arguments: Sequence[str], ready: Path, log: str
    ) -> "Iterator[subprocess.Popen[bytes]]":
        """Start a server and wait until it answers; `log` says where to look when it does not."""
        watched = ["--ready-file", str(ready), "--parent-pid", str(os.getpid())]
        command = [self._python, "-m", module, *arguments, *watched]
        end = time.monotonic() + START_SECONDS
        ready.unlink(missing_ok=True)  # one that a killed server left behind would be believed
        with self._started(command, {}, ready.with_suffix(".log")) as process:
            while not ready.exists():
                interrupt.check()
                ended = not _running(process)
                if ended or time.monotonic() > end:
                    said = "ended before it answered" if ended else f"did not answer within {START_SECONDS:g} seconds"
                    raise InfrastructureError(f"{module} {said}", hint=log)
            yield process

    @contextmanager
    def _started(self, command: list[str], env: Mapping[str, str], kept: Path) -> "Iterator[subprocess.Popen[bytes]]":
        try:
            process = subprocess.Popen(
                command,
                cwd=self._project,
                env={**self._env, **env},
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                start_new_session=True,
                preexec_fn=_die_with_parent,  # noqa: PLW1509 - one call into libc, loaded before; takes no lock
            )
        except OSError as error:
            if error.errno not in (errno.ENOEXEC, errno.EACCES, errno.ENOENT):
                raise
            raise ConfigError(
                f"{command[0]} cannot be run: {os.strerror(error.errno)}",
                hint="does a script begin with `#!`, is the interpreter that it names there, may it be executed?",
            ) from error
        reader = threading.Thread(target=self._stream, args=(process, kept), daemon=True)
        reader.start()
        try:
            yield process
        finally:
            _end(process)
            reader.join(GRACE_SECONDS)

    def _stream(self, process: "subprocess.Popen[bytes]", kept: Path) -> None:
        """Pass every line on, and keep it as long as the disk takes it; a line without end is taken in pieces."""
        full = False
        with cast("IO[bytes]", process.stdout) as lines, kept.open("wb", buffering=0) as file:
            while line := lines.readline(LONGEST_LINE):
                try:
                    None if full else file.write(self._redactor.data(line))
                except OSError as error:
                    full = True
                    self._log.warning(f"{kept.name} is cut off here: {error.strerror}")
                self._log.output(line.decode(errors="replace").rstrip())


def _search_path(first: Path) -> str:
    """PATH with an environment's programs first, and, where it is not mlagent's own, without mlagent's."""
    inherited = os.environ.get("PATH", os.defpath).split(os.pathsep)
    own = Path(sys.executable).parent
    return os.pathsep.join([str(first), *(one for one in inherited if first == own or one != str(own))])


def _die_with_parent() -> None:
    """Have the kernel kill the child when mlagent itself is killed, so that nothing writes on behind a resumed run."""
    if _LIBC:
        _LIBC.prctl(PR_SET_PDEATHSIG, signal.SIGKILL)


def _running(process: "subprocess.Popen[bytes]", seconds: float = POLL_SECONDS) -> bool:
    """Wait up to `seconds` for the end, without reaping: while it is unreaped its group id cannot become another's."""
    end = time.monotonic() + seconds
    while os.waitid(os.P_PID, process.pid, os.WEXITED | os.WNOWAIT | os.WNOHANG) is None:
        if time.monotonic() > end:
            return True
        time.sleep(0.01)
    return False


def _end(process: "subprocess.Popen[bytes]") -> None:
    """End the child, and with it everything it left running in its group."""
    os.killpg(process.pid, signal.SIGTERM)
    _running(process, GRACE_SECONDS)
    os.killpg(process.pid, signal.SIGKILL)
    process.wait()


def _failure(module: str, status: int, output: Path) -> MlagentError:
    said = output / "error.json"
    if said.exists():
        found = msgspec.json.decode(said.read_bytes())
        kinds = {kind.category: kind for kind in (TeamCodeError, InputError, ConfigError, InfrastructureError)}
        return kinds.get(found["category"], Bug)(found["message"], hint=found["hint"])
    if status < 0:
        name = next((one.name for one in signal.Signals if one == -status), f"signal {-status}")
        reason = ", most often because memory ran out" if status == -signal.SIGKILL else ""
        return TeamCodeError(
            f"{module} was ended by {name}{reason}",
            hint="use smaller batches or a node with more memory; the kernel's log names what it killed"
            if reason
            else "a crash in the project's code or in a library it uses; its output is above",
        )
    kind = Bug if status == Bug.exit_code else TeamCodeError
    return kind(
        f"{module} ended with status {status} and did not say why",
        hint=f"does the project's code exit? its output is above, and in {output.name.lstrip('.')}/output.log",
    )
