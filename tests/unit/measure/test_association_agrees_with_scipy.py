"""Rank correlation, Cramér's V and the correlation ratio are scipy's; chance and constants are no association."""

import math

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from scipy.stats import f_oneway, spearmanr
from scipy.stats.contingency import association, crosstab

from mlagent.measure.association import Variable, correlation_ratio, cramers_v, spearman, strongest

Codes = st.lists(st.tuples(st.integers(0, 6), st.integers(0, 6)), min_size=3, max_size=80)


@given(Codes)
def test_spearman_is_scipys(pairs: list[tuple[int, int]]) -> None:
    one, other = np.array(pairs).T
    assume(np.ptp(one) and np.ptp(other))
    assert spearman(one, other) == pytest.approx(float(spearmanr(one, other).statistic), abs=1e-9)


@given(Codes)
def test_cramers_v_is_scipys(pairs: list[tuple[int, int]]) -> None:
    one, other = np.array(pairs).T
    assume(np.ptp(one) and np.ptp(other))
    expected = association(crosstab(one, other).count, method="cramer")
    assert cramers_v(one, other) == pytest.approx(float(expected), abs=1e-6)


@given(st.lists(st.lists(st.floats(-100, 100), min_size=3, max_size=20), min_size=2, max_size=5))
def test_the_correlation_ratio_is_that_of_scipys_analysis_of_variance(groups: list[list[float]]) -> None:
    assume(all(np.ptp(one) > 1e-3 for one in groups))
    numbers, count = np.concatenate(groups), len(groups)
    f = max(0.0, float(f_oneway(*groups).statistic))  # of groups alike scipy's is a trace below
    expected = math.sqrt(f * (count - 1) / (f * (count - 1) + len(numbers) - count))
    codes = np.repeat(np.arange(count), [len(one) for one in groups])
    assert correlation_ratio(codes, numbers) == pytest.approx(expected, abs=1e-6)


def test_a_constant_has_no_association() -> None:
    same, other = np.zeros(50, int), np.arange(50)
    assert math.isnan(spearman(same, other))
    assert math.isnan(cramers_v(same, other % 3))
    assert math.isnan(correlation_ratio(other % 3, same + 0.1))
    assert math.isnan(correlation_ratio(same, other))


def test_the_largest_numbers_there_are_do_no_harm() -> None:
    assert correlation_ratio(np.arange(60) % 2, np.tile([-1.7e308, 1.7e308], 30)) == pytest.approx(1)


def test_the_strongest_come_first_and_rows_that_lack_one_do_not_count() -> None:
    random = np.random.default_rng(1)
    up = np.arange(1000.0)
    kind = (up > 500).astype(float)
    down = np.where(up < 900, -(up**3), np.nan)
    noise = random.normal(size=1000)
    found = strongest(
        [
            Variable("up", up, ordered=True),
            Variable("kind", kind, ordered=False),
            Variable("twin", 1 - kind, ordered=False),
            Variable("down", down, ordered=True),
            Variable("noise", noise, ordered=True),
        ],
        5,
    )
    assert [(pair.one, pair.other, pair.measure, pair.rows) for pair in found[:2]] == [
        ("kind", "twin", "Cramér's V", 1000),
        ("up", "down", "Spearman's rank correlation", 900),
    ]
    assert [pair.strength for pair in found[:2]] == pytest.approx([1, -1])
    assert {(pair.one, pair.other) for pair in found[2:4]} == {("up", "kind"), ("up", "twin")}
    assert len(found) == 5


def test_too_few_rows_for_so_many_categories_are_no_association() -> None:
    codes = np.arange(100.0) % 10
    variables = [Variable("a", codes, ordered=False), Variable("b", codes, ordered=False)]
    assert strongest(variables, 5) == []
    assert len(strongest([one._replace(values=np.tile(codes, 2)) for one in variables], 5)) == 1
    assert strongest([Variable("a", np.full(100, np.nan), ordered=True), *variables], 5) == []
