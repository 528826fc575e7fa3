"""An alias and a fact once a release serves; the same again changes nothing."""

import pytest

from mlagent.adapters.fakes import MemoryStore
from mlagent.adapters.ledgers.objects import ObjectLedger
from mlagent.adapters.local.models import LocalRegistry
from mlagent.core.ports.ledger import entries, reached
from mlagent.core.release import Release
from mlagent.errors import Held
from mlagent.rollout.promotion import Recorded, left_behind, promoted, rolled_back
from mlagent.rollout.release import Placed

NOW = "2026-01-02T03:04:05.000+00:00"


class House:
    """A registry and a ledger over one store in memory, with two versions of a model."""

    def __init__(self) -> None:
        store = MemoryStore()
        self.registry, self.ledger = LocalRegistry(store), ObjectLedger(store)
        self.one, self.two = self.placed("1", 5), self.placed("2", 6)

    def placed(self, digit: str, build: int) -> Placed:
        onnx = "sha256:" + digit * 64
        version = self.registry.register("risk", onnx, {}).number
        image = f"registry/risk@sha256:{digit * 63}f"
        return Placed(
            id=f"p{digit}", release=Release(model="risk", image=image, version=version, onnx=onnx, build=build)
        )

    def promote(self, placed: Placed) -> Recorded:
        return promoted(self.registry, self.ledger, placed, "staging", "ann", NOW)

    def back(self, placed: Placed, left: Placed) -> Recorded:
        return rolled_back(
            self.registry, self.ledger, placed, "staging", "ann", NOW, left=left.release, reason="errors"
        )

    def alias(self) -> int | None:
        found = self.registry.pointed("risk", "staging")
        return found.number if found else None

    def facts(self) -> list[tuple[str, str, int]]:
        return [(one.fact.what, one.fact.release, one.fact.build) for one in entries(self.ledger)]


@pytest.fixture
def house() -> House:
    return House()


def test_the_alias_of_the_environment_moves_and_the_ledger_says_who_did_it(house: House) -> None:
    assert house.promote(house.one) == Recorded(pointed=True, appended=True)
    assert house.alias() == 1
    fact = next(entries(house.ledger)).fact
    assert (fact.what, fact.who, fact.time, fact.environment, fact.build) == ("promoted", "ann", NOW, "staging", 5)
    assert fact.release == house.one.release.digest


def test_the_same_again_writes_nothing(house: House) -> None:
    house.promote(house.one)
    assert house.promote(house.one) == Recorded(pointed=False, appended=False)
    assert len(house.facts()) == 1


def test_what_an_interruption_left_undone_is_made_good(house: House) -> None:
    house.promote(house.one)
    house.registry.point("risk", "staging", 2, 1)  # the alias had moved, the ledger was not written
    assert house.promote(house.two) == Recorded(pointed=False, appended=True)
    assert [what for what, _, _ in house.facts()] == ["promoted", "promoted"]


def test_a_later_build_of_the_same_image_takes_its_place_in_the_order(house: House) -> None:
    house.promote(house.one)
    again = house.placed("1", 9)
    assert house.promote(again) == Recorded(pointed=False, appended=True)
    assert reached(house.ledger, "risk", "staging") == 9


def test_going_back_moves_the_alias_back_and_leaves_the_order_of_builds_alone(house: House) -> None:
    house.promote(house.one)
    house.promote(house.two)
    assert house.back(house.one, house.two) == Recorded(pointed=True, appended=True)
    assert house.alias() == 1
    assert house.facts()[-1] == ("rolled-back", house.one.release.digest, 5)
    assert reached(house.ledger, "risk", "staging") == 6
    details = list(entries(house.ledger))[-1].fact.details
    assert (details["from"], details["from_version"]) == (house.two.release.digest, "2")
    assert details["reason"] == "errors"
    assert house.back(house.one, house.two) == Recorded(pointed=False, appended=False)


def test_a_build_that_was_left_by_a_rollback_is_known_until_a_rollback_leads_to_it(house: House) -> None:
    house.promote(house.one)
    house.promote(house.two)
    assert left_behind(house.ledger, "risk", "staging", 6) is None
    house.back(house.one, house.two)
    found = left_behind(house.ledger, "risk", "staging", 6)
    assert found is not None
    assert found.details["reason"] == "errors"
    assert left_behind(house.ledger, "risk", "staging", 5) is None
    assert left_behind(house.ledger, "risk", "production", 6) is None
    house.back(house.two, house.one)
    assert left_behind(house.ledger, "risk", "staging", 6) is None
    assert left_behind(house.ledger, "risk", "staging", 5) is not None


def test_forward_and_back_again_is_told_each_time(house: House) -> None:
    house.promote(house.one)
    for _ in range(2):
        house.promote(house.two)
        house.back(house.one, house.two)
    words = [what for what, _, _ in house.facts()]
    assert words == ["promoted", "promoted", "rolled-back", "promoted", "rolled-back"]


def test_what_others_do_elsewhere_is_not_mistaken_for_this(house: House) -> None:
    house.promote(house.one)
    promoted(house.registry, house.ledger, house.two, "production", "ann", NOW)
    assert house.promote(house.one).appended is False


def test_a_registry_that_does_not_know_the_model_is_left_alone_and_that_is_said(house: House) -> None:
    strange = Placed(
        id="p", release=Release(model="risk", image="r/risk@sha256:" + "e" * 64, version=2, onnx="sha256:" + "e" * 64)
    )
    found = house.promote(strange)
    assert (found.pointed, found.appended) == (False, True)
    assert "does not know risk version 2 (eeeeeeeeeeee), so no alias was moved" in found.unknown
    assert house.alias() is None


def test_whoever_moves_the_alias_all_the_time_is_not_fought_for_ever(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(house.registry, "point", lambda *_: False)
    with pytest.raises(Held, match="others move the alias staging"):
        house.promote(house.one)
    assert house.facts() == []
