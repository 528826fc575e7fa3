"""A bar at a terminal, once the ledger is long; nothing elsewhere."""

import sys
from io import StringIO

import pytest

from mlagent.cli.ledger.progress import LONG, progress


class Terminal(StringIO):
    def isatty(self) -> bool:
        return True


def at_a(terminal: StringIO, monkeypatch: pytest.MonkeyPatch) -> None:
    """Within a test: pytest sets its own before."""
    monkeypatch.setattr(sys, "stderr", terminal)


@pytest.fixture
def terminal() -> Terminal:
    return Terminal()


def test_a_long_ledger_is_counted(terminal: Terminal, monkeypatch: pytest.MonkeyPatch) -> None:
    at_a(terminal, monkeypatch)
    with progress(quiet=False) as told:
        assert told
        for done in range(0, LONG + 1, LONG // 10):
            told(done, LONG)
    assert "reading the ledger" in terminal.getvalue()
    assert "100%" in terminal.getvalue()


def test_a_short_one_is_read_before_anybody_waits(terminal: Terminal, monkeypatch: pytest.MonkeyPatch) -> None:
    at_a(terminal, monkeypatch)
    with progress(quiet=False) as told:
        assert told
        told(LONG - 1, LONG - 1)
    assert terminal.getvalue() == ""


def test_where_nobody_looks_nothing_is_told(terminal: Terminal, monkeypatch: pytest.MonkeyPatch) -> None:
    at_a(terminal, monkeypatch)
    with progress(quiet=True) as told:
        assert told is None
    at_a(StringIO(), monkeypatch)
    with progress(quiet=False) as told:
        assert told is None
    assert terminal.getvalue() == ""
