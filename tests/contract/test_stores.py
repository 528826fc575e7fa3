"""Whatever keeps blobs and named objects keeps them like this: in memory, in a folder, on S3, behind fsspec."""

import os
import threading
import uuid
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import NamedTuple

import pytest

from mlagent.adapters.fakes import MemoryStore
from mlagent.adapters.stores import layout, open_store
from mlagent.adapters.stores.remote import RemoteStore
from mlagent.core.digest import of_bytes
from mlagent.core.ports.store import CorruptBlob, MissingBlob, Store
from mlagent.errors import InputError

from .conftest import Bucket

NOWHERE = "sha256:" + "0" * 64
MB = 1 << 20


class Kind(NamedTuple):
    """A store, the same store as another process opens it, and a hand that changes a blob behind its back."""

    store: Store
    again: Store
    overwrite: Callable[[str, bytes], None]


def memory(_folder: Path, _request: pytest.FixtureRequest) -> Kind:
    store = MemoryStore()
    return Kind(store, store, store._kept.__setitem__)


def local(folder: Path, _request: pytest.FixtureRequest) -> Kind:
    def overwrite(path: str, data: bytes) -> None:
        (folder / "store" / path).chmod(0o644)
        (folder / "store" / path).write_bytes(data)

    return Kind(open_store(folder / "store"), open_store(f"file://{folder}/store"), overwrite)


def s3(_folder: Path, request: pytest.FixtureRequest) -> Kind:
    bucket: Bucket = request.getfixturevalue("bucket")
    store = bucket.open()
    return Kind(store, bucket.open(), lambda path, data: store._files.pipe_file(store._at(path), data))


def fsspec_memory(_folder: Path, _request: pytest.FixtureRequest) -> Kind:
    url = f"memory://{uuid.uuid4().hex}"
    store = open_store(url)
    assert isinstance(store, RemoteStore)
    return Kind(store, open_store(url), lambda path, data: store._files.pipe_file(store._at(path), data))


@pytest.fixture(params=[memory, local, s3, fsspec_memory], ids=["memory", "local", "s3", "fsspec"])
def kind(request: pytest.FixtureRequest, tmp_path: Path) -> Kind:
    made: Kind = request.param(tmp_path, request)
    return made


@pytest.fixture
def store(kind: Kind) -> Store:
    return kind.store


def kept(store: Store, folder: Path, data: bytes) -> str:
    (folder / "source").write_bytes(data)
    store.put(folder / "source", of_bytes(data))
    return of_bytes(data)


@pytest.mark.parametrize("size", [0, 1, 30 * MB])
def test_a_blob_comes_back_as_it_went_in(kind: Kind, tmp_path: Path, size: int) -> None:
    data = os.urandom(size)
    digest = kept(kind.store, tmp_path, data)
    for store in (kind.store, kind.again):
        store.get(digest, tmp_path / "new folder" / "target")
        assert (tmp_path / "new folder" / "target").read_bytes() == data
        assert store.size(digest) == size
        assert list(store.blobs()) == [digest]
    assert [path.name for path in (tmp_path / "new folder").iterdir()] == ["target"]


def test_putting_the_same_again_changes_nothing(store: Store, tmp_path: Path) -> None:
    digest = kept(store, tmp_path, b"weights")
    assert kept(store, tmp_path, b"weights") == digest
    assert list(store.blobs()) == [digest]


def test_the_blob_is_a_copy_that_its_source_cannot_change(store: Store, tmp_path: Path) -> None:
    digest = kept(store, tmp_path, b"weights")
    (tmp_path / "source").write_bytes(b"WEIGHTS")
    store.get(digest, tmp_path / "target")
    (tmp_path / "target").write_bytes(b"changed")
    store.get(digest, tmp_path / "target")
    assert (tmp_path / "target").read_bytes() == b"weights"


@pytest.mark.parametrize("size", [7, 20 * MB])
def test_a_file_that_is_not_what_it_is_said_to_be_is_refused(store: Store, tmp_path: Path, size: int) -> None:
    (tmp_path / "source").write_bytes(bytes(size))
    with pytest.raises(InputError, match=f"{NOWHERE}, but its bytes have the digest {of_bytes(bytes(size))}"):
        store.put(tmp_path / "source", NOWHERE)
    assert list(store.blobs()) == []
    assert store.size(NOWHERE) is None


