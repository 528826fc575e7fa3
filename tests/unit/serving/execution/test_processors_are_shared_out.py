"""Processes, threads, and threads of ONNX Runtime: never more at work than there are whole processors."""

from typing import get_args

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mlagent.serving.execution import Plan, Profile, Timing, plan

QUICK = Timing([(1, 6e-6), (64, 12e-6)], sure=True, batchable=True)
SLOW = Timing([(1, 0.02), (2, 0.03), (4, 0.04)], sure=True, batchable=True)
UNKNOWN = Timing((), sure=False, batchable=False)


def test_a_quick_model_has_a_process_a_processor_and_no_thread_of_its_own_to_wait_for() -> None:
    found = plan("throughput", 4.0, QUICK)
    assert (found.processes, found.pool, found.intra) == (4, 1, 1)
    assert found.inline_rows >= 64
    assert QUICK.seconds(found.inline_rows) < 0.0005
    assert found.batch_rows == 64


def test_a_slow_model_has_one_process_and_a_thread_a_processor() -> None:
    found = plan("throughput", 4.9, SLOW)
    assert found == Plan(1, 4, 1, 0, 4, 0.02)


@pytest.mark.parametrize("timing", [QUICK, SLOW, UNKNOWN], ids=["quick", "slow", "unknown"])
def test_latency_gives_all_processors_to_one_request(timing: Timing) -> None:
    found = plan("latency", 4.0, timing)
    assert (found.processes, found.pool, found.intra) == (1, 1, 4)


def test_a_part_of_a_processor_is_one_worker() -> None:
    for timing in (QUICK, SLOW):
        found = plan("throughput", 0.5, timing)
        assert (found.processes, found.pool, found.intra) == (1, 1, 1)


def test_half_a_millisecond_is_where_the_event_loop_ends() -> None:
    assert plan("latency", 1, Timing([(1, 0.00049)], sure=True, batchable=False)).inline_rows == 1
    assert plan("latency", 1, Timing([(1, 0.0005)], sure=True, batchable=False)).inline_rows == 0
    assert plan("latency", 1, Timing([(1, 0.0001)], sure=True, batchable=False)).inline_rows == 4
    assert plan("latency", 1, Timing([(1, 0.0001)], sure=False, batchable=False)).inline_rows == 0
    assert plan("latency", 1, UNKNOWN).inline_rows == 0


def test_rows_of_a_batch_can_be_set_but_not_where_rows_must_not_be_together() -> None:
    assert plan("throughput", 2, SLOW, batch_rows=32).batch_rows == 32
    assert plan("throughput", 2, QUICK, batch_rows=1).batch_rows == 1
    assert plan("throughput", 2, QUICK._replace(batchable=False), batch_rows=32).batch_rows == 1


@given(
    st.sampled_from(get_args(Profile)),
    st.floats(0.01, 200),
    st.sampled_from([QUICK, SLOW, UNKNOWN]),
    st.none() | st.integers(1, 300),
)
def test_workers_times_threads_are_never_more_than_there_are(
    profile: Profile, cpus: float, timing: Timing, threads: int | None
) -> None:
    found = plan(profile, cpus, timing, threads=threads)
    assert found.processes * found.pool * found.intra <= max(1, int(cpus))
    if threads:
        assert found.intra <= threads


@given(st.sampled_from(get_args(Profile)), st.floats(0.01, 64), st.integers(1, 100), st.none() | st.integers(1, 64))
def test_as_many_processes_as_were_asked_for_with_at_least_one_thread_each(
    profile: Profile, cpus: float, processes: int, threads: int | None
) -> None:
    found = plan(profile, cpus, SLOW, processes=processes, threads=threads)
    assert found.processes == processes
    assert processes * found.pool * found.intra <= max(processes, int(cpus))
