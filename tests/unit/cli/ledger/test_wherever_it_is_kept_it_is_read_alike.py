"""The store, a file of JSON lines and SQLite: the commands say the same of the same entries."""

from pathlib import Path

import pytest

from tests.unit.cli.ledger.ledger_house import YAML, Reader, at

KEPT = ["", "ledger:\n  file: shared/ledger.jsonl\n", "ledger:\n  database: env:LEDGER_URL\n"]
COMMANDS = [
    ("show",),
    ("show", "--all", "--json"),
    ("show", "--since", at(9), "--what", "promoted"),
    ("at", at(9.5), "--env", "production"),
    ("at", at(5), "--env", "production", "--json"),
    ("verify",),
    ("export", "--out", "entries.jsonl"),
]


@pytest.fixture
def readers(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> list[Reader]:
    monkeypatch.setenv("LEDGER_URL", "sqlite:///kept/ledger.db")
    made = []
    for number, section in enumerate(KEPT):
        (tmp_path / str(number)).mkdir()
        made.append(Reader(tmp_path / str(number), YAML + section))
        made[-1].story()
    return made


def test_each_command_says_the_same(readers: list[Reader], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    for command in COMMANDS:
        store, file, database = (one.types("ledger", *command) for one in readers)
        assert store.code == 0, command
        assert store.out, command
        assert file == store, command
        assert database == store, command


def test_their_entries_are_the_same_bytes(readers: list[Reader]) -> None:
    store, file, database = (list(one.ledger.kept()) for one in readers)
    assert store == file == database
    assert (readers[1].folder / "shared" / "ledger.jsonl").read_bytes().splitlines() == [one.data for one in store]


def test_each_says_that_it_is_empty(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LEDGER_URL", "sqlite:///ledger.db")
    for section in KEPT:
        assert "the ledger is empty" in Reader(tmp_path, YAML + section).types("ledger", "show").out