def test_a_source_that_is_not_there_is_missing_input(store: Store, tmp_path: Path) -> None:
    with pytest.raises(InputError, match="cannot be read: No such file"):
        store.put(tmp_path / "nothing", NOWHERE)
    with pytest.raises(InputError, match="cannot be read: Is a directory"):
        store.put(tmp_path, NOWHERE)


@pytest.mark.parametrize("size", [7, 20 * MB])
def test_a_corrupt_blob_is_reported_and_dropped_and_the_target_is_untouched(
    kind: Kind, tmp_path: Path, size: int
) -> None:
    data = os.urandom(size)
    digest = kept(kind.store, tmp_path, data)
    kind.overwrite(layout.blob(digest), data[:-1] + bytes([data[-1] ^ 1]))
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "target").write_bytes(b"before")
    with pytest.raises(CorruptBlob, match=f"{digest} had bytes with the digest sha256:"):
        kind.again.get(digest, tmp_path / "out" / "target")
    assert [path.read_bytes() for path in (tmp_path / "out").iterdir()] == [b"before"]
    assert list(kind.store.blobs()) == []
    with pytest.raises(MissingBlob):
        kind.store.get(digest, tmp_path / "out" / "target")
    assert kept(kind.store, tmp_path, data) == digest
    kind.store.get(digest, tmp_path / "out" / "target")


def test_a_blob_that_was_cut_short_is_corrupt_and_the_next_put_mends_it(kind: Kind, tmp_path: Path) -> None:
    digest = kept(kind.store, tmp_path, b"weights")
    kind.overwrite(layout.blob(digest), b"wei")
    if not isinstance(kind.store, MemoryStore):
        kept(kind.store, tmp_path, b"weights")
        kind.again.get(digest, tmp_path / "target")
        kind.overwrite(layout.blob(digest), b"wei")
    with pytest.raises(CorruptBlob):
        kind.again.get(digest, tmp_path / "target")


def test_a_blob_that_is_not_there_is_missing_input(store: Store, tmp_path: Path) -> None:
    with pytest.raises(MissingBlob, match=f"does not hold {NOWHERE}"):
        store.get(NOWHERE, tmp_path / "target")
    assert store.size(NOWHERE) is None
    store.drop(NOWHERE)
    assert list(tmp_path.rglob("*target*")) == []


@pytest.mark.parametrize("text", ["sha256:abc", "md5:" + "0" * 32, "sha256:" + "A" * 64, "../" * 3, ""])
def test_what_is_no_digest_is_refused(store: Store, tmp_path: Path, text: str) -> None:
    with pytest.raises(InputError, match="is not a digest that a store can keep"):
        store.get(text, tmp_path / "target")


@pytest.mark.parametrize("size", [7, 20 * MB])
def test_many_may_put_and_get_the_same_blob_at_once(kind: Kind, tmp_path: Path, size: int) -> None:
    data = os.urandom(size)
    (tmp_path / "source").write_bytes(data)
    together = threading.Barrier(4)

    def one(number: int) -> bytes:
        store = (kind.store, kind.again)[number % 2]
        together.wait()
        store.put(tmp_path / "source", of_bytes(data))
        store.get(of_bytes(data), tmp_path / "target")
        return (tmp_path / "target").read_bytes()

    with ThreadPoolExecutor(4) as pool:
        assert set(pool.map(one, range(4))) == {data}
    assert list(kind.store.blobs()) == [of_bytes(data)]


def test_a_named_object_is_written_whole_and_read_back(kind: Kind) -> None:
    assert kind.store.read("runs/1/run.json") is None
    for data in (b"one", b"", bytes(range(256)) * 40):
        kind.store.write("runs/1/run.json", data)
        found = kind.again.read("runs/1/run.json")
        assert found
        assert found.data == data
    kind.again.remove("runs/1/run.json")
    kind.again.remove("runs/1/run.json")
    assert kind.store.read("runs/1/run.json") is None


