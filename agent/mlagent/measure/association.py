"""How strongly two columns belong together, from 0 (not at all) to 1: one tells the other; in ranks also to -1."""

from collections.abc import Sequence
from itertools import combinations
from typing import NamedTuple

import numpy as np

ROWS_A_CATEGORY = 20  # fewer, and pure chance would look like an association
SPEARMAN, CRAMER, ETA = "Spearman's rank correlation", "Cramér's V", "correlation ratio"


class Variable(NamedTuple):
    """A column (n,): numbers, or codes of categories; what is empty is not finite."""

    name: str
    values: np.ndarray
    ordered: bool


class Pair(NamedTuple):
    """Two columns, what was measured of them and on how many rows that have both."""

    one: str
    other: str
    measure: str
    strength: float
    rows: int


def strongest(variables: Sequence[Variable], most: int) -> list[Pair]:
    """The pairs with the strongest association first; pairs of too few rows, or with a constant, are left out."""
    codes = [_codes(one.values) for one in variables]
    both = combinations(zip(variables, codes, strict=True), 2)
    found = [pair for one, other in both if (pair := _pair(*one, *other)) and not np.isnan(pair.strength)]
    return sorted(found, key=lambda pair: (-round(abs(pair.strength), 9), pair.one, pair.other))[:most]


def spearman(one: np.ndarray, other: np.ndarray) -> float:
    """Rank correlation of whole numbers from 0 (n,), (n,), which stand for values in their order; NaN of a constant."""
    before, after = (ranks - ranks.mean() for ranks in (_ranks(one), _ranks(other)))
    scale = np.sqrt((before**2).sum() * (after**2).sum())
    return float((before * after).sum() / scale) if scale else float("nan")


def cramers_v(one: np.ndarray, other: np.ndarray) -> float:
    """Cramér's V of two columns' codes from 0 (n,), (n,), not corrected for chance; NaN of a constant."""
    width = int(other.max()) + 1
    table = np.bincount(one * width + other, minlength=(int(one.max()) + 1) * width).reshape(-1, width)
    table = table[table.any(axis=1)][:, table.any(axis=0)].astype(float)
    if min(table.shape) < 2:
        return float("nan")
    squared = (table**2 / np.outer(table.sum(axis=1), table.sum(axis=0))).sum() - 1
    return float(np.sqrt(np.clip(squared / (min(table.shape) - 1), 0, 1)))


def correlation_ratio(groups: np.ndarray, numbers: np.ndarray) -> float:
    """Eta: the root of the share of the numbers' variance (n,) between groups, codes from 0 (n,); NaN of a constant."""
    scaled = numbers / (np.abs(numbers).max() or 1)  # so that no square is infinite
    apart = scaled - scaled.mean()
    counts = np.bincount(groups)
    there = counts > 0
    if there.sum() < 2 or np.ptp(numbers / 2) == 0:
        return float("nan")
    between = (np.bincount(groups, apart)[there] ** 2 / counts[there]).sum()
    return float(np.sqrt(np.clip(between / (apart**2).sum(), 0, 1)))


def _pair(one: Variable, its: np.ndarray, other: Variable, others: np.ndarray) -> Pair | None:
    there = (its >= 0) & (others >= 0)
    rows = int(there.sum())
    if rows < ROWS_A_CATEGORY * max(2, _categories(one, its), _categories(other, others)):
        return None
    its, others = its[there], others[there]
    if one.ordered and other.ordered:
        return Pair(one.name, other.name, SPEARMAN, spearman(its, others), rows)
    if not one.ordered and not other.ordered:
        return Pair(one.name, other.name, CRAMER, cramers_v(its, others), rows)
    groups, numbers = (others, one.values) if one.ordered else (its, other.values)
    return Pair(one.name, other.name, ETA, correlation_ratio(groups, numbers[there]), rows)


def _categories(one: Variable, codes: np.ndarray) -> int:
    return 0 if one.ordered else int(codes.max(initial=-1)) + 1


def _codes(values: np.ndarray) -> np.ndarray:
    """Whole numbers from 0 in the values' order, -1 where empty."""
    there = np.isfinite(values)
    codes = np.full(len(values), -1)
    codes[there] = np.unique(values[there], return_inverse=True)[1]
    return codes


def _ranks(codes: np.ndarray) -> np.ndarray:
    """The mean rank of each among all, without sorting."""
    counts = np.bincount(codes)
    ranks: np.ndarray = (np.cumsum(counts) - (counts - 1) / 2)[codes]
    return ranks
