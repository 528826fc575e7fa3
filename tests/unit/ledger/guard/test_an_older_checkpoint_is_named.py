"""A checkpoint that is older than what it must tell of was put back, or taken away."""

import pytest

from mlagent.errors import PolicyRefused
from mlagent.ledger.anchors import TAG
from tests.promotion_house import MODEL, House
from tests.unit.ledger.guard.guard_house import acknowledge, change, names


def replayed(house: House, version: int, older: str) -> None:
    house.registry.label(MODEL, version, {TAG: older})


def test_an_older_checkpoint_that_was_put_back_blocks_until_it_is_acknowledged() -> None:
    house = House()
    house.promote(1)
    older = house.tags(1)[TAG]
    house.promote(2)
    replayed(house, 2, older)
    (finding,) = house.found()
    assert (finding.kind, finding.environment, finding.blocks) == ("tag-differs", "staging", True)
    assert f"the tag {TAG} of version 2 says 2 entries, and entry 4 left one there" in finding.says
    with pytest.raises(PolicyRefused, match="it was put back"):
        house.promote(3)
    acknowledge(house, finding)
    house.promote(3)
    assert house.found() == ()


def test_a_checkpoint_that_was_taken_away_blocks(house: House) -> None:
    replayed(house, 2, "")
    assert names(house.found()) == [("tag-differs", "staging", True)]


def test_taking_the_last_tag_away_as_well_hides_no_more_than_the_newest_move() -> None:
    house = House()
    house.promote(1)
    older = house.tags(1)[TAG]
    house.promote(2)
    house.promote(3)
    for version in (2, 3):
        replayed(house, version, older)
    change(house, 3, ledger__staging="")
    assert ("tag-differs", "staging", True) in names(house.found())
