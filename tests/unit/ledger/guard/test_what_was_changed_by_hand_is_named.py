"""Whatever somebody changes around the ledger is found, named, and blocks until a person has acknowledged just that."""

from collections.abc import Callable, Mapping
from typing import Any

import msgspec
import pytest

from mlagent.core.ports.ledger import Fact
from mlagent.errors import Held, PolicyRefused
from mlagent.ledger import guard
from tests.promotion_house import MODEL, House
from tests.unit.ledger.guard.guard_house import acknowledge, change, names, versions

FORGED = "9 sha256:" + "0" * 64


def moved(house: House) -> None:
    house.registry.point(MODEL, "staging", 1, 2)


def gone(house: House) -> None:
    pointed = house.registry.pointed
    house.registry.pointed = lambda model, alias: None if alias == "production" else pointed(model, alias)


def deleted(house: House) -> None:
    versions(house, lambda there: [one for one in there if one.number != 1])


def other_digest(house: House) -> None:
    def change_it(there: list[Any]) -> list[Any]:
        return [_with(one, digest="sha256:" + "a" * 64) if one.number == 1 else one for one in there]

    versions(house, change_it)


def _with(version: Any, **other: Any) -> Any:
    return msgspec.structs.replace(version, **other)


BY_HAND: Mapping[str, tuple[Callable[[House], object], list[tuple[str, str, bool]], str]] = {
    "an alias that points at another version": (
        moved,
        [("alias-moved", "staging", True)],
        "the alias staging was moved by hand: it points at version 1, and entry 6 of the ledger says version 2",
    ),
    "an alias that is gone": (
        gone,
        [("alias-gone", "production", True)],
        "the alias production is gone, and entry 4 of the ledger says version 1",
    ),
    "a version that is deleted": (
        deleted,
        [("version-deleted", "", True)],
        "version 1 was deleted from the registry: entry 4 brought it to production",
    ),
    "a version that stands for another model": (
        other_digest,
        [("tag-differs", "", True)],
        "version 1 says that it is sha256:aaaa",
    ),
    "a tag that names another image": (
        lambda house: change(house, 2, release="sha256:" + "b" * 64),
        [("tag-differs", "", True)],
        "the tag release of version 2 says sha256:bbbb",
    ),
    "a tag that names another record": (
        lambda house: change(house, 2, record="sha256:" + "c" * 64),
        [("tag-differs", "", True)],
        "the tag record of version 2 says sha256:cccc",
    ),
    "a stage that it has not reached": (
        lambda house: change(house, 2, stage="Production"),
        [("tag-differs", "", True)],
        "the tag stage of version 2 says Production, and the ledger Staging",
    ),
    "a stage of a version that was never promoted": (
        lambda house: change(house, 3, stage="Production"),
        [("tag-differs", "", True)],
        "the tag stage of version 3 says Production, and the ledger tells of no promotion of it",
    ),
    "an entry that is not in the ledger": (
        lambda house: change(house, 3, ledger__production=FORGED),
        [("tag-differs", "production", True)],
        f"the tag ledger.production of version 3 says '{FORGED}': the ledger tells of no such promotion",
    ),
    "another entry than the one that brought it": (
        lambda house: change(house, 2, ledger__staging=FORGED),
        [("tag-differs", "staging", True)],
        f"the tag ledger.staging of version 2 says '{FORGED}', and entry 6 brought it there",
    ),
    "an entry that is not named any more": (
        lambda house: change(house, 1, ledger__staging=""),
        [("tag-differs", "staging", True)],
        "the tag ledger.staging of version 1 says '', and entry 2 brought it there",
    ),
    "a checkpoint that was written over": (
        lambda house: change(house, 2, ledger__checkpoint="nothing"),
        [("ledger", "", True)],
        "checkpoint",
    ),
}


def test_nothing_is_found_where_all_is_as_the_ledger_says(house: House) -> None:
    assert house.found() == ()


@pytest.mark.parametrize("what", BY_HAND)
def test_it_is_named(house: House, what: str) -> None:
    by_hand, kinds, says = BY_HAND[what]
    by_hand(house)
    found = house.found()
    if what == "another entry than the one that brought it":  # which looks as if its promotion was never ended
        found = tuple(one for one in found if one.kind != "cut-off")
    assert names(found) == kinds
    assert says in found[0].says
    assert found[0].cure


@pytest.mark.parametrize("what", [one for one in BY_HAND if "checkpoint" not in one])
def test_it_blocks_the_next_promotion_until_a_person_acknowledges_just_this(house: House, what: str) -> None:
    BY_HAND[what][0](house)
    before = house.entries()
    with pytest.raises(PolicyRefused, match="the ledger says otherwise than what is there") as raised:
        house.promote(3)
    assert house.entries() == before
    for one in house.found():
        if one.blocks:
            assert f"(finding {one.id})" in raised.value.message
            acknowledge(house, one)
    assert house.promote(3).appended


def test_what_is_acknowledged_is_not_found_under_another_name_once_more_is_appended(house: House) -> None:
    house.registry.label(MODEL, 1, {"ledger.checkpoint": "nothing"})
    moved(house)
    ids = {one.id for one in house.found()}
    for one in house.found():
        acknowledge(house, one)
    assert {one.id for one in house.found()} == ids
    assert guard.open_of(house.ledger, MODEL, house.found()) == ()


def test_another_change_is_another_finding(house: House) -> None:
    moved(house)
    acknowledge(house, house.found()[0])
    assert guard.open_of(house.ledger, MODEL, house.found()) == ()
    house.registry.point(MODEL, "staging", 3, 1)
    assert [one.kind for one in guard.open_of(house.ledger, MODEL, house.found())] == ["alias-moved"]


def test_an_acknowledgement_in_another_model_counts_for_nothing(house: House) -> None:
    moved(house)
    (finding,) = house.found()
    fact = Fact(
        what="acknowledged", model="other", who="ann", time=house.now(), release="", details={"finding": finding.id}
    )
    house.ledger.append(fact)
    assert guard.open_of(house.ledger, MODEL, house.found()) == (finding,)


def test_a_rollback_goes_on_and_tells_of_it(house: House) -> None:
    moved(house)
    settled = house.back(1, left=2)
    assert settled.appended
    assert "the alias staging was moved by hand" in settled.notes[0]
    assert house.alias() == 1
    assert house.found() == ()


def test_what_is_put_back_is_found_no_more(house: House) -> None:
    moved(house)
    house.registry.point(MODEL, "staging", 2, 1)
    assert house.found() == ()


def test_an_alias_that_nobody_promoted_to_is_named() -> None:
    house = House()
    house.registry.point(MODEL, "production", 1, None)
    (finding,) = house.found()
    assert (finding.kind, finding.blocks) == ("alias-moved", True)
    assert "the ledger tells of no promotion there" in finding.says


def test_who_is_promoting_all_the_time_is_not_looked_at_for_ever(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    pointed = house.registry.pointed

    def meanwhile(*args: Any) -> Any:
        fact = Fact(what="promoted", model=MODEL, who="ann", time=house.now(), release="", environment="staging")
        house.ledger.append(fact)
        return pointed(*args)

    monkeypatch.setattr(house.registry, "pointed", meanwhile)
    with pytest.raises(Held, match="promoted all the time"):
        guard.findings(house.ledger, house.registry, MODEL)


def test_a_tag_that_was_taken_from_the_newest_move_is_put_back_by_the_next_one(house: House) -> None:
    change(house, 2, ledger__staging="")
    assert names(house.found()) == [("cut-off", "staging", False)]
    house.promote(2, "production")
    assert house.found() == ()
