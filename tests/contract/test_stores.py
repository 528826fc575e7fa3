"""Whatever keeps blobs and records keeps them like this: a folder, and a real S3 server."""

import threading
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from mlagent.adapters.stores import open_store
from mlagent.adapters.stores.local import LocalStore
from mlagent.core import digest
from mlagent.core.ports.store import CorruptBlob, MissingBlob, Store
from mlagent.errors import InfrastructureError, InputError

KEY, SECRET = "an-access-key", "a-secret-key-of-the-store"
MB = 1 << 20


Open = Callable[[], Store]


@pytest.fixture(params=["folder", "s3"])
def opened(request: pytest.FixtureRequest, tmp_path: Path) -> Open:
    """Opens the same store again and again, as other processes would."""
    if request.param == "folder":
        return lambda: open_store(tmp_path / "store")
    url = request.getfixturevalue("s3_server")
    options = {"endpoint_url": url, "key": KEY, "secret": SECRET}
    bucket = f"b{time.monotonic_ns()}"
    import s3fs

    s3fs.S3FileSystem(**options).mkdir(bucket)
    return lambda: open_store(f"s3://{bucket}/team", options)


@pytest.fixture
def store(opened: Open) -> Store:
    return opened()


def blob(folder: Path, data: bytes) -> tuple[Path, str]:
    path = folder / f"source-{len(data)}"
    path.write_bytes(data)
    return path, digest.of_bytes(data)


