"""`mlagent promote` where no cluster is: what is asked, what is written, what is refused."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from mlagent import adapters
from mlagent.adapters.memory_images import MemoryImages
from mlagent.adapters.memory_signer import Board, MemorySigner
from mlagent.core import digest
from mlagent.core.ports.ledger import Fact
from mlagent.engine.clock import now
from tests.good_release import IMAGE, REPOSITORY
from tests.unit.cli.promote.promoting_house import Person

# what is asked


def test_a_model_without_an_image_comes_to_staging_and_that_nothing_was_verified_is_said(person: Person) -> None:
    person.run(1)
    said = person.promote("staging")
    assert said.code == 0
    assert "risk version 1 (000000000000) is promoted to staging: entry 1 of the ledger" in said.out
    assert "nothing was verified" in said.err
    assert said.err.count("the ledger's checkpoint is not signed") == 1
    assert (person.moves(), person.alias("staging")) == ([("promoted", "staging", 1)], 1)


def test_the_same_again_writes_nothing(person: Person) -> None:
    person.run(1)
    person.promote("staging")
    said = person.promote("staging")
    assert (said.code, len(person.entries())) == (0, 1)
    assert "is in staging already" in said.out
    assert "not signed" not in said.err


def test_production_wants_an_image(person: Person) -> None:
    person.run(1)
    person.promote("staging")
    said = person.promote("production")
    assert said.code == 12
    assert "it pushed no image" in said.err
    assert person.alias("production") is None


def test_from_development_to_staging_to_production(registry: Person) -> None:
    run = registry.run(1)
    assert registry.promote("staging", run).code == 0
    assert registry.promote("production", run).code == 0
    assert registry.moves() == [("promoted", "staging", 1), ("promoted", "production", 1)]
    fact = registry.entries()[1].fact
    assert (fact.release, fact.run) == ("sha256:" + f"{101:064x}", run)
    assert fact.details["record"] == digest.of_json(["record", 1])
    assert digest.of_json(["record", 1]) in fact.holds
    (version,) = registry.workspace().registry.versions("risk")
    assert version.tags["stage"] == "Production"


def test_no_stage_is_skipped(registry: Person) -> None:
    registry.run(1)
    said = registry.promote("production")
    assert said.code == 12
    assert "it has not been promoted to staging" in said.err
    assert registry.entries() == []


def test_another_image_of_the_same_model_has_not_been_in_staging(registry: Person) -> None:
    registry.run(1)
    registry.promote("staging")
    registry.run(1, image=IMAGE, run_id="a" * 12, build=2)
    assert "it has not been promoted to staging" in registry.promote("production", "a" * 12).err


def test_what_was_rolled_back_in_staging_does_not_come_to_production(registry: Person) -> None:
    first, second = registry.run(1), registry.run(2)
    registry.promote("staging", first)
    registry.promote("staging", second)
    registry.types("rollback", "--env", "staging", "--reason", "odd")
    said = registry.promote("production", second)
    assert said.code == 12
    assert "it was rolled back in staging by" in said.err
    assert registry.promote("production", first).code == 0


@pytest.mark.parametrize(
    ("other", "says"),
    [
        ({"commit": None}, "it was built from no commit"),
        ({"dirty": True}, "it was built with changes that are not in commit cccccccccccc"),
    ],
)
def test_production_wants_a_clean_commit(registry: Person, other: dict[str, Any], says: str) -> None:
    registry.run(1, **other)
    assert registry.promote("staging").code == 0
    said = registry.promote("production")
    assert said.code == 12
    assert says in said.err


@pytest.mark.parametrize("stage", ["gate", "register", "load-test", "push"])
def test_a_run_that_has_not_come_so_far_is_not_promoted(registry: Person, stage: str) -> None:
    run = registry.run(1, without=stage)
    said = registry.promote("staging")
    assert said.code == 12
    assert f"run {run} has not passed {stage}" in said.err


def test_an_older_build_is_refused(registry: Person) -> None:
    first, second = registry.run(1), registry.run(2)
    registry.promote("staging", second)
    said = registry.promote("staging", first)
    assert said.code == 12
    assert "build 2 has been promoted there, and this is build 1" in said.err


def test_a_run_of_which_the_ledger_was_not_told_waits(registry: Person) -> None:
    fact = Fact(what="verdict", model="risk", who="ci", time=now(), release="")
    registry.run(1, untold=[fact])
    said = registry.promote("staging")
    assert said.code == 20
    assert "the ledger was not told of 1 facts" in said.err


def test_an_environment_with_a_cluster_is_deployed_to(person: Person) -> None:
    person.run(1)
    person.env["MLAGENT_STAGING_NAMESPACE"] = "risk-staging"
    said = person.promote("staging")
    assert said.code == 2
    assert "`mlagent deploy --env staging`" in said.err


def test_where_staging_is_a_cluster_it_must_have_soaked_there(registry: Person) -> None:
    registry.run(1)
    registry.promote("staging")
    registry.env["MLAGENT_STAGING_NAMESPACE"] = "risk-staging"
    said = registry.promote("production")
    assert said.code == 12
    assert "it has not soaked in staging" in said.err


def test_an_alias_that_was_moved_by_hand_blocks_until_it_is_acknowledged(registry: Person) -> None:
    registry.run(1)
    registry.promote("staging")
    registry.run(2)
    registry.workspace().registry.point("risk", "staging", 2, 1)
    said = registry.promote("staging")
    assert said.code == 12
    assert "the alias staging was moved by hand" in said.err
    finding = said.err.partition("(finding ")[2].partition(")")[0]
    acknowledged = registry.types("ledger", "acknowledge", finding, "--by", "Ada", "--reason", "a test of ours")
    assert acknowledged.code == 0, acknowledged.err
    assert registry.promote("staging").code == 0
    assert [what for what, _, _ in registry.moves()] == ["promoted", "acknowledged", "promoted"]


def test_a_policy_is_held_against_the_image(person: Person, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    @contextmanager
    def opened(*_: object, **__: object) -> Iterator[MemoryImages]:
        yield MemoryImages()

    monkeypatch.setattr(adapters, "verifier", lambda *_, **__: MemorySigner(Board()))
    monkeypatch.setattr(adapters, "image_registry", opened)
    person.env["MLAGENT_REGISTRY_REPOSITORY"] = REPOSITORY
    person.run(1)
    policy = tmp_path / "policy.yaml"
    policy.write_text("verdicts: {gate: {}}\n")
    person.env["MLAGENT_POLICY_FILE"] = str(policy)
    said = person.promote("staging")
    assert said.code == 12
    assert "does not show what the policy asks for" in said.err
    assert person.entries() == []
    del person.env["MLAGENT_REGISTRY_REPOSITORY"]
    assert "has no image, and the platform's policy asks" in person.promote("staging").err


def test_who_did_it_is_the_build_in_jenkins_and_the_person_elsewhere(registry: Person) -> None:
    first, second = registry.run(1), registry.run(2)
    registry.promote("staging", first)
    registry.env |= {"JENKINS_URL": "https://jenkins/", "BUILD_URL": "https://jenkins/job/risk/7/"}
    registry.promote("staging", second)
    who = [one.fact.who for one in registry.entries()]
    assert who[0].endswith(f"@{os.uname().nodename}")
    assert who[1] == "https://jenkins/job/risk/7/"


def test_why_is_what_the_person_says_or_what_jenkins_was_asked_for(registry: Person) -> None:
    first, second = registry.run(1), registry.run(2, reason="drift of DrivAge")
    registry.promote("staging", first, "--reason", "the new tariff")
    assert "promoted: the new tariff" in registry.types("ledger", "at", "now", "--env", "staging").out
    registry.promote("staging", second)
    assert "promoted: drift of DrivAge" in registry.types("ledger", "at", "now", "--env", "staging").out


def test_a_secret_in_the_reason_of_a_promotion_is_masked(person: Person, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TOKEN", "hunter2hunter2")
    person.env |= {"MLAGENT_REGISTRY_USERNAME": "team", "MLAGENT_REGISTRY_PASSWORD": "env:TOKEN"}
    person.promote("staging", person.run(1), "--reason", "leaked: hunter2hunter2")
    assert person.entries()[-1].fact.details["reason"] == "leaked: [secret]"
