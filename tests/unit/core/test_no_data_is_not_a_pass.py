"""Verdicts: pass, fail, or inconclusive, and never by accident."""

import math

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mlagent.core import digest
from mlagent.core.verdict import Comparison, Verdict, check, spell, verdict
from mlagent.errors import GateRefused, Inconclusive, Invalid


def judged(*checks: object) -> Verdict:
    return verdict("gate", checks, inputs={"metrics": "sha256:0"}, tools={"mlagent": "0"})  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("value", "comparison", "threshold", "outcome"),
    [
        (0.95, ">=", 0.95, "pass"),
        (0.9499, ">=", 0.95, "fail"),
        (10.0, "<=", 10.0, "pass"),
        (10.01, "<=", 10.0, "fail"),
        (math.nan, "<=", 10.0, "inconclusive"),
        (math.inf, "<=", 10.0, "inconclusive"),
        (None, ">=", 0.0, "inconclusive"),
    ],
)
def test_a_value_is_compared_with_its_threshold(
    value: float | None, comparison: Comparison, threshold: float, outcome: str
) -> None:
    assert check("m", value, comparison, threshold, samples=5).outcome == outcome


def test_too_few_samples_are_inconclusive_however_good_the_value() -> None:
    found = check("accuracy", 1.0, ">=", 0.5, samples=9, samples_min=10)
    assert (found.outcome, found.reason) == ("inconclusive", "accuracy: 9 samples are too few, 10 are asked for")


def test_zero_samples_are_inconclusive_by_default() -> None:
    assert check("m", 0.0, "<=", 1.0, samples=0).outcome == "inconclusive"


def test_one_fail_fails_all_and_inconclusive_beats_pass() -> None:
    good, bad = check("g", 1, ">=", 0, samples=1), check("b", 0, ">=", 1, samples=1)
    unknown = check("u", None, ">=", 1, samples=1)
    assert judged(good, unknown, bad).outcome == "fail"
    assert judged(good, unknown).outcome == "inconclusive"
    assert judged(good, good).outcome == "pass"


def test_an_invalid_check_beats_all_but_a_fail_and_its_word_is_told() -> None:
    good, bad = check("g", 1, ">=", 0, samples=1), check("b", 0, ">=", 1, samples=1)
    unknown = check("u", None, ">=", 1, samples=1)
    void = msgspec.structs.replace(good, outcome="invalid", reason="the clock jumped")
    assert judged(good, unknown, void).outcome == "invalid"
    assert judged(bad, void).outcome == "fail"
    with pytest.raises(Invalid, match=r"^gate is invalid: the clock jumped$") as ended:
        judged(good, void).raise_unless_pass("measure again")
    assert (ended.value.code, isinstance(ended.value, Inconclusive)) == (11, True)


def test_a_verdict_without_checks_is_inconclusive_and_says_so() -> None:
    with pytest.raises(Inconclusive, match="nothing was checked, and no data is not a pass"):
        judged().raise_unless_pass("hint")


def test_a_refusal_names_every_check_that_did_not_pass_and_no_other() -> None:
    checks = [check(name, value, ">=", 0.5, samples=3) for name, value in (("a", 0.1), ("b", 0.9), ("c", 0.2))]
    with pytest.raises(GateRefused) as refused:
        judged(*checks).raise_unless_pass("train longer")
    assert refused.value.message == "gate: a 0.1 is below 0.5 (3 samples); c 0.2 is below 0.5 (3 samples)"
    assert (refused.value.hint, refused.value.code) == ("train longer", 10)


@given(st.floats(allow_nan=False, allow_infinity=False), st.floats(allow_nan=False, allow_infinity=False))
def test_unequal_numbers_never_look_equal(value: float, threshold: float) -> None:
    shown, limit = spell(value, threshold, "ms")
    assert (shown == limit) == (value == threshold)


def test_equal_verdicts_have_equal_bytes_and_nan_never_reaches_them() -> None:
    first = judged(check("m", math.nan, ">=", 0.5, samples=3))
    again = judged(check("m", None, ">=", 0.5, samples=3))
    assert digest.canonical_json(first) == digest.canonical_json(again)
    assert b'"value":null' in digest.canonical_json(first)


def test_a_verdict_that_was_written_and_read_has_the_digest_it_had() -> None:
    before = judged(check("rows", 3, ">=", 1, samples=3, interval=(2, 4)), check("gap", None, "<=", 0, samples=0))
    after = msgspec.json.decode(digest.canonical_json(before), type=Verdict)
    assert digest.of_json(after) == digest.of_json(before)
