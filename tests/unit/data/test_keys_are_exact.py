"""What stands twice is counted exactly, whatever the keys' kind, however they lie, however many there are."""

from collections.abc import Iterator
from itertools import pairwise
from typing import Any

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mlagent.data import keys as module
from mlagent.data.keys import Keys
from mlagent.data.scan import Row

NUMBERS = st.one_of(
    st.integers(-5, 5), st.integers(-(2**62), 2**62), st.sampled_from([0, 10**7, 3 * 10**8, -(10**9)]), st.none()
)
TEXTS = st.one_of(st.text("ab", max_size=2), st.none())


def counted(frames: list[pl.DataFrame], columns: tuple[str, ...]) -> Keys:
    def again() -> Iterator[tuple[str, int, pl.DataFrame]]:
        offset = 0
        for frame in frames:
            yield "f", offset, frame
            offset += frame.height

    def show(_: pl.DataFrame, index: int, file: str, offset: int) -> Iterator[Row]:
        yield Row(file, offset + index + 1, {})

    keys = Keys(columns, kept_rows=5)
    for frame in frames:
        keys.add(frame)
    keys.settle(again, show)
    return keys


def expected(values: list[tuple[Any, ...]]) -> list[int]:
    """Numbers of the rows whose key, whole, stood before."""
    seen, found = set(), []
    for number, value in enumerate(values, start=1):
        if None not in value:
            if value in seen:
                found.append(number)
            seen.add(value)
    return found


def cut(frame: pl.DataFrame, places: list[int]) -> list[pl.DataFrame]:
    ends = [0, *sorted({place % (frame.height + 1) for place in places}), frame.height]
    return [frame[a:b] for a, b in pairwise(ends)]


@pytest.mark.parametrize("columns", [("a",), ("a", "b")])
@settings(deadline=None, max_examples=150)
@given(rows=st.lists(st.tuples(NUMBERS, NUMBERS), max_size=60), places=st.lists(st.integers(0, 100), max_size=4))
def test_integers(columns: tuple[str, ...], rows: list[tuple[Any, Any]], places: list[int]) -> None:
    frame = pl.DataFrame(rows, schema={"a": pl.Int64, "b": pl.Int64}, orient="row")
    found = counted(cut(frame, places), columns)
    wanted = expected([row[: len(columns)] for row in rows])
    assert found.failures == len(wanted)
    assert [row.number for row in found.rows] == wanted[:5]


@settings(deadline=None, max_examples=60)
@given(st.lists(st.tuples(TEXTS, NUMBERS), max_size=60), st.lists(st.integers(0, 100), max_size=4))
def test_texts_and_mixed_keys(rows: list[tuple[Any, Any]], places: list[int]) -> None:
    frame = pl.DataFrame(rows, schema={"a": pl.String, "b": pl.Int64}, orient="row")
    for columns in (("a",), ("a", "b"), ("b", "a")):
        wanted = expected([tuple(dict(zip("ab", row, strict=True))[name] for name in columns) for row in rows])
        found = counted(cut(frame, places), columns)
        assert (found.failures, [row.number for row in found.rows]) == (len(wanted), wanted[:5])


@pytest.mark.parametrize("dtype", [pl.UInt64, pl.Int8, pl.UInt32])
def test_integers_of_any_width(dtype: type[pl.DataType]) -> None:
    low = 2**63 if dtype is pl.UInt64 else 0
    frame = pl.DataFrame({"a": pl.Series([low + number for number in (5, 1, 5, 2, 100, 1)], dtype=dtype)})
    assert counted(cut(frame, [2, 4]), ("a",)).failures == 2


@pytest.mark.parametrize("repeats", [0, 3])
def test_more_than_are_sorted_at_once_wait_in_a_file(monkeypatch: pytest.MonkeyPatch, repeats: int) -> None:
    monkeypatch.setattr(module, "SORTED_AT_ONCE", 100)
    texts = [f"P{number}" for number in range(2000)] + [f"P{number * 600}" for number in range(repeats)]
    frame = pl.DataFrame({"a": texts})
    found = counted(cut(frame, [90, 500, 1300]), ("a",))
    assert found.failures == repeats
    assert [row.number for row in found.rows] == [2001 + number for number in range(repeats)]


def test_of_very_many_that_repeat_all_are_counted_and_the_first_are_shown(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "COMPARED_IN_FULL", 10)
    frame = pl.DataFrame({"a": [f"P{number % 300}" for number in range(1000)]})
    found = counted(cut(frame, [400]), ("a",))
    assert found.failures == 700
    assert [row.number for row in found.rows] == [301, 302, 303, 304, 305]
