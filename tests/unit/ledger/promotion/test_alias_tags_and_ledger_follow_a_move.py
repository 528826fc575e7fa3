"""A move is written down once; alias, tags and checkpoints follow; the same again changes nothing."""

import msgspec
import pytest

from mlagent.core import digest
from mlagent.core.ports.ledger import reached
from mlagent.errors import Held, PolicyRefused
from mlagent.ledger import checkpoint
from mlagent.ledger.history import left_behind, standing
from tests.promotion_house import MODEL, House


@pytest.fixture
def house() -> House:
    return House()


def test_the_alias_of_the_environment_moves_and_the_ledger_says_who_did_it(house: House) -> None:
    settled = house.promote(1)
    assert (settled.pointed, settled.appended, settled.unknown, settled.notes) == (True, True, "", ())
    assert house.alias() == 1
    fact = house.entries()[-1].fact
    assert (fact.what, fact.who, fact.environment, fact.build) == ("promoted", "ann", "staging", 10)
    assert (fact.release, fact.run) == (house.release(1).digest, house.release(1).run)
    assert fact.details["version"] == "1"
    assert fact.details["pointed"] == "nowhere"


def test_the_deploy_is_told_before_the_promotion(house: House) -> None:
    house.promote(1)
    assert [what for what, _, _ in house.facts()] == ["deployed", "promoted"]
    assert house.entries()[0].fact.details == {"placement": "p1", "namespace": "risk-staging"}


def test_the_version_says_how_far_it_came_and_by_which_entry(house: House) -> None:
    entry = house.promote(1).entry
    tags = house.tags(1)
    assert tags["stage"] == "Staging"
    assert tags["release"] == house.release(1).digest
    assert tags["record"] == entry.fact.details["record"]
    assert tags["ledger.staging"] == f"2 {digest.of_bytes(list(house.ledger.kept())[1].data)}"
    house.promote(1, "production")
    assert house.tags(1)["stage"] == "Production"
    house.promote(2)
    assert (house.tags(1)["stage"], house.tags(2)["stage"]) == ("Production", "Staging")


def test_a_signed_checkpoint_of_it_lies_on_the_version_and_on_the_deployment(house: House) -> None:
    entry = house.promote(1).entry
    for anchor in house.anchors():
        (anchored,) = anchor.read()
        sealed = checkpoint.read(anchored.data)
        assert sealed.checkpoint.size == entry.number
        assert house.good(checkpoint.signed(sealed.checkpoint), sealed.signature)
    assert house.report().faults == ()


def test_without_a_key_the_checkpoint_is_not_signed(house: House) -> None:
    house.sign = None
    house.promote(1)
    (anchored,) = house.anchors()[0].read()
    assert checkpoint.read(anchored.data).signature == ""


def test_the_same_again_writes_nothing(house: House) -> None:
    house.promote(1)
    before = (house.entries(), house.tags(1), list(house.ledger.checkpoints()))
    settled = house.promote(1)
    assert (settled.pointed, settled.appended) == (False, False)
    assert (house.entries(), house.tags(1), list(house.ledger.checkpoints())) == before


def test_another_placement_of_what_was_promoted_is_another_deploy_and_no_promotion(house: House) -> None:
    house.promote(1)
    more = {"placement": "p1-more-memory"}
    house.settle(msgspec.structs.replace(house.promotion(1), deployed=more))
    assert [what for what, _, _ in house.facts()] == ["deployed", "promoted", "deployed"]


def test_a_later_build_of_the_same_image_takes_its_place_in_the_order(house: House) -> None:
    house.promote(1)
    again = house.promote(1, build=90)
    assert (again.pointed, again.appended) == (False, True)
    assert reached(house.ledger, MODEL, "staging") == 90
    assert house.found() == ()


def test_going_back_moves_the_alias_back_and_leaves_the_order_of_builds_alone(house: House) -> None:
    house.promote(1)
    house.promote(2)
    settled = house.back(1, left=2)
    assert (settled.pointed, settled.appended) == (True, True)
    assert house.alias() == 1
    assert house.moves()[-1] == ("rolled-back", "staging", 10)
    assert reached(house.ledger, MODEL, "staging") == 20
    details = house.entries()[-1].fact.details
    assert (details["from"], details["from_version"]) == (house.release(2).digest, "2")
    assert (details["reason"], details["record"]) == ("errors", f"sha256:{2001:064x}")
    assert house.back(1, left=2).appended is False


def test_what_serves_again_rests_on_what_it_rested_on_before(house: House) -> None:
    house.promote(1)
    house.promote(2)
    house.back(1, left=2)
    assert house.entries()[-1].fact.holds == (house.release(1).onnx,)


def test_a_build_that_was_left_by_a_rollback_does_not_come_again_until_a_rollback_leads_to_it(house: House) -> None:
    house.promote(1)
    house.promote(2)
    house.back(1, left=2)
    assert left_behind(house.ledger, MODEL, "staging", 20) is not None
    with pytest.raises(PolicyRefused, match="rolled back there by ann"):
        house.promote(2)
    house.back(2, left=1)
    assert left_behind(house.ledger, MODEL, "staging", 20) is None
    assert left_behind(house.ledger, MODEL, "staging", 10) is not None
    assert house.promote(2).appended


def test_what_others_do_elsewhere_is_not_mistaken_for_this(house: House) -> None:
    house.promote(1)
    house.promote(2, "production")
    assert house.promote(1).appended is False
    assert (house.alias(), house.alias("production")) == (1, 2)


def test_an_older_build_is_refused_however_far_it_came(house: House) -> None:
    house.promote(2)
    before = house.entries()
    with pytest.raises(PolicyRefused, match="build 20 has been promoted there, and this is build 10"):
        house.promote(1)
    assert (house.entries(), house.alias()) == (before, 2)


def test_a_registry_that_does_not_know_the_model_is_left_alone_and_that_is_said(house: House) -> None:
    settled = house.promote(1, onnx="sha256:" + "e" * 64)
    assert (settled.pointed, settled.appended) == (False, True)
    assert "does not know risk version 1 (000000000000), so no alias was moved" in settled.unknown
    assert house.alias() is None
    assert "version" not in settled.entry.fact.details
    assert [one for one in house.tags(1) if one.startswith("ledger")] == []
    assert house.found() == ()


def test_whoever_moves_the_alias_all_the_time_is_not_fought_for_ever(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(house.registry, "point", lambda *_: False)
    with pytest.raises(Held, match="others move the alias staging"):
        house.promote(1)
    monkeypatch.undo()
    assert house.promote(1).pointed
    assert house.moves() == [("promoted", "staging", 10)]


def test_a_promotion_that_was_cut_off_is_ended_by_whoever_comes_next(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    house.promote(1)
    monkeypatch.setattr(house.registry, "label", _killed)
    with pytest.raises(KeyboardInterrupt):
        house.promote(2)
    monkeypatch.undo()
    assert (house.alias(), [one.kind for one in house.found()]) == (1, ["cut-off"])
    house.promote(3)
    assert [build for _, _, build in house.moves()] == [10, 20, 30]
    assert house.alias() == 3
    assert house.tags(2)["ledger.staging"].startswith("4 ")
    assert house.found() == ()


def _killed(*_: object) -> None:
    raise KeyboardInterrupt


def test_what_stands_is_the_newest_move(house: House) -> None:
    assert standing(house.ledger, MODEL, "staging") is None
    house.promote(1)
    house.promote(2)
    entry = house.back(1, left=2).entry
    assert standing(house.ledger, MODEL, "staging") == entry
