"""The local store on disks that are full, read-only, odd or shared, and under writers that meet."""

import errno
import fcntl
import os
import subprocess
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from mlagent.adapters.stores import disk, lock
from mlagent.adapters.stores.local import LocalStore
from mlagent.adapters.stores.lock import locks_are_shared
from mlagent.core.digest import of_bytes
from mlagent.errors import InfrastructureError, InputError

DATA = b"weights" * 1000


@pytest.fixture
def store(tmp_path: Path) -> LocalStore:
    return LocalStore(tmp_path / "store")


@pytest.fixture
def source(tmp_path: Path) -> Path:
    (tmp_path / "source").write_bytes(DATA)
    return tmp_path / "source"


def test_nothing_is_made_before_something_is_written(store: LocalStore, tmp_path: Path) -> None:
    assert store.read("lease") is None
    assert list(store.names("")) == list(store.blobs()) == []
    store.drop(of_bytes(b""))
    store.remove("lease")
    assert store.sweep() == 0
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("number", "hint"),
    [(errno.ENOSPC, "make room"), (errno.EROFS, "read-only"), (errno.EACCES, "may this user"), (errno.EIO, "healthy")],
)
def test_a_disk_that_refuses_is_infrastructure_with_advice_and_nothing_half_written(
    store: LocalStore, source: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, number: int, hint: str
) -> None:
    digest = of_bytes(DATA)

    def refuse(*_: object) -> int:
        raise OSError(number, os.strerror(number))

    with monkeypatch.context() as full:
        full.setattr(os, "copy_file_range", refuse)
        full.setattr(os, "write", refuse)
        with pytest.raises(InfrastructureError, match=os.strerror(number)) as error:
            store.put(source, digest)
        assert hint in error.value.hint
        with pytest.raises(InfrastructureError, match=os.strerror(number)):
            store.write("lease", b"one")
    assert list(store.blobs()) == list(store.names("")) == []
    store.put(source, digest)
    monkeypatch.setattr(os, "fsync", refuse)
    with pytest.raises(InfrastructureError, match=os.strerror(number)):
        store.get(digest, tmp_path / "out" / "target")
    assert list((tmp_path / "out").iterdir()) == list((tmp_path / "store" / "tmp").iterdir()) == []


def test_a_store_that_is_a_file_is_infrastructure(source: Path) -> None:
    with pytest.raises(InfrastructureError, match="cannot be used"):
        LocalStore(source).put(source, of_bytes(DATA))


@pytest.mark.parametrize("size", [0, 1, disk.CHUNK, disk.CHUNK + 1])
def test_a_kernel_that_does_not_copy_is_done_without(
    store: LocalStore, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, size: int
) -> None:
    def refuse(*_: object) -> int:
        raise OSError(errno.EXDEV, "Invalid cross-device link")

    monkeypatch.setattr(os, "copy_file_range", refuse)
    data = os.urandom(size)
    (tmp_path / "source").write_bytes(data)
    store.put(tmp_path / "source", of_bytes(data))
    monkeypatch.delattr(os, "copy_file_range")
    store.get(of_bytes(data), tmp_path / "target")
    assert (tmp_path / "target").read_bytes() == data


def test_a_blob_is_no_link_and_cannot_be_written_by_accident(store: LocalStore, source: Path, tmp_path: Path) -> None:
    store.put(source, of_bytes(DATA))
    (path,) = (tmp_path / "store" / "blobs").rglob(of_bytes(DATA)[9:])
    assert path.stat().st_nlink == 1
    assert path.stat().st_mode & 0o222 == 0
    store.get(of_bytes(DATA), tmp_path / "target")
    assert (tmp_path / "target").stat().st_mode & 0o200


