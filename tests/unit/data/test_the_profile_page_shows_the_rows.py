"""The page at its edges: hostile texts, secrets, odd numbers and dates, bars as counted, what belongs together."""

from collections.abc import Mapping
from datetime import date, datetime
from typing import Any
from xml.etree import ElementTree as ET

import numpy as np
import polars as pl
import pytest

from mlagent.data.page import page
from mlagent.data.schema import DTYPES, Column, Kind, Schema
from mlagent.plot.bars import BINS, HEIGHT, bins
from mlagent.plot.words import share, short, text

SVG = "{http://www.w3.org/2000/svg}"
HOSTILE = """</title><script>alert('x')</script><b a="&amp;">ÄΩ漢"""


def made(data: Mapping[str, tuple[Kind, list[Any]]], sensitive: str = "") -> str:
    frame = pl.DataFrame({name: pl.Series(values, dtype=DTYPES[kind]) for name, (kind, values) in data.items()})
    columns = {name: Column(type=kind, sensitive=name == sensitive) for name, (kind, _) in data.items()}
    return page("rows.csv", frame.height, frame, Schema(columns=columns))


def tree(shown: str) -> ET.Element:
    return ET.fromstring(shown.removeprefix("<!doctype html>\n").replace('<meta charset="utf-8">', ""))


def plot(shown: str, title: str) -> ET.Element:
    return next(one for one in tree(shown).iter(f"{SVG}svg") if one.findtext(f"{SVG}title") == title)


def cells(shown: str, table: int) -> list[list[str]]:
    return [["".join(cell.itertext()) for cell in row] for row in list(tree(shown).iter("table"))[table]]


def test_hostile_names_and_values_are_text_wherever_they_stand() -> None:
    columns: dict[str, tuple[Kind, list[Any]]] = {
        HOSTILE: ("text", [HOSTILE, "b"] * 100),
        HOSTILE + "2": ("text", [f"{HOSTILE}{index}" for index in range(1200)][:1100] + ["x"] * 100),
        HOSTILE + "3": ("integer", list(range(200))),
        HOSTILE + "4": ("text", [HOSTILE] * 200),
    }
    height = max(len(values) for _, values in columns.values())
    shown = made({name: (kind, (values * 12)[:height]) for name, (kind, values) in columns.items()})
    root = tree(shown)
    assert {"script", "style", "b", "link", "img"}.isdisjoint(one.tag for one in root.iter())
    assert not [key for one in root.iter() for key in one.attrib if key == "style" or key.startswith("on")]
    assert cells(shown, 0)[1][0] == HOSTILE
    assert plot(shown, f"Values of {HOSTILE}").attrib["role"] == "img"


def test_what_has_no_shape_or_turns_the_reading_direction_is_replaced() -> None:
    assert text("a\x00b\u202ec\x85") == "a\ufffdb\ufffdc\ufffd"
    assert text("caf\u00e9\u00a0\u200d\n") == "caf\u00e9\u00a0\u200d\n"
    tree(made({"a\x0b": ("text", ["b\x00", "c\x1f"])}))


@pytest.mark.parametrize("kind", ["integer", "number", "text", "boolean", "date", "datetime"])
def test_nothing_of_a_sensitive_column_is_shown(kind: Kind) -> None:
    values: dict[Kind, list[Any]] = {
        "integer": [918273, 918274],
        "number": [918273.25, 918274.0],
        "text": ["918273", "918274"],
        "boolean": [True, False],
        "date": [date(1918, 2, 7), date(1918, 2, 8)],
        "datetime": [datetime(1918, 2, 7), datetime(1918, 2, 8)],  # noqa: DTZ001 - as in the rows
    }
    given: dict[str, tuple[Kind, list[Any]]] = {
        "hidden": (kind, [*values[kind], None, None] * 100),
        "open": ("integer", [1, 2, 3, 4] * 100),
    }
    shown = made(given, sensitive="hidden")
    assert not [word for word in ("9182", "1918", "true", "hidden:") if word in shown]
    assert cells(shown, 0)[1] == ["hidden", kind, "50.0%", "sensitive: values are not shown", "", "", ""]
    assert len(list(tree(shown).iter(f"{SVG}svg"))) == 1
    assert "Strongest associations</h2><p>None" in shown


