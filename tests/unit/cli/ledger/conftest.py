"""Who reads the ledger."""

from pathlib import Path

import pytest

from tests.unit.cli.ledger.ledger_house import Reader


@pytest.fixture
def reader(tmp_path: Path) -> Reader:
    """In a project whose ledger is empty."""
    return Reader(tmp_path)


@pytest.fixture
def told(reader: Reader) -> Reader:
    """In a project whose ledger tells a story."""
    reader.story()
    return reader
