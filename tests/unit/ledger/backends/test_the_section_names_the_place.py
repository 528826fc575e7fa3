"""The section `ledger` names where the ledger is; what is no place for one is refused in words, without its secrets."""

import sqlite3
import sys
from pathlib import Path

import pytest

from mlagent import adapters
from mlagent.adapters.fakes import MemoryStore
from mlagent.adapters.ledgers.lines import LineLedger
from mlagent.adapters.ledgers.objects import ObjectLedger
from mlagent.adapters.ledgers.sql import SqlLedger
from mlagent.config.ledger import Ledger as Settings
from mlagent.config.secret import Secret
from mlagent.core.ports.ledger import Ledger
from mlagent.errors import ConfigError, InfrastructureError, InputError
from tests.contract.ledgers import fact


def opened(url: str, project: Path, monkeypatch: pytest.MonkeyPatch) -> Ledger:
    monkeypatch.setenv("LEDGER_URL", url)
    return adapters.ledger(Settings(database=Secret("env:LEDGER_URL")), project, MemoryStore())


def test_without_a_place_it_is_in_the_store(tmp_path: Path) -> None:
    assert isinstance(adapters.ledger(Settings(), tmp_path, MemoryStore()), ObjectLedger)


def test_a_file_is_meant_from_the_project(tmp_path: Path) -> None:
    said: list[str] = []
    ledger = adapters.ledger(Settings(file="kept/ledger.jsonl"), tmp_path, MemoryStore(), notice=said.append)
    assert isinstance(ledger, LineLedger)
    ledger.append(fact())
    path = tmp_path / "kept" / "ledger.jsonl"
    path.write_bytes(path.read_bytes()[:-9])
    ledger.append(fact())
    assert len(said) == 1


def test_a_folder_is_no_place(tmp_path: Path) -> None:
    (tmp_path / "kept").mkdir()
    with pytest.raises(ConfigError, match=r"ledger\.file: kept/ is a folder") as refused:
        adapters.ledger(Settings(file="kept/"), tmp_path, MemoryStore())
    assert "kept/ledger.jsonl" in refused.value.hint


@pytest.mark.parametrize("service", ["keyless", "file://x", "awskms://a b"])
def test_who_cannot_sign_checkpoints_is_refused(service: str) -> None:
    with pytest.raises(ValueError, match=r"service.* (cannot sign checkpoints|is none: awskms)"):
        Settings(service=service)


def test_a_database_of_one_file_is_meant_from_the_project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    ledger = opened("sqlite:///kept/ledger.db", tmp_path, monkeypatch)
    assert isinstance(ledger, SqlLedger)
    assert not (tmp_path / "kept").exists()
    ledger.append(fact())
    assert (tmp_path / "kept" / "ledger.db").is_file()
    assert opened(f"sqlite:///{tmp_path}/kept/ledger.db", Path("/nowhere"), monkeypatch).head().number == 1


@pytest.mark.parametrize(
    ("url", "said"),
    [
        ("s3cret", "ledger.database holds no database's URL"),
        ("postgresql://user:s3cret/part@host:port/x", "ledger.database holds no database's URL"),
        ("nothing+known://user:s3cret@host/x", "a ledger cannot be kept in nothing"),
        ("mysql+pymysql://user:s3cret@host/x", "a ledger cannot be kept in mysql"),
        ("sqlite://", "this SQLite database has no file"),
        ("sqlite:///:memory:", "this SQLite database has no file"),
        ("sqlite:///file:s3cret?mode=memory&uri=true", "this SQLite database has no file"),
        ("postgresql+nothing://user:s3cret@host/x", "ledger.database holds no database's URL"),
    ],
)
def test_what_is_no_place_is_refused(url: str, said: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(ConfigError, match=said) as caught:
        opened(url, tmp_path, monkeypatch)
    assert "s3cret" not in caught.value.message + caught.value.hint
    assert "sqlite:///ledger.db" in caught.value.hint
    assert caught.value.__cause__ is None


def test_a_missing_driver_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "psycopg", None)
    with pytest.raises(ConfigError, match="'psycopg' is not installed") as caught:
        opened("postgresql://user:s3cret@host/x", tmp_path, monkeypatch)
    assert "mlagent[postgres]" in caught.value.hint


def test_a_file_that_is_no_database_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "ledger.db").write_text("something else, of more bytes than SQLite takes for an empty file\n" * 20)
    with pytest.raises(InputError, match="file is not a database"):
        opened("sqlite:///ledger.db", tmp_path, monkeypatch).head()


def test_a_database_that_is_locked_for_too_long_is_away(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("mlagent.adapters.ledgers.sql_database.BUSY_SECONDS", 0.1)
    ledger = opened("sqlite:///ledger.db", tmp_path, monkeypatch)
    ledger.append(fact())
    other = sqlite3.connect(tmp_path / "ledger.db", isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    with pytest.raises(InfrastructureError, match="database is locked"):
        ledger.append(fact())
    assert ledger.head().number == 1
    other.close()
    assert ledger.append(fact()).number == 2


def test_tables_that_were_half_made_are_made_whole(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """As by somebody who was killed in between."""
    ledger = opened("sqlite:///ledger.db", tmp_path, monkeypatch)
    ledger.append(fact())
    other = sqlite3.connect(tmp_path / "ledger.db")
    other.executescript("DROP TABLE mlagent_ledger_builds; DROP INDEX mlagent_ledger_about")
    assert opened("sqlite:///ledger.db", tmp_path, monkeypatch).next_build() == 1
    made = other.execute("SELECT name FROM sqlite_master WHERE name LIKE 'mlagent%' ORDER BY name").fetchall()
    other.close()
    assert [name for (name,) in made] == [
        "mlagent_ledger_about",
        "mlagent_ledger_builds",
        "mlagent_ledger_checkpoints",
        "mlagent_ledger_entries",
        "mlagent_ledger_models",
        "mlagent_ledger_times",
    ]
