"""What is wrong with a body of /predict: every fault by row and field, with the value as it was sent."""

from collections.abc import Iterator, Mapping, Sequence
from difflib import get_close_matches
from itertools import islice
from typing import Any

import msgspec
import numpy as np

from mlagent.serving.arrays import moment, type_of
from mlagent.serving.faults import Refused
from mlagent.serving.signature import Column
from mlagent.serving.tensors import whole

MOST = 20
SHOWN = 60
LONGEST = 1000  # a longer name is no column that somebody meant
_FORM = '{"rows": [{...}, ...]}'
_WANTED = {
    "integer": "a whole number of 64 bits",
    "number": "a number",
    "text": "a text",
    "boolean": "true or false",
    "date": 'a date such as "2025-03-01"',
    "datetime": 'a moment such as "2025-03-01T12:30:00", without a zone or with Z',
}
_FAULT = (ValueError, TypeError)


class Fault(msgspec.Struct, frozen=True):
    """One fault; `row` counts from 0, `field` is null where the row itself is at fault."""

    row: int
    field: str | None
    message: str

    def __str__(self) -> str:
        where = f"row {self.row}" if self.field is None else f"row {self.row}, {self.field}"
        return f"{where}: {self.message}"


def read(columns: Sequence[Column], body: bytes) -> list[tuple[Any, ...]]:
    """Decode a body, a tuple a row in the order of the columns; Refused (400) with its first faults."""
    rows = _rows(body)
    known = {one.name: one for one in columns}
    faults = list(islice((fault for at, row in enumerate(rows) for fault in _faults(known, at, row)), MOST))
    if faults:
        raise Refused(400, str(faults[0]), more={"errors": faults})
    return [tuple(_value(one, row.get(one.name)) for one in columns) for row in rows]


def _rows(body: bytes) -> list[Any]:
    try:
        found = msgspec.json.decode(body)
    except (ValueError, RecursionError) as error:
        raise _refused(f"the body cannot be read as JSON: {error}; expected {_FORM}") from error
    if not isinstance(found, dict):
        raise _refused(f"the body is {_short(found)}; expected {_FORM}")
    for name in found:
        if name != "rows":
            raise _refused(f"the body has the unknown key {_cut(name)!r}{_nearest(name, ['rows'])}; expected {_FORM}")
    if not isinstance(found.get("rows"), list):
        said = f"rows is {_short(found['rows'])}, not a list" if found else "the body has no rows"
        raise _refused(f"{said}; expected {_FORM}")
    if not found["rows"]:
        raise _refused(f"rows is empty: send at least one row; expected {_FORM}")
    return list(found["rows"])


def _faults(known: Mapping[str, Column], at: int, row: object) -> Iterator[Fault]:
    if not isinstance(row, dict):
        yield Fault(at, None, f"expected an object of columns, got {_short(row)}")
        return
    for name in row:
        if name not in known:
            yield Fault(at, _cut(name), f"there is no such column{_nearest(name, known)}")
    for name, column in known.items():
        message = _message(column, row[name]) if name in row else "" if column.nullable else _absent(column, "missing")
        if message:
            yield Fault(at, name, message)


def _message(column: Column, value: object) -> str:
    """What is wrong with a value; nothing where nothing is."""
    if value is None:
        return "" if column.nullable else _absent(column, "null")
    if column.type == "list":
        return _of_list(column, value)
    try:
        found = _value(column, value)
        if column.type == "datetime":
            moment(found)
    except _FAULT:
        return f"expected {_WANTED[column.type]}, got {_short(value)}"
    return _too_large(found) if column.type == "number" else ""


def _of_list(column: Column, value: object) -> str:
    wanted = f"expected a list of {column.length} numbers, got"
    if not isinstance(value, list):
        return f"{wanted} {_short(value)}"
    if len(value) != column.length:
        return f"{wanted} {len(value)}"
    for place, item in enumerate(value):
        if isinstance(item, bool) or not isinstance(item, int | float):
            return f"{wanted} {_short(item)} as item {place}"
        if _too_large(item):
            return f"item {place}: {_too_large(item)}"
    return ""


def _value(column: Column, value: object) -> Any:  # noqa: ANN401  of the column's type
    """Convert as the typed decoder does; a whole number may have a point."""
    if column.type == "integer" and isinstance(value, float):
        value = whole(value)
    return None if value is None else msgspec.convert(value, type_of(column))


def _too_large(value: float) -> str:
    try:
        with np.errstate(over="ignore"):
            fits = not np.isinf(np.float32(value))
    except OverflowError:  # a whole number that no float can be
        fits = False
    return "" if fits else f"{_short(value)} is too large for float32"


def _absent(column: Column, how: str) -> str:
    wanted = _WANTED.get(column.type, f"a list of {column.length} numbers")
    return f"is {how}, and this column is never absent: expected {wanted}"


def _short(value: object) -> str:
    try:
        return _cut(msgspec.json.encode(value).decode())
    except OverflowError:  # a whole number of more than 64 bits is in it
        return _cut(repr(value))


def _cut(text: str) -> str:
    return text if len(text) <= SHOWN else f"{text[: SHOWN - 1]}…"


def _nearest(name: str, known: Mapping[str, Column] | Sequence[str]) -> str:
    found = get_close_matches(name[:LONGEST], list(known), 1)
    return f"; did you mean {found[0]!r}?" if found else ""


def _refused(message: str) -> Refused:
    return Refused(400, message, more={"errors": []})
