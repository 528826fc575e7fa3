"""`mlagent ledger at`: what was where, since when, who moved it, why, on what evidence."""

import json

from tests.unit.cli.ledger.ledger_house import RECORD, Reader, at, image


def lines(out: str) -> dict[str, str]:
    """The answer's lines by name."""
    found = (one[2:] for one in out.splitlines() if one.startswith("  "))
    return {name.strip(): said for name, _, said in (one.partition("  ") for one in found)}


def asked(reader: Reader, minutes: float, *more: str) -> str:
    said = reader.types("ledger", "at", at(minutes), "--env", "production", *more)
    assert said.code == 0
    return said.out


def test_a_time_in_between_is_answered_in_full(told: Reader) -> None:
    out = asked(told, 9.5)
    assert out.splitlines()[0].startswith("production at 2024-03-01 09:09:30 UTC: risk version 2 (")
    found = {name: said.strip() for name, said in lines(out).items()}
    assert found["release"] == image(2)
    assert found["since"] == "2024-03-01 09:09:00 UTC (entry 9), 30 s before"
    assert found["until"].startswith("2024-03-01 09:11:00 UTC (entry 11): risk version 1 (")
    assert found["until"].endswith("was gone back to")
    assert found["moved by"] == "jenkins@node"
    assert found["replaced"].endswith("there since 2024-03-01 09:04:00 UTC (entry 4)")
    assert found["verdicts"] == "gate pass"
    assert found["waivers"] == "roc_auc >= 0.7, Ada answers for it, new rows (entry 6)"
    assert found["approvals"] == "none is written down"
    assert found["record"] == RECORD


def test_the_evidence_stands_below_failures_too(told: Reader) -> None:
    rows = [one for one in asked(told, 9.5).splitlines() if one[:1].isdigit()]
    assert [one.split()[0] for one in rows] == ["5", "6", "7", "8", "9"]
    assert "gate fail" in rows[0]


def test_a_rollback_is_answered_with_its_reason(told: Reader) -> None:
    found = lines(asked(told, 30))
    assert found["why"].strip() == "rolled back from version 2: prices are wrong"
    assert found["moved by"].strip() == "ada@desk"
    assert found["until"].strip() == "no later move is written down"


def test_the_first_release_replaced_nothing_and_names_its_commit(told: Reader) -> None:
    found = lines(asked(told, 5))
    assert found["replaced"].strip() == "nothing: it was the first"
    assert "commit c0ffee" in found["made by"]


def test_before_the_first_release_the_answer_says_when_that_came(told: Reader) -> None:
    out = asked(told, 2)
    assert "no release of risk was in production at 2024-03-01 09:02:00 UTC: risk version 1 (" in out
    assert "came first, 2024-03-01 09:04:00 UTC (entry 4)" in out


def test_an_empty_ledger_and_a_model_that_nobody_promoted_are_answered(reader: Reader) -> None:
    assert "the ledger is empty" in asked(reader, 2)
    reader.story()
    assert "no release of digits was ever brought to production" in asked(reader, 9, "--model", "digits")


def test_a_date_is_its_first_moment_and_now_is_now(told: Reader) -> None:
    day = told.types("ledger", "at", "2024-03-02", "--env", "production")
    assert day.out.startswith("production at 2024-03-02 00:00:00 UTC: risk version 1 (")
    assert told.types("ledger", "at", "now", "--env", "staging").out.split(": ")[1].startswith("risk version 2")


def test_another_zone_is_the_same_moment(told: Reader) -> None:
    for spelled in ("2024-03-01T11:09:30+02:00", "2024-03-01t09:09:30z"):
        said = told.types("ledger", "at", spelled, "--env", "production")
        assert said.out == asked(told, 9.5)


def test_what_has_not_come_and_what_is_no_environment_are_refused(told: Reader) -> None:
    assert "has not come yet" in told.types("ledger", "at", "2999-01-01", "--env", "production").err
    unknown = told.types("ledger", "at", "now", "--env", "prod")
    assert (unknown.code, "'staging', 'production'" in unknown.err) == (2, True)


def test_programs_are_given_whole_entries(told: Reader) -> None:
    found = json.loads(asked(told, 9.5, "--json"))
    assert (found["entry"]["number"], found["replaced"]["number"], found["until"]["number"]) == (9, 4, 11)
    assert [one["number"] for one in found["evidence"]] == [5, 6, 7, 8, 9]
    nothing = json.loads(asked(told, 2, "--json"))
    assert (nothing["entry"], nothing["until"]["number"]) == (None, 4)
