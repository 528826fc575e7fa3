"""The page of rows: bars as high as their counts, no value of a sensitive column, nothing from the data as markup."""

from xml.etree import ElementTree as ET

import polars as pl
import pytest

from mlagent.data.page import HEIGHT, page
from mlagent.data.schema import Column, Schema

HOSTILE = '<script>alert("x")</script>'
SCHEMA = Schema(
    columns={
        "size": Column(type="number"),
        HOSTILE: Column(type="text"),
        "secret": Column(type="text", sensitive=True),
        "long": Column(type="text"),
        "day": Column(type="date"),
        "same": Column(type="integer"),
        "empty": Column(type="number", nullable=True),
        "flag": Column(type="boolean"),
    }
)


@pytest.fixture
def rows() -> pl.DataFrame:
    count = 3000
    return pl.DataFrame(
        {
            "size": [float(index % 30) for index in range(count)],
            HOSTILE: [HOSTILE if index % 3 else "fine & good" for index in range(count)],
            "secret": [f"planted-{index}" for index in range(count)],
            "long": [f"text {index}" for index in range(count)],
            "day": pl.Series(["2025-01-01", "2025-06-30", "2025-12-31"] * 1000).str.to_date(),
            "same": [7] * count,
            "empty": pl.Series([None] * count, dtype=pl.Float64),
            "flag": [True, None, False] * 1000,
        }
    )


def made(rows: pl.DataFrame) -> str:
    return page("rows.csv", 123_456, rows, SCHEMA)


def tree(text: str) -> ET.Element:
    return ET.fromstring(text.removeprefix("<!doctype html>\n").replace('<meta charset="utf-8">', ""))


def test_it_is_one_well_formed_file_that_needs_nothing_else(rows: pl.DataFrame) -> None:
    text = made(rows)
    root = tree(text)
    assert {"script", "style", "link", "img"}.isdisjoint(one.tag for one in root.iter())
    assert not [one for one in root.iter() if "style" in one.attrib]
    assert "123,456 rows, 8 columns" in text
    assert "uniform sample of 3,000 rows" in text
    assert made(rows) == text


def test_bars_are_as_high_as_their_counts(rows: pl.DataFrame) -> None:
    uneven = rows.with_columns(size=pl.Series([0.0] * 2000 + [29.0] * 1000))
    svg = next(one for one in tree(made(uneven)).iter() if one.findtext("{*}title") == "Histogram of size")
    heights = [float(one.attrib["height"]) for one in svg.iter("{http://www.w3.org/2000/svg}rect")]
    assert heights[0] == pytest.approx(HEIGHT)
    assert heights[-1] == pytest.approx(HEIGHT / 2, abs=0.1)
    assert sum(heights[1:-1]) == 0


def test_one_bar_that_would_hide_all_others_is_drawn_on_a_logarithmic_scale(rows: pl.DataFrame) -> None:
    steep = rows.with_columns(size=pl.Series([0.0] * 2971 + [float(index + 1) for index in range(29)]))
    assert "logarithmic scale" in made(steep)
    assert "logarithmic scale" not in made(rows)


def test_nothing_of_a_sensitive_column_is_shown(rows: pl.DataFrame) -> None:
    text = made(rows)
    assert "planted" not in text
    assert "Sensitive: its values are not shown." in text


def test_what_the_data_holds_is_never_markup(rows: pl.DataFrame) -> None:
    text = made(rows)
    assert "<script" not in text
    assert "&lt;script&gt;" in text
    assert "fine &amp; good" in text


def test_constants_empties_dates_and_long_texts_are_said(rows: pl.DataFrame) -> None:
    text = made(rows)
    assert "The same in every row that has it: 7" in text
    assert "Empty in every row." in text
    assert "3,000 different texts, such as text 0, text 1" in text
    assert "2025-06-30" in text
    assert "true: 1,000 (50.0%)" in text


def test_no_rows_and_no_finite_number_are_no_reason_to_fail(rows: pl.DataFrame) -> None:
    assert "Empty in every row." in made(rows.head(0))
    strange = rows.with_columns(size=pl.Series([float("nan"), float("inf")] * 1500))
    assert "No finite value." in made(strange)


def test_many_values_are_cut_to_the_commonest(rows: pl.DataFrame) -> None:
    text = made(rows.with_columns(pl.Series(HOSTILE, [f"v{index % 50:02}" for index in range(3000)])))
    assert "30 others in 1,800 rows (60.0%)" in text
    assert "v19: 60 (2.0%)" in text
    assert "v20: 60" not in text


def test_a_column_may_be_called_count(rows: pl.DataFrame) -> None:
    named = rows.select(count=pl.col(HOSTILE))
    assert "fine &amp; good: 1,000" in page("x", 3000, named, Schema(columns={"count": Column(type="text")}))
