"""`mlagent ledger checkpoint`: all entries under one hash, signed, in the hands of others."""

from mlagent.ledger.anchors import TAG
from mlagent.ledger.checkpoint import read
from tests.unit.cli.ledger.ledger_house import Keeper, Reader


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
    assert (said.code, "so no checkpoint was taken" in said.err) == (4, True)


def test_one_that_contradicts_the_ledger_is_evidence_and_stays(keeper: Keeper) -> None:
    keeper.registry.label("risk", 1, {TAG: kept(keeper, 2).replace('"size":3', '"size":9')})
    keeper.happened("retrained")
    said = keeper.types("ledger", "checkpoint")
    assert "note: the one that production keeps was left there" in said.out
    assert '"size":9' in kept(keeper, 1)
