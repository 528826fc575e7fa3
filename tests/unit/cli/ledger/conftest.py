"""Who reads the ledger."""

from pathlib import Path

import pytest

from tests.unit.cli.ledger.ledger_house import Keeper, Reader


@pytest.fixture
def reader(tmp_path: Path) -> Reader:
    """In a project whose ledger is empty."""
    return Reader(tmp_path)


@pytest.fixture
def told(reader: Reader) -> Reader:
    """In a project whose ledger tells a story."""
    reader.story()
    return reader


@pytest.fixture
def keeper(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Keeper:
    """In a project where release 1 is in production, 2 in staging, all signed and put where others keep it."""
    made = Keeper(tmp_path, monkeypatch)
    made.promotes(1, "staging")
    made.promotes(1, "production")
    made.promotes(2, "staging")
    return made
