"""A file, a folder, a glob: the same names, the digest of what is in them, and no byte read twice for nothing."""

import os
import time
from pathlib import Path

import pytest

from mlagent.config.sections import Data
from mlagent.core import digest
from mlagent.engine.dataset import Dataset
from mlagent.errors import InputError

OLD = time.time_ns() - 3600 * 10**9


def write(path: Path, text: str, stamp: int = OLD) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
    os.utime(path, ns=(stamp, stamp))
    return path


def dataset(project: Path, path: str, *, verify: bool = False) -> Dataset:
    return Dataset(project, Data(path=path, target="y", verify=verify), project / ".mlagent" / "data")


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    for name in ("rows/2025/b.csv", "rows/a.parquet", "rows/notes.txt", "rows/.hidden/c.csv", "other.csv"):
        write(tmp_path / name, name)
    return tmp_path


@pytest.mark.parametrize(
    ("path", "names"),
    [
        ("other.csv", ["other.csv"]),
        ("rows", ["rows/2025/b.csv", "rows/a.parquet"]),
        ("rows/*.parquet", ["rows/a.parquet"]),
        ("rows/**/*.csv", ["rows/.hidden/c.csv", "rows/2025/b.csv"]),
    ],
)
def test_files_are_found_in_the_order_of_their_names(folder: Path, path: str, names: list[str]) -> None:
    assert [file.name for file in dataset(folder, path).files()] == names
    absolute = dataset(folder, str(folder / path)).files()
    assert [file.name for file in absolute] == names


def test_a_file_outside_the_project_is_called_by_its_whole_path(
    folder: Path, tmp_path_factory: pytest.TempPathFactory
) -> None:
    outside = write(tmp_path_factory.mktemp("outside") / "x.csv", "x")
    assert [file.name for file in dataset(folder, str(outside)).files()] == [str(outside)]


@pytest.mark.parametrize("path", ["empty", "rows/*.feather"])
def test_what_names_no_file_is_said(folder: Path, path: str) -> None:
    (folder / "empty").mkdir()
    with pytest.raises(InputError, match=r"\(data.path\) names no .csv or .parquet file"):
        dataset(folder, path).files()


def test_the_digest_is_of_names_and_contents(folder: Path) -> None:
    assert dataset(folder, "other.csv").digest() == digest.of_file(folder / "other.csv")
    before = dataset(folder, "rows").digest()
    write(folder / "rows" / "notes.txt", "changed")
    assert dataset(folder, "rows").digest() == before
    (folder / "rows" / "a.parquet").rename(folder / "rows" / "c.parquet")
    renamed = dataset(folder, "rows").digest()
    write(folder / "rows" / "c.parquet", "other rows")
    assert len({before, renamed, dataset(folder, "rows").digest()}) == 3


def test_an_unchanged_file_is_not_read_again(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    before = dataset(folder, "other.csv").digest()
    read: list[Path] = []
    whole = digest.of_file

    def counted(path: Path) -> str:
        read.append(path)
        return whole(path)

    monkeypatch.setattr(digest, "of_file", counted)
    assert dataset(folder, "other.csv").digest() == before
    assert read == []
    assert dataset(folder, "other.csv", verify=True).digest() == before
    assert len(read) == 1
    write(folder / "other.csv", "same size", OLD + 1)
    assert dataset(folder, "other.csv").digest() == digest.of_bytes(b"same size")


def test_a_file_written_just_now_is_read_again_since_its_stamp_cannot_be_trusted_yet(folder: Path) -> None:
    now = time.time_ns()
    write(folder / "other.csv", "one", now)
    dataset(folder, "other.csv").digest()
    write(folder / "other.csv", "two", now)
    assert dataset(folder, "other.csv").digest() == digest.of_bytes(b"two")


def test_what_is_known_may_be_lost_or_damaged(folder: Path) -> None:
    before = dataset(folder, "other.csv").digest()
    write(folder / ".mlagent" / "data" / "known.json", "{")
    assert dataset(folder, "other.csv").digest() == before