def test_bars_are_as_high_as_their_counts() -> None:
    counted = [5, 0, 10, 2]
    shown = made({"n": ("integer", [value for value, count in enumerate(counted) for _ in range(count)])})
    heights = [float(one.attrib["height"]) for one in plot(shown, "Histogram of n").iter(f"{SVG}rect")]
    assert heights == pytest.approx([count / 10 * HEIGHT for count in counted])
    assert [one.findtext(f"{SVG}title") for one in plot(shown, "Histogram of n").iter(f"{SVG}rect")] == [
        "0: 5",
        "1: 0",
        "2: 10",
        "3: 2",
    ]


@pytest.mark.parametrize("least", [0, -1000, 19_000])
def test_bins_of_whole_numbers_hold_equally_many_of_them(least: int) -> None:
    for span in (2, 29, 30, 31, 100, 365):
        counts = bins(np.arange(least, least + span, dtype=float)).counts
        assert sum(counts) == span
        assert len(counts) <= BINS
        assert len(set(counts[:-1])) <= 1


def test_bins_are_numpys_where_numbers_are_not_whole() -> None:
    numbers = np.random.default_rng(1).gamma(2, size=5000)
    assert bins(numbers).counts == np.histogram(numbers, bins=BINS)[0].tolist()


@pytest.mark.parametrize(
    "values",
    [
        [-1.7e308, 1.7e308, 0.0],
        [1.0, 1.0000000000000002],
        [5e-324, 0.0],
        [1e16, 1e16 + 2],
        [float("nan"), 2.0, 2.0],
        [float("inf"), 1.0, float("-inf"), 2.0],
    ],
)
def test_no_number_is_too_odd(values: list[float]) -> None:
    shown = made({"n": ("number", values)})
    histogram = plot(shown, "Histogram of n")
    assert max(float(one.attrib["height"]) for one in histogram.iter(f"{SVG}rect")) == HEIGHT
    assert ">nan<" not in shown
    assert ("left out" in shown) == (not np.isfinite(values).all())


def test_quantiles_are_values_that_occur_and_no_digit_is_lost() -> None:
    shown = made({"n": ("integer", list(range(20040000, 20040101)))})
    assert [row[1] for row in cells(shown, 1)[1:10]] == [
        str(20040000 + share) for share in (0, 1, 5, 25, 50, 75, 95, 99, 100)
    ]
    assert cells(shown, 1)[10:] == [["mean", "20040050"], ["standard deviation", "29.1548"]]


def test_dates_are_dates_before_1970_too_and_moments_keep_their_time() -> None:
    noon = [datetime(1960, 1, 1, 12), datetime(1960, 1, 3, 6)]  # noqa: DTZ001 - as in the rows
    shown = made({"day": ("date", [one.date() for one in noon]), "moment": ("datetime", noon)})
    assert cells(shown, 0)[1][4:6] == ["1960-01-01", "1960-01-03"]
    assert cells(shown, 0)[2][4:6] == ["1960-01-01T12:00:00", "1960-01-03T06:00:00"]
    assert cells(shown, 1)[-2:] == [["mean", "1960-01-02"], ["standard deviation", "1 days"]]


def test_the_commonest_are_drawn_and_the_others_counted_whatever_the_column_is_called() -> None:
    shown = made({"count": ("text", ["a"] * 60 + ["b"] * 30 + [f"c{index}" for index in range(30)])})
    drawn = plot(shown, "Values of count")
    words = [one.text for one in drawn.iter(f"{SVG}text")]
    widths = [float(one.attrib["width"]) for one in drawn.iter(f"{SVG}rect")]
    assert words[:3] == ["a: 60 (50.0%)", "b: 30 (25.0%)", "c0: 1 (0.8%)"]
    assert widths[0] == pytest.approx(2 * widths[1])
    assert len(words) == 20
    assert "12 others in 12 rows (10.0%)" in shown
    assert cells(shown, 0)[1] == ["count", "text", "0.0%", "32", "", "", "a (50.0%)"]


