"""Every state of a plan, with its reason in words."""

from typing import ClassVar

import msgspec
import pytest

from mlagent.core.artifact import Stored
from mlagent.core.stage import Effect, Stage
from mlagent.core.verdict import Outcome, check, verdict
from mlagent.engine.keys import Given, key_of, parts_of
from mlagent.engine.plan import Known, Step, plan
from mlagent.engine.record import StageRecord, State
from mlagent.engine.results import Result
from tests.unit.engine.chain import Knob, stage

A, B, C = stage("a"), stage("b", reads=("a",)), stage("c", reads=("b",))
GIVEN = Given(config={name: {"knob": 0} for name in "abc"}, sources={}, facts={})
INPUTS = {"a": {}, "b": {"a": "sha256:a"}, "c": {"b": "sha256:b"}}


def kept(
    one: Stage, outcome: Outcome = "pass", until: str | None = None, given: Given = GIVEN
) -> tuple[tuple[str, str], Result]:
    """A result as the store would hold it."""
    value = {"pass": 1.0, "fail": 0.0, "inconclusive": None}[outcome]
    judged = verdict("v", [check("m", value, ">=", 0.5, samples=1)], inputs={}, tools={}, valid_until=until)
    outputs = {one.name: Stored(f"{one.name}.txt", f"sha256:{one.name}", 1)}
    key = key_of(parts_of(one, given, INPUTS[one.name]))
    return (one.name, key), Result(
        outcome=outcome, summary="", hint="", outputs=outputs, verdicts=(judged,), made_by="r1"
    )


def known(*results: tuple[tuple[str, str], Result], **more: object) -> Known:
    store = dict(results)
    fields = {"entries": {}, "earlier": {}, "now": "2026-06-01", "find": lambda one, key: store.get((one.name, key))}
    return Known(**{**fields, **more})  # type: ignore[arg-type]


def said(steps: list[Step]) -> list[tuple[str, str]]:
    return [(step.state, step.reason) for step in steps]


def entry(state: State, one: Stage = A, given: Given = GIVEN) -> StageRecord:
    parts = parts_of(one, given, INPUTS[one.name])
    return StageRecord(state=state, attempt=3, key=key_of(parts), parts=parts, started="t", ended="t")


def test_nothing_known_runs_everything() -> None:
    assert said(plan([A, B, C], GIVEN, known())) == [
        ("run", "never run before"),
        ("run", "a is made anew"),
        ("run", "b is made anew"),
    ]


def test_what_is_kept_is_reused_and_names_its_run() -> None:
    assert said(plan([A, B, C], GIVEN, known(kept(A), kept(B), kept(C)))) == [("reuse", "made by run r1")] * 3


def test_a_kept_no_is_reused_and_blocks_what_follows() -> None:
    steps = plan([A, B, C], GIVEN, known(kept(A), kept(B, "fail"), kept(C)))
    assert said(steps) == [("reuse", "made by run r1"), ("reuse", "said no in run r1"), ("blocked", "b said no")]


def test_an_expired_verdict_is_absent() -> None:
    assert said(plan([A], GIVEN, known(kept(A, until="2026-06-01")))) == [("run", "its verdict held until 2026-06-01")]
    assert said(plan([A], GIVEN, known(kept(A, until="2026-06-02")))) == [("reuse", "made by run r1")]


def test_an_interrupted_stage_is_resumed() -> None:
    for state in ("running", "stopped"):
        assert said(plan([A], GIVEN, known(entries={"a": entry(state)}))) == [("resume", "attempt 3 was interrupted")]


def test_a_failed_stage_is_run_again() -> None:
    assert plan([A], GIVEN, known(entries={"a": entry("failed")}))[0].state == "run"


def test_what_is_held_by_another_waits_but_what_is_known_is_still_reused() -> None:
    steps = plan([A, B], GIVEN, known(kept(A), held="the run is held by process 1"))
    assert said(steps) == [("reuse", "made by run r1"), ("waiting", "the run is held by process 1")]


@pytest.mark.parametrize(
    ("before", "reason"),
    [
        ({"a.knob": "7"}, "changed: a.knob"),
        ({"the data": "sha256:1111111111111111"}, "changed: the data"),
        ({"stage": "a revision 0"}, "changed: stage"),
    ],
)
def test_what_changed_is_named(before: dict[str, str], reason: str) -> None:
    parts = {**parts_of(A, GIVEN, {}), **before}
    assert said(plan([A], GIVEN, known(earlier={"a": parts}))) == [("run", reason)]


def test_a_changed_digest_is_shown_from_and_to() -> None:
    dated = stage("a", facts=("data",))
    given = Given(config={"a": {"knob": 0}}, sources={}, facts={"data": "sha256:" + "2" * 64})
    parts = {**parts_of(dated, given, {}), "the data": "sha256:" + "1" * 64}
    assert said(plan([dated], given, known(earlier={"a": parts}))) == [
        ("run", "changed: the data (111111111111 -> 222222222222)")
    ]


@pytest.mark.parametrize("effect", ["publish", "converge"])
def test_what_tells_or_changes_the_world_always_asks_it(effect: Effect) -> None:
    assert said(plan([stage("a", effect=effect)], GIVEN, known(kept(A)))) == [
        ("run", f"{effect}: always asks the world")
    ]


def test_a_reading_belongs_to_the_run_that_made_it() -> None:
    meter = stage("a", effect="observe")
    assert plan([meter], GIVEN, known(kept(A)))[0].state == "run"
    assert said(plan([meter], GIVEN, known(entries={"a": entry("done")}))) == [("reuse", "made by this run")]
    assert plan([meter], GIVEN, known(entries={"a": entry("inconclusive")}))[0].state == "run"


@pytest.mark.parametrize(
    "other",
    [
        Given(config={**GIVEN.config, "a": {"knob": 1}}, sources={}, facts={}),
        Given(config=GIVEN.config, sources={}, facts={}, force={"a": "nonce"}),
    ],
)
def test_configuration_and_force_enter_the_key(other: Given) -> None:
    assert key_of(parts_of(A, other, {})) != key_of(parts_of(A, GIVEN, {}))


def test_the_environment_enters_the_key_of_what_runs_in_it_alone() -> None:
    other = Given(config=GIVEN.config, sources={}, facts={}, environment="sha256:other")
    inside = stage("a", in_worker=True)
    assert parts_of(A, other, {}) == parts_of(A, GIVEN, {})
    assert parts_of(inside, other, {}) != parts_of(inside, GIVEN, {})


class Bounded(Knob, frozen=True):
    """Its knob only ends it."""

    LEFT_OUT: ClassVar = {"knob"}


def test_what_only_ends_a_stage_does_not_make_it_run_again() -> None:
    other = Given(config={**GIVEN.config, "a": {"knob": 9}}, sources={}, facts={})
    bounded = msgspec.structs.replace(stage("a"), config=Bounded)
    assert said(plan([bounded], other, known(kept(bounded)))) == [("reuse", "made by run r1")]
