"""What an environment serves, and the checkpoint on its Deployment, speak for or against the ledger."""

import json
from pathlib import Path

import pytest

from mlagent.cli.ledger import around
from mlagent.core.ports.cluster import Kind
from mlagent.core.ports.ledger import NOTE
from mlagent.ledger.anchors import Anchor, Annotation, VersionTags
from mlagent.ledger.checkpoint import read
from mlagent.ledger.promotion import Move, settle
from tests.rollout_cluster import MODEL
from tests.rollout_house import release
from tests.soak_house import House
from tests.unit.cli.ledger.ledger_house import SIGNED, Keeper

STAGING = f"{SIGNED}staging:\n  namespace: risk-staging\n"


class Deployer(Keeper):
    """Version 1 serves in staging, and the ledger says so."""

    def __init__(self, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        super().__init__(folder, monkeypatch, STAGING)
        self.house = House(folder, monkeypatch)
        placed = self.house.serve(1)
        self.registry.register(MODEL, release(1).onnx, {})
        move = Move(what="promoted", release=placed.release, environment="staging", who="jenkins@node")
        places: list[Anchor] = [VersionTags(self.registry, MODEL), Annotation(self.house.cluster, MODEL)]
        settle(move, self.registry, self.ledger, places, around.signer(self.app()), self._now)

    def note(self) -> str:
        live = self.house.cluster.get(Kind("apps/v1", "Deployment"), MODEL)
        assert live
        return str(live["metadata"]["annotations"][NOTE])

    def findings(self) -> list[dict[str, str]]:
        found: list[dict[str, str]] = json.loads(self.types("ledger", "reconcile", "--json").out)["findings"]
        return found


@pytest.fixture
def deployer(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Deployer:
    return Deployer(tmp_path, monkeypatch)


def test_what_serves_as_the_ledger_says_is_no_finding(deployer: Deployer) -> None:
    assert deployer.findings() == []


def test_a_deployment_edited_by_hand_is_one(deployer: Deployer) -> None:
    image = release(2).image

    def another(live: object) -> None:
        live["spec"]["template"]["spec"]["containers"][0]["image"] = image  # type: ignore[index]

    deployer.house.place.by_hand(another, "kubectl-edit")
    kinds = {one["kind"] for one in deployer.findings()}
    assert kinds & {"edited", "other-release"}


def test_another_release_than_the_ledger_says_is_one(deployer: Deployer) -> None:
    deployer.happened("promoted", 7, environment="staging", details={"version": "1", "pointed": "1"})
    assert "other-release" in {one["kind"] for one in deployer.findings()}


def test_a_checkpoint_is_put_on_the_deployment_and_speaks_when_the_ledger_is_cut(deployer: Deployer) -> None:
    deployer.happened("retrained", details={"reason": "drift"})
    assert "put where staging keeps one" in deployer.types("ledger", "checkpoint").out
    assert read(deployer.note().encode()).checkpoint.size == 2
    deployer.entry(2).unlink()
    said = deployer.types("ledger", "verify")
    assert said.code == 12
    assert f"annotation {NOTE}" in said.out


def test_an_api_server_that_is_away_is_said(deployer: Deployer) -> None:
    deployer.house.cluster.away = True
    verified, compared = deployer.types("ledger", "verify"), deployer.types("ledger", "reconcile")
    assert (verified.code, "note: staging was not asked: " in verified.out) == (0, True)
    assert (compared.code, "staging was not asked" in compared.err) == (11, True)
    sealed = deployer.types("ledger", "checkpoint")
    assert (sealed.code, "note: staging was not given it: " in sealed.out) == (0, True)
