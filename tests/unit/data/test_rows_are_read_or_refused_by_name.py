"""What cannot be learned from is named: file, column, row; what can is divided by its own content."""

import hashlib
import struct
from pathlib import Path
from typing import Literal

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mlagent.config.sections import Data
from mlagent.core.context import DataFile
from mlagent.data import encode, split, table
from mlagent.data.table import Table
from mlagent.errors import InputError

DATA = Data(path="d.csv", target="y")


def files(folder: Path, name: str) -> tuple[DataFile, ...]:
    return (DataFile(name, folder / name),)


def frame(rows: int = 200) -> pl.DataFrame:
    return pl.DataFrame(
        {"a": range(rows), "b": [index * 0.5 for index in range(rows)], "y": [index % 3 for index in range(rows)]}
    )


def test_csv_and_parquet_give_the_same_rows(tmp_path: Path) -> None:
    frame().write_csv(tmp_path / "d.csv")
    frame().write_parquet(tmp_path / "d.parquet")
    csv = table.read(files(tmp_path, "d.csv"), DATA)
    parquet = table.read(files(tmp_path, "d.parquet"), Data(path="d.parquet", target="y"))
    assert csv.features.columns == parquet.features.columns == ["a", "b"]
    assert csv.classes == 3
    assert csv.features.equals(parquet.features)
    np.testing.assert_array_equal(csv.target, parquet.target)
    assert csv.target.dtype.name == "int64"


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("a,y\n1,0\nx,1\n", "d.csv: the column 'a' holds String, and features are numbers"),
        ("a,y\n1,0\nx,1\n2,0\n", "d.csv: 'a' is x in data row 2, not a number (1 such rows in 3)"),
        ("a,y\n1,0\n,1\n2,0\n", "d.csv: 'a' is empty in data row 2, not a number (1 such rows in 3)"),
        ("a,y\n1.5,0\nNaN,1\n", "d.csv: 'a' is nan in data row 2, not a number (1 such rows in 2)"),
        ("a,y\n1,0\n2,-1\n", "d.csv: 'y' is -1 in data row 2, not a class from 0 to 999 (1 such rows in 2)"),
        ("a,y\n1,0\n2,\n", "d.csv: 'y' is empty in data row 2, not a class"),
        ("a,y\n1,0\n2,5000\n", "d.csv: 'y' is 5000 in data row 2, not a class"),
        ("a,y\n1,0.5\n2,1.5\n", "d.csv: the target 'y' holds Float64, and a class is a whole number from 0"),
        ("a,y\n1,0\n2,0\n", "d.csv: the target 'y' is 0 in every row"),
        ("a,y\n1,3\n2,3\n", "d.csv: the target 'y' is 3 in every row"),
        ("a,y\n1,0\n2,2\n", "d.csv: no row's 'y' is 1, though there are classes up to 2"),
        ("a,z\n1,0\n", "d.csv has no column 'y' (data.target)"),
        ("a,yy\n1,0\n", "d.csv has no column 'y' (data.target); did you mean 'yy'?"),
        ("a;y\n1;0\n", "d.csv has one column, 'a;y': its fields are divided by ';'"),
        ("a,y\n1,0\n2\n", "d.csv cannot be read: line 3 has 1 fields, and the heading 2"),
        ("a,y\n" + "1,0\n2,1\n" * 100 + "x,1\n", "d.csv: 'a' is x in data row 201, not a number"),
        ("a,y\n1,0\n\0\x1b[2J,1\n2,0\n", r"d.csv: 'a' is \x00\x1b[2J in data row 2, not a number"),
        ("x" * 200_000 + ",y\n1,0\n", "d.csv: its heading cannot be read: field larger than field limit"),
        ("a,y\n", "d.csv holds no rows"),
        ("", "d.csv cannot be read: "),
    ],
)
def test_rows_that_cannot_be_used_are_named(tmp_path: Path, text: str, said: str) -> None:
    (tmp_path / "d.csv").write_text(text)
    with pytest.raises(InputError) as refused:
        table.read(files(tmp_path, "d.csv"), DATA)
    assert refused.value.message.startswith(said)
    assert refused.value.hint


