"""A project whose ledger tells a story: two releases go to production, one comes back, another model shares it."""

from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, NamedTuple

import click
from click.testing import CliRunner

from mlagent.cli.app import App
from mlagent.cli.main import cli as mlagent
from mlagent.core.digest import of_bytes
from mlagent.core.ports.ledger import Entry, Fact, Ledger, What
from mlagent.errors import MlagentError, UsageError

YAML = """\
project:
  name: risk
data:
  path: data.csv
  target: y
"""
BEGAN = datetime(2026, 3, 1, 9, 0, tzinfo=UTC)


class Said(NamedTuple):
    """How a command ended."""

    code: int
    out: str
    err: str


class Reader:
    """Someone in the project's folder; `yaml` is its configuration, `env` what the node sets."""

    def __init__(self, folder: Path, yaml: str = YAML) -> None:
        self.folder, self.env = folder, dict[str, str]()
        (folder / "mlpipeline.yaml").write_text(yaml)
        self.minutes = 0

    @property
    def ledger(self) -> Ledger:
        return self.app().workspace().ledger

    def app(self) -> App:
        return App(self.env, str(self.folder))

    def types(self, *words: str) -> Said:
        ended = CliRunner().invoke(
            mlagent, ["--project", str(self.folder), *words], obj=self.app(), standalone_mode=False
        )
        error = as_ended(ended.exception)
        told = f"{error.message} {error.hint}" if error else ""
        return Said(error.code if error else 0, ended.stdout, ended.stderr + told)

    def happened(self, what: What, version: int = 0, **more: Any) -> Entry:
        """A fact about a version, a minute after the one before."""
        self.minutes += 1
        given: dict[str, Any] = {
            "model": "risk",
            "who": "jenkins@node",
            "release": image(version) if version else "",
            "build": version,
        }
        fact = Fact(what=what, time=at(self.minutes), **(given | more))
        return self.ledger.append(fact)

    def story(self) -> None:
        """Entries 1 to 12; production is at version 1 from minute 4 on, 2 from 9 on, and 1 again from 11 on."""
        self.happened("run-finished", 1, run=RUNS[1], details={"outcome": "done", "attempt": "1", "commit": COMMIT})
        self.happened("verdict", 1, run=RUNS[1], details={"subject": "gate", "outcome": "pass", "stage": "gate"})
        self.promoted(1, "staging")
        self.promoted(1, "production")
        self.happened("verdict", 2, details={"subject": "gate", "outcome": "fail", "stage": "gate"})
        self.happened("waived", 2, who="Ada", details={"check": "roc_auc >= 0.7", "owner": "Ada", "reason": "new rows"})
        self.happened("verdict", 2, details={"subject": "gate", "outcome": "pass", "stage": "gate"})
        self.promoted(2, "staging")
        self.promoted(2, "production")
        self.happened("promoted", model="other", release=image(9), build=9, environment="production")
        details = {"version": "1", "reason": "prices are wrong", "from": image(2), "from_version": "2"}
        self.happened("rolled-back", 1, who="ada@desk", environment="production", details=details)
        self.happened("acknowledged", who="Ada Lovelace", details={"finding": "0123456789ab", "says": "moved by hand"})

    def promoted(self, version: int, environment: str) -> Entry:
        return self.happened(
            "promoted",
            version,
            environment=environment,
            run=RUNS[version],
            details={"version": str(version), "record": RECORD},
        )


def as_ended(raised: BaseException | None) -> MlagentError | None:
    """As `mlagent` ends; what is no expected end is raised."""
    if isinstance(raised, click.ClickException):
        return UsageError(raised.format_message())
    if raised is None or isinstance(raised, MlagentError):
        return raised
    raise raised


RUNS, COMMIT, RECORD = ("", "0123456789ab", "ba9876543210"), "c0ffee" * 6 + "cafe", of_bytes(b"the record")


def image(version: int) -> str:
    return of_bytes(b"image %d" % version)


def at(minutes: float) -> str:
    return (BEGAN + timedelta(minutes=minutes)).isoformat(timespec="milliseconds")
