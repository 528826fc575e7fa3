"""The ways the worker fails: the class chooses exit status and category, the text helps the reader.

They mirror mlagent.errors on purpose and do not import it: the worker runs where only this package is installed.
"""

from typing import ClassVar


class Fault(Exception):
    """An expected end: `message` says what happened, `hint` what to do, `trace` is the team's part of a traceback."""

    exit_code: ClassVar[int] = 70
    category: ClassVar[str] = "bug"

    def __init__(self, message: str, *, hint: str, trace: str = "") -> None:
        """Keep the three texts; `str()` gives the message alone."""
        super().__init__(message)
        self.message = message
        self.hint = hint
        self.trace = trace


class RequestFault(Fault):
    """The request is not one that the contract describes, so whoever wrote it has a bug."""


class EnvironmentFault(Fault):
    """Something is missing here: the environment lacks a package that the worker itself imports."""

    exit_code, category = 3, "configuration"


class InputFault(Fault):
    """A data file or the checkpoint is missing, unreadable, or holds what it must not."""

    exit_code, category = 4, "input"


class TeamFault(Fault):
    """The team's own code failed, or did not keep its side of the contract."""

    exit_code, category = 5, "team-code"


class MemoryFault(TeamFault):
    """There was no memory for so many rows at once; fewer may do."""


class MachineFault(Fault):
    """The machine refused: a full disk, a folder that cannot be written. Worth a retry."""

    exit_code, category = 20, "infrastructure"
