"""A first schema from the rows themselves: the loosest that they pass, with a comment on what was seen."""

from collections.abc import Collection, Iterator, Sequence
from typing import Any

import msgspec
import polars as pl

from mlagent.core.context import DataFile
from mlagent.data.lists import of_numbers, whole_items
from mlagent.data.schema import Column, Kind, Schema
from mlagent.data.tables import Opened, open_table
from mlagent.data.typed import TEXTS, convert
from mlagent.errors import InputError

MOST_VALUES = 50
BATCH_ROWS = 250_000
_TRIED: tuple[Kind, ...] = ("integer", "number", "boolean", "date", "datetime")


class Seen(msgspec.Struct, frozen=True, kw_only=True):
    """What a column held; `values` only where there were few; of a list `low` and `high` are its lengths."""

    kind: Kind
    rows: int
    nulls: int
    low: Any = None
    high: Any = None
    values: tuple[str, ...] = ()
    distinct: int | None = None
    longest: int | None = None
    whole: bool = False

    @property
    def length(self) -> int | None:
        """How many items every list has; None where that is not one number."""
        return self.high if self.kind == "list" and self.low == self.high else None


def loose(files: Sequence[DataFile]) -> Schema:
    """Types alone: everything may be empty, in any range."""
    seen = look(files).items()
    return Schema(columns={name: Column(type=one.kind, nullable=True, length=one.length) for name, one in seen})


def look(files: Sequence[DataFile]) -> dict[str, Seen]:
    """Look at every row of every column; InputError (4) when a file cannot be read or the files' columns differ."""
    opened = [open_table(file) for file in files]
    names = list(opened[0].schema)
    for table in opened[1:]:
        if set(table.schema) != set(names):
            apart = sorted(set(table.schema) ^ set(names))
            raise InputError(
                f"{table.file.name} and {opened[0].file.name} differ in the columns {', '.join(apart)}",
                hint="the files of one data set have the same columns",
            )
    if not names:
        raise InputError(f"{opened[0].file.name} holds no columns", hint="is it the right file?")
    for table in opened:
        table.read_through()
    return {name: _look(opened, name) for name in names}


def _look(opened: Sequence[Opened], name: str) -> Seen:
    kind: Kind = next((kind for kind in _kinds(opened[0].schema[name]) if _holds(opened, name, kind)), "text")
    rows = nulls = 0
    low = high = longest = None
    values: set[str] | None = set()
    for column in _typed(opened, name, kind):
        rows, nulls = rows + len(column), nulls + column.null_count()
        if kind == "text":
            longest = max(longest or 0, int(column.str.len_chars().max() or 0))  # type: ignore[arg-type]
        elif kind != "boolean":
            numbers = column.list.len() if kind == "list" else column
            finite = numbers.filter(numbers.is_finite()) if numbers.dtype.is_float() else numbers
            low, high = _least(low, finite.min()), _most(high, finite.max())
        if values is not None and kind in ("text", "integer"):
            values |= set(column.drop_nulls().unique().cast(pl.String).to_list())
            values = values if len(values) <= MOST_VALUES else None
    few = tuple(sorted(values)) if values and kind == "text" else ()
    distinct = len(values) if values is not None else None
    found = Seen(kind=kind, rows=rows, nulls=nulls, low=low, high=high, values=few, distinct=distinct, longest=longest)
    return msgspec.structs.replace(found, whole=all(whole_items(table.schema[name]) for table in opened))


def _kinds(dtype: pl.DataType) -> tuple[Kind, ...]:
    if isinstance(dtype, TEXTS):
        return _TRIED if isinstance(dtype, pl.String) else ("text",)
    names: tuple[tuple[bool, Kind], ...] = (
        (dtype.is_integer(), "integer"),
        (dtype.is_numeric(), "number"),
        (dtype == pl.Boolean(), "boolean"),
        (dtype == pl.Date(), "date"),
        (isinstance(dtype, pl.Datetime), "datetime"),
        (of_numbers(dtype), "list"),
    )
    return tuple(kind for fits, kind in names if fits)[:1]


def _holds(opened: Sequence[Opened], name: str, kind: Kind) -> bool:
    """Whether every value of the column is of the kind, and there is one."""
    some = False
    for raw, typed in _pairs(opened, name, kind):
        if typed.null_count() > raw.null_count():
            return False
        some = some or typed.null_count() < len(typed)
    return some


def _typed(opened: Sequence[Opened], name: str, kind: Kind) -> Iterator[pl.Series]:
    for _, typed in _pairs(opened, name, kind):
        yield typed


def _pairs(opened: Sequence[Opened], name: str, kind: Kind) -> Iterator[tuple[pl.Series, pl.Series]]:
    for table in opened:
        changed = convert(name, table.schema[name], kind)
        for batch in table.batches(BATCH_ROWS, [name]):
            raw = batch.get_column(name)
            yield raw, raw if changed is None else batch.select(changed).get_column(name)


def _least(one: Any, other: Any) -> Any:  # noqa: ANN401 - of the column's type
    return min((value for value in (one, other) if value is not None), default=None)


def _most(one: Any, other: Any) -> Any:  # noqa: ANN401
    return max((value for value in (one, other) if value is not None), default=None)


def write(seen: dict[str, Seen], source: str, hidden: Collection[str] = ()) -> str:
    """The schema as YAML, with comments; the values of columns that are `hidden` are to be shown nowhere."""
    rows = next(iter(seen.values())).rows
    lines = [
        f"# What the rows of {source} were when this was written: {rows} rows, {len(seen)} columns.",
        "# Loosen what was a coincidence of these rows, tighten what you know: agent/docs/data.md lists every key.",
        "rows:",
        f"  min: {max(1, rows // 2)} # half of what was there; fewer look like a file that was cut off",
        "columns:",
    ]
    for name, one in seen.items():
        lines += [f"  {_text(name)}:", *(f"    {line}" for line in _column(one))]
        lines += ["    sensitive: true # names or keys, it seems: no page shows them"] if name in hidden else []
    lines += [
        "# unique: # columns whose values together stand in one row only",
        "#   - columns: [policy_id, month]",
        "# rules: # SQL over the columns of one row",
        '#   - {name: "an example", expression: "a <= b"}',
        "extra_columns: fail # or warn, allow: what to do with columns that are not named here",
    ]
    return "\n".join(lines) + "\n"


def _column(one: Seen) -> Iterator[str]:
    yield f"type: {one.kind}"
    if one.nulls:
        yield f"nullable: true # {one.nulls} of {one.rows} are empty"
    if one.kind == "list":
        yield f"length: {one.high}" + ("" if one.length else f" # some have only {one.low}")
        yield f"items: {'integer' if one.whole else 'float'}"
    elif one.low is not None:
        yield f"min: {_bound(one.low)}"
        yield f"max: {_bound(one.high)}"
    if one.values:
        yield "values:"
        yield from (f"  - {_text(value)}" for value in one.values)
    elif one.longest is not None:
        yield f"max_length: {one.longest}"
    if one.kind in ("date", "datetime"):
        yield "# max_age_days: 40 # the newest must not be older"


def _bound(value: Any) -> str:  # noqa: ANN401
    return str(value.isoformat()) if hasattr(value, "isoformat") else repr(value)


def _text(value: str) -> str:
    """Text as YAML reads it back, always in quotes: `no` and `1` are not what they look like."""
    return msgspec.json.encode(value).decode()