def test_a_fraction_after_many_whole_numbers_is_a_number(tmp_path: Path) -> None:
    (tmp_path / "d.csv").write_text("a,y\n" + "1,0\n2,1\n" * 100 + "1.5,1\n")
    found = table.read(files(tmp_path, "d.csv"), DATA).features.get_column("a")
    assert (found.dtype, found[200]) == (pl.Float64(), 1.5)


def test_a_last_column_that_is_empty_is_no_row_that_ends_early(tmp_path: Path) -> None:
    (tmp_path / "d.csv").write_text('y,a\n0,"1"\n1,\n')
    with pytest.raises(InputError, match="'a' is empty in data row 2, not a number"):
        table.read(files(tmp_path, "d.csv"), DATA)


@pytest.mark.parametrize(
    ("kind", "text", "said"),
    [
        ("regression", "a,y\n1,x\n2,1\n", "d.csv: the target 'y' holds String, and data.kind asks for numbers"),
        ("count", "a,y\n1,x\n2,1\n", "d.csv: the target 'y' holds String, and data.kind asks for numbers"),
        ("regression", "a,y\n1,0\n2,\n", "d.csv: 'y' is empty in data row 2, not a finite number (1 such rows in 2)"),
        ("regression", "a,y\n1,0.5\n2,inf\n", "d.csv: 'y' is inf in data row 2, not a finite number"),
        ("regression", "a,y\n1,0.5\n2,NaN\n", "d.csv: 'y' is nan in data row 2, not a finite number"),
        ("regression", "a,y\n1,0.5\n2,1e300\n", "d.csv: 'y' is 1e+300 in data row 2, not a finite number"),
        ("regression", "a,y\n1,0.5\n2,0.5\n", "d.csv: the target 'y' is 0.5 in every row"),
        ("count", "a,y\n1,0\n2,-1\n", "d.csv: 'y' is -1 in data row 2, not a count: whole and not below 0 (1 such"),
        ("count", "a,y\n1,0\n2,16777216.5\n", "d.csv: 'y' is 16777216.5 in data row 2, not a count"),
        ("count", "a,y\n1,0\n2,\n", "d.csv: 'y' is empty in data row 2, not a count"),
        ("count", "a,y\n1,0.0\n2,inf\n", "d.csv: 'y' is inf in data row 2, not a count"),
        ("count", "a,y\n1,0\n2,0\n", "d.csv: the target 'y' is 0 in every row"),
    ],
)
def test_a_target_that_is_not_of_its_kind_is_named(
    tmp_path: Path, kind: Literal["regression", "count"], text: str, said: str
) -> None:
    (tmp_path / "d.csv").write_text(text)
    with pytest.raises(InputError) as refused:
        table.read(files(tmp_path, "d.csv"), Data(path="d.csv", target="y", kind=kind))
    assert refused.value.message.startswith(said)
    assert refused.value.hint


@pytest.mark.parametrize("kind", ["regression", "count"])
def test_numbers_and_counts_are_floats_without_classes(tmp_path: Path, kind: Literal["regression", "count"]) -> None:
    (tmp_path / "d.csv").write_text("a,y\n1,0\n2,3.0\n3,16777216\n")
    found = table.read(files(tmp_path, "d.csv"), Data(path="d.csv", target="y", kind=kind))
    assert (found.target.dtype.name, found.target.tolist(), found.classes) == ("float32", [0, 3, 16777216], 0)


