"""The sample keeps all rows while they are few, then one of each block, each as likely as any other, whatever comes."""

import numpy as np
import polars as pl
import pytest
from scipy.stats import chi2, kstest

from mlagent.data.sample import LARGEST, Sample


def numbers(total: int, batch: int) -> np.ndarray:
    sample = Sample()
    for first in range(0, total, batch):
        last = min(total, first + batch)
        sample.add(pl.DataFrame({"n": np.arange(first, last)}), first)
    return sample.frame().get_column("n").to_numpy()


def test_few_rows_are_all_kept() -> None:
    assert (numbers(LARGEST, 50_000) == np.arange(LARGEST)).all()


@pytest.mark.parametrize("total", [LARGEST + 1, 300_000, 1_500_001])
def test_the_same_rows_are_kept_however_they_come(total: int) -> None:
    kept = numbers(total, 77_777)
    assert LARGEST // 2 <= len(kept) <= LARGEST
    assert (kept == numbers(total, 500_000)).all()
    assert (np.diff(kept) > 0).all()


def test_each_block_gives_one_row_and_each_place_in_it_is_as_likely() -> None:
    kept = numbers(LARGEST * 16, 500_000)
    assert len(kept) == LARGEST
    assert (kept // 16 == np.arange(LARGEST)).all()
    counts = np.bincount(kept % 16, minlength=16)
    expected = LARGEST / 16
    assert chi2.sf(((counts - expected) ** 2 / expected).sum(), 15) > 0.001


def test_rows_of_a_period_are_as_frequent_in_it_as_in_the_whole() -> None:
    kept = numbers(4_000_000, 500_000)
    assert kstest(kept / 4_000_000, "uniform").pvalue > 0.001
    share = (kept % 12 == 3).mean()
    assert share == pytest.approx(1 / 12, abs=0.004)
