"""Whatever is changed in a pack is found, and named, whether its list was changed along with it or not."""

import zipfile
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mlagent.adapters import sealing
from mlagent.adapters.memory_signer import Board, MemorySigner
from mlagent.core.digest import of_bytes
from mlagent.ledger import merkle
from mlagent.ledger.standalone import verify
from tests.pack_house import packed, relist
from tests.pack_tampering import CONTENT, Tampering, with_its_list
from tests.unit.ledger.pack.conftest import Scene, ended

Evidence = tuple[Scene, dict[str, bytes]]
LIST = "manifest.json, the list: its signature is by none of the keys"


def another(data: bytes) -> str:
    return sealing.by(MemorySigner(Board(), "thief"))(data)[0]


def test_a_byte_of_any_file_is_missed(evidence: Evidence) -> None:
    scene, files = evidence
    for name in files:
        for at in {0, len(files[name]) // 2, len(files[name]) - 1}:
            data = bytearray(files[name])
            data[at] ^= 1
            found = scene.verify({**files, name: bytes(data)}, scene.signer)
            own = name in (verify.MANIFEST, verify.SIGNED)
            wrong = [one for one in found.rows if one.startswith("WRONG")]
            assert found.status == 1
            assert [one for one in wrong if (verify.MANIFEST if own else f"{name}: not what was packed") in one or own]


def test_a_file_that_is_gone_is_missed(evidence: Evidence) -> None:
    scene, files = evidence
    for name in files.keys() - {verify.MANIFEST, verify.SIGNED}:
        found = scene.verify({one: data for one, data in files.items() if one != name}, scene.signer)
        assert found.status == 1
        assert found.says("WRONG", f"{name}: missing")


def test_a_pack_without_its_list_is_none(evidence: Evidence) -> None:
    scene, files = evidence
    found = scene.verify({one: data for one, data in files.items() if one != verify.MANIFEST}, scene.signer)
    assert found.status == 1
    assert found.says("WRONG", "manifest.json is not there")


def test_without_the_lists_signature_nobody_vouches_for_it(evidence: Evidence) -> None:
    scene, files = evidence
    found = scene.verify({one: data for one, data in files.items() if one != verify.SIGNED}, scene.signer)
    assert found.status == 2
    assert found.says("open", "manifest.json.sig: not there")


def test_a_file_that_came_to_it_is_named(evidence: Evidence) -> None:
    scene, files = evidence
    for name in ("extra.txt", "attestations/provenance-2.json", "keys/mine.pub", "__pycache__/verify.pyc"):
        found = scene.verify({**files, name: b"{}"}, scene.signer)
        assert found.status == 1
        assert found.says("WRONG", f"{name}: added, it is not listed")


@pytest.mark.parametrize("name", ["report.html", "README.txt", "verify.py", "model-card.md", "ledger/entries.jsonl"])
def test_a_list_that_was_changed_along_is_not_the_one_that_was_signed(evidence: Evidence, name: str) -> None:
    scene, files = evidence
    changed = {**files, name: files[name] + b"\n"}
    relist(changed)
    found = scene.verify(changed, scene.signer)
    assert found.status == 1
    assert found.says("WRONG", LIST)


@pytest.mark.parametrize("one", CONTENT, ids=lambda one: one.name)
def test_what_is_changed_with_its_list_contradicts_the_rest(evidence: Evidence, one: Tampering) -> None:
    scene, files = evidence
    changed = dict(files)
    with_its_list(one.change, changed, another)
    found = scene.verify(changed, scene.signer)
    assert found.status == 1
    for text in one.says:
        assert found.says("WRONG", text), (text, found.rows)


def test_a_pack_that_another_made_up_whole_is_by_none_of_the_readers_keys(tmp_path: Path) -> None:
    scene = Scene(tmp_path)
    owner, scene.signer = scene.signer, scene.stranger
    scene.sign()
    scene.leave()
    from tests.pack_house import unpacked

    files = unpacked(scene.pack(signer=scene.signer).data)
    assert scene.verify(files).status == 2, "by the thief's own keys it is whole, which is said to prove nothing"
    found = scene.verify(files, owner)
    assert found.status == 1
    assert len([one for one in found.rows if "its signature is by none of the keys" in one]) == 6


def test_a_name_that_is_in_the_archive_twice_is_named(evidence: Evidence) -> None:
    scene, files = evidence
    file = scene.folder / "twice.zip"
    file.write_bytes(packed(files))
    with pytest.warns(UserWarning, match="Duplicate name"), zipfile.ZipFile(file, "a") as archive:
        archive.writestr("release.json", files["release.json"])
    found = ended(file, scene.key(scene.signer))
    assert found.status == 1
    assert found.says("WRONG", "release.json: in the archive twice")


def test_a_folder_is_checked_like_an_archive(evidence: Evidence, tmp_path: Path) -> None:
    scene, files = evidence
    for name, data in files.items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_bytes(data)
    key = scene.key(scene.signer)
    assert ended(tmp_path, key).status == 0
    (tmp_path / "link.json").symlink_to(tmp_path / "release.json")
    found = ended(tmp_path, key)
    assert found.status == 1
    assert found.says("WRONG", "link.json: added, and no plain file")


def test_what_is_no_pack_at_all_is_answered(tmp_path: Path) -> None:
    (tmp_path / "pack.zip").write_bytes(b"PK\x03\x04 cut off")
    for path in (tmp_path / "pack.zip", tmp_path / "nothing.zip", tmp_path):
        assert ended(path).status == 1


def test_what_it_prints_holds_nothing_that_a_terminal_obeys(
    evidence: Evidence, capfdbinary: pytest.CaptureFixture[bytes]
) -> None:
    scene, files = evidence
    scene.verify({**files, "\x1b[2Jall is well": b""}, scene.signer)
    assert b"\x1b" not in capfdbinary.readouterr().out


@given(st.integers(1, 70), st.data())
def test_a_proof_shows_its_own_entry_in_its_own_place_and_nothing_else(size: int, data: st.DataObject) -> None:
    entries = [b"entry %d" % number for number in range(size)]
    tree = merkle.Frontier()
    tree.extend(entries)
    place = data.draw(st.integers(0, size - 1))
    path = list(merkle.inclusion(place, entries))
    assert verify.included(entries[place], place, size, path, tree.root())
    other, length = data.draw(st.integers(0, 80)), data.draw(st.integers(0, 80))
    assert verify.included(entries[place], other, size, path, tree.root()) == (other == place)
    assert verify.included(b"another", place, size, path, tree.root()) is False
    assert verify.included(entries[place], place, size, [*path, of_bytes(b"more")[7:]], tree.root()) is False
    if path:
        assert verify.included(entries[place], place, size, path[:-1], tree.root()) is False
    assert merkle.verify_inclusion(entries[place], place, length, path, tree.root()) == verify.included(
        entries[place], place, length, path, tree.root()
    )
