"""How the container stood is judged before what it answered, and says what to change."""

import pytest

from mlagent.core.ports.engine import NoEngine
from mlagent.core.verdict import Verdict
from mlagent.loadtest import judgement, standing
from mlagent.loadtest.answers import Wrong
from mlagent.loadtest.judgement import Seen
from mlagent.loadtest.standing import Standing
from mlagent.loadtest.verdict import Limits

ONE, TWO = ("sha256:" + digit * 64 for digit in "12")
LIMITS = Limits(p99_ms=50, error_rate_max=0, requests_min=1, late_share_max=1)


def stood(**changes: object) -> Standing:
    given: dict[str, object] = {"engine": "24", "platform": "linux/amd64", "manifest": ONE, "config": TWO, "cpus": 2.0,
                                "memory_mb": 512, "start_seconds": 1.5}  # fmt: skip
    return Standing(**(given | changes))  # type: ignore[arg-type]


def judged(one: Standing | None, wrong: Wrong | None = None) -> tuple[Verdict, str, str]:
    seen = Seen(stood=one, rows=9, wrong=wrong, measured=None, result=None)
    outputs = judgement.outputs(seen, LIMITS, 60, {"image": ONE}, {"onnxruntime": "1"}, "2026-01-01T00:00:00Z")
    return outputs.verdicts[0], outputs.summary, outputs.hint


def reasons(one: Standing) -> dict[str, tuple[str, str]]:
    return {check.metric: (check.outcome, check.reason) for check in standing.judge(one, 60)}


def test_one_that_stood_passes_and_says_how_long_its_start_took() -> None:
    found = reasons(stood(memory_peak_mb=87.4))
    assert [outcome for outcome, _ in found.values()] == ["pass", "pass"]
    assert stood(memory_peak_mb=87.4).summary == "ready after 1.50 s, 87 of 512 MiB; "


@pytest.mark.parametrize(
    ("changes", "metric", "reason", "key"),
    [
        (
            {"out_of_memory": True, "exit_code": 137},
            standing.ENDS,
            "memory: the container was ended out of memory at 512 MiB",
            "serving.memory_mb",
        ),
        (
            {"exit_code": 3, "last": "boom"},
            standing.ENDS,
            "the container ended by itself with exit code 3; its last line: boom",
            "server.log",
        ),
        (
            {"start_seconds": None},
            standing.READY,
            "never ready: no answer 200 within 60 s; it said nothing",
            "serving.start_seconds",
        ),
    ],
)
def test_each_way_to_fall_has_its_sentence_and_its_key(
    changes: dict[str, object], metric: str, reason: str, key: str
) -> None:
    assert reasons(stood(**changes))[metric] == ("fail", reason)
    verdict, _, hint = judged(stood(**changes), Wrong(row=0, field="", says="no answer came: refused"))
    assert verdict.outcome == "fail"
    assert key in hint


def test_an_end_before_it_was_ready_is_told_as_that_alone() -> None:
    assert list(reasons(stood(start_seconds=None, exit_code=1))) == [standing.ENDS]


def test_what_was_never_ready_is_asked_nothing() -> None:
    verdict, summary, _ = judged(stood(start_seconds=None))
    assert [one.metric for one in verdict.checks] == [standing.READY, standing.ENDS]
    assert verdict.notes == ("served in a container with 2 cpus and 512 MiB", judgement.NOT_READY)
    assert not summary.startswith("ready after")


def test_the_verdict_names_manifest_configuration_and_engine() -> None:
    verdict, _, _ = judged(stood())
    assert verdict.inputs == {"image": ONE, "image-config": TWO}
    assert verdict.tools == {"onnxruntime": "1", "docker": "24"}


def test_a_process_is_no_container_and_the_verdict_says_so() -> None:
    verdict, _, _ = judged(None)
    assert [one.metric for one in verdict.checks] == ["golden rows not as expected"]
    assert (verdict.notes[0], dict(verdict.tools)) == (judgement.IN_A_PROCESS, {"onnxruntime": "1"})


def test_what_could_not_be_served_is_no_pass_and_says_why() -> None:
    outputs = judgement.unserved(NoEngine("no engine", hint="install one"), {"image": ONE})
    [verdict] = outputs.verdicts
    assert (verdict.outcome, verdict.checks) == ("inconclusive", ())
    assert verdict.notes == ("the image was not served: no engine",)
    assert outputs.hint == "install one"
