"""Rows as they come: odd CSVs, odd Parquet types, odd names; each is taken, or refused in words, never by a traceback."""

import datetime as dt
from decimal import Decimal
from pathlib import Path
from typing import Any, NamedTuple

import polars as pl
import pytest

from mlagent import catalog
from mlagent.errors import ConfigError, GateRefused, InputError, MlagentError
from tests.unit.engine.chain import run

STAGES = [stage for stage in catalog.STAGES if stage.name in ("validate-data", "split")]
ROWS = 400
TYPES = "columns:\n  a: {type: number}\n  y: {type: integer}\n"


def rows(**more: Any) -> dict[str, Any]:
    return {"a": [float(index) for index in range(ROWS)], "y": [index % 2 for index in range(ROWS)], **more}


def frame(**more: Any) -> pl.DataFrame:
    return pl.DataFrame(rows(**more), strict=False)


GOOD = frame().write_csv()


class Odd(NamedTuple):
    """A file, a schema if any, and how it ends: None for well, else the error and a part of what it says."""

    name: str
    content: str | pl.DataFrame
    ends: tuple[type[MlagentError], str] | None = None
    schema: str = ""


TABLE = [
    Odd("a byte order mark", "\ufeff" + GOOD),
    Odd("a byte order mark and a schema", "\ufeff" + GOOD, None, TYPES),
    Odd("no last line end", GOOD.rstrip("\n")),
    Odd("CR LF", GOOD.replace("\n", "\r\n")),
    Odd("CR alone", GOOD.replace("\n", "\r"), (InputError, "rows.csv has lines that end in CR alone")),
    Odd("a heading alone", "a,y\n", (GateRefused, "rows 0 is below 1")),
    Odd("the target alone", "y\n" + "1\n0\n" * 200, (ConfigError, "no column is left to learn from")),
    Odd("a name twice", GOOD.replace("a,y", "y,y"), (InputError, "two columns of one name: y")),
    Odd("semicolons", GOOD.replace(",", ";"), (InputError, "rows.csv has one column, 'a;y': its fields are divided by ';'")),
    Odd("an open quote", GOOD[:50] + '"' + GOOD[50:], (InputError, "rows.csv cannot be read")),
    Odd("an integer of 26 digits", frame(b=[10**25] * ROWS).write_csv()),
    Odd("text over lines", frame(t=["x\ny"] * ROWS).write_csv(), None, TYPES + "  t: {type: text}\n"),
    Odd("odd names", frame(**{"a b": 1.5, "it's": 2, 'q"q': 3, "é": 4, "0": 5}).write_csv()),
    Odd("decimals", frame(b=[Decimal("1.5")] * ROWS)),
    Odd("lists", frame(b=[[1]] * ROWS), (InputError, "the column 'b' holds List(Int64)")),
    Odd("bytes", frame(b=[b"x"] * ROWS), (GateRefused, "rows with b that is no text")),
    Odd("times with a zone", frame(b=[dt.datetime(2025, 1, 1, tzinfo=dt.UTC)] * ROWS), (InputError, "holds Datetime")),
    Odd("nothing but empties", frame(b=[None] * ROWS), (InputError, "holds Null")),
    Odd("a target of yes and no", frame(y=[True, False] * 200), (InputError, "the target 'y' holds Boolean")),
    Odd("a time for a datetime", frame(b=[dt.time(1)] * ROWS), (GateRefused, "no datetime"), TYPES + "  b: {type: datetime}\n"),
    Odd("a number for a date", frame(), (GateRefused, "a that is no date"), TYPES.replace("number", "date")),
    Odd("a value of another type", frame(), (ConfigError, "columns.a.values: 'x' is not a number"), TYPES.replace("number}", "number, values: [x]}")),
    Odd("a large unsigned", frame(b=pl.Series([2**63 + 5] * ROWS, dtype=pl.UInt64)), (GateRefused, "b out of range"), TYPES + "  b: {type: integer, max: 5}\n"),
    Odd("our own names", frame(**{"row number": 7, "0": 8}), (GateRefused, "row number out of range"), TYPES + "  row number: {type: integer, max: 3}\n  '0': {type: integer}\n"),
    Odd("a text named count", frame(count=["u", "v", "w", "w"] * 100), None, TYPES + "  count: {type: text}\n"),
    Odd("a key of empties", frame(k=pl.Series([None] * ROWS, dtype=pl.String)), None, TYPES + "  k: {type: text, nullable: true, unique: true}\n"),
]  # fmt: skip


@pytest.mark.parametrize("odd", TABLE, ids=[odd.name for odd in TABLE])
def test_odd_rows(project: Path, odd: Odd) -> None:
    name = "rows.csv" if isinstance(odd.content, str) else "rows.parquet"
    if isinstance(odd.content, str):
        (project / name).write_bytes(odd.content.encode())
    else:
        odd.content.write_parquet(project / name)
    sets = {"data.path": name}
    if odd.schema:
        (project / "schema.yaml").write_text(odd.schema)
        sets["data.schema"] = "schema.yaml"
    if odd.ends is None:
        assert [one.state for one in run(project, *STAGES, sets=sets).run.stages.values()] == ["done", "done"]
        return
    with pytest.raises(odd.ends[0]) as refused:
        run(project, *STAGES, sets=sets)
    assert odd.ends[1] in refused.value.message
    assert refused.value.hint
