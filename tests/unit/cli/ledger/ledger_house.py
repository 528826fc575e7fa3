"""A project whose ledger tells a story: two releases go to production, one comes back, another model shares it."""

from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, NamedTuple

import click
import pytest
from click.testing import CliRunner

from mlagent import adapters
from mlagent.adapters.memory_signer import Board, MemorySigner
from mlagent.cli.app import App
from mlagent.cli.ledger import around
from mlagent.cli.main import cli as mlagent
from mlagent.core.digest import of_bytes
from mlagent.core.ports.ledger import Entry, Fact, Ledger, What
from mlagent.core.ports.models import ModelRegistry
from mlagent.core.ports.signer import PublicKey
from mlagent.core.release import Release
from mlagent.errors import MlagentError, UsageError
from mlagent.ledger.anchors import TAG, VersionTags
from mlagent.ledger.checkpoint import take, write
from mlagent.ledger.promotion import Move, settle

YAML = """\
project:
  name: risk
data:
  path: data.csv
  target: y
"""
BEGAN = datetime(2024, 3, 1, 9, 0, tzinfo=UTC)


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
        self.happened(
            "run-finished",
            1,
            run=RUNS[1],
            details={"outcome": "done", "stage": "sign", "attempt": "2", "commit": COMMIT, "dirty": "true"},
        )
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


SIGNED = f"{YAML}ledger:\n  key: env:LEDGER_KEY\n  public_key: ledger.pub\n"


class Keeper(Reader):
    """Someone whose releases are promoted as `deploy` does it, with a key for checkpoints; `signer` is cosign."""

    def __init__(self, folder: Path, monkeypatch: pytest.MonkeyPatch, yaml: str = SIGNED) -> None:
        super().__init__(folder, yaml)
        self.signer = MemorySigner(Board(), "ledger")
        (folder / "ledger.pub").write_text(pem(self.signer))
        monkeypatch.setattr(adapters, "signer", lambda *_, **__: self.signer)
        monkeypatch.setattr(adapters, "verifier", lambda *_, **__: MemorySigner(Board(), "anybody"))

    @property
    def registry(self) -> ModelRegistry:
        return self.app().workspace().registry

    def promotes(self, version: int, environment: str) -> None:
        self.registry.register("risk", onnx(version), {})
        made = Release(
            model="risk",
            image=f"registry.example/risk@{image(version)}",
            version=version,
            onnx=onnx(version),
            build=version,
        )
        move = Move(
            what="promoted", release=made, environment=environment, who="jenkins@node", details={"record": RECORD}
        )
        sign = around.signer(self.app())
        settle(move, self.registry, self.ledger, [VersionTags(self.registry, "risk")], sign, self._now)

    def _now(self) -> str:
        self.minutes += 1
        return at(self.minutes)

    def entry(self, number: int) -> Path:
        """The file in which an entry lies."""
        (found,) = (self.folder / ".mlagent" / "store").rglob(f"*entries/{number:012d}")
        return found


def pem(signer: MemorySigner) -> str:
    by = signer.by()
    assert isinstance(by, PublicKey)
    return by.pem


def onnx(version: int) -> str:
    return of_bytes(b"onnx %d" % version)


def unsigned_everywhere(keeper: Keeper) -> None:
    """All checkpoints, as somebody without a key can make them."""
    for file in (keeper.folder / ".mlagent" / "store").rglob("*checkpoints/0*"):
        file.unlink()
    keeper.env["MLAGENT_LEDGER_KEY"] = "null"
    sealed = write(take(keeper.ledger, at(99), None)).decode()
    for one in keeper.registry.versions("risk"):
        keeper.registry.label("risk", one.number, {TAG: sealed})
