"""Golden rows are made up, of every kind, and good: what looks at the team's rows finds no fault with them."""

import tempfile
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import hypothesis.strategies as st
import polars as pl
import pytest
from hypothesis import given, settings

from mlagent.core.context import DataFile
from mlagent.data import encode, golden, judge, profile
from mlagent.data.scan import Scanner
from mlagent.data.schema import DTYPES, Column, Kind, Rule, Schema

NOW = datetime(2026, 6, 1, tzinfo=UTC)
SOME: Mapping[Kind, list[Any]] = {
    "number": [0.25, 8.5, -3.0],
    "integer": [1, 2, 40],
    "boolean": [True, False, True],
    "text": ["red", "green", "blue"],
    "date": ["2021-02-03", "2022-03-04", "2023-12-31"],
    "datetime": ["2021-02-03T04:05:06", "2022-03-04T00:00:00", "2023-12-31T23:59:59"],
    "list": [[1.0, 2.0, 3.0], [4.0, 5.0, 6.0], [0.5, 0.5, 9.0]],
}


def learnt(schema: Schema, **changed: list[Any]) -> tuple[encode.Shape, pl.DataFrame]:
    """The encoding of three rows, and these."""
    given_ = {name: changed.get(name, SOME[one.type][:]) for name, one in schema.columns.items()}
    rows = pl.DataFrame(
        [
            pl.Series(name, given_[name]).str.to_date()
            if one.type == "date"
            else pl.Series(name, given_[name]).str.to_datetime()
            if one.type == "datetime"
            else pl.Series(name, given_[name], dtype=DTYPES[one.type])
            for name, one in schema.columns.items()
        ]
    )
    return encode.fit(rows, 2, schema), rows


def made(schema: Schema, count: int = 64, seed: int = 1, **changed: list[Any]) -> pl.DataFrame:
    shape, rows = learnt(schema, **changed)
    return golden.synthetic(shape, schema, profile.of_sample(rows, rows.height, schema), count, seed)


