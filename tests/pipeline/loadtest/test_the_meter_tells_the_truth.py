"""Against a server whose every delay is known: quantiles, errors and stalls are as they were."""

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

if TYPE_CHECKING:
    from tests.pipeline.loadtest.conftest import Known, Meter

SHARES = 50, 75, 90, 95, 99
LOAD: dict[str, Any] = {"rate_per_second": 200, "duration_seconds": 6, "users": 160}


@pytest.mark.parametrize("processes", [1, 2])
def test_quantiles_are_those_of_the_server_within_two_percent(
    meter: "Meter", known: "Callable[..., Known]", processes: int
) -> None:
    far = list[float]()
    while not far or far[-1] > 0.02:
        assert len(far) < 4, far  # what else runs here may take the meter's processor now and then
        server = known(delays="mixed")
        found, result = meter.run(server.url, **LOAD, processes=processes)
        told = server.told()
        assert len(told) == len(found) > 1000
        assert (result.errors, result.wrong) == (0, 0)
        assert (found["latency"] - found["service"] >= -1e-9).all()
        truth = np.percentile(told, SHARES)
        seen = [np.percentile(one, SHARES) for one in (found["service"], found["latency"] - found["lag"])]
        far.append(max(float(np.abs(one / truth - 1).max()) for one in seen))


def test_a_stall_is_found_in_the_time_from_when_requests_were_due_and_not_in_the_service_time(
    meter: "Meter", known: "Callable[..., Known]"
) -> None:
    server = known(delays="quick", stalls=[[2.0, 1.0]])
    found, _ = meter.run(server.url, rate_per_second=300, duration_seconds=5, users=8)
    assert (found["latency"] > 0.5).sum() > 100  # whoever was due in its first half, some 150
    assert (found["service"] > 0.5).sum() <= 8  # one a user: this is what a meter that waits would have seen
    stalled = found["intended"][found["latency"] > 0.5]
    assert stalled.max() - stalled.min() > 0.4
    assert np.percentile(found["service"], 95) < 0.5
    assert np.percentile(found["latency"], 99) > 0.8


def test_errors_are_counted_as_the_server_gave_them(meter: "Meter", known: "Callable[..., Known]") -> None:
    server = known(delays="quick", failing=0.1)
    found, result = meter.run(server.url, rate_per_second=300, duration_seconds=3)
    failed = server.told(500)
    assert result.errors == (found["status"] == 500).sum() == len(failed) > 30
    assert result.unanswered == 0
    assert len(server.told()) == len(found) - len(failed)


def test_requests_leave_when_they_are_due_and_not_a_millisecond_later(
    meter: "Meter", known: "Callable[..., Known]"
) -> None:
    found, _ = meter.run(known(delays="quick").url, rate_per_second=150, duration_seconds=2, users=8)
    assert np.percentile(found["lag"], 10) < 0.001  # the rest may wait for whatever else runs here
