"""Pieces of images: a folder of the node before the store, found by whoever reuses the result that names them."""

from pathlib import Path

import pytest

from mlagent.adapters.fakes import MemoryStore
from mlagent.core.digest import of_bytes, of_file
from mlagent.core.ports.store import CorruptBlob, MissingBlob
from mlagent.engine import results
from mlagent.engine.blobs import NodeBlobs
from mlagent.stages import export

PIECE = b"a layer"
DIGEST = of_bytes(PIECE)


@pytest.fixture
def store() -> MemoryStore:
    return MemoryStore()


@pytest.fixture
def blobs(tmp_path: Path, store: MemoryStore) -> NodeBlobs:
    return NodeBlobs(tmp_path / "node", store)


def added(blobs: NodeBlobs, tmp_path: Path) -> Path:
    (tmp_path / "made").write_bytes(PIECE)
    return blobs.add(tmp_path / "made", DIGEST)


def test_what_is_added_is_here_and_not_yet_in_the_store(blobs: NodeBlobs, store: MemoryStore, tmp_path: Path) -> None:
    path = added(blobs, tmp_path)
    assert not (tmp_path / "made").exists()
    assert blobs.has(DIGEST)
    assert blobs.path(DIGEST) == path == tmp_path / "node" / "blobs" / "sha256" / DIGEST.partition(":")[2]
    assert store.size(DIGEST) is None


def test_what_is_kept_is_found_on_another_node(blobs: NodeBlobs, store: MemoryStore, tmp_path: Path) -> None:
    added(blobs, tmp_path)
    kept = blobs.keep((DIGEST, DIGEST))
    assert {name: one.size for name, one in kept.items()} == {results.BLOB + DIGEST: len(PIECE)}
    other = NodeBlobs(tmp_path / "other", store)
    assert other.has(DIGEST)
    assert other.path(DIGEST).read_bytes() == PIECE


def test_a_piece_that_is_damaged_here_is_fetched_again(blobs: NodeBlobs, store: MemoryStore, tmp_path: Path) -> None:
    path = added(blobs, tmp_path)
    blobs.keep((DIGEST,))
    path.chmod(0o600)
    path.write_bytes(b"a liar")
    again = NodeBlobs(tmp_path / "node", store)
    assert of_file(again.path(DIGEST)) == DIGEST


def test_a_piece_that_nobody_has_is_missing_by_name(blobs: NodeBlobs) -> None:
    assert not blobs.has(DIGEST)
    with pytest.raises(MissingBlob, match=DIGEST):
        blobs.path(DIGEST)


def test_a_piece_that_is_damaged_in_the_store_is_dropped_there(
    blobs: NodeBlobs, store: MemoryStore, tmp_path: Path
) -> None:
    added(blobs, tmp_path)
    blobs.keep((DIGEST,))
    store._kept = dict.fromkeys(store._kept, b"a liar")
    with pytest.raises(CorruptBlob, match=DIGEST):
        NodeBlobs(tmp_path / "other", store).path(DIGEST)
    assert store.size(DIGEST) is None


def test_a_result_is_whole_with_pieces_and_not_with_other_names(store: MemoryStore, tmp_path: Path) -> None:
    (tmp_path / "piece").write_bytes(PIECE)
    store.put(tmp_path / "piece", DIGEST)
    piece = NodeBlobs(tmp_path / "node", store).keep((DIGEST,))[results.BLOB + DIGEST]
    needed = {one.name: piece for one in export.STAGE.writes if not one.optional}
    for extra, found in ((results.BLOB + DIGEST, True), ("something", False)):
        made = results.Result(
            outcome="pass", summary="", hint="", outputs={**needed, extra: piece}, verdicts=(), made_by="r"
        )
        results.keep(store, "export", "sha256:1", made)
        assert (results.find(store, export.STAGE, "sha256:1") is not None) is found
