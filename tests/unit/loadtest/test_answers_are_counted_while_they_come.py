"""Quantiles so far, without keeping what was seen."""

import msgspec
import numpy as np
import pytest

from mlagent.loadtest.tally import Tally, Told


def counted(latencies: object) -> Tally:
    tally = Tally()
    for latency in np.asarray(latencies, np.float64).tolist():
        tally.add(latency, failed=latency > 1)
    return tally


@pytest.mark.parametrize("share", [0.01, 0.5, 0.95, 0.99, 1])
def test_a_quantile_is_at_most_two_percent_too_high(share: float) -> None:
    seen = np.random.default_rng(1).lognormal(-4, 1, 5000)
    exact = float(np.percentile(seen, share * 100, method="inverted_cdf"))
    found = counted(seen).quantile(share)
    assert found is not None
    assert exact <= found * (1 + 1e-9)
    assert found < exact * 1.0203


def test_nothing_has_no_quantile_and_no_time_at_all_has_one() -> None:
    assert Tally().quantile(0.5) is None
    assert counted([0.0, 0.0]).quantile(0.5) == pytest.approx(1e-6)


def test_what_several_meters_told_is_counted_together() -> None:
    parts = [counted([0.01, 0.02, 3.0]), counted([0.02]), Tally()]
    sent = [msgspec.convert(msgspec.to_builtins(one.told()), Told, strict=False) for one in parts]
    whole = Tally.of(sent)
    assert (whole.answered, whole.errors) == (4, 1)
    assert whole.quantile(0.5) == counted([0.02]).quantile(0.5)
    assert whole.quantile(1) == counted([3.0]).quantile(1)
