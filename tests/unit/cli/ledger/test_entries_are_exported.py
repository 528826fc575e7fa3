"""`mlagent ledger export`: whole or not at all, byte for byte, or as a table that computes nothing."""

import csv
import json
from pathlib import Path

from mlagent.core.digest import of_bytes
from tests.unit.cli.ledger.ledger_house import Reader, at


def table(path: Path) -> list[dict[str, str]]:
    return list(csv.DictReader(path.read_text().splitlines()))


def test_lines_are_the_entries_byte_for_byte(told: Reader, tmp_path: Path) -> None:
    said = told.types("ledger", "export", "--out", str(tmp_path / "all.jsonl"))
    assert "wrote" in said.out
    assert "12 entries" in said.out
    lines = (tmp_path / "all.jsonl").read_bytes().splitlines()
    assert lines == [one.data for one in told.ledger.kept()]
    assert [json.loads(one)["previous"] for one in lines] == ["", *map(of_bytes, lines[:-1])]


def test_an_excerpt_begins_with_the_first_entry_of_the_time(told: Reader, tmp_path: Path) -> None:
    told.types("ledger", "export", "--out", str(tmp_path / "some.jsonl"), "--since", at(10.5))
    assert [json.loads(one)["number"] for one in (tmp_path / "some.jsonl").read_text().splitlines()] == [11, 12]


def test_a_table_has_a_row_an_entry_and_their_digests(told: Reader, tmp_path: Path) -> None:
    told.types("ledger", "export", "--csv", "--out", str(tmp_path / "all.csv"))
    rows = table(tmp_path / "all.csv")
    assert [row["number"] for row in rows] == [str(one) for one in range(1, 13)]
    assert [row["previous"] for row in rows] == ["", *(row["digest"] for row in rows[:-1])]
    assert json.loads(rows[10]["details"])["reason"] == "prices are wrong"


def test_a_spreadsheet_computes_nothing_of_it(reader: Reader, tmp_path: Path) -> None:
    reader.happened("retrained", who='=HYPERLINK("http://evil")')
    reader.types("ledger", "export", "--csv", "--out", str(tmp_path / "all.csv"))
    (row,) = table(tmp_path / "all.csv")
    assert row["who"] == '\'=HYPERLINK("http://evil")'


def test_an_entry_that_cannot_be_read_leaves_no_table_and_the_old_one_alone(told: Reader, tmp_path: Path) -> None:
    out = tmp_path / "all.csv"
    out.write_text("before")
    (entry,) = (told.folder / ".mlagent" / "store").rglob("*000000000007")
    entry.write_bytes(b"nonsense")
    said = told.types("ledger", "export", "--csv", "--out", str(out))
    assert (said.code, "entry 7 of the ledger cannot be read" in said.err) == (4, True)
    assert out.read_text() == "before"
    assert not list(tmp_path.glob(".all.csv*"))


def test_a_place_is_asked_for_and_must_be_there(told: Reader) -> None:
    assert "--out FILE is missing" in told.types("ledger", "export").err
    assert told.types("ledger", "export", "--out", "no/such/folder/x").code == 2


def test_an_empty_ledger_is_an_empty_file(reader: Reader, tmp_path: Path) -> None:
    said = reader.types("ledger", "export", "--out", str(tmp_path / "all.jsonl"))
    assert "0 entries" in said.out
    assert (tmp_path / "all.jsonl").read_bytes() == b""
