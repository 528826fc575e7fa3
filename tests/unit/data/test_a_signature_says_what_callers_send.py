"""signature.json: the raw columns of a row, in the order in which the model takes them."""

from datetime import UTC, date, datetime
from typing import Any

import msgspec
import polars as pl
import pytest

from mlagent.data import encode, signature
from mlagent.data.schema import Column, Kind, Schema

FRAME = pl.DataFrame(
    {
        "emb": [[1.0, 2.0], [3.0, 4.0]],
        "size": [1.0, None],
        "count": [1, 2],
        "flag": [True, False],
        "kind": ["a", "b"],
        "day": [date(2025, 1, 1), date(2025, 1, 2)],
        "at": [datetime(2025, 1, 1, tzinfo=UTC).replace(tzinfo=None)] * 2,
    }
)
KINDS: dict[str, Kind] = {
    "emb": "list", "size": "number", "count": "integer", "flag": "boolean", "kind": "text", "day": "date",
    "at": "datetime",
}  # fmt: skip


def said(shape: encode.Shape) -> dict[str, Any]:
    found: dict[str, Any] = msgspec.json.decode(msgspec.json.encode(signature.of(shape)))
    return found


def test_each_column_of_a_schema_is_named_with_its_type_and_whether_it_may_be_absent() -> None:
    schema = Schema(
        columns={
            name: Column(type=kind, nullable=name == "day", length=2 if kind == "list" else None)
            for name, kind in KINDS.items()
        }
    )
    told = said(encode.fit(FRAME, 2, schema))
    assert told["columns"][0] == {"name": "emb", "type": "list", "nullable": False, "length": 2}
    assert told["columns"][1:] == [
        {"name": name, "type": kind, "nullable": name in ("size", "day")}
        for name, kind in KINDS.items()
        if name != "emb"
    ]
    assert (told["packed"], told["missing"]) == ("", "<missing>")


def test_numbers_and_booleans_without_a_schema_are_packed_as_they_stand() -> None:
    rows = FRAME.select("count", "flag")
    shape = encode.fit(rows, 2)
    assert said(shape) == {
        "columns": [
            {"name": "count", "type": "number", "nullable": False},
            {"name": "flag", "type": "boolean", "nullable": False},
        ],
        "packed": "features",
        "missing": "<missing>",
    }
    assert encode.inputs(shape, rows)["features"].tolist() == [[1, 1], [2, 0]]


@pytest.mark.parametrize(
    ("columns", "scaling"), [(("count", "kind"), "none"), (("count",), "standard"), (("size",), "none")]
)
def test_what_is_encoded_is_taken_raw_without_a_schema_too(columns: tuple[str, ...], scaling: Any) -> None:
    rows = FRAME.select(columns)
    shape = encode.fit(rows, 2, None, scaling)
    assert said(shape)["packed"] == ""
    assert list(encode.inputs(shape, rows)) == list(columns)