@pytest.mark.parametrize("size", [0, 1, 30 * MB + 7])
def test_what_was_put_is_got_back(opened: Open, tmp_path: Path, size: int) -> None:
    data = bytes(range(251)) * (size // 251) + b"x" * (size % 251)
    source, name = blob(tmp_path, data)
    assert opened().size(name) is None
    opened().put(source, name)
    opened().put(source, name)
    opened().get(name, tmp_path / "target")
    assert (tmp_path / "target").read_bytes() == data
    assert opened().size(name) == size
    assert list(opened().blobs()) == [name]


def test_bytes_that_are_not_what_they_are_said_to_be_are_refused(store: Store, tmp_path: Path) -> None:
    source, _ = blob(tmp_path, b"one thing")
    other = digest.of_bytes(b"another")
    with pytest.raises(InputError, match="nothing was kept"):
        store.put(source, other)
    assert store.size(other) is None


def test_a_blob_that_is_not_there_is_missing(store: Store, tmp_path: Path) -> None:
    (tmp_path / "target").write_bytes(b"old")
    with pytest.raises(MissingBlob):
        store.get(digest.of_bytes(b"never"), tmp_path / "target")
    assert (tmp_path / "target").read_bytes() == b"old"


def test_a_dropped_blob_is_gone_and_can_come_back(store: Store, tmp_path: Path) -> None:
    source, name = blob(tmp_path, b"data")
    store.put(source, name)
    store.drop(name)
    store.drop(name)
    assert (store.size(name), list(store.blobs())) == (None, [])
    store.put(source, name)
    assert store.size(name) == 4


def damage(store: Store, name: str) -> None:
    """Flip a byte behind the store's back."""
    tagged = name.partition(":")[2]
    if isinstance(store, LocalStore):
        (path,) = (one for one in store._root.rglob("*") if one.is_file() and one.name == tagged[2:])
        path.chmod(0o644)
        path.write_bytes(b"X" + path.read_bytes()[1:])
    else:
        (at,) = (one for one in store._files.find(store._root) if one.endswith(tagged[2:]))  # type: ignore[attr-defined]
        store._files.pipe_file(at, b"X" + store._files.cat_file(at)[1:])  # type: ignore[attr-defined]


def test_a_corrupt_blob_is_reported_dropped_and_never_read(store: Store, tmp_path: Path) -> None:
    source, name = blob(tmp_path, b"precious" * 1000)
    store.put(source, name)
    damage(store, name)
    (tmp_path / "target").write_bytes(b"old")
    with pytest.raises(CorruptBlob):
        store.get(name, tmp_path / "target")
    assert (tmp_path / "target").read_bytes() == b"old"
    assert store.size(name) is None


def test_named_objects_are_written_over_read_and_removed(opened: Open) -> None:
    opened().write("runs/one", b"1")
    opened().write("runs/one", b"2")
    named = opened().read("runs/one")
    assert named is not None
    assert named.data == b"2"
    opened().remove("runs/one")
    opened().remove("runs/one")
    assert opened().read("runs/one") is None


def test_names_are_sorted_and_start_with_the_prefix(store: Store) -> None:
    for name in ("runs/b", "runs/a", "results/train/1", "runs2/c", "runs/é ü"):
        store.write(name, b"")
    assert list(store.names("runs/")) == ["runs/a", "runs/b", "runs/é ü"]
    assert list(store.names("results/train/")) == ["results/train/1"]
    assert list(store.names("nothing/")) == []


def test_a_name_cannot_leave_the_store(store: Store) -> None:
    for name in ("../outside", "runs/../../outside", "/etc/passwd"):
        with pytest.raises(Exception, match=r"outside|etc"):
            store.write(name, b"")


def test_a_swap_needs_the_version_that_is_there(store: Store) -> None:
    assert store.swap("lease", b"first", None)
    assert not store.swap("lease", b"second", None)
    before = store.read("lease")
    assert before is not None
    assert store.swap("lease", b"second", before.version)
    assert not store.swap("lease", b"third", before.version)
    now = store.read("lease")
    assert now is not None
    assert now.data == b"second"
    assert not store.swap("absent", b"x", before.version)
    assert store.read("absent") is None


def test_of_many_that_swap_at_once_one_wins(opened: Open) -> None:
    stores = [opened() for _ in range(6)]
    for expected_first in (True, False):
        named = stores[0].read("lease")
        version = named.version if named else None
        assert (version is None) == expected_first
        won: list[int] = []
        start = threading.Barrier(len(stores))

        def take(
            number: int, version: str | None = version, won: list[int] = won, start: threading.Barrier = start
        ) -> None:
            start.wait()
            if stores[number].swap("lease", f"{number} {version}".encode(), version):
                won.append(number)

        threads = [threading.Thread(target=take, args=(number,)) for number in range(len(stores))]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        now = stores[0].read("lease")
        assert now is not None
        assert [f"{one} {version}".encode() for one in won] == [now.data]


def test_both_decide_between_machines(store: Store) -> None:
    assert store.atomic_swap


def test_an_upload_that_was_cut_off_goes_on(s3_server: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    import s3fs

    options = {"endpoint_url": s3_server, "key": KEY, "secret": SECRET}
    bucket = f"b{time.monotonic_ns()}"
    s3fs.S3FileSystem(**options).mkdir(bucket)
    store = open_store(f"s3://{bucket}", options)
    source, name = blob(tmp_path, bytes(range(256)) * (40 * MB // 256))
    real, sent = store._call, list[int]()  # type: ignore[attr-defined]

    def flaky(method: str, path: str, **more: object) -> object:
        if method == "upload_part":
            if len(sent) == 3:
                raise OSError("the network went away")
            sent.append(int(str(more["PartNumber"])))
        return real(method, path, **more)

    monkeypatch.setattr(store, "_call", flaky)
    with pytest.raises(InfrastructureError, match="the network went away"):
        store.put(source, name)
    assert store.size(name) is None
    first, sent[:] = set(sent), [0, 0, 0, 0]
    store.put(source, name)
    assert not first & set(sent[4:])
    assert len(first) + len(sent[4:]) == 5
    store.get(name, tmp_path / "target")
    assert digest.of_file(tmp_path / "target") == name


def test_a_download_that_was_cut_off_goes_on(s3_server: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    import s3fs

    options = {"endpoint_url": s3_server, "key": KEY, "secret": SECRET}
    bucket = f"b{time.monotonic_ns()}"
    s3fs.S3FileSystem(**options).mkdir(bucket)
    store = open_store(f"s3://{bucket}", options)
    source, name = blob(tmp_path, bytes(range(256)) * (40 * MB // 256))
    store.put(source, name)
    files, asked = store._files, list[int]()  # type: ignore[attr-defined]
    real = files.cat_file

    def flaky(path: str, start: int, end: int) -> bytes:
        asked.append(start)
        if start == 24 * MB and asked.count(start) == 1:
            raise OSError("the network went away")
        return bytes(real(path, start=start, end=end))

    monkeypatch.setattr(files, "cat_file", flaky)
    with pytest.raises(InfrastructureError, match="the network went away"):
        store.get(name, tmp_path / "target")
    assert not (tmp_path / "target").exists()
    asked.clear()
    asked.append(24 * MB)
    store.get(name, tmp_path / "target")
    assert sorted(asked[1:]) == [24 * MB, 32 * MB]
    assert digest.of_file(tmp_path / "target") == name


@pytest.mark.parametrize(
    "options",
    [{"endpoint_url": "http://127.0.0.1:9", "key": KEY, "secret": SECRET}],
)
def test_a_store_out_of_reach_is_worth_a_retry_and_names_no_key(options: dict[str, str]) -> None:
    options = {**options, "config_kwargs": {"retries": {"max_attempts": 1}, "connect_timeout": 2}}  # type: ignore[dict-item]
    with pytest.raises(InfrastructureError) as error:
        open_store("s3://bucket/team", options).read("runs/one")
    assert error.value.retryable
    assert SECRET not in error.value.message
    assert KEY not in error.value.message