def faults(schema: Schema, rows: pl.DataFrame) -> list[str]:
    """What validate-data would say of them."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "rows.parquet"
        rows.write_parquet(path)
        scanned = Scanner(schema, NOW).scan([DataFile("rows.parquet", path)])
    return [one.says for one in judge.judge(schema, scanned, {}, NOW).findings]


def ends(kind: Kind) -> st.SearchStrategy[dict[str, Any]]:
    """Bounds: none, one or both."""
    strategies: Mapping[Kind, st.SearchStrategy[Any]] = {
        "number": st.floats(-1e6, 1e6, allow_nan=False),
        "integer": st.integers(-(10**6), 10**6),
        "date": st.dates(datetime(1990, 1, 1).date(), datetime(2023, 1, 1).date()).map(lambda one: one.isoformat()),  # noqa: DTZ001
        "datetime": st.datetimes(datetime(1990, 1, 1), datetime(2023, 1, 1)).map(lambda one: one.isoformat()),  # noqa: DTZ001
    }
    if kind not in strategies:
        return st.just({})
    pair = st.tuples(strategies[kind], strategies[kind]).map(sorted)
    which = st.sampled_from([("min", "max"), ("min",), ("max",), ()])
    return st.tuples(pair, which).map(
        lambda one: (
            {name: one[0][name == "max"] for name in one[1]}
            | ({"past": True} if kind.startswith("date") and one[0][0] < "2000" else {})
        )
    )


@st.composite
def columns(draw: st.DrawFn) -> Column:
    kind: Kind = draw(st.sampled_from(list(SOME)))
    more = draw(ends(kind))
    if kind == "text":
        more = draw(
            st.sampled_from(
                [
                    {},
                    {"min_length": 2, "max_length": 3},
                    {"min_length": 30},
                    {"max_length": 0},
                    {"pattern": r"[A-Z]{2}-\d{3,}(/x|/y)?"},
                    {"pattern": r"\w+@\w+\.(com|org)", "max_length": 20},
                    {"values": ("red", "yellow")},
                ]
            )
        )
    elif kind == "list":
        more = {"length": 3, "items": draw(st.sampled_from([None, "integer", "float"]))}
    elif kind in ("integer", "number") and not more:
        more = draw(st.sampled_from([{}, {"values": (3, 5)}]))
    return Column(type=kind, nullable=draw(st.booleans()), sensitive=draw(st.booleans()), **more)


@settings(max_examples=60, deadline=None)
@given(st.lists(columns(), min_size=1, max_size=5), st.integers(0, 2**32 - 1))
def test_what_looks_at_the_teams_rows_finds_no_fault_with_golden_ones(some: list[Column], seed: int) -> None:
    schema = Schema(columns={f"c{number}": one for number, one in enumerate(some)})
    rows = made(schema, 40, seed)
    assert rows.height == 40
    assert faults(schema, rows) == []


def test_rows_that_break_a_rule_are_not_among_them() -> None:
    schema = Schema(
        columns={
            "low": Column(type="number", min=0, max=1),
            "high": Column(type="number", min=0, max=1),
            "kind": Column(type="text", values=("a", "b")),
        },
        rules=(
            Rule(name="in order", expression="low <= high"),
            Rule(name="b is high", expression="kind = 'a' OR high > 0.5"),
        ),
    )
    shape, _ = learnt(schema, low=[0.1, 0.2, 0.3], high=[0.2, 0.3, 0.4], kind=["a", "b", "a"])
    rows = golden.synthetic(shape, schema, None, 200, 1)
    assert rows.height == 200
    assert faults(schema, rows) == []
    assert rows.n_unique() > 150


def test_a_rule_over_what_the_model_does_not_take_is_no_matter() -> None:
    schema = Schema(
        columns={"one": Column(type="number"), "y": Column(type="integer")},
        rules=(Rule(name="of the answer", expression="one > 0 OR y = 1"),),
    )
    shape, rows = learnt(Schema(columns={"one": schema.columns["one"]}))
    assert golden.synthetic(shape, schema, profile.of_sample(rows, 3, schema), 10, 1).columns == ["one"]


EVERY = Schema(columns={kind: Column(type=kind, nullable=True, length=3 if kind == "list" else None) for kind in SOME})


def test_every_kind_of_column_is_sent_as_json_and_now_and_then_absent() -> None:
    shape, _ = learnt(EVERY)
    rows = golden.as_json(shape, made(EVERY, 200))
    kinds = {name: {type(row[name]).__name__ for row in rows} for name in EVERY.columns}
    absent = {"NoneType"}
    assert kinds == {
        "number": {"float"} | absent,
        "integer": {"int"} | absent,
        "boolean": {"bool"} | absent,
        "text": {"str"} | absent,
        "date": {"str"} | absent,
        "datetime": {"str"} | absent,
        "list": {"list"} | absent,
    }
    assert all(10 < sum(row[name] is None for row in rows) < 50 for name in EVERY.columns)
    dates = [row["datetime"] for row in rows if row["datetime"]]
    assert [datetime.fromisoformat(one).isoformat() for one in dates] == dates


def test_what_is_sent_gives_the_arrays_that_the_rows_give() -> None:
    shape, _ = learnt(EVERY)
    rows = made(EVERY, 50)
    again = pl.DataFrame(golden.as_json(shape, rows), infer_schema_length=None)
    dates = again.with_columns(pl.col("date").str.to_date(), pl.col("datetime").str.to_datetime())
    assert dates.select(rows.columns).equals(rows)


def test_a_seed_fixes_them_and_another_gives_others() -> None:
    assert made(EVERY, seed=7).equals(made(EVERY, seed=7))
    assert not made(EVERY, seed=7).equals(made(EVERY, seed=8))


def test_where_the_schema_leaves_an_end_open_the_rows_say_where_they_lie() -> None:
    schema = Schema(columns={"n": Column(type="number", min=0), "when": Column(type="date")})
    shape, _ = learnt(schema, n=[1.0, 2.0, 3.0])
    many = pl.DataFrame({"n": [float(one) for one in range(1000)], "when": ["2019-05-01"] * 500 + ["2019-07-01"] * 500})
    known = profile.of_sample(many.with_columns(pl.col("when").str.to_date()), 1000, schema)
    rows = golden.synthetic(shape, schema, known, 300, 1)
    assert rows["n"].min() == 0
    assert rows["n"].max() == pytest.approx(899, abs=1)
    assert str(rows["when"].min()) == "2019-05-01"
    assert str(rows["when"].max()) == "2019-07-01"


def test_without_a_schema_the_encoding_and_the_profile_are_enough() -> None:
    rows = pl.DataFrame({"n": [1.0, 2.0, 3.0] * 20, "t": ["a", "b", "c"] * 20, "f": [True, False, True] * 20})
    shape = encode.fit(rows, 2)
    loose = Schema(columns={"n": Column(type="number"), "t": Column(type="text"), "f": Column(type="boolean")})
    for known in (None, profile.of_sample(rows, 60, loose)):
        found = golden.synthetic(shape, None, known, 200, 1)
        assert set("abc") < set(found["t"])
        assert set(found["f"]) == {True, False}
        assert found["n"].is_between(-1, 5).all()
        assert encode.inputs(shape, found)


def test_texts_are_categories_and_now_and_then_one_that_was_never_seen() -> None:
    schema = Schema(columns={"text": Column(type="text")})
    found = made(schema, 400)["text"].to_list()
    novel = [one for one in found if one not in SOME["text"]]
    assert set(SOME["text"]) <= set(found)
    assert 5 < len(novel) < 80


@pytest.mark.parametrize("kind", ["number", "integer", "text", "date", "datetime", "list"])
def test_no_value_of_a_sensitive_column_is_among_them(kind: Kind) -> None:
    planted: Mapping[Kind, list[Any]] = {
        "number": [123.456789, 7.654321, 99.123456],
        "integer": [987654, 123, 555555],
        "text": ["Ada Lovelace", "Grace Hopper", "ada@example.org"],
        "date": ["1815-12-10", "1906-12-09", "1912-06-23"],
        "datetime": ["1815-12-10T01:02:03", "1906-12-09T04:05:06", "1912-06-23T07:08:09"],
        "list": [[0.123456, 0.654321, 0.111213], [9.0, 8.7, 7.6], [3.1415926, 2.718281, 1.41421]],
    }
    schema = Schema(columns={"it": Column(type=kind, sensitive=True, length=3 if kind == "list" else None)})
    found = made(schema, 500, it=planted[kind])
    shape, rows = learnt(schema, it=planted[kind])
    real = {str(one["it"]) for one in golden.as_json(shape, rows)}
    assert len(real) == 3
    assert real.isdisjoint({str(one["it"]) for one in golden.as_json(shape, found)})


def test_a_sensitive_text_fits_its_pattern_and_is_none_of_the_real_ones() -> None:
    schema = Schema(columns={"text": Column(type="text", pattern=r"P\d", sensitive=True)})
    real = [f"P{number}" for number in range(9)]
    shape = encode.fit(pl.DataFrame({"text": real}), 2, schema)
    found = golden.synthetic(shape, schema, None, 100, 1)
    assert set(found["text"]) == {"P9"}


def test_a_pattern_of_an_uncommon_kind_gives_texts_of_the_right_length() -> None:
    schema = Schema(columns={"text": Column(type="text", pattern=r"(?i)[a-z]{8}", min_length=8, max_length=8)})
    assert faults(schema, made(schema, text=["abcdefgh"] * 3)) == []
