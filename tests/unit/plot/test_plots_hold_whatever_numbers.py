"""Plots at their edges: odd numbers, hostile names, nothing outside of the drawing, nothing told by colour alone."""

import math
import re
from collections.abc import Sequence
from xml.etree import ElementTree as ET

import pytest

from mlagent.plot.axes import Axis, Scale, reach, ticks
from mlagent.plot.columns import Bar, columns
from mlagent.plot.lines import Curve, Mark, Rule, lines
from mlagent.plot.pairs import pairs
from mlagent.plot.spans import Span, spans
from mlagent.plot.whiskers import Figure, whiskers
from mlagent.plot.words import number

SVG = "{http://www.w3.org/2000/svg}"
HOSTILE = """</title><script>alert('x')</script>&"""
ODD: list[list[float]] = [
    [math.nan, 1.0, 2.0, math.inf, 3.0],
    [-1.7e308, 1.7e308],
    [5e-324, 0.0],
    [1e16, 1e16 + 2],
    [3.0],
    [-2.0, -2.0],
    [],
    [math.nan],
]


def drawn(plot: str) -> ET.Element:
    """The drawing, which holds no number that is none."""
    root = ET.fromstring(plot)
    numbers = [one for part in root.iter() for key, one in part.attrib.items() if key not in ("class", "role")]
    assert not [one for one in numbers if re.search(r"\b(nan|inf)\b", one)]
    assert root.attrib["role"] == "img"
    return root


def words(plot: str) -> list[str]:
    return [one.text or "" for one in drawn(plot).iter(f"{SVG}text")]


@pytest.mark.parametrize("values", ODD)
def test_no_number_is_too_odd_for_a_curve(values: list[float]) -> None:
    across = Axis("x", *reach(range(len(values))))
    plot = lines("odd", [Curve("one", range(len(values)), values)], across, Axis("y", *reach(values)))
    known = sum(map(math.isfinite, values))
    assert len(list(drawn(plot).iter(f"{SVG}circle"))) == known


@pytest.mark.parametrize("values", ODD)
def test_no_number_is_too_odd_for_bars_and_whiskers(values: list[float]) -> None:
    axis = Axis("x", *reach(values))
    rows = [Figure("a", one, one, one) for one in values]
    assert words(whiskers("odd", rows, axis)).count("not known") == sum(not math.isfinite(one) for one in values)
    known = [one for one in values if math.isfinite(one)]
    drawn(columns("odd", [Bar(one, one, 1, "w") for one in known], axis, Axis("y", 0, 1)))
    drawn(whiskers("odd", rows, axis, Rule("x", math.nan, "no limit")))


@pytest.mark.parametrize(
    "ends", [(0, 1), (0.93, 0.9301), (-5, 12_345), (1e-9, 3e-9), (1e16, 1e16 + 4), (-1e308, 1e308)]
)
def test_ticks_are_few_and_within_the_axis(ends: tuple[float, float]) -> None:
    found = ticks(Axis("", *ends))
    assert len(found) <= 6
    assert all(ends[0] <= one <= ends[1] for one in found)
    assert found == sorted(set(found))


@pytest.mark.parametrize(("ends", "expected"), [((0, 1), [0, 0.2, 0.4, 0.6, 0.8, 1]), ((1, 6), [1, 2, 3, 4, 5, 6])])
def test_ticks_are_round(ends: tuple[float, float], expected: list[float]) -> None:
    assert ticks(Axis("", *ends, whole=ends[0] == 1)) == expected


@pytest.mark.parametrize("ends", [(1.1, 1.9), (0.5, 80), (1e-3, 1e9)])
def test_ticks_of_a_logarithmic_axis_are_few_and_within_it(ends: tuple[float, float]) -> None:
    found = ticks(Axis("", *ends, log=True))
    assert len(found) <= 6
    assert all(ends[0] <= one <= ends[1] for one in found)


def test_a_decade_is_as_long_as_the_next_on_a_logarithmic_scale() -> None:
    scale = Scale(Axis("", 1, 100, log=True), 0, 200)
    assert [scale.at(one) for one in (1, 10, 100)] == pytest.approx([0, 100, 200])
    assert scale.at(1e9) == pytest.approx(200)


def test_what_is_no_number_breaks_the_line() -> None:
    plot = lines("p", [Curve("one", range(5), [1, 2, math.nan, 3, 4])], Axis("x", 0, 4), Axis("y", 0, 5))
    assert next(drawn(plot).iter(f"{SVG}path")).attrib["d"].count("M") == 2


def test_curves_are_told_apart_by_their_strokes_and_named() -> None:
    curves = [Curve(name, [0, 1], [0, 1]) for name in ("a", "b", "c")]
    plot = drawn(lines("p", curves, Axis("x", 0, 1), Axis("y", 0, 1)))
    dashes = {one.attrib.get("stroke-dasharray") for one in plot.iter(f"{SVG}path")}
    assert len(dashes) == 3
    assert {"a", "b", "c"} <= {one.text for one in plot.iter(f"{SVG}text")}


def test_axes_say_what_they_measure_and_limits_what_they_are() -> None:
    limit = [Rule("y", 0.5, "limit 50 ms"), Rule("x", math.nan, "unknown")]
    mark = [Mark(0.2, 0.2, "threshold"), Mark(math.nan, 1, "nowhere")]
    curve = [Curve("one", [0, 1], [0, 1])]
    found = words(lines("p", curve, Axis("seconds", 0, 1), Axis("share", 0, 1), rules=limit, marks=mark))
    assert {"seconds", "share", "limit 50 ms", "threshold"} <= set(found)
    assert not {"unknown", "nowhere"} & set(found)


def test_hostile_names_are_text_in_every_plot() -> None:
    axis = Axis(HOSTILE, 0, 1)
    plots: Sequence[str] = (
        lines(HOSTILE, [Curve(HOSTILE, [0, 1], [0, 1])] * 2, axis, axis, marks=[Mark(0, 0, HOSTILE)], diagonal=HOSTILE),
        columns(HOSTILE, [Bar(0, 1, 1, HOSTILE)], axis, axis, [Rule("x", 0.5, HOSTILE)]),
        pairs(HOSTILE, [HOSTILE], {HOSTILE: 0.5}, {HOSTILE: 0.1}),
        whiskers(HOSTILE, [Figure(HOSTILE, 0.5, 0.1, 0.9)], axis, Rule("x", 0.5, HOSTILE)),
        spans(HOSTILE, [Span(HOSTILE, 0, 1, HOSTILE)], axis),
    )
    for plot in plots:
        assert drawn(plot).findtext(f"{SVG}title") == HOSTILE
        assert not list(drawn(plot).iter(f"{SVG}script"))


def test_shares_now_and_before_stand_in_words_too() -> None:
    found = words(pairs("p", ["a", "new"], {"a": 0.25, "new": 0.75}, {"a": 1.0}))
    assert {"25.0% (was 100.0%)", "75.0% (was 0.0%)"} <= set(found)
    assert words(pairs("p", ["a"], {}, None)) == ["a", "0.0%"]


@pytest.mark.parametrize(
    ("value", "expected"),
    [(0.123456, "0.1235"), (-0.0, "0"), (12345.6, "12,346"), (1e-7, "1e-07"), (1e20, "1e+20")],
)
def test_numbers_have_four_digits_that_count(value: float, expected: str) -> None:
    assert number(value) == expected


@pytest.mark.parametrize("value", [None, math.nan, math.inf])
def test_what_is_no_number_is_a_dash(value: float | None) -> None:
    assert number(value) == "–"  # noqa: RUF001 - a dash
