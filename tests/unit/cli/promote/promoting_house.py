"""Someone in a project in which runs have ended, and who promotes them where no cluster is."""

from pathlib import Path
from typing import Any, NamedTuple

from click.testing import CliRunner

from mlagent.cli.app import App
from mlagent.cli.main import cli as mlagent
from mlagent.config.redact import Redactor
from mlagent.core import digest
from mlagent.core.artifact import Stored
from mlagent.core.ports.ledger import Entry, entries
from mlagent.engine.clock import now
from mlagent.engine.record import RunRecord, StageRecord
from mlagent.engine.workspace import Workspace
from mlagent.errors import MlagentError

YAML = """\
project:
  name: risk
data:
  path: data.csv
  target: y
"""
COMMIT = "c" * 40
STAGES = ("gate", "package", "load-test", "push", "release")


class Said(NamedTuple):
    """How a command ended."""

    code: int
    out: str
    err: str


class Person:
    """In a folder in which runs have ended; `env` is what the node sets."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.env = folder, dict[str, str]()
        (folder / "mlpipeline.yaml").write_text(YAML)
        (folder / "data.csv").write_text("x,y\n1,0\n")

    def workspace(self) -> Workspace:
        return App(self.env, str(self.folder)).workspace()

    def run(self, number: int, *, without: str = "", image: str = "", **other: Any) -> str:
        """A run that came to its end; its id."""
        there, name = self.workspace(), f"{number:012x}"
        onnx = "sha256:" + f"{number:064x}"
        version = there.registry.register("risk", onnx, {})
        file = self.folder / "version.json"
        file.write_bytes(digest.canonical_json(version))
        there.store.put(file, digest.of_file(file))
        made = {
            "export": {"onnx": onnx},
            "register": {"version": digest.of_file(file)},
            "package": {"image": image or "sha256:" + f"{number + 100:064x}"},
            "push": {"pushed": digest.of_json(number)},
            "release": {"release": digest.of_json(["record", number])},
        }
        stages = {
            one: StageRecord(
                state="done",
                attempt=1,
                key=None,
                parts={},
                started=now(),
                outputs={artifact: Stored("x", its, 1) for artifact, its in made.get(one, {}).items()},
            )
            for one in (*STAGES, "export", "register")
            if one != without
        }
        plain: dict[str, Any] = {
            "mlagent": "1",
            "run_id": name,
            "attempt": 1,
            "build": number,
            "project": "risk",
            "begun": now(),
            "commit": COMMIT,
            "dirty": False,
            "facts": {},
            "config": {},
            "config_sources": {},
            "stages": stages,
        }
        there.home.mkdir(exist_ok=True)
        there.records.save(RunRecord(**(plain | other)), None, Redactor())
        (there.home / "newest").write_text(name)
        return name

    def types(self, *words: str) -> Said:
        app = App(self.env, str(self.folder), log_format="lines")
        ended = CliRunner().invoke(mlagent, ["--project", str(self.folder), *words], obj=app, standalone_mode=False)
        error = ended.exception
        if error is not None and not isinstance(error, MlagentError):
            raise error
        told = f"{error.message} {error.hint}" if error else ""
        return Said(error.code if error else 0, ended.stdout, ended.stderr + told)

    def promote(self, environment: str, *words: str) -> Said:
        return self.types("promote", "--env", environment, *words)

    def entries(self) -> list[Entry]:
        return list(entries(self.workspace().ledger))

    def moves(self) -> list[tuple[str, str, int]]:
        return [(one.fact.what, one.fact.environment, one.fact.build) for one in self.entries()]

    def alias(self, environment: str) -> int | None:
        found = self.workspace().registry.pointed("risk", environment)
        return found.number if found else None
