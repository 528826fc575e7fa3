"""Rows as they should not be: of the file, of a line, of the target, against a schema and against rows before."""

from collections.abc import Callable
from pathlib import Path

import polars as pl

from tests.e2e.bad_input.world import DATA, Bad, Spoil, both, edit, line, target, write

VALIDATE, SPLIT = ("validate-data",), ("split",)
RUN = ("run", "--set", "check.test=true")
PNG = b"\x89PNG\r\n\x1a\n\x00\x00\x00\rIHDR\x00\x00\x00\x08\x00\x00\x00\x08\x08\x02\x00\x00\x00" + bytes(range(256)) * 4
RUBBISH = bytes((at * 73 + at // 7) % 256 for at in range(5000))
SCHEMA = (
    "columns:\n" + "".join(f"  pixel_{at:02}: {{type: number}}\n" for at in range(64)) + "  digit: {type: integer}\n"
)


HINT = "write it anew"


def schema(text: str) -> Spoil:
    """Write a schema and name it."""
    named = edit("mlpipeline.yaml", "  target: digit", "  schema: schema.yaml\n  target: digit")
    return both(write("schema.yaml", text), named)


def as_parquet(project: Path) -> None:
    """Write the rows as Parquet, and name that file."""
    pl.read_csv(project / DATA).write_parquet(project / "data" / "digits.parquet")
    edit("mlpipeline.yaml", "digits.csv", "digits.parquet")(project)


def whole(change: Callable[[bytes], bytes], name: str = DATA) -> Spoil:
    """Change a file as a whole."""
    return lambda project: (project / name).write_bytes(change((project / name).read_bytes()))


HEADING = whole(lambda rows: rows.partition(b"\n")[0] + b"\n")
SEMICOLONS = whole(lambda rows: rows.replace(b",", b";"))
LATIN = whole(lambda rows: rows.replace(b"pixel_07", "größe".encode("latin-1")))
HALF = whole(lambda rows: rows[: len(rows) // 2], "data/digits.parquet")
SHORT, LONG = line(700, lambda row: row[:-1]), line(700, lambda row: [*row, "1"])
WORD = line(700, lambda row: ["dark", *row[1:]])
TWICE = line(1, lambda row: ["pixel_01", *row[1:]])
HUGE_NAME = line(1, lambda row: ["x" * 300_000, *row[1:]])

TABLE = (
    Bad("no file", VALIDATE, 4, "data/digits.csv (data.path) cannot be read: No such file", "make_data.py", lambda one: (one / DATA).unlink(), goes_on=True),
    Bad("no file to ask about", ("data", "changed"), 4, "data/digits.csv (data.path) cannot be read: No such file", "make_data.py", lambda one: (one / DATA).unlink()),
    Bad("an empty file", VALIDATE, 4, "data/digits.csv cannot be read: empty CSV", HINT, write(DATA, "")),
    Bad("a folder without rows", (*VALIDATE, "--set", "data.path=tests"), 4, "tests (data.path) names no .csv or .parquet file", "relative to the project's folder"),
    Bad("a device", (*VALIDATE, "--set", "data.path=/dev/zero"), 4, "/dev/zero (data.path) is no file", "a folder or a glob"),
    Bad("a file of another kind", (*VALIDATE, "--set", "data.path=model.py"), 4, "model.py: cannot tell its format by '.py'", ".csv or .parquet"),
    Bad("rubbish", VALIDATE, 4, "data/digits.csv is no CSV: it holds bytes no text has, 0x92 first", "is it an image, an archive", write(DATA, RUBBISH)),
    Bad("rubbish to infer a schema from", ("data", "schema", "infer", DATA), 4, "data/digits.csv is no CSV", "is it an image, an archive", write(DATA, RUBBISH)),
    Bad("a picture named .csv", VALIDATE, 4, "data/digits.csv is no CSV: it holds bytes no text has, 0x89 first", "is it an image, an archive", write(DATA, PNG)),
    Bad("a picture to show", ("data", "profile", DATA), 4, "data/digits.csv is no CSV", "is it an image, an archive", write(DATA, PNG)),
    Bad("semicolons", VALIDATE, 4, "its fields are divided by ';'", "write it with commas", SEMICOLONS, goes_on=True),
    Bad("semicolons, divided", SPLIT, 4, "its fields are divided by ';'", "write it with commas", SEMICOLONS),
    Bad("a row that ends early", VALIDATE, 4, "data/digits.csv cannot be read: line 700 has 64 fields, and the heading 65", HINT, SHORT),
    Bad("a row that ends early, divided", SPLIT, 4, "line 700 has 64 fields, and the heading 65", HINT, SHORT),
    Bad("a row too long", VALIDATE, 4, "data/digits.csv cannot be read: line 700 has 66 fields, and the heading 65", HINT, LONG),
    Bad("a row too long, divided", SPLIT, 4, "line 700 has 66 fields, and the heading 65", HINT, LONG),
    Bad("Latin-1", VALIDATE, 4, "data/digits.csv is not UTF-8 text: byte 0xf6 in line 1", "iconv", LATIN),
    Bad("Latin-1, divided", SPLIT, 4, "data/digits.csv is not UTF-8 text: byte 0xf6 in line 1", "iconv", LATIN),
    Bad("a number of 300,000 digits", VALIDATE, 10, "rows with pixel_00 not finite 1 is above 0", "first data/digits.csv row 699 (pixel_00 is 999", line(700, lambda row: ["9" * 300_000, *row[1:]])),
    Bad("a word of 300,000 letters", SPLIT, 4, f"'pixel_00' is {'x' * 80} in data row 699, not a number", "drop the rows", line(700, lambda row: ["x" * 300_000, *row[1:]])),
    Bad("a heading of 300,000 letters", VALIDATE, 4, "data/digits.csv: its heading cannot be read: field larger than field limit", HINT, HUGE_NAME),
    Bad("zero bytes", VALIDATE, 10, "rows with pixel_00 that is no integer 1 is above 0", r"first data/digits.csv row 699 (pixel_00 is \x00\x00)", line(700, lambda row: ["\0\0", *row[1:]])),
    Bad("zero bytes, divided", SPLIT, 4, r"'pixel_00' is \x00\x00 in data row 699, not a number", "drop the rows", line(700, lambda row: ["\0\0", *row[1:]])),
    Bad("a heading alone", VALIDATE, 10, "data: rows 0 is below 1 (0 samples)", "data-report.json", HEADING),
    Bad("a heading alone, divided", SPLIT, 4, "data/digits.csv holds no rows", "written to its end", HEADING),
    Bad("a name twice", VALIDATE, 4, "data/digits.csv has two columns of one name: pixel_01", "name each column differently", TWICE),
    Bad("a name twice, divided", SPLIT, 4, "data/digits.csv has two columns of one name: pixel_01", "name each column differently", TWICE),
    Bad("no target", SPLIT, 4, "data/digits.csv has no column 'digit' (data.target); did you mean 'digits'?", "its columns: pixel_00, ", line(1, lambda row: [*row[:-1], "digits"])),
    Bad("one class alone", SPLIT, 4, "the target 'digit' is 3 in every row", "nothing to learn", target(lambda _: 3)),
    Bad("a class below zero", SPLIT, 4, "'digit' is -1 in data row 1, not a class from 0 to 999 (178 such rows in 1797)", "drop the rows", target(lambda one: one - 1)),
    Bad("classes left out", SPLIT, 4, "no row's 'digit' is 1, though there are classes up to 18", "number those that there are 0, 1, 2", target(lambda one: one * 2)),
    Bad("half a class", SPLIT, 4, "the target 'digit' holds Float64, and a class is a whole number from 0", "data.kind", target(lambda one: one / 2)),
    Bad("classes with names", SPLIT, 4, "the target 'digit' holds String, and a class is a whole number from 0", "number the classes", target(lambda one: f"d{one}")),
    Bad("a row without a class", SPLIT, 4, "'digit' is empty in data row 699, not a class", "fill these values", line(700, lambda row: [*row[:-1], ""])),
    Bad("a word, after rows of numbers", RUN, 10, "data: rows with pixel_00 that is no integer 1 is above 0", "1 rows with pixel_00 that is no integer, first data/digits.csv row 699 (pixel_00 is dark); ", WORD, goes_on=True),
    Bad("a word, before any rows", RUN, 4, "'pixel_00' is dark in data row 699, not a number (1 such rows in 1797)", "drop the rows", both(lambda one: (one / ".mlagent/store/named/accepted/digits").unlink(), edit("mlpipeline.yaml", "  epochs", "  accumulate: 1\n  epochs"), WORD)),
    Bad("a word, against a schema", VALIDATE, 10, "rows with pixel_00 that is no number 1 is above 0", "first data/digits.csv row 699 (pixel_00 is dark); ", both(schema(SCHEMA), WORD)),
    Bad("a schema cut off", VALIDATE, 3, "schema.yaml:10: not YAML", "unclosed quote", schema(SCHEMA.replace("pixel_07: {type: number}", "pixel_07: {type: number"))),
    Bad("a schema of an unknown type", VALIDATE, 3, "schema.yaml:9: columns.pixel_07.type: invalid enum value 'nummer'", "agent/docs/data.md", schema(SCHEMA.replace("pixel_07: {type: number}", "pixel_07: {type: nummer}"))),
    Bad("a schema that is not there", VALIDATE, 3, "schema.yaml (data.schema) is not there", "mlagent data schema infer", both(schema(SCHEMA), lambda one: (one / "schema.yaml").unlink())),
    Bad("a schema of other rows", VALIDATE, 10, "data: missing columns (height in data/digits.csv) 1 is above 0", "data-report.json", schema("columns:\n  height: {type: number}\n")),
    Bad("Parquet cut off", VALIDATE, 4, "data/digits.parquet cannot be read: ", HINT, both(as_parquet, HALF)),
    Bad("Parquet cut off, divided", SPLIT, 4, "data/digits.parquet cannot be read: ", HINT, both(as_parquet, HALF)),
    Bad("a CSV named .parquet", VALIDATE, 4, "data/digits.parquet cannot be read: ", HINT, both(as_parquet, write("data/digits.parquet", "a,digit\n1,0\n"))),
    Bad("three rows", SPLIT, 4, "the test part would hold ", "equal rows always fall together", write(DATA, "a,digit\n1,0\n2,1\n3,0\n")),
    Bad("a group that is not there", (*SPLIT, "--set", "data.group=pixel_99"), 4, "data/digits.csv has no column 'pixel_99' (data.group); did you mean 'pixel_59'?", "its columns: "),
    Bad("one moment alone", (*SPLIT, "--set", "data.time=pixel_00"), 4, "the validation part would hold 0 of 1797 rows", "data.validation and data.test"),
)  # fmt: skip
