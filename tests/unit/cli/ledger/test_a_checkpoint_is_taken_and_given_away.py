"""`mlagent ledger checkpoint`: all entries under one hash, signed, in the hands of others."""

import importlib
import re

import pytest

from mlagent.errors import PolicyRefused
from mlagent.ledger.anchors import TAG
from mlagent.ledger.checkpoint import read
from tests.unit.cli.ledger.ledger_house import Keeper, Reader, unsigned_everywhere

evidence = importlib.import_module("mlagent.cli.evidence")  # the name in its package may be the command


def kept(keeper: Keeper, version: int) -> str:
    return {one.number: one.tags.get(TAG, "") for one in keeper.registry.versions("risk")}[version]


def test_it_is_of_all_entries_and_goes_where_others_keep_it(keeper: Keeper) -> None:
    keeper.happened("retrained", details={"reason": "drift"})
    said = keeper.types("ledger", "checkpoint")
    assert (said.code, said.err) == (0, "")
    assert said.out.startswith("checkpoint of 4 entries, taken ")
    assert "signed by sha256:" in said.out
    assert "put where staging keeps one" in said.out
    assert "put where production keeps one" in said.out
    assert [read(kept(keeper, one).encode()).checkpoint.size for one in (1, 2)] == [4, 4]


def test_the_same_entries_give_the_same_one(keeper: Keeper) -> None:
    first = keeper.types("ledger", "checkpoint").out.splitlines()[:4]
    assert keeper.types("ledger", "checkpoint").out.splitlines() == first
    assert len(list(keeper.ledger.checkpoints())) == 3


def test_without_a_key_it_says_what_is_missing(told: Reader) -> None:
    said = told.types("ledger", "checkpoint")
    assert (said.code, "note: it is not signed: set ledger.key" in said.out) == (0, True)


def test_of_an_empty_ledger_there_is_none(reader: Reader) -> None:
    said = reader.types("ledger", "checkpoint")
    assert "the ledger is empty" in said.out
    assert list(reader.ledger.checkpoints()) == []


def test_a_changed_ledger_is_not_sealed(keeper: Keeper) -> None:
    keeper.happened("retrained")
    file = keeper.entry(3)
    file.write_bytes(file.read_bytes().replace(b"jenkins@node", b"mallory@node"))
    said = keeper.types("ledger", "checkpoint")
    assert (said.code, "no checkpoint is taken, since the ledger says otherwise" in said.err) == (12, True)


def test_one_that_contradicts_the_ledger_is_evidence_and_stays(keeper: Keeper) -> None:
    keeper.registry.label("risk", 1, {TAG: kept(keeper, 2).replace('"size":3', '"size":9')})
    keeper.happened("retrained")
    said = keeper.types("ledger", "checkpoint")
    assert (said.code, "no checkpoint is taken" in said.err) == (12, True)
    assert '"size":9' in kept(keeper, 1)


def test_what_somebody_rewrote_without_the_key_is_not_signed_before_a_person_answers_for_it(keeper: Keeper) -> None:
    unsigned_everywhere(keeper)
    keeper.env.clear()  # who comes now has the key
    assert keeper.types("ledger", "verify").code == 12
    said = keeper.types("ledger", "checkpoint")
    assert (said.code, "is not signed, and must be" in said.err) == (12, True)
    assert keeper.types("ledger", "verify").code == 12
    open_ones = set(re.findall(r"\(finding ([0-9a-f]+)\)", said.err))
    assert keeper.types("ledger", "acknowledge", *open_ones, "--by", "Ada", "--reason", "no key then").code == 0
    assert "signed by sha256:" in keeper.types("ledger", "checkpoint").out
    assert keeper.types("ledger", "verify").code == 0


def test_who_packs_evidence_seals_no_more_than_who_asks_for_a_checkpoint(keeper: Keeper) -> None:
    assert evidence._seal(keeper.app(), keeper.app().workspace()).signature
    unsigned_everywhere(keeper)
    keeper.env.clear()
    before = list(keeper.ledger.checkpoints())
    with pytest.raises(PolicyRefused, match="no evidence is packed"):
        evidence._seal(keeper.app(), keeper.app().workspace())
    assert list(keeper.ledger.checkpoints()) == before
