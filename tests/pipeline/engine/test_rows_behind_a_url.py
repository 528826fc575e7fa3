"""Rows on S3 (a real server on this machine): downloaded once while their etag stands, again when it changes."""

import time
from pathlib import Path
from typing import Any

import pytest
import s3fs

from mlagent.config.secret import Secret
from mlagent.config.sections import Data
from mlagent.core import digest
from mlagent.engine.dataset import Dataset
from mlagent.errors import ConfigError, InfrastructureError, InputError


class Bucket:
    """A bucket with rows, and a data set that reads them."""

    def __init__(self, server: str, project: Path) -> None:
        self.server, self.project, self.name = server, project, f"b{time.monotonic_ns()}"
        self.files: Any = s3fs.S3FileSystem(endpoint_url=server, key="an-access-key", secret="a-secret-key")
        self.files.mkdir(self.name)

    def put(self, name: str, data: bytes) -> None:
        self.files.pipe_file(f"{self.name}/{name}", data)

    def dataset(self, path: str, **more: Any) -> Dataset:
        keys = {"access_key": Secret("env:TEST_ACCESS"), "secret_key": Secret("env:TEST_SECRET")}
        given = {"path": f"s3://{self.name}/{path}", "target": "y", "endpoint": self.server, **keys, **more}
        return Dataset(self.project, Data(**given), self.project / ".mlagent" / "data")


@pytest.fixture
def bucket(s3_server: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Bucket:
    monkeypatch.setenv("TEST_ACCESS", "an-access-key")
    monkeypatch.setenv("TEST_SECRET", "a-secret-key")
    made = Bucket(s3_server, tmp_path)
    for name in ("rows/2025/b.csv", "rows/a.parquet", "rows/notes.txt"):
        made.put(name, name.encode())
    return made


@pytest.mark.parametrize(
    ("path", "names"),
    [("rows/a.parquet", ["a.parquet"]), ("rows", ["2025/b.csv", "a.parquet"]), ("rows/*.parquet", ["a.parquet"])],
)
def test_a_file_a_folder_and_a_glob_are_fetched(bucket: Bucket, path: str, names: list[str]) -> None:
    files = bucket.dataset(path).files()
    assert [file.name for file in files] == [f"s3://{bucket.name}/rows/{name}" for name in names]
    assert [file.path.read_text() for file in files] == [f"rows/{name}" for name in names]


def test_an_unchanged_file_is_fetched_once_and_a_changed_one_again(bucket: Bucket) -> None:
    (first,) = bucket.dataset("rows/a.parquet").files()
    written = first.path.stat().st_mtime_ns
    assert bucket.dataset("rows/a.parquet").files() == (first,)
    assert first.path.stat().st_mtime_ns == written
    bucket.put("rows/a.parquet", b"other rows, yet")
    assert bucket.dataset("rows/a.parquet").digest() == digest.of_bytes(b"other rows, yet")


def test_a_download_that_was_cut_off_is_not_believed(bucket: Bucket) -> None:
    (file,) = bucket.dataset("rows/a.parquet").files()
    file.path.with_name("a.parquet.stamp").unlink()
    file.path.write_bytes(b"half")
    assert bucket.dataset("rows/a.parquet").files()[0].path.read_text() == "rows/a.parquet"


def test_what_is_not_there_or_not_reached_is_said(bucket: Bucket) -> None:
    with pytest.raises(InputError, match=r"names no \.csv or \.parquet file"):
        bucket.dataset("gone.csv").files()
    with pytest.raises(InfrastructureError, match="could not be used"):
        bucket.dataset("rows", endpoint="http://127.0.0.1:9").files()
    with pytest.raises(ConfigError, match="cannot be opened"):
        Dataset(bucket.project, Data(path="nope://x", target="y"), bucket.project).files()
