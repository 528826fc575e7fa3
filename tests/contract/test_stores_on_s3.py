"""What only S3 can show: transfers that are cut off go on, and of several who create at once one wins."""

import os
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from mlagent.adapters.stores.s3 import S3Store
from mlagent.adapters.stores.transfer import PART
from mlagent.core.digest import of_bytes
from mlagent.core.ports.store import MissingBlob
from mlagent.errors import InfrastructureError, InputError

from .conftest import Bucket

PARTS = 5
Call = Callable[..., Any]

CHILD = """
import sys, time
from pathlib import Path
from mlagent.adapters.stores import open_store
url, endpoint, what, digest, path = sys.argv[1:]
store = open_store(url, {"endpoint_url": endpoint, "key": "AKIAtesting", "secret": "notverysecret"})
if what == "swap":
    print("ready", flush=True)
    sys.stdin.readline()
    print(store.swap("lease", path.encode(), None))
    sys.exit()
name = "call_s3" if what == "put" else "cat_file"
real = getattr(store._files, name)
def slow(*args, **kwargs):
    done = real(*args, **kwargs)
    if args[0] == "upload_part" or "start" in kwargs:
        print("part", flush=True)
        time.sleep(0.2)
    return done
setattr(store._files, name, slow)
store.put(Path(path), digest) if what == "put" else store.get(digest, Path(path))
"""


@pytest.fixture
def store(bucket: Bucket) -> S3Store:
    return bucket.open()


@pytest.fixture
def data(tmp_path: Path) -> bytes:
    data = os.urandom(PARTS * PART - 1000)
    (tmp_path / "source").write_bytes(data)
    return data


def child(bucket: Bucket, what: str, digest: str, path: Path) -> subprocess.Popen[str]:
    command = [sys.executable, "-c", CHILD, bucket.url, str(bucket.options["endpoint_url"]), what, digest, str(path)]
    return subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)


def killed_after(bucket: Bucket, parts: int, what: str, digest: str, path: Path) -> None:
    """Run a child and kill it when it has moved a number of parts."""
    with child(bucket, what, digest, path) as process:
        assert process.stdout
        for _ in range(parts):
            assert process.stdout.readline() == "part\n"
        process.send_signal(signal.SIGKILL)


def counted(store: S3Store, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The operations on S3 from now on, each by its name."""
    calls: list[str] = []
    real = store._files.call_s3

    def call(name: str, **kwargs: object) -> object:
        calls.append(name)
        return real(name, **kwargs)

    monkeypatch.setattr(store._files, "call_s3", call)
    return calls


def test_an_upload_whose_process_was_killed_shows_nothing_and_the_next_one_sends_only_the_rest(
    bucket: Bucket, store: S3Store, data: bytes, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    digest = of_bytes(data)
    killed_after(bucket, 3, "put", digest, tmp_path / "source")
    assert store.size(digest) is None
    assert list(store.blobs()) == []
    with pytest.raises(MissingBlob):
        store.get(digest, tmp_path / "target")
    calls = counted(store, monkeypatch)
    store.put(tmp_path / "source", digest)
    assert "create_multipart_upload" not in calls
    assert calls.count("upload_part") <= PARTS - 3
    store.get(digest, tmp_path / "target")
    assert (tmp_path / "target").read_bytes() == data


def test_parts_of_other_bytes_that_were_left_there_are_sent_again(
    bucket: Bucket, store: S3Store, data: bytes, tmp_path: Path
) -> None:
    (tmp_path / "other").write_bytes(bytes(len(data)))
    killed_after(bucket, 3, "put", of_bytes(data), tmp_path / "other")
    store.put(tmp_path / "source", of_bytes(data))
    store.get(of_bytes(data), tmp_path / "target")
    assert (tmp_path / "target").read_bytes() == data


def test_an_upload_of_wrong_bytes_is_given_up_and_leaves_no_parts(
    store: S3Store, data: bytes, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    calls = counted(store, monkeypatch)
    with pytest.raises(InputError, match="nothing was kept"):
        store.put(tmp_path / "source", of_bytes(b"other"))
    assert calls[-1] == "abort_multipart_upload"


def test_a_download_whose_process_was_killed_leaves_no_target_and_the_next_one_fetches_only_the_rest(
    bucket: Bucket, store: S3Store, data: bytes, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    digest, out = of_bytes(data), tmp_path / "out"
    store.put(tmp_path / "source", digest)
    killed_after(bucket, PARTS, "get", digest, out / "target")
    assert not (out / "target").exists()
    (left,) = out.iterdir()
    resumed = left.stat().st_size
    fetched: list[int] = []
    real = store._files.cat_file

    def cat_file(path: str, start: int, end: int) -> bytes:
        fetched.append(end - start)
        return bytes(real(path, start=start, end=end))

    monkeypatch.setattr(store._files, "cat_file", cat_file)
    store.get(digest, out / "target")
    assert sum(fetched) == len(data) - resumed
    assert [path.name for path in out.iterdir()] == ["target"]
    assert (out / "target").read_bytes() == data


def test_a_lost_connection_is_worth_a_retry_and_keeps_what_came(
    store: S3Store, data: bytes, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    digest, out = of_bytes(data), tmp_path / "out"
    store.put(tmp_path / "source", digest)
    real = store._files.cat_file

    def cat_file(path: str, start: int, end: int) -> bytes:
        if start == 3 * PART:
            raise ConnectionResetError(104, "Connection reset by peer")
        return bytes(real(path, start=start, end=end - (start == 4 * PART)))

    with monkeypatch.context() as broken:
        broken.setattr(store._files, "cat_file", cat_file)
        with pytest.raises(InfrastructureError, match="Connection reset") as error:
            store.get(digest, out / "target")
    assert error.value.retryable
    assert "goes on where it stopped" in error.value.hint
    assert [path.stat().st_size for path in out.iterdir()] == [3 * PART]
    with monkeypatch.context() as broken:
        broken.setattr(store._files, "cat_file", lambda path, start, end: real(path, start=start, end=end - 1))
        with pytest.raises(InfrastructureError, match=r"sent \d+ bytes where \d+ were"):
            store.get(digest, out / "target")
    store.get(digest, out / "target")
    assert (out / "target").read_bytes() == data


def test_a_wrong_beginning_found_here_does_not_condemn_the_blob(store: S3Store, data: bytes, tmp_path: Path) -> None:
    digest, out = of_bytes(data), tmp_path / "out"
    store.put(tmp_path / "source", digest)
    out.mkdir()
    (out / f".{digest[7:23]}.part.{os.getuid()}-0").write_bytes(b"wrong")
    store.get(digest, out / "target")
    assert (out / "target").read_bytes() == data
    (out / f".{digest[7:23]}.part.{os.getuid()}-0").write_bytes(data + b"too long")
    store.get(digest, out / "target")
    assert (out / "target").read_bytes() == data
    assert list(store.blobs()) == [digest]


def test_exactly_one_of_several_processes_wins_a_create(bucket: Bucket, store: S3Store) -> None:
    children = [child(bucket, "swap", "", Path(str(number))) for number in range(4)]
    for process in children:
        assert process.stdout
        assert process.stdout.readline() == "ready\n"
    for process in children:
        assert process.stdin
        process.stdin.write("\n")
        process.stdin.flush()
    answers = [process.communicate(timeout=60)[0].strip() for process in children]
    assert sorted(answers) == ["False", "False", "False", "True"]
    found = store.read("lease")
    assert found
    assert found.data == str(answers.index("True")).encode()
