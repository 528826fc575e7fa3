"""Order, soak and commit decide before the cluster is asked; all that stands against it is named."""

import msgspec
import pytest

from mlagent.core.ports.ledger import Fact
from mlagent.core.release import Release
from mlagent.errors import PolicyRefused
from mlagent.rollout.admission import Asked, Soaked, admit

DIGEST, OTHER = "sha256:" + "1" * 64, "sha256:" + "2" * 64
RELEASE = Release(model="risk", image=f"registry.example/risk@{DIGEST}", version=7, onnx=OTHER, build=12)
SOAKED = Soaked(environment="staging", image=DIGEST, outcome="pass")
GOOD = Asked(release=RELEASE, environment="production", reached=12, soaked=SOAKED, commit="c" * 40)


def refused(**changes: object) -> str:
    with pytest.raises(PolicyRefused) as caught:
        admit(msgspec.structs.replace(GOOD, **changes))
    assert caught.value.hint
    return caught.value.message


def test_a_release_that_soaked_from_a_clean_commit_may_come() -> None:
    admit(GOOD)
    admit(msgspec.structs.replace(GOOD, reached=0))


def test_staging_asks_for_order_alone() -> None:
    admit(Asked(release=RELEASE, environment="staging", reached=11, dirty=True))
    assert "build 13 has been there, and this is build 12" in refused(environment="staging", reached=13)


def test_an_older_build_returns_by_rollback_only() -> None:
    with pytest.raises(PolicyRefused) as caught:
        admit(msgspec.structs.replace(GOOD, reached=13))
    assert "mlagent rollback" in caught.value.hint


def test_what_was_rolled_back_does_not_come_again_by_itself() -> None:
    left = Fact(
        what="rolled-back",
        model="risk",
        who="ann@laptop",
        time="2026-03-01T00:00:00Z",
        release=OTHER,
        details={"reason": "errors"},
    )
    assert "rolled back there by ann@laptop at 2026-03-01T00:00:00Z (errors)" in refused(left=left)


def test_production_wants_the_same_image_to_have_soaked() -> None:
    assert "has not soaked in staging" in refused(soaked=None)
    assert "222222222222 has soaked in staging, and this is 111111111111" in refused(
        soaked=msgspec.structs.replace(SOAKED, image=OTHER)
    )
    for outcome in ("fail", "inconclusive"):
        assert f"ended with {outcome}" in refused(soaked=msgspec.structs.replace(SOAKED, outcome=outcome))


def test_production_wants_a_commit_and_nothing_beside_it() -> None:
    assert "built from no commit" in refused(commit="")
    assert "changes that are not in commit cccccccccccc" in refused(dirty=True)


def test_everything_that_stands_against_it_is_named() -> None:
    said = refused(reached=13, soaked=None, dirty=True)
    assert said.count(";") == 2
    assert said.startswith("risk version 7 (111111111111) does not go to production: ")