def test_a_truncated_parquet_file_is_named(tmp_path: Path) -> None:
    frame().write_parquet(tmp_path / "d.parquet")
    whole = (tmp_path / "d.parquet").read_bytes()
    (tmp_path / "d.parquet").write_bytes(whole[: len(whole) // 2])
    with pytest.raises(InputError, match=r"d\.parquet cannot be read"):
        table.read(files(tmp_path, "d.parquet"), Data(path="d.parquet", target="y"))


@pytest.mark.parametrize(
    ("path", "said"),
    [("d.xlsx", "cannot tell its format by '.xlsx'"), ("gone.csv", "gone.csv cannot be read: No such file")],
)
def test_files_of_other_kinds_or_absent_are_named(tmp_path: Path, path: str, said: str) -> None:
    (tmp_path / "d.xlsx").touch()
    with pytest.raises(InputError, match=said):
        table.read(files(tmp_path, path), Data(path=path, target="y"))


def random_table(rows: int, seed: int = 1) -> Table:
    random = np.random.default_rng(seed)
    return table_of(random.normal(size=(rows, 3)), random.integers(0, 2, rows))


def table_of(features: np.ndarray, target: np.ndarray, **beside: list[object]) -> Table:
    names = [f"f{index}" for index in range(features.shape[1])]
    frame = pl.DataFrame(features.astype(np.float32), schema=names)
    return Table(frame, target, 2, pl.DataFrame({**beside, table.FILE: [""] * len(target)}))


def rows_of(whole: Table, data: Data = DATA) -> dict[str, set[bytes]]:
    found = {}
    for name, mask in split.parts(whole, data).items():
        part = whole.where(mask)
        found[str(name)] = {
            row.tobytes() + bytes([target])
            for row, target in zip(part.features.to_numpy(order="c"), part.target, strict=True)
        }
    return found


def test_parts_are_disjoint_and_whole_and_near_their_shares() -> None:
    found = rows_of(random_table(20_000))
    assert sum(map(len, found.values())) == 20_000
    assert len(set.union(*found.values())) == 20_000
    # a share's standard deviation here is at most 0.0034: five of them
    assert abs(len(found["test"]) / 20_000 - DATA.test) < 0.017
    assert abs(len(found["validation"]) / 20_000 - DATA.validation) < 0.017


@settings(max_examples=30, deadline=None)
@given(st.permutations(range(300)))
def test_a_row_stays_in_its_part_whatever_stands_around_it(order: list[int]) -> None:
    whole = random_table(300)
    moved = table_of(whole.features.to_numpy()[order], whole.target[order])
    assert rows_of(whole) == rows_of(moved)


def test_equal_rows_fall_together() -> None:
    whole = random_table(500)
    doubled = table_of(np.tile(whole.features.to_numpy(), (2, 1)), np.tile(whole.target, 2))
    assert sum(map(len, rows_of(doubled).values())) == 500


def test_zero_and_minus_zero_are_one_row() -> None:
    first, second = split.row_hash(table_of(np.array([[0.0], [-0.0]]), np.array([0, 0])))
    assert first == second


def splitmix(value: int) -> int:
    """The published mixing function (Steele, Lea, Flood 2014) in plain integers."""
    mask = 2**64 - 1
    value = (value + 0x9E3779B97F4A7C15) & mask
    value = ((value ^ (value >> 30)) * 0xBF58476D1CE4E5B9) & mask
    value = ((value ^ (value >> 27)) * 0x94D049BB133111EB) & mask
    return value ^ (value >> 31)


def test_the_hash_is_the_same_on_every_machine() -> None:
    known = table_of(np.array([[1.0, -2.5]]), np.array([1]))
    expected = 0x9E3779B97F4A7C15
    for value in (1.0, -2.5, 1.0):
        expected = splitmix(expected ^ struct.unpack("<Q", struct.pack("<d", value))[0])
    assert split.row_hash(known).tolist() == [expected]
    text = int.from_bytes(hashlib.blake2b(b"P1", digest_size=8).digest(), "little")
    assert split.mixed([pl.Series(["P1"])]).tolist() == [splitmix(0x9E3779B97F4A7C15 ^ text)]


def test_too_few_rows_are_refused_with_the_part_that_would_starve() -> None:
    with pytest.raises(InputError, match=r"the \w+ part would hold \d of 20 rows; at least 10 are needed"):
        split.parts(random_table(20), DATA)


def test_a_part_survives_its_file(tmp_path: Path) -> None:
    whole = random_table(50)
    features = encode.apply(encode.fit(whole.features, 2), whole.features)
    split.save(features, whole.target, tmp_path / "p.npz")
    found, target = split.load(tmp_path / "p.npz")
    np.testing.assert_array_equal(found, features)
    np.testing.assert_array_equal(target, whole.target)
    assert found.flags["C_CONTIGUOUS"]
