"""Before anything changes all is looked at; what was cut off is written down; nothing blocks a way back."""

from collections.abc import Callable
from typing import Any

import pytest

from mlagent.adapters.ledgers.objects import ENTRIES, HEAD
from mlagent.core.ports.ledger import Fact
from mlagent.core.release import Came, Served
from mlagent.errors import ConfigError, InfrastructureError, InputError, PolicyRefused
from mlagent.ledger import checkpoint, guard
from mlagent.ledger.desk import PROBE, UNSIGNED, Desk
from tests.promotion_house import MODEL, House


@pytest.fixture
def house() -> House:
    """Versions 1 and 2 in staging, one after the other."""
    made = House()
    made.promote(1)
    made.promote(2)
    return made


@pytest.fixture
def said() -> list[str]:
    return []


@pytest.fixture
def desk(house: House, said: list[str]) -> Desk:
    return Desk(
        model=MODEL,
        ledger=house.ledger,
        registry=house.registry,
        anchors=tuple(house.anchors()),
        sign=house.sign,
        good=house.good,
        now=house.now,
        say=said.append,
    )


def cut_off(house: House) -> None:
    """Somebody takes the last two entries away, and all that beside the ledger tells of them."""
    store = house.ledger._store
    for number in (3, 4):
        store.remove(f"{ENTRIES}{number:012d}")
    store.write(HEAD, b"2")
    for name in list(store.names("ledger/checkpoints/")):
        if int(name.rpartition("/")[2].partition("-")[0]) > 2:
            store.remove(name)


def edited(house: House) -> None:
    """Somebody changes who promoted version 1."""
    store = house.ledger._store
    name = f"{ENTRIES}{2:012d}"
    store.write(name, store.read(name).data.replace(b'"ann"', b'"bob"'))


def acknowledge_all(house: House, desk: Desk) -> None:
    for one in desk.look():
        details = {"finding": one.id, "kind": one.kind, "says": one.says, "reason": "restored what there was"}
        fact = Fact(what="acknowledged", model=MODEL, who="ann", time=house.now(), release="", details=details)
        house.ledger.append(fact)


def test_where_all_is_as_it_was_nothing_is_said(desk: Desk, said: list[str]) -> None:
    desk.admit("it does not come")
    assert said == []


@pytest.mark.parametrize("tamper", [cut_off, edited])
def test_a_ledger_that_was_changed_blocks_until_all_of_it_is_acknowledged(
    house: House, desk: Desk, tamper: Callable[[House], None]
) -> None:
    tamper(house)
    with pytest.raises(PolicyRefused, match=r"it does not come, since .* \(finding ") as raised:
        desk.admit("it does not come")
    assert "mlagent ledger acknowledge" in raised.value.hint
    acknowledge_all(house, desk)
    desk.admit("it does not come")


@pytest.mark.parametrize("tamper", [cut_off, edited])
def test_once_it_is_acknowledged_promotions_are_anchored_again(
    house: House, desk: Desk, said: list[str], tamper: Callable[[House], None]
) -> None:
    tamper(house)
    acknowledge_all(house, desk)
    entry = desk.settle(house.promotion(3)).entry
    for anchor in house.anchors():
        there = anchor.there(3)
        assert there is not None
        assert checkpoint.read(there).checkpoint.size == entry.number
    assert guard.open_of(house.ledger, MODEL, desk.look()) == ()
    assert said == []


@pytest.mark.parametrize("tamper", [cut_off, edited])
def test_a_way_back_goes_on_and_the_checkpoints_go_on_speaking_against_who_changed_the_ledger(
    house: House, desk: Desk, said: list[str], tamper: Callable[[House], None]
) -> None:
    tamper(house)
    desk.glance("staging", Served(exists=True, release=house.release(2)), "ann")
    assert any("(finding " in one for one in said)
    assert desk.settle(house.way_back(1, left=2)).appended
    assert house.alias() == 1
    against = [one for one in guard.open_of(house.ledger, MODEL, desk.look()) if "checkpoint" in one.says]
    assert any("annotation mlagent.io/ledger" in one.says for one in against)


