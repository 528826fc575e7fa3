"""`mlagent ledger show`: what was done and judged, a row an entry."""

import msgspec
import pytest

from mlagent.core.ports.ledger import Entry, What
from tests.unit.cli.ledger.ledger_house import Reader, at

WITH_CHANGES = "done, attempt 2, commit c0ffee with changes"
DRIFTED = "data: psi of Age, 0.4"
ANSWERED = "ab: moved, because: audit, typed by ada@desk"
JUDGED = "parity pass by export; made by 0123"


def numbers(out: str) -> list[str]:
    return [row.split()[0] for row in out.splitlines()[2:] if row[:1].isdigit()]


def test_the_newest_of_this_project_stands_last(told: Reader) -> None:
    out = told.types("ledger", "show").out
    assert numbers(out) == ["1", "2", "3", "4", "5", "6", "7", "8", "9", "11", "12"]
    assert out.splitlines()[0].split()[:3] == ["entry", "time", "(UTC)"]


def test_a_row_says_who_did_what_and_why(told: Reader) -> None:
    (row,) = [one for one in told.types("ledger", "show").out.splitlines() if "rolled-back" in one]
    assert "2024-03-01 09:11:00" in row
    assert "production" in row
    assert "ada@desk" in row
    assert row.endswith("version 1, from 2, prices are wrong")


def test_all_models_of_a_shared_ledger_are_shown_when_asked(told: Reader) -> None:
    out = told.types("ledger", "show", "--all").out
    assert numbers(out) == [str(one) for one in range(1, 13)]
    assert next(one for one in out.splitlines() if "other" in one).startswith("10 ")
    assert numbers(told.types("ledger", "show", "--model", "other").out) == ["10"]
    assert told.types("ledger", "show", "--all", "--model", "x").code == 2


def test_what_is_asked_for_is_narrowed(told: Reader) -> None:
    assert numbers(told.types("ledger", "show", "--env", "staging").out) == ["3", "8"]
    assert numbers(told.types("ledger", "show", "--what", "waived", "--what", "verdict").out) == ["2", "5", "6", "7"]
    assert numbers(told.types("ledger", "show", "--since", at(9)).out) == ["9", "11", "12"]
    assert numbers(told.types("ledger", "show", "--all", "--since", at(9.5)).out) == ["10", "11", "12"]


def test_a_limit_keeps_the_newest_and_says_that_there_are_more(told: Reader) -> None:
    out = told.types("ledger", "show", "--limit", "2").out
    assert numbers(out) == ["11", "12"]
    assert "there are older ones" in out
    assert "there are older ones" not in told.types("ledger", "show", "--limit", "11").out


def test_programs_are_given_the_entries(told: Reader) -> None:
    out = told.types("ledger", "show", "--json", "--limit", "1").out
    (entry,) = msgspec.json.decode(out, type=list[Entry])
    assert (entry.number, entry.fact.who) == (12, "Ada Lovelace")


def test_an_empty_ledger_and_nothing_of_the_kind_are_said(reader: Reader) -> None:
    assert "the ledger is empty" in reader.types("ledger", "show").out
    reader.story()
    assert "none of the 12 entries is such a one of risk" in reader.types("ledger", "show", "--what", "drifted").out


def test_what_is_no_time_or_has_not_come_is_refused_with_an_example(told: Reader) -> None:
    refused = told.types("ledger", "show", "--since", "last march")
    assert (refused.code, "write it as 2026-03-01" in refused.err) == (2, True)
    assert "has not come yet" in told.types("ledger", "show", "--since", "2999-01-01").err
    assert told.types("ledger", "show", "--since", "0001-01-01T00:00:00+14:00").code == 2


def test_a_reason_cannot_write_to_the_terminal(reader: Reader) -> None:
    reader.happened("retrained", details={"reason": "drift\x1b[2J\nentry 9"})
    out = reader.types("ledger", "show").out
    assert "\x1b" not in out
    assert "drift?[2J entry 9" in out


def test_details_that_no_sentence_knows_stand_by_their_names(reader: Reader) -> None:
    reader.happened("data-accepted", details={"rows": "67856", "profile": "sha256:" + "ab" * 32})
    assert "profile abababababab; rows 67856" in reader.types("ledger", "show").out


def test_what_is_read_in_blocks_from_the_end_is_whole(told: Reader, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("mlagent.cli.ledger.show.BLOCK", 5)
    assert numbers(told.types("ledger", "show", "--all").out) == [str(one) for one in range(1, 13)]
    assert numbers(told.types("ledger", "show", "--all", "--limit", "3").out) == ["10", "11", "12"]


@pytest.mark.parametrize(
    ("what", "details", "sentence"),
    [
        ("run-finished", {"outcome": "refused", "stage": "gate", "category": "gate"}, "refused at gate"),
        ("run-finished", {"outcome": "done", "attempt": "2", "commit": "c0ffee", "dirty": "true"}, WITH_CHANGES),
        ("run-finished", {"outcome": "done", "pull_request": "17"}, "done, pull request 17"),
        ("drifted", {"subject": "data", "worst": "psi of Age", "says": "0.4", "verdict": "sha256:x"}, DRIFTED),
        (
            "overridden",
            {"what": "stages.skip: check", "reason": "a spike", "attempt": "1"},
            "stages.skip: check, a spike",
        ),
        ("retrained", {"reason": "drift"}, "drift"),
        ("deployed", {"version": "3", "namespace": "risk", "placement": "p3"}, "version 3 to namespace risk"),
        ("acknowledged", {"finding": "ab", "says": "moved", "reason": "audit", "typed_by": "ada@desk"}, ANSWERED),
        ("verdict", {"subject": "parity", "outcome": "pass", "stage": "export", "made_by": "0123"}, JUDGED),
    ],
)
def test_each_kind_has_its_sentence(reader: Reader, what: What, details: dict[str, str], sentence: str) -> None:
    reader.happened(what, who="x", details=details)
    row = reader.types("ledger", "show").out.splitlines()[2]
    assert row.partition("  x    ")[2] == sentence
