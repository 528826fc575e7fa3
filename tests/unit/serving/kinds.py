"""A column of every kind, whole and nullable, as training and as the server know it; rows of them by hypothesis."""

from collections.abc import Mapping
from datetime import UTC, date, datetime
from typing import Any

import msgspec
import polars as pl
from hypothesis import strategies as st

from mlagent.data import encode, signature
from mlagent.data.schema import DTYPES, Column, Kind, Schema
from mlagent.serving.signature import Signature

WIDE = 3
KINDS: tuple[Kind, ...] = ("number", "integer", "boolean", "text", "date", "datetime", "list")
SCHEMA = Schema(
    columns={
        f"{kind}{mark}": Column(type=kind, nullable=bool(mark), length=WIDE if kind == "list" else None)
        for mark in ("", "?")
        for kind in KINDS
    }
)
_float32 = st.floats(allow_nan=False, allow_infinity=False, min_value=-3.4e38, max_value=3.4e38)
_VALUES: Mapping[Kind, st.SearchStrategy[Any]] = {
    "number": _float32,
    "integer": st.integers(-(2**63), 2**63 - 1),
    "boolean": st.booleans(),
    "text": st.text(st.characters(codec="utf-8"), max_size=12),
    "date": st.dates(),
    "datetime": st.datetimes() | st.datetimes().map(lambda one: one.replace(microsecond=0)),
    "list": st.lists(_float32, min_size=WIDE, max_size=WIDE),
}
ROW = st.fixed_dictionaries(
    {name: st.none() | _VALUES[one.type] if one.nullable else _VALUES[one.type] for name, one in SCHEMA.columns.items()}
)
FIRST: Mapping[Kind, Any] = {
    "number": 0.5,
    "integer": 3,
    "boolean": True,
    "text": "old",
    "date": date(2025, 3, 1),
    "datetime": datetime(2025, 3, 1, 12, 30, tzinfo=UTC).replace(tzinfo=None),
    "list": [1.0, 2.0, 3.0],
}
GOOD: dict[str, Any] = {name: FIRST[one.type] for name, one in SCHEMA.columns.items()}


def frame(rows: list[Mapping[str, Any]]) -> pl.DataFrame:
    """Rows as training reads them."""
    return pl.DataFrame(rows, schema={name: DTYPES[one.type] for name, one in SCHEMA.columns.items()})


def shape() -> encode.Shape:
    """What training made of the columns."""
    return encode.fit(frame([GOOD]), 2, SCHEMA)


def served(of: encode.Shape) -> Signature:
    """The same as the server reads it."""
    return msgspec.json.decode(msgspec.json.encode(signature.of(of)), type=Signature)


def body(rows: object) -> bytes:
    """A body of /predict."""
    return msgspec.json.encode({"rows": rows})
