"""`mlagent rollback` where no cluster is: ledger and alias lead back, and nothing else does."""

import msgspec
import pytest

from mlagent.engine.clock import now
from tests.unit.cli.promote.promoting_house import Person


def test_a_rollback_moves_alias_and_ledger_back_and_given_again_nothing(registry: Person) -> None:
    for run in (registry.run(1), registry.run(2)):
        registry.promote("staging", run)
    said = registry.types("rollback", "--env", "staging", "--reason", "odd")
    assert said.code == 0
    assert "risk version 1" in said.out
    assert "is in staging again, in the place of risk version 2" in said.out
    assert registry.alias("staging") == 1
    fact = registry.entries()[-1].fact
    assert (fact.what, fact.build, fact.details["reason"], fact.details["from_build"]) == ("rolled-back", 1, "odd", "2")
    again = registry.types("rollback", "--env", "staging")
    assert "is in staging already: nothing was moved" in again.out
    assert len(registry.entries()) == 3


def test_a_rollback_leads_to_what_is_named(registry: Person) -> None:
    for run in (registry.run(1), registry.run(2), registry.run(3)):
        registry.promote("staging", run)
    assert registry.types("rollback", "--env", "staging", "--to", "1").code == 0
    assert registry.alias("staging") == 1
    assert registry.types("rollback", "--env", "staging", "--to", f"{102:064x}").code == 0
    assert registry.alias("staging") == 2
    said = registry.types("rollback", "--env", "staging", "--to", "7")
    assert said.code == 4
    assert "'7' has not been there" in said.err


def test_there_is_no_way_back_to_nothing(registry: Person) -> None:
    assert "nothing was promoted to staging" in registry.types("rollback", "--env", "staging").err
    registry.run(1)
    registry.promote("staging")
    assert "nothing was in staging before risk version 1" in registry.types("rollback", "--env", "staging").err


def test_what_a_deploy_brought_is_not_gone_back_from_where_its_namespace_is_forgotten(registry: Person) -> None:
    for run in (registry.run(1), registry.run(2)):
        registry.promote("staging", run)
    newest = registry.entries()[-1].fact
    told = msgspec.structs.replace(newest, time=now(), details={**newest.details, "placement": "p1"})
    registry.workspace().ledger.append(told)
    said = registry.types("rollback", "--env", "staging")
    assert said.code == 3
    assert "staging.namespace is not set" in said.err
    assert len(registry.entries()) == 3


def test_a_secret_in_the_reason_does_not_come_into_the_ledger(person: Person, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TOKEN", "hunter2hunter2")
    person.env |= {"MLAGENT_REGISTRY_USERNAME": "team", "MLAGENT_REGISTRY_PASSWORD": "env:TOKEN"}
    for number in (1, 2):
        person.promote("staging", person.run(number))
    assert person.types("rollback", "--env", "staging", "--reason", "leaked: hunter2hunter2").code == 0
    assert person.entries()[-1].fact.details["reason"] == "leaked: [secret]"
