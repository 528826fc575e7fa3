"""A pack has everything that a release can show, says what it lacks, and is the same bytes every time."""

import ast
import json
import sys
from pathlib import Path

import pytest

from mlagent.core.digest import of_bytes
from mlagent.errors import InputError
from mlagent.ledger.standalone import verify
from tests.pack_house import unpacked
from tests.signing_house import ONNX, RUN
from tests.unit.ledger.pack.conftest import Scene

Evidence = tuple[Scene, dict[str, bytes]]


def test_a_complete_one_holds(evidence: Evidence) -> None:
    scene, files = evidence
    ended = scene.verify(files, scene.signer)
    assert ended.status == 0, ended.rows
    assert all(one.startswith("ok") for one in ended.rows)


def test_all_files_are_there_and_listed(evidence: Evidence) -> None:
    _, files = evidence
    listed = json.loads(files["manifest.json"])["files"]
    assert listed == {one: of_bytes(data) for one, data in files.items() if not one.startswith("manifest.json")}
    for part in verify.PARTS:
        assert any(one.startswith(part) for one in files), part
    assert {"report.html", "README.txt", "verify.py", "policy/decision-staging.json"} <= files.keys()
    assert files["verify.py"] == Path(verify.__file__).read_bytes()
    assert len([one for one in files if one.startswith("keys/")]) == 1


def test_the_excerpt_has_the_entries_about_the_release_and_no_others(evidence: Evidence) -> None:
    _, files = evidence
    entries = [json.loads(line) for line in files["ledger/entries.jsonl"].splitlines()]
    assert [one["number"] for one in entries] == [2, 4, 6, 8, 9, 10, 12]
    assert json.loads(files["ledger/proofs.json"]).keys() == {str(one["number"]) for one in entries}


def test_the_same_evidence_gives_the_same_bytes(scene: Scene) -> None:
    scene.sign()
    left = scene.leave()
    first = scene.pack(signer=scene.signer)
    assert scene.pack(signer=scene.signer).data == first.data
    left.append(20, model="fraud")
    scene.seal()
    assert scene.pack(signer=scene.signer).data == first.data, "the ledger went on about other things"


def test_by_its_own_keys_alone_a_pack_proves_nothing(evidence: Evidence) -> None:
    scene, files = evidence
    ended = scene.verify(files)
    assert ended.status == 2
    assert ended.says("open", "those of the pack vouch for nothing")
    assert ended.says("ok", "manifest.json, the list: signed by keys/")


def test_without_cosign_signatures_are_said_to_be_unchecked(
    evidence: Evidence, monkeypatch: pytest.MonkeyPatch
) -> None:
    scene, files = evidence
    monkeypatch.undo()
    monkeypatch.setenv("COSIGN", str(scene.folder / "no such program"))
    ended = scene.verify(files, scene.signer)
    assert ended.status == 2
    unchecked = [one for one in ended.rows if "its signature was not checked" in one]
    assert len(unchecked) == 6, "list, checkpoint, image, three statements"
    assert all("does not answer as cosign does: install it, or name it as COSIGN=FILE" in one for one in unchecked)
    assert ended.says("ok", "one that the checkpoint stands for")


def test_a_program_that_says_yes_to_everything_is_no_cosign(
    evidence: Evidence, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    scene, files = evidence
    monkeypatch.undo()
    (tmp_path / "yes").write_text("#!/bin/sh\necho --insecure-ignore-tlog\n")
    (tmp_path / "yes").chmod(0o755)
    monkeypatch.setenv("COSIGN", str(tmp_path / "yes"))
    assert scene.verify(files, scene.signer).status == 2


def test_a_run_without_an_image_says_so(scene: Scene) -> None:
    scene.leave("pushed", "decision@staging", signed=False)
    made = scene.pack(signer=scene.signer)
    files = unpacked(made.data)
    assert json.loads(files["manifest.json"])["release"] == ONNX
    assert made.absent["image/manifest.json"] == made.absent["attestations/sbom"] == "no image was pushed"
    ended = scene.verify(files, scene.signer)
    assert ended.status == 2
    assert ended.says("open", "image/signature: not there: no image was pushed")
    assert not [one for one in ended.rows if one.startswith("WRONG")]


def test_without_a_key_nothing_is_signed_and_the_pack_says_so(scene: Scene) -> None:
    scene.leave(signed=False)
    made = scene.pack(keys={})
    assert "ledger.key" in made.absent["manifest.json.sig"]
    assert "no public key is known here" in made.absent["image/signature"]
    assert "none was taken yet" in made.absent["ledger/checkpoint.json"]
    ended = scene.verify(unpacked(made.data))
    assert ended.status == 2
    assert not [one for one in ended.rows if one.startswith("WRONG")]
    assert ended.says("open", "no checkpoint stands for it yet")


def test_an_image_that_only_others_signed_shows_nothing(scene: Scene) -> None:
    scene.house.to(scene.images, scene.stranger, None)
    scene.leave(signed=False)
    made = scene.pack(signer=scene.signer)
    assert "none by a key that is known here (1 signatures and 3 statements are)" in made.absent["attestations/sbom"]


def test_what_was_promoted_is_packed_although_the_run_wrote_it_anew_since(scene: Scene, tmp_path: Path) -> None:
    scene.sign()
    left = scene.leave()
    (tmp_path / "card").write_bytes(b"# risk, as it was\n")
    before = of_bytes(b"# risk, as it was\n")
    scene.workspace.store.put(tmp_path / "card", before)
    again = {"run": RUN, "build": 7, "release": scene.house.digest, "details": {"onnx": ONNX}}
    left.append(21, environment="production", holds=(ONNX, before), **again)
    files = unpacked(scene.pack(signer=scene.signer).data)
    assert files[f"earlier/{before[7:19]}.md"] == b"# risk, as it was\n"
    ended = scene.verify(files, scene.signer)
    assert [one for one in ended.rows if not one.startswith("ok")] == []
    scene.workspace.store.drop(before)
    lost = scene.pack(signer=scene.signer)
    assert f"earlier/{before[7:19]}" in lost.absent
    assert scene.verify(unpacked(lost.data), scene.signer).says("WRONG", f"it rests on {before}, which is not here")


def test_files_that_the_store_lost_are_named(scene: Scene) -> None:
    left = scene.leave("card")
    scene.workspace.store.drop(of_bytes(left.files["sbom"]))
    absent = scene.pack().absent
    assert "sbom.json" in absent
    assert "the run left no card" in absent["model-card.md"]


def test_a_ledger_that_was_changed_since_its_checkpoint_is_not_packed(scene: Scene) -> None:
    scene.leave()
    scene.seal()
    store = scene.workspace.store
    one = store.read("ledger/entries/000000000004")
    assert one
    store.write("ledger/entries/000000000004", one.data.replace(b'"ann"', b'"eve"'))
    with pytest.raises(InputError, match="is not what the checkpoint of 13 entries"):
        scene.pack(signer=scene.signer)


def test_the_program_needs_nothing_but_an_old_python() -> None:
    text = Path(verify.__file__).read_text()
    tree = ast.parse(text, feature_version=(3, 9))
    imports = [one for one in ast.walk(tree) if isinstance(one, ast.Import | ast.ImportFrom)]
    names = {
        name
        for one in imports
        for name in ([a.name for a in one.names] if isinstance(one, ast.Import) else [one.module])
    }
    assert {str(one).partition(".")[0] for one in names} <= sys.stdlib_module_names
    assert len(names) > 5
