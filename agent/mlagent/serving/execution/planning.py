"""How many processes and threads share the processors."""

from typing import Literal, NamedTuple

from mlagent.serving.execution.timing import Timing

INLINE_SECONDS = 0.0005  # what the event loop may be held up by one inference
_MANY = 1 << 16  # rows
Profile = Literal["throughput", "latency"]


class Plan(NamedTuple):
    """What to start: `processes`, each with `pool` threads that compute, of `intra` threads of ONNX Runtime each.

    `inline_rows` are the most rows of a request that is computed in the event loop, 0 for none: these do not wait for
    the pool, whose one thread is for the odd large one. `batch_rows` are the most of one inference of several requests.
    `seconds` is what one row was measured to take.
    """

    processes: int
    pool: int
    intra: int
    inline_rows: int
    batch_rows: int
    seconds: float = 0.0


def plan(
    profile: Profile,
    cpus: float,
    timing: Timing,
    *,
    processes: int | None = None,
    threads: int | None = None,
    batch_rows: int | None = None,
) -> Plan:
    """Share out the whole processors: processes x pool x intra is never more, unless `processes` asks for more.

    throughput: a processor a worker; a worker is a process where one row is quick enough for the event loop, else a
    thread. latency: all processors compute one request.
    """
    whole = max(1, int(cpus))
    inline = inline_rows(timing)
    if profile == "latency":
        processes = processes or 1
        pool, intra = 1, max(1, min(threads or whole, whole // processes))
    else:
        wanted = min(threads or 1, whole)
        processes = processes or (whole // wanted if inline else 1)
        intra = max(1, min(wanted, whole // processes))
        pool = max(1, whole // (processes * intra))
    return Plan(processes, pool, intra, inline, _batch_rows(timing, batch_rows), timing.seconds(1))


def inline_rows(timing: Timing) -> int:
    """The most rows that the event loop may compute; 0 where one is too many, or where rows do not tell."""
    if not timing.sure or timing.seconds(1) >= INLINE_SECONDS:
        return 0
    rows = 1
    while rows < _MANY and timing.seconds(2 * rows) < INLINE_SECONDS:
        rows *= 2
    return rows


def _batch_rows(timing: Timing, wanted: int | None) -> int:
    return (wanted or timing.best_rows) if timing.batchable else 1
