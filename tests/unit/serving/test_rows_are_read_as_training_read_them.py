"""The arrays that a body becomes are those that the exported model was compared with: no skew between the two."""

import re
from collections.abc import Mapping
from typing import Any

import msgspec
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mlagent.data import encode
from mlagent.serving import rowfaults
from mlagent.serving.faults import Refused
from mlagent.serving.metadata import Array
from mlagent.serving.rows import Reader
from tests.unit.serving.kinds import GOOD, ROW, SCHEMA, body, frame, served, shape

SHAPE = shape()
READER = Reader(served(SHAPE))
JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**64), 2**64 - 1) | st.floats(allow_nan=False) | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=3), inner, max_size=2),
    max_leaves=5,
)
ODD: st.SearchStrategy[Any] = st.sampled_from(
    [None, True, 1, 1.0, 1e39, -1e39, 3.5e38, 2**63, -(2**63) - 1,
     msgspec.Raw(b"1" * 40), msgspec.Raw(b"-0"), "", "5", "2025-03-01", "2025-02-30",
     "2025-03-01T12:30:00", "2025-03-01 12:30:00.5", "2025-03-01T12:30:00Z", "2025-03-01T12:30:00+02:00",
     "2025-03-01T12:30:00-00:00", "2025-03-01T24:00:00", [], [1, 2, 3], [1, 2], [1, 2, None], [1, 2, "3"],
     [1, 2, 1e39], [1, 2, True], {}]
)  # fmt: skip


def same(found: Mapping[str, Array], wanted: Mapping[str, Any]) -> None:
    assert list(found) == list(wanted)
    for name, array in wanted.items():
        assert found[name].dtype == array.dtype, name
        np.testing.assert_array_equal(found[name], array, err_msg=name)


@settings(max_examples=200, deadline=None)
@given(st.lists(ROW, min_size=1, max_size=4))
def test_good_rows_become_the_arrays_of_training_by_both_ways(rows: list[dict[str, Any]]) -> None:
    wanted = encode.inputs(SHAPE, frame(list(rows)))
    sent = body(rows)
    assert rowfaults.read(served(SHAPE).columns, sent)
    same(READER._arrays(READER._decode(sent)), wanted)
    same(READER._arrays(rowfaults.read(served(SHAPE).columns, sent)), wanted)


@settings(max_examples=600, deadline=None)
@given(st.sampled_from(sorted(SCHEMA.columns)), JSON | ODD)
def test_what_one_way_takes_the_other_takes_and_what_one_refuses_the_other_does(column: str, value: object) -> None:
    sent = body([GOOD, {**GOOD, column: value}])
    try:
        slow = READER._arrays(rowfaults.read(served(SHAPE).columns, sent))
    except Refused:
        with pytest.raises(ValueError):
            READER._arrays(READER._decode(sent))
    else:
        pointed = column.startswith("integer") and isinstance(value, float)  # 3.0: the second way alone takes it
        same(READER(sent) if pointed else READER._arrays(READER._decode(sent)), slow)


def test_an_absent_column_may_be_null_or_left_out() -> None:
    bare = {name: value for name, value in GOOD.items() if not name.endswith("?")}
    nulls = {name: None if name.endswith("?") else value for name, value in GOOD.items()}
    left_out = READER(body([bare]))
    same(left_out, READER(body([nulls])))
    same(left_out, encode.inputs(SHAPE, frame([nulls])))
    assert left_out["text?"].tolist() == [["<missing>"]]
    assert np.isnan(left_out["list?"]).all()
    assert left_out["list?"].shape == (1, 3)


@pytest.mark.parametrize("name", ["integer", "integer?"])
def test_a_whole_number_may_have_a_point(name: str) -> None:
    same(READER(body([{**GOOD, name: 3.0}])), READER(body([{**GOOD, name: 3}])))
    with pytest.raises(Refused, match=f"row 0, {re.escape(name)}: expected a whole number of 64 bits, got 1e19"):
        READER(body([{**GOOD, name: 1e19}]))


def test_columns_come_in_any_order() -> None:
    same(READER(body([{name: GOOD[name] for name in reversed(GOOD)}])), READER(body([GOOD])))


def test_a_moment_in_utc_or_with_a_space_is_the_same_moment() -> None:
    told = [READER(body([{**GOOD, "datetime": f"2025-03-01{mid}12:30:00{end}"}]))["datetime"][0, 0]
            for mid, end in [("T", ""), (" ", ""), ("T", "Z"), ("T", ".000000"), ("T", "+00:00")]]  # fmt: skip
    assert set(told) == {"2025-03-01T12:30:00.000000"}


def test_numbers_and_booleans_without_a_schema_are_packed_in_their_order() -> None:
    rows = frame([GOOD, GOOD]).select("boolean", "number", "integer")
    plain = encode.fit(rows, 2)
    found = Reader(served(plain))(msgspec.json.encode({"rows": rows.to_dicts()}))
    same(found, encode.inputs(plain, rows))
    assert found["features"].tolist() == [[1, 0.5, 3]] * 2


def test_a_column_whose_name_holds_a_quote_is_read_all_the_same() -> None:
    rows = frame([GOOD]).select("number", "text").rename({"number": 'size "net"', "text": "a\\b"})
    plain = encode.fit(rows, 2)
    same(Reader(served(plain))(body(rows.to_dicts())), encode.inputs(plain, rows))
