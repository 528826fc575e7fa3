"""What serves in a cluster is held against the ledger: another release, an edit, a deploy that was cut off."""

from collections.abc import Mapping
from typing import Any

from mlagent.core.ports.ledger import Fact
from mlagent.core.release import Came, Release, Served
from tests.promotion_house import MODEL, House
from tests.unit.ledger.guard.guard_house import names


def serves(release: Release | None, **other: Any) -> Mapping[str, Served]:
    plain: dict[str, Any] = {"exists": True, "release": release}
    return {"staging": Served(**(plain | other))}


def came(house: House, kind: Any = "deploy", left: Release | None = None) -> Came:
    return Came(kind=kind, since=house.now(), placement="p", left=left, reason="slow")


def test_what_serves_as_the_ledger_says_is_no_finding(house: House) -> None:
    assert house.found(served=serves(house.release(2))) == ()


def test_another_release_than_the_ledger_says_is_named(house: House) -> None:
    (finding,) = house.found(served=serves(house.release(3)))
    assert (finding.kind, finding.environment, finding.blocks) == ("other-release", "staging", True)
    assert f"staging serves {house.release(3)}, and entry 6 of the ledger says version 2 (build 20)" in finding.says


def test_a_release_that_was_deployed_by_another_ledger_is_named() -> None:
    house = House()
    (finding,) = house.found(served=serves(house.release(3), came=came(house)))
    assert (finding.kind, finding.blocks) == ("other-release", True)
    assert "which ledger was told of it" in finding.cure


def test_what_mlagent_did_not_put_there_is_named(house: House) -> None:
    (finding,) = house.found(served=serves(None, strange="template abc"))
    assert (finding.kind, finding.blocks) == ("other-release", True)
    assert "staging runs template abc" in finding.says


def test_pods_that_were_edited_are_named_field_by_field(house: House) -> None:
    edits = ("kubectl-edit has set spec.template.x at 2026-01-02", "kubectl-patch has set spec.template.y")
    found = house.found(served=serves(house.release(2), edits=edits))
    assert names(found) == [("edited", "staging", True)] * 2
    assert len({one.id for one in found}) == 2
    assert "kubectl-edit has set spec.template.x" in found[0].says


def test_a_deployment_that_is_gone_is_named_and_blocks_nothing(house: House) -> None:
    assert names(house.found(served=serves(None, exists=False))) == [("not-deployed", "staging", False)]


def test_a_deploy_that_was_cut_off_before_it_was_written_down_is_named_and_blocks_nothing(house: House) -> None:
    known = house.release(3)
    house.ledger.append(Fact(what="verdict", model=MODEL, who="ci", time=house.now(), release=known.digest))
    served = serves(known, came=came(house))
    assert names(house.found(served=served)) == [("unrecorded", "staging", False)]
    assert names(house.found(served=serves(known, came=came(house), edits=("x",)))) == [
        ("edited", "staging", True),
        ("other-release", "staging", True),
    ]


def test_an_older_build_that_somebody_deployed_is_no_deploy_that_was_cut_off(house: House) -> None:
    house.promote(3)
    served = serves(house.release(2), came=came(house))
    assert names(house.found(served=served)) == [("other-release", "staging", True)]


def test_a_rollback_that_was_cut_off_is_known_by_the_notes_of_its_rollout(house: House) -> None:
    left = house.release(2)
    served = serves(house.release(1), came=came(house, "rollback", left))
    assert names(house.found(served=served)) == [("unrecorded", "staging", False)]
    assert names(house.found(served=serves(house.release(4), came=came(house, "rollback", left)))) == [
        ("other-release", "staging", True)
    ]
