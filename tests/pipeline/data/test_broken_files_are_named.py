"""A file that is broken as a whole is named with its line, whatever breaks it."""

import os
from pathlib import Path

import polars as pl
import pytest

from mlagent.errors import InputError

from .conftest import first_schema, validated


def broken(path: Path, rows: pl.DataFrame, kind: str) -> str:
    rows.write_csv(path)
    text = path.read_bytes()
    lines = text.splitlines(keepends=True)
    if kind == "truncated":
        rows.write_parquet(path)
        path.write_bytes(path.read_bytes()[:-500])
        return ""
    bad = {
        "empty": b"",
        "not utf-8": text.replace(b"Hatchback", "Fließheck".encode("latin1"), 1),
        "mixed line ends": b"".join([*lines[:100], lines[100].replace(b"\n", b"\r\n"), *lines[101:]]),
        "too many fields": b"".join([*lines[:200], b"1," + lines[200], *lines[201:]]),
        "another format": b"PK\x03\x04" + os.urandom(3000),
    }
    path.write_bytes(bad[kind])
    return str(next((number for number, line in enumerate(lines, start=1) if b"Hatchback" in line), 0))


@pytest.mark.parametrize(
    ("name", "kind", "said"),
    [
        ("bad.parquet", "truncated", "bad.parquet cannot be read: "),
        ("bad.csv", "empty", "bad.csv cannot be read: "),
        ("bad.csv", "not utf-8", "bad.csv is not UTF-8 text: byte 0xdf in line {line}"),
        (
            "bad.csv",
            "mixed line ends",
            "bad.csv has lines that end in CR LF and lines that end in LF, from line 101",
        ),
        ("bad.csv", "too many fields", "bad.csv cannot be read: line 201 has 10 fields, and the heading 9"),
        ("bad.csv", "another format", "bad.csv is no CSV: it holds bytes no text has, 0x"),
        ("bad.xlsx", "another format", "bad.xlsx: cannot tell its format by '.xlsx'"),
    ],
)
def test_a_file_that_is_broken_as_a_whole_is_named(
    policies: pl.DataFrame, tmp_path: Path, name: str, kind: str, said: str
) -> None:
    policies.write_parquet(tmp_path / "good.parquet")
    schema = first_schema(tmp_path / "good.parquet")
    line = broken(tmp_path / name, policies, kind)
    with pytest.raises(InputError) as refused:
        validated(tmp_path, name, schema)
    assert said.format(line=line) in refused.value.message
    assert refused.value.hint
