"""All that was seen to one verdict: how it stood, the rows at rest and, where these were right, the load."""

from collections.abc import Mapping

import msgspec

from mlagent.core.context import Outputs
from mlagent.core.ports.engine import NoEngine
from mlagent.core.verdict import Check, verdict
from mlagent.loadtest import capacity, standing
from mlagent.loadtest.answers import Wrong
from mlagent.loadtest.capacity import Answer
from mlagent.loadtest.limits import Limits
from mlagent.loadtest.measured import Measured
from mlagent.loadtest.result import Result
from mlagent.loadtest.standing import Standing
from mlagent.loadtest.verdict import SUBJECT, at_rest, judge

TOO_SLOW = "a smaller model, a lower load-test.rate_per_second, or a limit that this machine can meet"
TOO_LITTLE = (
    "a greater load-test.duration_seconds, as the reason says; nothing else should run on this machine meanwhile; then"
    " give the same command again"
)
NOT_MEASURED = "do what each reason says, and give the same command again: an invalid measurement is never reused"
NOT_THE_SAME = (
    "the server does not answer what ONNX Runtime answers to the same row of golden.jsonl: is signature.json the"
    " model's own, does the model compute the same on each call and for each size of a batch?"
)
NO_LOAD = "latency and errors are not judged: no load was sent, for a golden row was not answered as expected"
NOT_READY = "answers, latency and errors are not judged: the container never got ready"
IN_A_PROCESS = "served as a process of this machine, not as an image under production's limits"


class Seen(msgspec.Struct, frozen=True, kw_only=True):
    """`stood` is None where there is no container: `served` says what there is.

    `wrong` is the first golden row of `rows` not answered as expected at rest; `measured` and `result` are None where
    no load was sent. `faults` are the reasons why it was not measured at all; `champion` is what serves in production,
    `compared` the checks of both side by side, `capacity` the answer to the search for the highest rate at `wanted`
    requests a second; `notes` are told as they are.
    """

    stood: Standing | None = None
    served: str = IN_A_PROCESS
    rows: int = 0
    wrong: Wrong | None = None
    measured: Measured | None = None
    result: Result | None = None
    faults: tuple[str, ...] = ()
    champion: Measured | None = None
    compared: tuple[Check, ...] = ()
    capacity: Answer | None = None
    wanted: float = 0.0
    notes: tuple[str, ...] = ()

    @property
    def asked(self) -> bool:
        """Whether there was something to ask."""
        return self.stood is None or self.stood.start_seconds is not None


def outputs(
    seen: Seen,
    limits: Limits,
    start_seconds_max: float,
    inputs: Mapping[str, str],
    tools: Mapping[str, str],
    until: str,
) -> Outputs:
    """The verdict holds until `until`; `inputs` and `tools` are what it names besides the image and the meter."""
    checks = _checks(seen, limits, start_seconds_max)
    stood, result = seen.stood, seen.result
    judged = verdict(
        SUBJECT,
        checks,
        inputs=dict(inputs) | ({"image-config": stood.config} if stood else {}),
        tools=dict(tools) | ({"docker": stood.engine} if stood else {}) | ({"locust": result.locust} if result else {}),
        valid_until=until,
        notes=_notes(seen),
    )
    said = "; ".join(check.reason for check in checks)
    return Outputs(summary=_figures(seen) + said, verdicts=(judged,), hint=_hint(seen, judged.outcome))


def unserved(error: NoEngine, inputs: Mapping[str, str]) -> Outputs:
    """No data is not a pass: an image that could not be served here is not judged."""
    note = f"the image was not served: {error.message}"
    return Outputs(
        summary=note, verdicts=(verdict(SUBJECT, [], inputs=inputs, tools={}, notes=[note]),), hint=error.hint
    )


def _checks(seen: Seen, limits: Limits, start_seconds_max: float) -> list[Check]:
    checks = standing.judge(seen.stood, start_seconds_max) if seen.stood else []
    if seen.asked:
        checks.append(at_rest(seen.wrong, seen.rows))
    if seen.measured and seen.result:
        checks += judge(
            seen.measured,
            limits,
            seen.result.first_wrong,
            faults=seen.faults,
            champion=seen.champion,
            compared=seen.compared,
        )
    if seen.capacity:
        checks += [capacity.judge(seen.capacity, seen.wanted), *capacity.ends(seen.capacity)]
    return checks


def _notes(seen: Seen) -> list[str]:
    stood = seen.stood
    served = f"served in a container with {stood.cpus:g} cpus and {stood.memory_mb} MiB" if stood else seen.served
    left_out = [] if seen.measured else [NO_LOAD if seen.asked else NOT_READY]
    return [served, *left_out, *seen.notes]


def _figures(seen: Seen) -> str:
    """What was measured and no check's reason tells."""
    found = seen.measured
    latency = f"p50 {found.p50_ms:.2f}, p95 {found.p95_ms:.2f} ms; " if found and found.requests else ""
    service = found.quantiles["p99"].service if found and "p99" in found.quantiles else None
    served = f"p99 of the service alone {service.value:.2f} ms; " if service else ""
    return (seen.stood.summary if seen.stood else "") + latency + served


def _hint(seen: Seen, outcome: str) -> str:
    """What to do where the verdict is no, or says nothing; what fell over comes before what it answered."""
    if seen.stood and seen.stood.hint:
        return seen.stood.hint
    if seen.wrong or (seen.result and seen.result.wrong):
        return NOT_THE_SAME
    return {"invalid": NOT_MEASURED, "inconclusive": TOO_LITTLE}.get(outcome, TOO_SLOW)
