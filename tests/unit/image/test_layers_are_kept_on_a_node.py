"""What was made on a node is made once, by what it is made of; what a killed build left is taken away."""

import os
from pathlib import Path

import pytest

from mlagent.adapters.fakes import MemoryStore
from mlagent.engine.blobs import NodeBlobs
from mlagent.errors import InfrastructureError
from mlagent.image import cache, compiled, layers
from mlagent.image.layers import Layer


@pytest.fixture
def blobs(tmp_path: Path) -> NodeBlobs:
    return NodeBlobs(tmp_path / "node", MemoryStore())


class Maker:
    """Makes a layer, and counts."""

    def __init__(self) -> None:
        self.times = 0

    def __call__(self, folder: Path, to: Path) -> Layer:
        assert list(folder.iterdir()) == []
        self.times += 1
        return layers.pack({"a": b"content"}, to)


def test_it_is_made_once_and_again_for_something_else(blobs: NodeBlobs) -> None:
    make = Maker()
    assert cache.layer(blobs, ["one"], make) == cache.layer(blobs, ["one"], make)
    assert make.times == 1
    cache.layer(blobs, ["two"], make)
    assert make.times == 2


def test_a_note_that_cannot_be_read_is_written_anew(blobs: NodeBlobs) -> None:
    make = Maker()
    cache.layer(blobs, ["one"], make)
    (note,) = (blobs.home / "layers").iterdir()
    note.write_text("{")
    cache.layer(blobs, ["one"], make)
    assert make.times == 2
    cache.layer(blobs, ["one"], make)
    assert make.times == 2


def test_what_failed_leaves_nothing(blobs: NodeBlobs) -> None:
    def make(folder: Path, to: Path) -> Layer:
        to.write_bytes(b"half")
        raise InfrastructureError("away")

    with pytest.raises(InfrastructureError):
        cache.layer(blobs, ["one"], make)
    assert list(blobs.home.rglob("*")) == []


def test_a_folder_of_a_killed_build_goes_and_one_that_is_in_use_stays(blobs: NodeBlobs) -> None:
    for name, when in (("old", 0), ("young", None)):
        folder = blobs.home / f"{cache.LEFT}{name}"
        folder.mkdir()
        (folder / "piece").write_bytes(b"half")
        if when is not None:
            os.utime(folder, (when, when))
    with cache.folder(blobs):
        pass
    assert [path.name for path in blobs.home.iterdir()] == [f"{cache.LEFT}young"]


def test_a_compiler_that_fails_is_worth_a_retry(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    script = tmp_path / "compiling.py"
    script.write_text("raise OSError(28, 'No space left on device')")
    monkeypatch.setattr(compiled, "SCRIPT", script)
    with pytest.raises(InfrastructureError, match="No space left on device"):
        compiled.compile_all(tmp_path, "/opt/any")
