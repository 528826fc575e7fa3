"""Every way mlagent can end, as one tree: the class chooses the exit code, the text helps the reader.

    MlagentError
    ├── UsageError              2   the command line was not understood
    ├── ConfigError             3   configuration, or a machine that is not set up for it
    ├── InputError              4   missing or corrupt input
    ├── TeamCodeError           5   the team's own code failed
    ├── GateRefused            10   a gate said no
    ├── Inconclusive           11   too little evidence to say yes or no
    │   └── Invalid            11   what was measured says nothing: the measurement itself was at fault
    ├── PolicyRefused          12   refused by policy or verification
    ├── InfrastructureError    20   worth a retry (the only retryable one)
    ├── Held                   21   held by another, or waiting
    ├── RolledBack             30   a deploy or soak that undid itself
    ├── Bug                    70   a fault of mlagent itself
    └── Stopped             128+n   ended by signal n; resumable

The same table is rendered into `agent/docs/errors.md` and `stages.json`; Groovy maps codes by it.
"""

import signal
from collections.abc import Mapping
from typing import ClassVar, Literal, NamedTuple

JenkinsResult = Literal["SUCCESS", "UNSTABLE", "ABORTED", "FAILURE"]


class ExitCode(NamedTuple):
    """One row of the table: what a code means and what Jenkins makes of it."""

    code: int
    category: str
    meaning: str
    jenkins: JenkinsResult


EXIT_CODES = (
    ExitCode(0, "done", "done, or reused", "SUCCESS"),
    ExitCode(2, "usage", "the command line was not understood", "FAILURE"),
    ExitCode(3, "configuration", "a configuration value, or this machine's set-up, is wrong", "FAILURE"),
    ExitCode(4, "input", "an input is missing or corrupt", "FAILURE"),
    ExitCode(5, "team-code", "the team's own code failed", "FAILURE"),
    ExitCode(10, "gate", "a gate said no", "FAILURE"),
    ExitCode(11, "inconclusive", "too little evidence to say yes or no, or a measurement that is invalid", "UNSTABLE"),
    ExitCode(12, "policy", "refused by policy or verification", "FAILURE"),
    ExitCode(20, "infrastructure", "infrastructure failed; worth a retry", "FAILURE"),
    ExitCode(21, "held", "held by another, or waiting", "UNSTABLE"),
    ExitCode(30, "rolled-back", "a deploy or soak undid itself", "FAILURE"),
    ExitCode(70, "bug", "a bug in mlagent", "FAILURE"),
    ExitCode(130, "stopped", "stopped by SIGINT (Ctrl-C); resumable", "ABORTED"),
    ExitCode(143, "stopped", "stopped by SIGTERM; resumable", "ABORTED"),
)


class MlagentError(Exception):
    """Base of all expected ends; `message` says what happened, `hint` what to do about it."""

    exit_code: ClassVar[int] = 70
    category: ClassVar[str] = "bug"
    retryable: ClassVar[bool] = False

    def __init__(self, message: str, *, hint: str = "") -> None:
        """Keep what happened and what to do; `str()` gives the message alone."""
        super().__init__(message)
        self.message = message
        self.hint = hint

    @property
    def code(self) -> int:
        """The exit status of a process that ends with this error."""
        return self.exit_code


class UsageError(MlagentError):
    """The command line was not understood."""

    exit_code, category = 2, "usage"


class ConfigError(MlagentError):
    """A configuration value is wrong, or this machine lacks what it asks for."""

    exit_code, category = 3, "configuration"


class InputError(MlagentError):
    """An input file is missing, corrupt, or not what it was when it was recorded."""

    exit_code, category = 4, "input"


class TeamCodeError(MlagentError):
    """The team's own code (its lint, its tests, its model) failed."""

    exit_code, category = 5, "team-code"


class GateRefused(MlagentError):
    """A gate measured, compared and said no."""

    exit_code, category = 10, "gate"


class Inconclusive(MlagentError):
    """There was too little evidence; no data is not a pass."""

    exit_code, category = 11, "inconclusive"


class Invalid(Inconclusive):
    """What was measured says nothing, good or bad: the measurement itself was at fault."""


class PolicyRefused(MlagentError):
    """The platform's policy, or a verification, refused."""

    exit_code, category = 12, "policy"


class InfrastructureError(MlagentError):
    """A service, network or disk failed; the same command may work later."""

    exit_code, category, retryable = 20, "infrastructure", True


class Held(MlagentError):
    """Somebody else holds what is needed, or the time has not come."""

    exit_code, category = 21, "held"

    def __init__(self, message: str, *, hint: str = "", seconds: float = 0.0) -> None:
        """`seconds` is after which time it is worth to ask again, 0 where nobody knows."""
        super().__init__(message, hint=hint)
        self.seconds = seconds


class Asks(Held):
    """A person has to answer first; `question` is what a courier needs to ask them (id, message, ok, minutes, …)."""

    def __init__(self, message: str, *, hint: str = "", question: Mapping[str, str | int]) -> None:
        """Say what waits, and how it is answered."""
        super().__init__(message, hint=hint)
        self.question = question


class RolledBack(MlagentError):
    """A deploy or soak saw bad evidence and undid itself."""

    exit_code, category = 30, "rolled-back"


class Bug(MlagentError):
    """A fault of mlagent itself; worth reporting."""


class Stopped(MlagentError):
    """A signal ended the run cleanly; the same command resumes it."""

    category = "stopped"

    def __init__(self, signal_number: int, hint: str = "") -> None:
        """`signal_number` is 2 for Ctrl-C, 15 for SIGTERM."""
        names = {2: "Ctrl-C (SIGINT)", 15: "SIGTERM"}
        super().__init__(
            f"stopped by {names.get(signal_number, f'signal {signal_number}')}",
            hint=hint or "nothing half-written was left behind; give the same command again",
        )
        self.signal_number = signal_number

    @property
    def code(self) -> int:
        """128 plus the signal's number, as shells do."""
        return 128 + self.signal_number


class Aborted(Stopped):
    """Somebody stopped it elsewhere (a build's page in Jenkins): 130, as if it had been stopped here."""

    def __init__(self, message: str, hint: str) -> None:
        """Say what was stopped."""
        super().__init__(signal.SIGINT)
        self.message, self.hint = message, hint


class Interrupted(KeyboardInterrupt):
    """Raised inside the running command by a signal; no `except Exception` on its way can swallow it."""

    def __init__(self, signal_number: int) -> None:
        """Carry the signal's number to where the exit code is chosen."""
        super().__init__(f"signal {signal_number}")
        self.signal_number = signal_number


def missing_package(package: str, extra: str) -> ConfigError:
    """Say which package is not installed and which extra brings it."""
    return ConfigError(
        f"the Python package {package!r} is not installed here",
        hint=f"pip install 'mlagent[{extra}]'; `mlagent doctor` lists all that is missing",
    )
