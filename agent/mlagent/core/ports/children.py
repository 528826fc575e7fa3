"""Programs that run beside mlagent, in an environment of their own, with no secret in it."""

from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Protocol


class Children(Protocol):
    """Starts, streams, and always ends what it started, with everything that it started in turn."""

    def run(
        self,
        module: str,
        request: Mapping[str, object],
        output: Path,
        poll: Callable[[], None] = lambda: None,
        *,
        seconds: float = 0,
    ) -> None:
        """Run `python -m module REQUEST.json`, for `seconds` at most if not 0; call `poll` a few times a second.

        The request gains `output`. The contract is files and exit status: a program that fails writes
        `error.json` (category, message, hint) into `output`, and that error is raised here; one that is done
        writes `result.json` last.
        """

    def execute(self, command: Sequence[str], *, seconds: float, env: Mapping[str, str], kept: Path) -> int:
        """Run a command in the project's folder, its output streamed and kept in the file `kept`; its exit status.

        ConfigError (3) when there is no such program, TeamCodeError (5) when it takes longer than `seconds`.
        """

    def serve(self, module: str, arguments: Sequence[str], ready: Path) -> AbstractContextManager[str]:
        """Run `python -m module ARGUMENTS --ready-file READY --parent-pid OURS` while in the block; yields its URL."""
