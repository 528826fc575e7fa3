"""S3 decides a swap, and says what it refuses: conditional writes, lost answers, absent servers; no key is told."""

import os
import re
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from mlagent.adapters.stores import open_store
from mlagent.adapters.stores.s3 import S3Store
from mlagent.adapters.stores.s3_swap import put_if
from mlagent.core.digest import of_bytes
from mlagent.core.ports.store import Store
from mlagent.errors import ConfigError, InfrastructureError

from .conftest import Bucket

Call = Callable[..., Any]


@pytest.fixture
def store(bucket: Bucket) -> S3Store:
    return bucket.open()


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
