"""`ledger.checkpoint_every`: whoever writes the last of so many entries seals all of them."""

from pathlib import Path

import pytest

from mlagent.engine import sealing
from mlagent.ledger.checkpoint import Sealed, read
from tests.unit.cli.ledger.ledger_house import SIGNED, Keeper, onnx

EVERY = f"{SIGNED}  checkpoint_every: 4\n"


@pytest.fixture
def often(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Keeper:
    """Three entries are there."""
    monkeypatch.setenv("LEDGER_KEY", "there")
    made = Keeper(tmp_path, monkeypatch, EVERY)
    for _ in range(3):
        made.happened("retrained")
    return made


def written(keeper: Keeper) -> list[str]:
    """One more entry, told of as a run tells; the warnings."""
    warned: list[str] = []
    sealing.after(keeper.app().workspace(), keeper.happened("retrained").number, warned.append)
    return warned


def sealed(keeper: Keeper) -> list[Sealed]:
    return [read(one) for one in keeper.ledger.checkpoints()]


def test_the_last_of_so_many_seals_all_of_them(often: Keeper) -> None:
    assert written(often) == []
    (one,) = sealed(often)
    assert (one.checkpoint.size, bool(one.signature)) == (4, True)
    written(often)
    assert len(sealed(often)) == 1


def test_a_node_without_the_key_seals_without_a_signature(often: Keeper, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.undo()
    monkeypatch.delenv("LEDGER_KEY", raising=False)
    assert written(often) == []
    (one,) = sealed(often)
    assert (one.checkpoint.size, one.signature) == (4, "")


def test_a_ledger_that_was_changed_is_a_warning_and_not_sealed(often: Keeper) -> None:
    often.entry(2).write_bytes(b"{}")
    (warned,) = written(often)
    assert warned.startswith("no checkpoint of the ledger was taken: entry 2")
    assert sealed(often) == []


def test_who_acknowledges_seals_as_well(often: Keeper) -> None:
    often.registry.register("risk", onnx(1), {})
    often.registry.point("risk", "production", 1, None)
    named = often.types("ledger", "reconcile").out.splitlines()[2].split()[0]
    often.types("ledger", "acknowledge", named, "--by", "Ada", "--reason", "a trial")
    assert [one.checkpoint.size for one in sealed(often)] == [4]