def test_long_texts_show_their_length_and_five_of_them() -> None:
    shown = made({"t": ("text", ["twice", "twice", *("x" * (1 + index % 40) + str(index) for index in range(2000))])})
    assert "2,001 different texts, such as twice, x0, xx1, xxx2, xxxx3. Their length" in shown
    plot(shown, "Histogram of the length of t")


def test_constants_and_empties_say_so() -> None:
    given: dict[str, tuple[Kind, list[Any]]] = {"same": ("date", [date(2025, 1, 2)] * 3), "none": ("text", [None] * 3)}
    shown = made(given)
    assert "The same in every row that has it: 2025-01-02" in shown
    assert "Empty in every row." in shown
    assert cells(shown, 0)[2] == ["none", "text", "100.0%", "0", "", "", ""]


@pytest.mark.parametrize("sample", [pl.DataFrame(), pl.DataFrame(schema={"a": pl.Float64, "b": pl.String})])
def test_no_rows_are_no_reason_to_fail(sample: pl.DataFrame) -> None:
    shown = page("rows.csv", 0, sample, Schema(columns={"a": Column(type="number"), "b": Column(type="text")}))
    assert "0 rows, 2 columns" in shown
    assert shown.count("Empty in every row.") == 2
    assert cells(shown, 0)[1] == ["a", "number", "no rows", "0", "", "", ""]


def test_what_belongs_together_is_found_through_empty_and_infinite_values() -> None:
    count = np.arange(600)
    shown = made(
        {
            "up": ("number", [None, float("inf"), *(count[2:] ** 1.5)]),
            "day": ("date", [date.fromordinal(730_000 - int(one)) for one in count]),
            "kind": ("text", [f"k{one // 200}" for one in count]),
            "twin": ("boolean", [bool(one < 200) for one in count]),
            "key": ("text", [f"P{one}" for one in count]),
        }
    )
    found = {(row[0], row[1]): row[2:] for row in cells(shown, -1)[1:]}
    assert found["up", "day"] == ["Spearman's rank correlation", "-1.000", "598"]
    assert found["kind", "twin"] == ["Cramér's V", "1.000", "600"]
    assert found["day", "kind"][0] == "correlation ratio"
    assert not [pair for pair in found if "key" in pair]


def test_rows_of_a_period_are_not_missed_by_what_is_compared() -> None:
    months = [one % 12 for one in range(60_000)]
    shown = made({"month": ("integer", months), "winter": ("boolean", [one in (1, 7) for one in months])})
    assert "Of 20,000 of the sampled rows" in shown
    assert 0 < float(cells(shown, -1)[1][3]) < 0.5


def test_a_wide_page_stays_small_and_equal_input_gives_equal_bytes() -> None:
    random = np.random.default_rng(1)
    given: dict[str, tuple[Kind, list[Any]]] = {
        f"n{index}": ("number", random.normal(size=2000).tolist()) for index in range(20)
    }
    given |= {f"t{index}": ("text", [f"{one:60}" for one in random.integers(0, 90, 2000)]) for index in range(20)}
    shown = made(given)
    assert len(shown.encode()) < 1_000_000
    assert len(list(tree(shown).iter(f"{SVG}svg"))) == 40
    assert made(given) == shown


def test_one_bar_that_would_hide_all_others_is_drawn_on_a_logarithmic_scale() -> None:
    steep = [0.0] * 2971 + [float(index + 1) for index in range(29)]
    assert "logarithmic scale" in made({"size": ("number", steep)})
    assert "logarithmic scale" not in made({"size": ("number", list(range(30)))})


def test_no_finite_number_is_said() -> None:
    assert "No finite value." in made({"size": ("number", [float("nan"), float("inf")] * 100)})


def test_small_words() -> None:
    assert short("abcdef", 4) == "abc…"
    assert share(1, 0) == "no rows"
