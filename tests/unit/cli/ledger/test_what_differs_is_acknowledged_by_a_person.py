"""`mlagent ledger reconcile` and `acknowledge`: what was done by hand is named, and a person answers for it."""

import json

import pytest

from mlagent.core.ports.ledger import entries
from tests.unit.cli.ledger.ledger_house import Keeper, Reader


def moved(keeper: Keeper) -> str:
    """Production's alias, by hand; the finding's id."""
    keeper.registry.point("risk", "production", 2, 1)
    (found,) = json.loads(keeper.types("ledger", "reconcile", "--json").out)["findings"]
    return str(found["id"])


def acknowledge(keeper: Keeper, *ids: str, by: str = "Ada Lovelace", reason: str = "for the audit") -> tuple[int, str]:
    said = keeper.types("ledger", "acknowledge", *ids, "--by", by, "--reason", reason)
    return said.code, said.out + said.err


def test_where_nothing_differs_that_is_said(keeper: Keeper, reader: Reader) -> None:
    said = keeper.types("ledger", "reconcile")
    assert (said.code, said.err) == (0, "")
    assert said.out == "nothing differs: registry, clusters and the ledger itself are as the ledger says\n"


def test_an_alias_moved_by_hand_ends_with_12_and_says_how_to_go_on(keeper: Keeper) -> None:
    named = moved(keeper)
    said = keeper.types("ledger", "reconcile")
    assert said.code == 12
    assert "the alias production was moved by hand: it points at version 2" in said.out.replace("\n", " ")
    assert "1 finding stands in the way of promotions" in said.err
    assert f"mlagent ledger acknowledge {named} --by NAME" in said.err


def test_a_person_answers_for_it_and_nothing_is_open_any_more(keeper: Keeper) -> None:
    named = moved(keeper)
    code, out = acknowledge(keeper, named)
    assert code == 0
    assert f"{named}: Ada Lovelace answers for it (entry 4)" in out
    fact = list(entries(keeper.ledger))[-1].fact
    assert (fact.what, fact.who, fact.environment) == ("acknowledged", "Ada Lovelace", "production")
    assert (fact.details["finding"], fact.details["reason"]) == (named, "for the audit")
    assert "@" in fact.details["typed_by"]
    said = keeper.types("ledger", "reconcile")
    assert (said.code, "acknowledged" in said.out, "[Ada Lovelace: for the audit]" in said.out) == (0, True, True)


def test_a_secret_in_a_reason_does_not_come_into_the_ledger(keeper: Keeper, monkeypatch: pytest.MonkeyPatch) -> None:
    named = moved(keeper)
    monkeypatch.setenv("TOKEN", "hunter2hunter2")
    keeper.env |= {"MLAGENT_REGISTRY_USERNAME": "team", "MLAGENT_REGISTRY_PASSWORD": "env:TOKEN"}
    code, out = acknowledge(keeper, named, by="Ada hunter2hunter2", reason="pushed by hunter2hunter2")
    assert (code, "hunter2" in out) == (0, False)
    assert b"hunter2" not in list(keeper.ledger.kept())[-1].data


def test_the_same_again_adds_nothing(keeper: Keeper) -> None:
    named = moved(keeper)
    acknowledge(keeper, named, named)
    code, out = acknowledge(keeper, named, by="Grace")
    assert (code, "Ada Lovelace has acknowledged it already" in out) == (0, True)
    assert keeper.ledger.head().number == 4


def test_another_finding_is_not_acknowledged_with_it(keeper: Keeper) -> None:
    acknowledge(keeper, moved(keeper))
    keeper.registry.label("risk", 2, {"release": "sha256:forged"})
    said = keeper.types("ledger", "reconcile")
    assert (said.code, "tag-differs" in said.out) == (12, True)


def test_what_is_no_finding_now_is_refused_with_those_that_are(keeper: Keeper) -> None:
    named = moved(keeper)
    code, out = acknowledge(keeper, named, "ffffffffffff")
    assert (code, named in out) == (4, True)
    assert keeper.ledger.head().number == 3


def test_nobody_and_no_reason_answer_for_nothing(keeper: Keeper) -> None:
    named = moved(keeper)
    assert acknowledge(keeper, named, by=" ")[0] == 2
    assert acknowledge(keeper, named, reason="")[0] == 2
    assert keeper.ledger.head().number == 3


def test_what_stands_in_nobodys_way_needs_nobody(keeper: Keeper) -> None:
    keeper.happened("promoted", 2, environment="production", details={"version": "2", "pointed": "1"})
    (found,) = json.loads(keeper.types("ledger", "reconcile", "--json").out)["findings"]
    assert (found["kind"], found["state"]) == ("cut-off", "note")
    code, out = acknowledge(keeper, found["id"])
    assert (code, "stands in nobody's way" in out) == (0, True)
    assert keeper.ledger.head().number == 4


def test_a_fault_of_the_ledger_is_a_finding_and_can_be_answered_for(keeper: Keeper) -> None:
    file = keeper.entry(1)
    file.write_bytes(file.read_bytes().replace(b"jenkins@node", b"mallory@node"))
    said = keeper.types("ledger", "reconcile", "--json")
    found = [one["id"] for one in json.loads(said.out)["findings"] if one["state"] == "open"]
    assert said.code == 12
    assert acknowledge(keeper, *found)[0] == 0
    assert keeper.types("ledger", "reconcile").code == 0


def test_an_environment_that_cannot_be_asked_leaves_it_open(keeper: Keeper) -> None:
    with (keeper.folder / "mlpipeline.yaml").open("a") as file:
        file.write("staging:\n  namespace: risk\n  kubeconfig: env:NO_SUCH_KUBECONFIG\n")
    said = keeper.types("ledger", "reconcile")
    assert (said.code, "not everything was asked: staging was not asked" in said.err) == (11, True)
