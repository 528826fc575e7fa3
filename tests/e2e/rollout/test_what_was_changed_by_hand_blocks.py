"""On the real cluster: what somebody changed around the ledger is named, and blocks until a person answers for it."""

import re
import subprocess

import pytest

from mlagent.adapters.ledgers.objects import ObjectLedger
from mlagent.adapters.local.models import LocalRegistry
from mlagent.adapters.stores import open_store
from mlagent.core.ports.ledger import NOTE, entries
from mlagent.ledger import checkpoint
from tests.cluster import house
from tests.e2e.rollout.bed import MODEL
from tests.e2e.rollout.home import Home

Ended = subprocess.CompletedProcess[str]


def deploy(home: Home, *more: str) -> Ended:
    return home.mlagent(home.one, "deploy", "--env", "staging", *more)


def findings(ended: Ended) -> list[str]:
    """The ids that a refusal names."""
    assert ended.returncode == 12, ended.stdout + ended.stderr
    return re.findall(r"\(finding ([0-9a-f]+)\)", ended.stderr)


def acknowledge(home: Home, ids: list[str]) -> None:
    answered = home.mlagent(
        home.one, "ledger", "acknowledge", *ids, "--by", "Ada Lovelace", "--reason", "a drill of ours"
    )
    assert answered.returncode == 0, answered.stdout + answered.stderr


def what(home: Home) -> list[str]:
    """The facts of moves and acknowledgements, the oldest first."""
    told = [one.fact.what for one in entries(ObjectLedger(open_store(home.store)))]
    return [one for one in told if one in ("deployed", "promoted", "rolled-back", "acknowledged")]


def note(home: Home) -> int:
    """How many entries the checkpoint on the Deployment is of."""
    live = house.admin_json("get", "deployment", MODEL, "--namespace", home.staging)
    return checkpoint.read(live["metadata"]["annotations"][NOTE].encode()).checkpoint.size


@pytest.fixture
def serving(home: Home) -> Home:
    """The first release serves in staging."""
    home.deploy(home.one)
    return home


def test_the_checkpoint_on_the_deployment_outlives_deploys(serving: Home) -> None:
    size = note(serving)
    assert size == len(list(entries(ObjectLedger(open_store(serving.store)))))
    serving.deploy(serving.one)
    assert note(serving) == size
    assert what(serving) == ["deployed", "promoted"]


def test_pods_that_were_edited_block_until_a_person_answers_and_the_edit_is_taken_back(serving: Home) -> None:
    house.admin("set", "env", f"deployment/{MODEL}", "BY_HAND=1", "--namespace", serving.staging)
    house.admin("rollout", "status", f"deployment/{MODEL}", "--namespace", serving.staging, "--timeout=120s")
    refused = deploy(serving, "--overwrite")
    assert "the Deployment in staging was edited by hand: kubectl-set has set spec.template" in refused.stderr
    acknowledge(serving, findings(refused))
    again = deploy(serving)
    assert again.returncode == 21, again.stderr
    taken_back = deploy(serving, "--overwrite")
    assert taken_back.returncode == 0, taken_back.stdout + taken_back.stderr
    reconciled = serving.mlagent(serving.one, "ledger", "reconcile")
    assert reconciled.returncode == 0, reconciled.stdout


def test_an_alias_that_was_moved_blocks_and_the_promotion_puts_it_back(serving: Home) -> None:
    registry = LocalRegistry(open_store(serving.store))
    there = registry.pointed(MODEL, "staging")
    assert there is not None
    other = next(one.number for one in registry.versions(MODEL) if one.number != there.number)
    registry.point(MODEL, "staging", other, there.number)
    refused = deploy(serving)
    assert "the alias staging was moved by hand" in refused.stderr
    acknowledge(serving, findings(refused))
    assert deploy(serving).returncode == 0
    assert LocalRegistry(open_store(serving.store)).pointed(MODEL, "staging") == registry.versions(MODEL)[0]


def test_a_ledger_that_was_cut_off_is_known_by_the_deployment(serving: Home) -> None:
    ledger = open_store(serving.store)
    number = note(serving)
    for name in list(ledger.names("ledger/checkpoints/")):
        ledger.remove(name)
    for tagged in LocalRegistry(ledger).versions(MODEL):
        LocalRegistry(ledger).label(MODEL, tagged.number, {"ledger.checkpoint": ""})
    for name in list(ledger.names("ledger/entries/"))[number - 1 :]:
        ledger.remove(name)
    ledger.write("ledger/head", b"%d" % (number - 1))
    refused = deploy(serving)
    assert refused.returncode == 12, refused.stderr
    assert f"annotation {NOTE}" in refused.stderr
    assert "cut off" in refused.stderr
