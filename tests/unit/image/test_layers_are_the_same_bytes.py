"""A layer depends on names and contents alone, and every tool that reads gzip and tar reads it."""

import gzip
import hashlib
import io
import os
import tarfile
from pathlib import Path

import pytest

from mlagent.core.digest import of_bytes
from mlagent.image import layers
from mlagent.image.layers import Layer, Source

FILES = {"srv/b": b"two", "srv/a": b"one", "srv/deep/er/c": b"three", "opt/" + "long" * 60: b"four"}


def noise(size: int) -> bytes:
    """Bytes that no compressor makes fewer."""
    return hashlib.shake_256(b"noise").digest(size)


def written(folder: Path, *, umask: int = 0o022, when: float = 0, backwards: bool = False) -> dict[str, Source]:
    """The files, on disk, as somebody else at another time would have them."""
    folder.mkdir()
    before = os.umask(umask)
    try:
        for number, (_, data) in enumerate(FILES.items()):
            path = folder / str(number)
            path.write_bytes(data)
            os.utime(path, (when, when))
    finally:
        os.umask(before)
    pairs = [(name, folder / str(number)) for number, name in enumerate(FILES)]
    return dict(reversed(pairs) if backwards else pairs)


def packed(tmp_path: Path, files: dict[str, Source]) -> tuple[Layer, bytes]:
    layer = layers.pack(files, tmp_path / "layer")
    return layer, (tmp_path / "layer").read_bytes()


def test_whatever_the_order_the_time_the_mode_or_the_place_of_the_files(tmp_path: Path) -> None:
    first = packed(tmp_path, written(tmp_path / "one"))
    second = packed(tmp_path, written(tmp_path / "two", umask=0o077, when=1e9, backwards=True))
    assert first == second == packed(tmp_path, dict(FILES))


def test_its_digests_are_those_of_the_file_and_of_the_tar_in_it(tmp_path: Path) -> None:
    layer, data = packed(tmp_path, dict(FILES))
    assert layer.descriptor.digest == of_bytes(data)
    assert layer.descriptor.size == len(data)
    assert layer.diff_id == of_bytes(gzip.decompress(data))


def test_these_bytes_are_what_they_were_in_earlier_versions(tmp_path: Path) -> None:
    layer, _ = packed(tmp_path, dict(FILES))
    assert layer.diff_id == "sha256:feff3547e2f55661b3f956754f6ba039859c5189c44a27e0a7370519b15477bb"


def test_tar_finds_folders_before_files_all_of_root_and_readable_by_anybody(tmp_path: Path) -> None:
    _, data = packed(tmp_path, dict(FILES))
    with tarfile.open(fileobj=io.BytesIO(data), mode="r:gz") as tar:
        entries = tar.getmembers()
        read = {one.name: file.read() for one in entries if (file := tar.extractfile(one))}
    assert read == FILES
    names = [one.name for one in entries]
    assert names == sorted(names)
    assert {"srv", "srv/deep", "srv/deep/er", "opt"} == {one.name for one in entries if one.isdir()}
    assert {(one.uid, one.gid, one.uname, one.gname, one.mtime) for one in entries} == {(0, 0, "", "", 0)}
    assert {(one.isdir(), one.mode) for one in entries} == {(True, 0o755), (False, 0o644)}


def test_many_members_are_read_as_one_and_are_the_same_with_any_number_of_processors(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(layers, "MEMBER", 1 << 16)
    content = noise(1_000_000)
    told: list[int] = []
    found = []
    for processors in (1, 5):
        monkeypatch.setattr(layers, "processors", lambda number=processors: number)
        layer = layers.pack({"srv/big": content}, tmp_path / "layer", told.append)
        data = (tmp_path / "layer").read_bytes()
        assert hashlib.sha256(gzip.decompress(data)).hexdigest() in layer.diff_id
        assert data.count(b"\x1f\x8b\x08\x00\x00\x00\x00\x00") >= 16  # no name, no time, in every member
        found.append((layer, data))
    assert found[0] == found[1]
    assert told[-1] == len(gzip.decompress(data))


def test_a_tar_of_somebody_else_is_passed_on_as_it_is(tmp_path: Path) -> None:
    (tmp_path / "tar").write_bytes(b"any bytes" * 1000)
    layer = layers.squeeze(tmp_path / "tar", tmp_path / "layer")
    assert gzip.decompress((tmp_path / "layer").read_bytes()) == b"any bytes" * 1000
    assert layer.diff_id == of_bytes(b"any bytes" * 1000)


def test_a_full_disk_is_said_with_the_file_and_leaves_nothing(tmp_path: Path) -> None:
    (tmp_path / "layer").symlink_to("/dev/full")
    with pytest.raises(OSError, match="No space left") as raised:
        layers.pack({"srv/big": noise(100_000)}, tmp_path / "layer")
    assert raised.value.filename == str(tmp_path / "layer")
    assert list(tmp_path.iterdir()) == []


def test_a_file_that_cannot_be_read_leaves_nothing(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        layers.pack({"srv/a": tmp_path / "not there"}, tmp_path / "layer")
    assert list(tmp_path.iterdir()) == []
