"""PSI against its formula, Jensen-Shannon and Kolmogorov-Smirnov against scipy; what is empty is no number."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.spatial.distance import jensenshannon
from scipy.special import rel_entr
from scipy.stats import ks_2samp

from mlagent.measure.distance import EMPTY, jensen_shannon, kolmogorov_smirnov, psi

Counts = st.lists(st.tuples(st.integers(0, 500), st.integers(0, 500)), min_size=2, max_size=20).filter(
    lambda pairs: any(a for a, _ in pairs) and any(b for _, b in pairs)
)


@given(Counts)
def test_jensen_shannon_is_scipys(pairs: list[tuple[int, int]]) -> None:
    one, other = np.array(pairs).T
    assert jensen_shannon(one, other) == pytest.approx(float(jensenshannon(one, other, base=2)), abs=1e-7)


@given(Counts)
def test_psi_is_the_sum_of_both_relative_entropies(pairs: list[tuple[int, int]]) -> None:
    one, other = (np.where(column == 0, EMPTY, column / column.sum()) for column in np.array(pairs).T)
    expected = rel_entr(one, other).sum() + rel_entr(other, one).sum()
    assert psi(*np.array(pairs).T) == pytest.approx(float(expected), abs=1e-9)


@pytest.mark.filterwarnings("ignore::RuntimeWarning")  # of its p-value, which is not looked at
@given(st.lists(st.integers(-50, 50), min_size=1, max_size=60), st.lists(st.integers(-50, 50), min_size=1, max_size=60))
def test_kolmogorov_smirnov_is_scipys(one: list[int], other: list[int]) -> None:
    expected = float(ks_2samp(one, other, method="asymp").statistic)
    assert kolmogorov_smirnov(np.array(one), np.array(other)) == pytest.approx(expected, abs=1e-12)


def test_equal_distributions_are_not_apart_and_the_bands_are_where_they_are_known_to_be() -> None:
    same = np.array([10, 20, 70])
    assert psi(same, same * 3) == pytest.approx(0)
    assert jensen_shannon(same, same * 3) == pytest.approx(0)
    assert jensen_shannon(np.array([1, 0]), np.array([0, 1])) == pytest.approx(1)
    # Siddiqi (2006), by hand: (.4 - .5) ln(.4 / .5) + (.6 - .5) ln(.6 / .5)
    assert psi(np.array([50, 50]), np.array([40, 60])) == pytest.approx(0.040546511)


def test_nothing_counted_is_no_number() -> None:
    assert math.isnan(psi(np.array([0, 0]), np.array([1, 2])))
    assert math.isnan(jensen_shannon(np.array([1, 2]), np.array([0, 0])))
    assert math.isnan(kolmogorov_smirnov(np.array([]), np.array([1.0])))
