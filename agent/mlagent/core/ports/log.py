"""How a stage speaks: run, stage and attempt are already bound, secrets are redacted on the way out."""

from typing import Protocol


class Log(Protocol):
    """Text for people on a terminal, quiet timestamped lines or JSON elsewhere."""

    def info(self, event: str, **fields: object) -> None:
        """Say something a person following along wants to know."""

    def warning(self, event: str, **fields: object) -> None:
        """Say something a person should look at."""

    def progress(self, event: str, done: int, of: int, **fields: object) -> None:
        """Say how far long work is: a bar on a terminal, a line elsewhere."""

    def underway(self, event: str, done: float, of: int, **fields: object) -> None:
        """Say how far it is between two of these: drawn on a terminal, not told elsewhere."""

    def output(self, line: str) -> None:
        """Pass on one line that a child process printed."""
