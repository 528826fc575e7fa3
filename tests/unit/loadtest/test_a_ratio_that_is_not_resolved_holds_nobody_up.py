"""A comparison too short to tell is a warning where the limits surely hold, and inconclusive where they do not."""

import numpy as np
import pytest

from mlagent.core.verdict import check
from mlagent.loadtest import samples
from mlagent.loadtest.limits import Limits
from mlagent.loadtest.measured import measure
from mlagent.loadtest.request import Piece
from mlagent.loadtest.verdict import judge

UNRESOLVED = check("p99 against production", None, "<=", 1.5, samples=10)


@pytest.mark.parametrize(("seconds", "ends"), [(0.001, "warn"), (0.2, "inconclusive")])
def test_the_limits_decide_what_an_unresolved_ratio_is(seconds: float, ends: str) -> None:
    rows = np.zeros(2000, samples.DTYPE)
    rows["intended"], rows["latency"], rows["service"], rows["status"] = np.linspace(0, 10, 2000), seconds, seconds, 200
    limits = Limits(p99_ms=50, error_rate_max=0, requests_min=100, late_share_max=0.05)
    course = [Piece(seconds=10, rate_per_second=200)]
    measured = measure(rows, course, timeout_seconds=5, limits_ms=limits.latency, target=0)
    found = {one.metric: one.outcome for one in judge(measured, limits, compared=[UNRESOLVED])}
    assert found["p99 against production"] == ends
