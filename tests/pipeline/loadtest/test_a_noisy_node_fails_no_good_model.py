"""Candidate and champion with known delays, loaded in turns and judged: what both suffer is no candidate's fault."""

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING

import msgspec

from mlagent.core.verdict import Check, verdict
from mlagent.loadtest import comparison
from mlagent.loadtest.limits import Limits
from mlagent.loadtest.measured import measure
from mlagent.loadtest.pieces import Shape, pieces
from mlagent.loadtest.verdict import SUBJECT, judge
from mlagent.stages.load_test.settings import Config

if TYPE_CHECKING:
    from tests.pipeline.loadtest.conftest import Known, Meter

RATIO = comparison.METRIC.format(comparison.JUDGED)
ROUNDS, RATE, P99_MS = 6, 60.0, 600.0


def judged(meter: "Meter", candidate: "Known", champion: "Known") -> Mapping[str, Check]:
    """The checks of a load that goes to both in turns, by name."""
    shape = Shape(
        rate=RATE,
        warmup_seconds=0,
        duration_seconds=ROUNDS,
        soak_minutes=1,
        step_count=1,
        spike_factor=1,
        champion_rounds=ROUNDS,
    )
    course = pieces("steady", shape, beside=True)
    targets = [{"name": name, "url": one.url} for name, one in (("candidate", candidate), ("champion", champion))]
    found, result = meter.run(
        candidate.url, targets=targets, pieces=msgspec.to_builtins(course), users=200, timeout_seconds=5
    )
    assert (result.errors, result.wrong) == (0, 0)
    limits = Limits(
        **{name: getattr(Config(), name) for name in Limits.__struct_fields__} | {"p99_ms": P99_MS, "requests_min": 200}
    )
    seen = [measure(found, course, timeout_seconds=5, limits_ms=limits.latency, target=target) for target in (0, 1)]
    compared = comparison.compare(found, course, Config().ratio_max, timeout_seconds=5)
    return {one.metric: one for one in judge(seen[0], limits, champion=seen[1], compared=compared)}


def outcome(checks: Sequence[Check]) -> str:
    return verdict(SUBJECT, checks, inputs={}, tools={}).outcome


def test_a_good_model_passes_on_a_node_that_is_too_noisy_for_its_limit(
    meter: "Meter", known: "Callable[..., Known]"
) -> None:
    checks = judged(meter, known(delays=0.2, noise=0.8), known(delays=0.2, noise=0.8))
    latency = checks["p99 latency"]
    assert latency.outcome == "warn", latency.reason
    assert "what serves in production takes" in latency.reason
    assert checks[RATIO].outcome == "pass", checks[RATIO].reason
    assert outcome(list(checks.values())) == "pass"


def test_a_model_twice_as_slow_fails_by_the_ratio_though_it_keeps_its_limit(
    meter: "Meter", known: "Callable[..., Known]"
) -> None:
    checks = judged(meter, known(delays=0.4), known(delays=0.2))
    assert checks["p99 latency"].outcome == "pass", checks["p99 latency"].reason
    assert [name for name, one in checks.items() if one.outcome == "fail"] == [RATIO]
    interval = checks[RATIO].interval
    assert interval
    assert 1.5 < interval[0] <= interval[1] < 2.5


def test_a_model_far_slower_fails_on_a_noisy_node_too(meter: "Meter", known: "Callable[..., Known]") -> None:
    checks = judged(meter, known(delays=1.6, noise=0.8), known(delays=0.2, noise=0.8))
    assert checks["p99 latency"].outcome == "warn", checks["p99 latency"].reason
    assert checks[RATIO].outcome == "fail", checks[RATIO].reason
    assert outcome(list(checks.values())) == "fail"
