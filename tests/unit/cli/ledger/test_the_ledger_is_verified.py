"""`mlagent ledger verify`: whole, or 12 with all that was changed; what was not looked at is said."""

import json
from pathlib import Path

from mlagent.adapters.memory_signer import Board, MemorySigner
from mlagent.ledger.anchors import TAG
from tests.unit.cli.ledger.ledger_house import Keeper, Reader, pem, unsigned_everywhere


def test_a_whole_ledger_is_told_with_the_hashes_to_write_down(keeper: Keeper) -> None:
    said = keeper.types("ledger", "verify")
    assert (said.code, said.err) == (0, "")
    whole, head, root = said.out.splitlines()
    assert whole == "whole: 3 entries, 3 checkpoints, signatures by ledger.public_key (ledger.pub)"
    assert head == f"head {keeper.ledger.head().digest}"
    assert root.startswith("root sha256:")


def test_an_edited_entry_ends_with_12_and_is_named(keeper: Keeper) -> None:
    file = keeper.entry(2)
    file.write_bytes(file.read_bytes().replace(b"jenkins@node", b"mallory@node"))
    said = keeper.types("ledger", "verify")
    assert (said.code, "the ledger is not whole" in said.err) == (12, True)
    assert "fault: " in said.out
    assert "entry 2" in said.out
    assert "whole: " not in said.out


def test_an_end_that_was_cut_off_shows_by_what_the_registry_keeps(keeper: Keeper) -> None:
    for name in ("head", "checkpoints"):
        for file in (keeper.folder / ".mlagent" / "store").rglob(f"*ledger/{name}*"):
            for one in [file] if file.is_file() else list(file.iterdir()):
                one.unlink()
    keeper.entry(3).unlink()
    said = keeper.types("ledger", "verify")
    assert said.code == 12
    assert "the ledger was cut off: it ends after 2 entries" in said.out
    assert f"risk version 2, tag {TAG}" in said.out


def test_a_checkpoint_by_another_key_is_no_witness(keeper: Keeper) -> None:
    other = MemorySigner(Board(), "mallory")
    (keeper.folder / "ledger.pub").write_text(pem(other))
    said = keeper.types("ledger", "verify")
    assert said.code == 12
    assert "has no good signature" in said.out


def test_an_auditor_brings_the_key_to_believe(keeper: Keeper, tmp_path: Path) -> None:
    other, own = tmp_path / "other.pub", tmp_path / "own.pub"
    other.write_text(pem(MemorySigner(Board(), "mallory")))
    own.write_text(pem(keeper.signer))
    assert keeper.types("ledger", "verify", "--key", str(other)).code == 12
    said = keeper.types("ledger", "verify", "--key", str(own))
    assert (said.code, f"signatures by --key {own}" in said.out) == (0, True)
    own.write_text("no key")
    assert "no PEM text" in keeper.types("ledger", "verify", "--key", str(own)).err


def test_without_a_key_signatures_are_said_not_to_have_been_looked_at(keeper: Keeper) -> None:
    keeper.folder.joinpath("mlpipeline.yaml").write_text(
        keeper.folder.joinpath("mlpipeline.yaml").read_text().replace("  public_key: ledger.pub\n", "")
    )
    said = keeper.types("ledger", "verify")
    assert said.code == 0
    assert "note: signatures of checkpoints were not looked at" in said.out


def test_without_a_checkpoint_it_is_said_what_that_means(told: Reader) -> None:
    said = told.types("ledger", "verify")
    assert (said.code, "note: no checkpoint was taken yet" in said.out) == (0, True)


def test_an_empty_ledger_has_nothing_that_could_be_wrong(reader: Reader) -> None:
    said = reader.types("ledger", "verify")
    assert (said.code, said.out) == (0, "the ledger is empty: there is nothing that could be wrong\n")


def test_programs_are_told_all_of_it(keeper: Keeper) -> None:
    found = json.loads(keeper.types("ledger", "verify", "--json").out)
    assert (found["whole"], found["size"], found["keys_used"]) == (True, 3, ["ledger.public_key (ledger.pub)"])
    keeper.entry(1).write_bytes(b"{}")
    said = keeper.types("ledger", "verify", "--json")
    found = json.loads(said.out)
    assert (said.code, found["whole"], len(found["keys"])) == (12, False, len(found["faults"]))
    assert "entry 1" in found["faults"][0]


def test_an_environment_that_cannot_be_asked_is_a_note(keeper: Keeper) -> None:
    with (keeper.folder / "mlpipeline.yaml").open("a") as file:
        file.write("staging:\n  namespace: risk\n  kubeconfig: env:NO_SUCH_KUBECONFIG\n")
    said = keeper.types("ledger", "verify")
    assert said.code == 0
    assert "note: staging was not asked: " in said.out


def test_signatures_may_be_left_alone_which_is_said(keeper: Keeper) -> None:
    said = keeper.types("ledger", "verify", "--no-signatures")
    assert (said.code, "note: signatures of checkpoints were not looked at" in said.out) == (0, True)
    assert keeper.types("ledger", "verify", "--no-signatures", "--key", str(keeper.folder / "ledger.pub")).code == 2


def test_the_key_must_have_signed_where_it_is_named(keeper: Keeper) -> None:
    unsigned_everywhere(keeper)
    said = keeper.types("ledger", "verify")
    assert said.code == 12
    assert "is not signed, and must be" in said.out
    assert keeper.types("ledger", "reconcile").code == 12


def test_the_key_that_an_auditor_brings_must_have_signed(keeper: Keeper) -> None:
    unsigned_everywhere(keeper)
    keeper.env["MLAGENT_LEDGER_PUBLIC_KEY"] = "null"
    assert keeper.types("ledger", "verify").code == 0
    assert keeper.types("ledger", "verify", "--key", str(keeper.folder / "ledger.pub")).code == 12
