"""Configuration holds secrets only as references; the value is read when it is used, and masked everywhere."""

import os
import re
from typing import TYPE_CHECKING

from mlagent.errors import ConfigError

if TYPE_CHECKING:
    from pathlib import Path

REFERENCE = re.compile(r"(env):([A-Za-z_][A-Za-z0-9_]*)|(file):(.+)")


class Secret:
    """A reference, `env:NAME` or `file:PATH`; its text form is the reference, never the value."""

    __slots__ = ("_base", "reference")

    def __init__(self, reference: str, base: "Path | None" = None) -> None:
        """Refuse (ValueError) anything that is not a reference; the refused text is not repeated.

        A relative file is meant from the folder `base`, the working directory without one.
        """
        if not REFERENCE.fullmatch(reference):
            message = "a secret is given only as a reference, `env:NAME` or `file:PATH`; what stands here is neither"
            raise ValueError(message)
        self.reference, self._base = reference, base

    def __repr__(self) -> str:
        """Show the reference."""
        return f"Secret({self.reference!r})"

    def __eq__(self, other: object) -> bool:
        """Equal references are equal secrets."""
        return isinstance(other, Secret) and self.reference == other.reference

    def __hash__(self) -> int:
        """Hash of the reference."""
        return hash(self.reference)

    @property
    def variable(self) -> str | None:
        """The environment variable it names, None for a file."""
        kind, _, name = self.reference.partition(":")
        return name if kind == "env" else None

    def peek(self) -> str | None:
        """Give the value, None where it cannot be read now; a file's last line end does not count."""
        kind, _, name = self.reference.partition(":")
        if kind == "env":
            return os.environ.get(name)
        from pathlib import Path  # late: the command line's start does not need it

        try:
            return ((self._base or Path()) / Path(name).expanduser()).read_text().rstrip("\r\n")
        except (OSError, UnicodeDecodeError):
            return None

    def within(self, project: "Path") -> "Secret":
        """The same, with a relative file meant from the project's folder."""
        return Secret(self.reference, project)

    def reveal(self) -> str:
        """Give the value; ConfigError when the variable or file is absent or empty."""
        value = self.peek()
        if not value:
            raise ConfigError(
                f"the secret {self.reference} is empty or cannot be read",
                hint="in Jenkins bind the credential with withCredentials; in a shell export the variable",
            )
        return value