def test_a_checkpoint_that_shows_that_the_ledger_was_cut_off_is_not_written_over(
    house: House, desk: Desk, said: list[str]
) -> None:
    cut_off(house)
    before = house.anchors()[1].there(1)
    desk.settle(house.way_back(1, left=2))
    assert house.anchors()[1].there(1) == before
    assert any("was left where it is" in one for one in said)


def test_that_nobody_signs_is_said_at_a_promotion_alone(house: House, desk: Desk, said: list[str]) -> None:
    unsigned = desk._replace(sign=None)
    unsigned.settle(house.promotion(3))
    unsigned.settle(house.promotion(3))
    unsigned.settle(house.way_back(2, left=3))
    assert said == [UNSIGNED]


# what was cut off in the cluster


def came(house: House, **other: Any) -> Came:
    plain: dict[str, Any] = {"kind": "deploy", "since": house.now(), "placement": "p3"}
    return Came(**(plain | other))


def test_a_deploy_that_was_cut_off_is_written_down_before_another_one_comes(
    house: House, desk: Desk, said: list[str]
) -> None:
    known = house.release(3)
    house.ledger.append(Fact(what="verdict", model=MODEL, who="ci", time=house.now(), release=known.digest))
    served = Served(exists=True, release=known, came=came(house))
    desk.make_up("staging", served, "build 8")
    assert house.facts()[-2:] == [("deployed", "staging", 30), ("promoted", "staging", 30)]
    fact = house.entries()[-1].fact
    assert fact.who == "build 8"
    assert served.came is not None
    assert served.came.since in fact.details["found"]
    assert "the ledger did not tell of that: it does now" in said[0]
    desk.make_up("staging", served, "build 8")
    assert len(house.moves()) == 3
    assert house.alias() == 3


def test_a_rollback_that_was_cut_off_is_written_down_with_what_it_left_and_why(house: House, desk: Desk) -> None:
    left = came(house, kind="rollback", placement="p1", left=house.release(2), reason="too slow")
    desk.make_up("staging", Served(exists=True, release=house.release(1), came=left), "ann")
    fact = house.entries()[-1].fact
    assert (fact.what, fact.build, fact.details["reason"]) == ("rolled-back", 10, "too slow")
    assert fact.details["from_build"] == "20"
    with pytest.raises(PolicyRefused, match="was rolled back there"):
        desk.settle(house.promotion(2))


def test_what_nobody_can_explain_is_not_written_down(house: House, desk: Desk) -> None:
    desk.make_up("staging", Served(exists=True, release=house.release(3), came=came(house)), "build 8")
    desk.make_up("staging", Served(exists=True, release=house.release(1)), "build 8")
    assert len(house.moves()) == 2


def test_a_ledger_that_is_away_blocks_no_way_back(
    house: House, desk: Desk, said: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def away(*_: object) -> None:
        raise InfrastructureError("the ledger is away")

    monkeypatch.setattr(house.ledger, "head", away)
    desk.glance("staging", Served(exists=True, release=house.release(2)), "ann")
    assert said == ["whether all is as the ledger says was not looked at: the ledger is away"]


def test_a_key_that_cannot_sign_is_known_before_anything_is_written(house: House, desk: Desk) -> None:
    def wrong(_: bytes) -> tuple[str, str]:
        raise ConfigError("cosign cannot open the key: the password is wrong")

    before = house.entries()
    with pytest.raises(ConfigError, match="the password is wrong"):
        desk._replace(sign=wrong).admit("it does not come")
    assert house.entries() == before


def test_the_key_is_tried_on_what_is_no_checkpoint(desk: Desk) -> None:
    asked: list[bytes] = []

    def sign(data: bytes) -> tuple[str, str]:
        asked.append(data)
        return "", ""

    desk._replace(sign=sign).admit("it does not come")
    assert asked == [PROBE]
    with pytest.raises(InputError):
        checkpoint.read(PROBE)
