"""What every command shares: the project's folder, how to speak, and what must not be said."""

from collections.abc import Mapping, Sequence
from contextlib import suppress
from typing import TYPE_CHECKING

from mlagent import catalog
from mlagent.errors import UsageError

if TYPE_CHECKING:
    from pathlib import Path

    from mlagent.config.load import Flag, Settings
    from mlagent.config.redact import Redactor
    from mlagent.engine.log import EngineLog, Format
    from mlagent.engine.workspace import Workspace


class App:
    """One command's state; heavy parts are opened when they are asked for."""

    def __init__(self, environ: Mapping[str, str], folder: str = ".", log_format: "Format" = "auto") -> None:
        """Open nothing yet; `folder` is the project's."""
        self.environ, self.folder, self.log_format = environ, folder, log_format
        self.config: str | None = None
        self.said: dict[str, object] = {}
        self.redactor: Redactor | None = None
        self.error_homes: list[Path] = []

    @property
    def project(self) -> "Path":
        """The project's folder."""
        from pathlib import Path

        try:
            return Path(self.config).resolve().parent if self.config else Path(self.folder).resolve()
        except (RuntimeError, ValueError) as error:  # links that lead in a circle; a zero byte
            raise UsageError(f"--project {self.folder!r}: {error}", hint="name the project's folder") from error

    @property
    def file(self) -> str:
        """The name of its configuration."""
        from pathlib import Path

        from mlagent.config.load import FILE

        return Path(self.config).name if self.config else FILE

    def settings(self, flags: "Sequence[Flag]" = ()) -> "Settings":
        """The resolved configuration; from here on its secrets are masked wherever they would be printed."""
        from mlagent.config.load import load
        from mlagent.config.redact import Redactor

        if (self.project / self.file).exists():
            self.error_homes = [self.project / ".mlagent"]
        settings = load(catalog.SECTIONS, self.project, self.environ, flags, self.file)
        self.redactor = Redactor(settings.secrets())
        with suppress(OSError):  # a project that cannot be written to can still be looked at
            (self.project / ".mlagent" / "error.json").unlink(missing_ok=True)
        return settings

    def workspace(self, flags: "Sequence[Flag]" = ()) -> "Workspace":
        """The project with its runs."""
        from mlagent.engine.workspace import Workspace

        found = Workspace(self.project, self.settings(flags), catalog.STAGES)
        found.notice = lambda text: self.log().warning(text)
        if self.environ.get("MLPIPELINE_CARRY") == "in":
            from mlagent.engine.carry import take_in

            take_in(found)
        return found

    def log(self) -> "EngineLog":
        """The log, in the form asked for."""
        from mlagent.config.redact import Redactor
        from mlagent.engine.log import open_log

        return open_log(self.log_format, self.redactor or Redactor())

    def mask(self, text: str) -> str:
        """Take secrets out of a text that is about to be printed."""
        return self.redactor.text(text) if self.redactor else text
