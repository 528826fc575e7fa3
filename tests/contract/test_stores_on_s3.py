"""What only S3 can show: transfers that are cut off go on, the server decides a swap, and errors name no key."""

import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from mlagent.adapters.stores import open_store
from mlagent.adapters.stores.s3 import S3Store
from mlagent.adapters.stores.s3_swap import put_if
from mlagent.adapters.stores.transfer import PART
from mlagent.core.digest import of_bytes
from mlagent.core.ports.store import MissingBlob, Store
from mlagent.errors import ConfigError, InfrastructureError, InputError

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


def test_the_server_is_tried_out_before_its_swap_is_called_atomic(
    bucket: Bucket, store: S3Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert store.atomic_swap
    real = store._files.call_s3

    def careless(name: str, **kwargs: object) -> object:
        return real(name, **{key: kwargs[key] for key in kwargs if key not in {"IfMatch", "IfNoneMatch"}})

    other = bucket.open()
    monkeypatch.setattr(other._files, "call_s3", careless)
    assert not other.atomic_swap
    assert other.swap("lease", b"one", None)
    assert not other.swap("lease", b"two", None)
    assert list(other.names("")) == ["lease"]
    assert store._files.find(store._root) == [store._at("named/lease")]


def refusing(code: str, real: Call, times: int = 1000) -> Call:
    """A call_s3 whose server answers conditional writes with an error."""
    left = [times]

    def call(name: str, **kwargs: object) -> object:
        if name == "put_object" and left[0]:
            left[0] -= 1
            error = OSError(5, "refused by the test")
            error.__cause__ = RuntimeError()
            error.__cause__.response = {"Error": {"Code": code}}  # type: ignore[attr-defined]
            raise error
        return real(name, **kwargs)

    return call


def test_a_server_without_conditional_writes_gets_a_plain_one_and_is_not_called_atomic(
    store: S3Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(store._files, "call_s3", refusing("NotImplemented", store._files.call_s3))
    assert not store.atomic_swap
    assert store.swap("lease", b"one", None)
    assert not store.swap("lease", b"two", None)


def test_a_conflict_of_two_writes_is_tried_again(store: S3Store, monkeypatch: pytest.MonkeyPatch) -> None:
    real = store._files.call_s3
    monkeypatch.setattr(store._files, "call_s3", refusing("ConditionalRequestConflict", real, times=2))
    assert store.swap("lease", b"one", None)
    monkeypatch.setattr(time, "sleep", lambda seconds: None)
    monkeypatch.setattr(store._files, "call_s3", refusing("ConditionalRequestConflict", real))
    with pytest.raises(InfrastructureError, match="refused by the test"):
        store.swap("lease 2", b"one", None)


def test_a_win_whose_answer_got_lost_is_still_a_win(store: S3Store) -> None:
    bucket, key = store._split(store._at("named/lease"))

    def twice(name: str, **kwargs: object) -> object:
        if name == "put_object":
            store._files.call_s3(name, **kwargs)  # and the answer is lost: the client tries again
        return store._files.call_s3(name, **kwargs)

    assert put_if(twice, bucket, key, b"one", None) is True
    assert put_if(twice, bucket, key, b"one", None) is False


@pytest.mark.parametrize(
    "use",
    [
        lambda store, path: store.size(of_bytes(b"x")),
        lambda store, path: store.put(path, of_bytes(b"x")),
        lambda store, path: store.get(of_bytes(b"x"), path / "target"),
        lambda store, path: list(store.blobs()),
        lambda store, path: store.read("lease"),
        lambda store, path: store.write("lease", b""),
        lambda store, path: store.swap("lease", b"", None),
        lambda store, path: list(store.names("")),
        lambda store, path: store.drop(of_bytes(b"x")),
    ],
)
def test_a_missing_bucket_is_no_empty_store(
    s3_server: str, tmp_path: Path, use: Callable[[Store, Path], object]
) -> None:
    (tmp_path / "source").write_bytes(b"x")
    options = {"endpoint_url": s3_server, "key": "AKIAtesting", "secret": "notverysecret"}
    with pytest.raises(InfrastructureError, match="s3://no-such-bucket/store could not be used") as error:
        use(open_store("s3://no-such-bucket/store/", options), tmp_path / "source")
    assert error.value.hint == "is there such a bucket or container? mlagent makes none"


def test_a_server_that_is_away_is_worth_a_retry_and_no_key_is_told(tmp_path: Path) -> None:
    options = {
        "endpoint_url": "http://127.0.0.1:9",
        "client_kwargs": {"aws_secret_access_key": "notverysecret"},
        "key": "AKIAtesting",
        "config_kwargs": {"retries": {"max_attempts": 0}},
    }
    with pytest.raises(InfrastructureError, match=r"s3://bucket could not be used: .*127\.0\.0\.1:9") as error:
        open_store("s3://bucket", options).read("lease")
    assert error.value.retryable
    assert "is the network up" in error.value.hint
    told = error.value.message + error.value.hint
    assert not re.search("AKIA|verysecret", told)


def test_missing_credentials_are_said(s3_server: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    for name in [name for name in os.environ if name.startswith("AWS_")]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", str(tmp_path / "none"))
    monkeypatch.setenv("AWS_CONFIG_FILE", str(tmp_path / "none"))
    with pytest.raises(InfrastructureError, match="Unable to locate credentials") as error:
        open_store("s3://bucket", {"endpoint_url": s3_server, "skip_instance_cache": True}).read("lease")
    assert error.value.hint.startswith("are there credentials")


def test_an_option_that_the_library_does_not_know_is_a_matter_of_configuration() -> None:
    with pytest.raises(ConfigError, match="unexpected keyword argument 'nonsense'"):
        open_store("s3://bucket", {"nonsense": 1}).read("lease")
