"""Whoever is killed with -9 while putting or getting leaves nothing that can be taken for a blob or a target."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from mlagent.adapters.stores.local import LocalStore
from mlagent.core.digest import of_bytes

SIZE = 24 << 20

# A child that copies slowly, saying so, or that goes round as fast as it can.
SLOW = """
import os, sys, time
from pathlib import Path
from mlagent.adapters.stores import disk
from mlagent.adapters.stores.local import LocalStore
what, root, digest, path = sys.argv[1:]
real = disk._by_kernel
def slow(source, target):
    print("part", flush=True)
    time.sleep(0.05)
    return real(source, target)
disk._by_kernel = slow
store = LocalStore(Path(root))
store.put(Path(path), digest) if what == "put" else store.get(digest, Path(path))
"""
ROUND = """
import itertools, sys
from pathlib import Path
from mlagent.adapters.stores.local import LocalStore
from mlagent.core.digest import of_bytes
root, folder = map(Path, sys.argv[1:])
store = LocalStore(root)
for number in itertools.count():
    data = str(number % 50).encode() * 50000
    (folder / "source").write_bytes(data)
    store.drop(of_bytes(data))
    store.put(folder / "source", of_bytes(data))
    store.get(of_bytes(data), folder / "out" / "target")
    store.write("runs/run.json", data)
    print("round", flush=True)
"""


def killed_after(parts: int, *args: str) -> None:
    with subprocess.Popen([sys.executable, "-c", SLOW, *args], stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout
        for _ in range(parts):
            assert process.stdout.readline() == "part\n"
        process.send_signal(signal.SIGKILL)
    assert process.returncode == -signal.SIGKILL


@pytest.fixture
def store(tmp_path: Path) -> LocalStore:
    return LocalStore(tmp_path / "store")


def test_a_put_that_was_killed_shows_no_blob_and_the_next_one_succeeds(store: LocalStore, tmp_path: Path) -> None:
    data = os.urandom(SIZE)
    (tmp_path / "source").write_bytes(data)
    killed_after(4, "put", str(tmp_path / "store"), of_bytes(data), str(tmp_path / "source"))
    assert store.size(of_bytes(data)) is None
    assert list(store.blobs()) == []
    (left,) = (tmp_path / "store" / "tmp").iterdir()
    assert left.stat().st_size
    store.put(tmp_path / "source", of_bytes(data))
    assert list((tmp_path / "store" / "tmp").iterdir()) == []
    store.get(of_bytes(data), tmp_path / "target")
    assert (tmp_path / "target").read_bytes() == data


def test_a_get_that_was_killed_leaves_the_old_target_and_the_next_one_cleans_up(
    store: LocalStore, tmp_path: Path
) -> None:
    data = os.urandom(SIZE)
    (tmp_path / "source").write_bytes(data)
    store.put(tmp_path / "source", of_bytes(data))
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "target").write_bytes(b"before")
    killed_after(4, "get", str(tmp_path / "store"), of_bytes(data), str(tmp_path / "out" / "target"))
    assert (tmp_path / "out" / "target").read_bytes() == b"before"
    store.get(of_bytes(data), tmp_path / "out" / "target")
    assert (tmp_path / "out" / "target").read_bytes() == data
    assert [path.name for path in (tmp_path / "out").iterdir()] == ["target"]


def test_what_a_dead_writer_left_is_swept_and_a_living_one_is_not_disturbed(store: LocalStore, tmp_path: Path) -> None:
    data = os.urandom(SIZE)
    (tmp_path / "source").write_bytes(data)
    args = ["put", str(tmp_path / "store"), of_bytes(data), str(tmp_path / "source")]
    killed_after(2, *args)
    with subprocess.Popen([sys.executable, "-c", SLOW, *args], stdout=subprocess.PIPE, text=True) as living:
        assert living.stdout
        assert living.stdout.readline() == "part\n"
        (tmp_path / "store" / "tmp" / "0-0").write_bytes(b"of a dead one")
        assert store.sweep() == 1
        assert len(list((tmp_path / "store" / "tmp").iterdir())) == 1
        living.stdout.read()
    assert living.returncode == 0
    assert list(store.blobs()) == [of_bytes(data)]
    assert store.sweep() == 0


@pytest.mark.parametrize("moment", range(5))
def test_a_kill_at_any_moment_leaves_whole_blobs_only(store: LocalStore, tmp_path: Path, moment: int) -> None:
    command = [sys.executable, "-c", ROUND, str(tmp_path / "store"), str(tmp_path)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout
        assert process.stdout.readline()
        time.sleep(moment * 0.0237)
        process.kill()
    for digest in list(store.blobs()):
        store.get(digest, tmp_path / "again")
    target = tmp_path / "out" / "target"
    assert store.size(of_bytes(target.read_bytes())) in {None, target.stat().st_size}
    found = store.read("runs/run.json")
    assert found
    assert len(found.data) % 50000 == 0
    before = found.version
    assert store.swap("runs/run.json", b"after", before)
    store.sweep()
    assert list((tmp_path / "store" / "tmp").iterdir()) == []