def test_many_may_remove_the_same_at_once(kind: Kind) -> None:
    for turn in range(5):
        kind.store.write("runs/deep/lease", b"x")
        together = threading.Barrier(4)

        def one(number: int, together: threading.Barrier = together) -> None:
            together.wait()
            (kind.store, kind.again)[number % 2].remove("runs/deep/lease")

        with ThreadPoolExecutor(4) as pool:
            list(pool.map(one, range(4)))
        assert list(kind.store.names("")) == [], turn


def test_a_swap_needs_the_version_that_is_there(kind: Kind) -> None:
    store, again = kind.store, kind.again
    assert not store.swap("lease", b"x", "no such version")
    assert store.swap("lease", b"one", None)
    assert not again.swap("lease", b"two", None)
    first = again.read("lease")
    assert first
    assert first.data == b"one"
    assert again.swap("lease", b"two", first.version)
    assert not store.swap("lease", b"three", first.version)
    second = store.read("lease")
    assert second
    assert second.data == b"two"
    store.remove("lease")
    assert not store.swap("lease", b"three", second.version)
    assert store.swap("lease", b"three", None)


def test_a_write_between_makes_a_swap_lose(store: Store) -> None:
    store.write("lease", b"one")
    before = store.read("lease")
    assert before
    store.write("lease", b"two")
    assert not store.swap("lease", b"three", before.version)


def test_exactly_one_of_many_wins_a_create_and_then_each_replacement(kind: Kind) -> None:
    if not kind.store.atomic_swap:  # it says so itself, and `doctor` repeats it
        assert isinstance(kind.store, RemoteStore)
        return
    expected = None
    for turn in range(3):
        together = threading.Barrier(8)

        def one(number: int, turn: int = turn, expected: str | None = expected) -> bool:
            together.wait()  # noqa: B023 - the threads of a turn end within it
            return (kind.store, kind.again)[number % 2].swap("lease", f"{turn} {number}".encode(), expected)

        with ThreadPoolExecutor(8) as pool:
            won = list(pool.map(one, range(8)))
        assert won.count(True) == 1
        found = kind.store.read("lease")
        assert found
        assert found.data == f"{turn} {won.index(True)}".encode()
        expected = found.version


def test_names_are_sorted_and_chosen_by_prefix(store: Store) -> None:
    assert list(store.names("")) == []
    for name in ("runs/b/run.json", "runs/a/run.json", "running", "lease", "runs/a.json", "runs/ü/x"):
        store.write(name, b"")
    assert list(store.names("")) == sorted(
        ["lease", "running", "runs/a.json", "runs/a/run.json", "runs/b/run.json", "runs/ü/x"]
    )
    assert list(store.names("run")) == list(store.names(""))[1:]
    assert list(store.names("runs/a")) == ["runs/a.json", "runs/a/run.json"]
    assert list(store.names("runs/a/")) == ["runs/a/run.json"]
    assert list(store.names("nothing/")) == []
    store.remove("runs/a/run.json")
    assert list(store.names("runs/a")) == ["runs/a.json"]


@pytest.mark.parametrize("name", ["a b c", "größe/模型", "100%/[x]*?#&=+", "-", "a..b", ".hidden", "é" * 120])
def test_odd_names_are_kept(kind: Kind, name: str) -> None:
    assert kind.store.swap(name, b"x", None)
    found = kind.again.read(name)
    assert found
    assert found.data == b"x"
    assert list(kind.again.names("")) == [name]
    assert list(kind.again.names(name[:2])) == [name]
    kind.again.remove(name)
    assert list(kind.again.names("")) == []


@pytest.mark.parametrize(
    "name",
    ["..", "../x", "a/../../x", "/etc/passwd", "a//b", "a/", "", ".", "a\\b", "a\0b", "a\nb", "\udc80", "x" * 256],
)
def test_names_that_leave_the_store_or_that_some_store_cannot_keep_are_refused(store: Store, name: str) -> None:
    with pytest.raises(InputError, match="cannot name an object in a store"):
        store.read(name)
    with pytest.raises(InputError, match="cannot name an object in a store"):
        store.swap(name, b"", None)


def test_a_prefix_that_leaves_the_store_is_refused(store: Store) -> None:
    with pytest.raises(InputError, match="cannot name an object in a store"):
        list(store.names("../"))
