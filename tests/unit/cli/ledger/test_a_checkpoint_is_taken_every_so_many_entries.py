"""`ledger.checkpoint_every`: whoever writes the last of so many entries seals all of them."""

from pathlib import Path
from typing import Any

import pytest

from mlagent.adapters.memory_signer import Board, MemorySigner
from mlagent.adapters.sealing import by
from mlagent.engine import sealing
from mlagent.ledger.checkpoint import Sealed, read, take
from tests.unit.cli.ledger.ledger_house import SIGNED, Keeper, at, onnx

EVERY = f"{SIGNED}  checkpoint_every: 4\n"


@pytest.fixture
def often(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Keeper:
    """Three entries are there, the first two sealed with the key."""
    monkeypatch.setenv("LEDGER_KEY", "there")
    made = Keeper(tmp_path, monkeypatch, EVERY)
    for _ in range(2):
        made.happened("retrained")
    take(made.ledger, at(2), by(made.signer))
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
    assert [(one.checkpoint.size, bool(one.signature)) for one in sealed(often)] == [(2, True), (4, True)]
    written(often)
    assert len(sealed(often)) == 2


def test_a_node_without_the_key_seals_without_a_signature(often: Keeper, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.undo()
    monkeypatch.delenv("LEDGER_KEY", raising=False)
    assert written(often) == []
    assert [(one.checkpoint.size, bool(one.signature)) for one in sealed(often)] == [(2, True), (4, False)]


def test_a_ledger_that_was_changed_is_a_warning_and_not_sealed(often: Keeper) -> None:
    often.entry(3).write_bytes(b"{}")
    (warned,) = written(often)
    assert warned.startswith("no checkpoint of the ledger was taken: entry 3")
    assert len(sealed(often)) == 1


def test_who_acknowledges_seals_as_well(often: Keeper) -> None:
    often.registry.register("risk", onnx(1), {})
    often.registry.point("risk", "production", 1, None)
    named = often.types("ledger", "reconcile").out.splitlines()[2].split()[0]
    often.types("ledger", "acknowledge", named, "--by", "Ada", "--reason", "a trial")
    assert [one.checkpoint.size for one in sealed(often)] == [2, 4]


@pytest.mark.parametrize("sign", [None, by(MemorySigner(Board(), "mallory")), "gone"])
def test_nothing_is_signed_that_goes_on_from_what_the_key_did_not_sign(often: Keeper, sign: Any) -> None:
    for file in (often.folder / ".mlagent" / "store").rglob("*checkpoints/0*"):
        file.unlink()
    if sign != "gone":
        take(often.ledger, at(3), sign)
    before = sealed(often)
    assert written(often) == []
    assert sealed(often) == before