def test_bytes_that_come_back_after_others_have_another_version(
    store: LocalStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(time, "time_ns", lambda: 10**18)  # a clock that stands still
    versions = []
    for data in (b"a", b"b", b"a", b"b", b"a"):
        store.write("lease", data)
        found = store.read("lease")
        assert found
        versions.append(found.version)
    assert len(set(versions)) == len(versions)


def test_a_name_is_not_also_a_folder_and_emptied_folders_go(store: LocalStore, tmp_path: Path) -> None:
    store.write("runs/a", b"")
    with pytest.raises(InputError, match="cannot be both a named object and a folder"):
        store.write("runs/a/b", b"")
    with pytest.raises(InputError, match="cannot be both a named object and a folder"):
        store.write("runs", b"")
    assert store.read("runs") is None
    assert store.read("runs/a/b") is None
    store.remove("runs")
    store.remove("runs/a")
    assert list((tmp_path / "store" / "named").iterdir()) == []
    store.write("runs", b"")


def test_names_are_listed_while_folders_come_and_go(store: LocalStore) -> None:
    done = threading.Event()

    def churn() -> None:
        for turn in range(150):
            store.write(f"runs/{turn % 3}/deep/x", b"")
            store.remove(f"runs/{turn % 3}/deep/x")
        done.set()

    store.write("stays", b"")
    with ThreadPoolExecutor(1) as pool:
        churning = pool.submit(churn)
        while not done.is_set():
            assert "stays" in list(store.names(""))
        churning.result()


def test_exactly_one_of_several_processes_wins(store: LocalStore, tmp_path: Path) -> None:
    code = """
import sys
from pathlib import Path
from mlagent.adapters.stores.local import LocalStore
store = LocalStore(Path(sys.argv[1]))
print("ready", flush=True)
sys.stdin.readline()
print(sum(store.swap(f"lease/{turn}", sys.argv[2].encode(), None) for turn in range(50)))
"""
    command = [sys.executable, "-c", code, str(tmp_path / "store")]
    children = [
        subprocess.Popen([*command, str(number)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        for number in range(3)
    ]
    for process in children:
        assert process.stdout
        process.stdout.readline()
    for process in children:
        assert process.stdin
        process.stdin.write("\n")
        process.stdin.flush()
    assert sum(int(process.communicate(timeout=30)[0]) for process in children) == 50


def test_no_write_is_lost_when_many_count_in_one_object(store: LocalStore) -> None:
    together = threading.Barrier(6)

    def count(_number: int) -> None:
        together.wait()
        for _ in range(10):
            while True:
                found = store.read("counter")
                value = int(found.data) if found else 0
                if store.swap("counter", str(value + 1).encode(), found.version if found else None):
                    break

    with ThreadPoolExecutor(6) as pool:
        list(pool.map(count, range(6)))
    found = store.read("counter")
    assert found
    assert found.data == b"60"


def test_a_lock_that_is_never_let_go_is_said(tmp_path: Path) -> None:
    with (tmp_path / "lock").open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        with (
            pytest.raises(InfrastructureError, match="another process has held"),
            lock.locked(tmp_path, patience_s=0.01),
        ):
            pass


MOUNTS = r"""
22 1 8:1 / / rw,relatime shared:1 - ext4 /dev/root rw
30 22 0:41 / /mnt/nfs rw,relatime shared:9 - nfs4 server:/x rw,vers=4.2,local_lock=none
31 22 0:42 / /mnt/old rw,relatime shared:9 - nfs server:/y rw,vers=3,nolock,local_lock=all
32 22 0:43 / /mnt/my\040bucket rw,nosuid - fuse.gcsfuse bucket rw,user_id=0
33 31 0:44 / /mnt/old/disk rw - xfs /dev/sdb rw
"""


@pytest.mark.parametrize(
    ("folder", "shared"),
    [
        ("/home/x/.mlagent", True),
        ("/mnt/nfs/store", True),
        ("/mnt/old/store", False),
        ("/mnt/old/disk/store", True),
        ("/mnt/older", True),
        ("/mnt/my bucket/store", False),
    ],
)
def test_a_mount_that_keeps_locks_to_itself_is_known(folder: str, *, shared: bool) -> None:
    assert locks_are_shared(MOUNTS.strip(), Path(folder)) is shared


def test_this_machine_can_be_asked(store: LocalStore, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert store.atomic_swap in {True, False}
    monkeypatch.setattr(lock, "MOUNTS", tmp_path / "no such table")
    assert store.atomic_swap is True
