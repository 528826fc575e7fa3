"""A release that shows everything passes; one that lacks or twists anything is refused, and the row says which."""

import json
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mlagent.core.context import Done
from mlagent.core.digest import canonical_json, short
from mlagent.errors import PolicyRefused
from mlagent.trust import origins, provenance, verdicts
from mlagent.trust.evidence import Attested, Evidence, Signed
from mlagent.trust.policy import Asked, Required
from mlagent.trust.verify import Decision
from tests.good_release import (
    CHAIN,
    IMAGE,
    NOW,
    ORIGIN,
    OTHER,
    SBOM,
    a_digest,
    asked,
    attesting,
    bad,
    chain,
    decide,
    evidence,
    judged,
    stated,
)

replace = msgspec.structs.replace
KINDS = (provenance.TYPE, verdicts.TYPE, origins.SBOM)
GOOD = evidence()


def test_a_release_that_shows_everything_passes() -> None:
    decision = decide(GOOD)
    assert (decision.passed, bad(decision)) == (True, {})
    assert decision.policy == asked().digest
    decision.raise_unless_passed()
    assert len(decision.findings) >= 12


def test_equal_evidence_gives_the_same_bytes_of_a_decision() -> None:
    assert canonical_json(decide(GOOD)) == canonical_json(decide(evidence()))
    assert msgspec.json.decode(canonical_json(decide(GOOD)), type=Decision) == decide(GOOD)


def ended(stage: str, when: str) -> Evidence:
    return evidence(told=chain(stage, lambda one: replace(one, ended=when)))


def another(stage: str, *found: object) -> Evidence:
    return evidence(told=chain(stage, lambda one: replace(one, verdicts=found)))


def origin(**changed: Any) -> Evidence:
    return evidence(origin=replace(ORIGIN, **changed))


def bill(**metadata: Any) -> dict[str, Any]:
    return {**SBOM, "metadata": {**SBOM["metadata"], **metadata}}


def of_another_lock() -> Evidence:
    return evidence(sbom=bill(properties=[{"name": "io.mlagent.lock.digest", "value": a_digest("another lock")}]))


def unsigned(kind: str, about: str = IMAGE) -> Evidence:
    """Its attestation is there, and no key of the policy verifies it."""
    there = GOOD.attested[kind].verified[0]
    return attesting(GOOD, kind, Attested(others=(stated(kind, there.predicate, about),)))


def elsewhere(kind: str) -> Evidence:
    """It verifies, and is about another image."""
    there = GOOD.attested[kind].verified[0]
    return attesting(GOOD, kind, Attested(verified=(stated(kind, there.predicate, OTHER),)))


def without(kind: str) -> Evidence:
    return attesting(GOOD, kind, None)


def twisted(kind: str) -> Evidence:
    return attesting(GOOD, kind, Attested(verified=(stated(kind, {"no": "such thing"}),)))


def rebuilt(**outputs: str) -> Evidence:
    """The provenance says that other things were made; the verdicts are as they were."""
    stages = chain("package", lambda one: replace(one, outputs={**one.outputs, **outputs}))
    return evidence(stages, told=CHAIN)


OLD, AHEAD = "2026-05-01T00:00:00.000+00:00", "2026-07-02T00:00:00.000+00:00"

TAMPERINGS: dict[str, tuple[Callable[[], Evidence], str, str]] = {
    "signature deleted": (lambda: replace(GOOD, signed=Signed()), "signature", "none"),
    "other key": (lambda: replace(GOOD, signed=Signed(others=2)), "signature", "2 by another key"),
    "signature of another image": (
        lambda: replace(GOOD, signed=Signed(verified={"release": (OTHER,)})),
        "signature",
        f"of another digest ({short(OTHER)})",
    ),
    "no such image": (lambda: replace(GOOD, manifest=None), "image", "no such image"),
    "tag moved": (
        lambda: replace(GOOD, tag="v7", tagged=OTHER),
        "tag v7",
        f"it was moved, to {short(OTHER)}",
    ),
    "tag gone": (lambda: replace(GOOD, tag="v7"), "tag v7", "it was moved, to nothing"),
    "another repository": (
        lambda: replace(GOOD, repository="registry.example.evil/risk"),
        "repository",
        "registry.example.evil/risk",
    ),
    "another model": (lambda: replace(GOOD, model="pricing"), "model", "risk"),
    "provenance deleted": (lambda: without(provenance.TYPE), "provenance", "none"),
    "provenance by another key": (lambda: unsigned(provenance.TYPE), "provenance", "1 by another key"),
    "provenance of another digest": (
        lambda: elsewhere(provenance.TYPE),
        "provenance",
        f"of another digest ({short(OTHER)})",
    ),
    "provenance that names another image": (
        lambda: rebuilt(image=OTHER),
        "provenance",
        f"it is of another image ({short(OTHER)})",
    ),
    "provenance of other parts": (lambda: rebuilt(**{"serving-lock": OTHER}), "parts", f"serving-lock {short(OTHER)}"),
    "provenance twisted": (lambda: twisted(provenance.TYPE), "provenance", "missing required field"),
    "builder not allowed": (lambda: origin(builder="https://laptop.example/"), "builder", "https://laptop.example/"),
    "changes not committed": (lambda: origin(dirty=True), "commit", "with changes not committed"),
    "no commit": (lambda: origin(commit=""), "commit", "none: not built from a checkout"),
    "superseded": (lambda: replace(GOOD, reached=8), "build", "7: superseded"),
    "SBOM deleted": (lambda: without(origins.SBOM), "SBOM", "none"),
    "SBOM by another key": (lambda: unsigned(origins.SBOM), "SBOM", "1 by another key"),
    "SBOM of another digest": (lambda: elsewhere(origins.SBOM), "SBOM", "of another digest"),
    "SBOM of another image": (lambda: evidence(sbom=bill(component={})), "SBOM", "it describes another image"),
    "SBOM of another lock": (of_another_lock, "SBOM", f"of another lock ({short(a_digest('another lock'))}"),
    "SBOM changed": (lambda: evidence(sbom={**SBOM, "components": []}), "SBOM", "not the one that was built"),
    "verdicts deleted": (lambda: without(verdicts.TYPE), "verdicts", "none"),
    "verdicts by another key": (lambda: unsigned(verdicts.TYPE), "verdicts", "1 by another key"),
    "verdicts of another digest": (lambda: unsigned(verdicts.TYPE, OTHER), "verdicts", "of another digest"),
    "verdicts twisted": (lambda: twisted(verdicts.TYPE), "verdicts", "missing required field"),
    "verdict removed": (lambda: another("gate"), "verdict gate", "none"),
    "verdict failed": (lambda: another("gate", judged("gate", {}, 0.1)), "verdict gate", "fail: figure 0.1 is below"),
    "verdict inconclusive": (
        lambda: another("gate", replace(judged("gate", {}), outcome="inconclusive")),
        "verdict gate",
        "inconclusive",
    ),
    "verdict of no measurement": (
        lambda: another("gate", replace(judged("gate", {}), outcome="invalid")),
        "verdict gate",
        "invalid",
    ),
    "verdict on nothing": (
        lambda: another("gate", replace(judged("gate", {}), checks=())),
        "verdict gate",
        "pass, though: nothing was checked",
    ),
    "verdict that contradicts its checks": (
        lambda: another("gate", replace(judged("gate", {}, 0.1), outcome="pass")),
        "verdict gate",
        "pass, though: figure 0.1 is below",
    ),
    "verdict on another model": (
        lambda: another("gate", judged("gate", {"evaluation": OTHER})),
        "verdict gate",
        "it judged another evaluation than the build made",
    ),
    "verdict too old": (lambda: ended("gate", OLD), "verdict gate", "too old: 61.5 days"),
    "verdict from the future": (lambda: ended("gate", AHEAD), "verdict gate", "judged in the future"),
    "verdict of no time": (lambda: ended("gate", "2026-06-30T12:00:00"), "verdict gate", "no time that can be read"),
    "verdict past its end": (
        lambda: another("gate", judged("gate", {}, until="2026-07-01T11:59:59+00:00")),
        "verdict gate",
        "it held until 2026-07-01T11:59:59+00:00",
    ),
    "verdict failed that nobody asks for": (
        lambda: another("gate", judged("gate", {}), judged("fairness", {}, 0.1)),
        "verdict fairness",
        "fail",
    ),
}


@pytest.mark.parametrize("name", TAMPERINGS)
def test_a_tampering_is_refused_and_named(name: str) -> None:
    make, what, found = TAMPERINGS[name]
    decision = decide(make())
    assert not decision.passed
    assert found in bad(decision)[what]
    with pytest.raises(PolicyRefused) as refused:
        decision.raise_unless_passed()
    assert what in refused.value.message
    assert IMAGE in refused.value.message


def test_a_policy_that_was_changed_is_named_where_a_decision_before_pins_it() -> None:
    before, now = asked(), asked(require=Required(clean_commit=False))
    assert decide(GOOD, now).passed
    assert "it was changed" in bad(decide(GOOD, now, pinned=before.digest))["policy"]
    assert decide(GOOD, before, pinned=before.digest).passed


def test_everything_that_is_missing_is_listed_at_once() -> None:
    nothing = Evidence(repository="elsewhere.example/x", digest=IMAGE, manifest=None, tag="v1", reached=3, model="risk")
    rows = bad(decide(nothing))
    verdict_rows = {f"verdict {one}" for one in ("data", "split", "parity", "gate", "load-test")}
    others = {"repository", "image", "tag v1", "model", "signature", "provenance", "builder", "commit", "build", "SBOM"}
    assert set(rows) == verdict_rows | others | {"verdicts"}


def test_without_a_key_the_row_says_what_is_missing() -> None:
    assert "--key FILE" in bad(decide(GOOD, asked(keys={})))["signature"]


@pytest.mark.parametrize(
    ("found", "rule"),
    [
        (without(origins.SBOM), {"require": Required(sbom=False)}),
        (without(provenance.TYPE), {"require": Required(provenance=False, clean_commit=False), "builders": ()}),
        (origin(dirty=True), {"require": Required(clean_commit=False)}),
        (without(verdicts.TYPE), {"verdicts": {}}),
        (ended("gate", OLD), {"verdicts": {"gate": Asked(max_age_days=90)}}),
    ],
)
def test_what_the_policy_does_not_ask_for_may_be_absent(found: Evidence, rule: dict[str, Any]) -> None:
    assert not decide(found).passed
    assert bad(decide(found, asked(**rule))) == {}


def test_a_verdict_may_count_past_its_own_end_where_the_policy_says_so() -> None:
    later = NOW + timedelta(days=2)
    assert set(bad(decide(GOOD, now=later))) == {"verdict load-test"}
    lenient = asked(verdicts={"load-test": Asked(accept_expired=True)})
    assert bad(decide(GOOD, lenient, now=later)) == {}


def test_the_newest_of_several_counts_whatever_their_order() -> None:
    fresh, failed = verdicts.of(CHAIN), verdicts.of(chain("gate", _failing))
    for said in ([fresh, failed], [failed, fresh]):
        both = Attested(verified=tuple(stated(verdicts.TYPE, one) for one in said))
        assert "verdict gate" in bad(decide(attesting(GOOD, verdicts.TYPE, both)))
    builds = [provenance.of(replace(ORIGIN, build=number), CHAIN, "run", evidence().manifest) for number in (3, 9)]  # type: ignore[arg-type]
    for order in (builds, builds[::-1]):
        both = Attested(verified=tuple(stated(provenance.TYPE, one) for one in order))
        assert decide(attesting(replace(GOOD, reached=9), provenance.TYPE, both)).passed


def _failing(one: Done) -> Done:
    return replace(one, verdicts=(judged("gate", {}, 0.1),), ended="2026-06-30T13:00:00.000+00:00")


PLAIN = st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text()


def places(value: object, path: tuple[str | int, ...] = ()) -> list[tuple[str | int, ...]]:
    """The path of every node below."""
    steps: list[tuple[str | int, object]] = []
    if isinstance(value, dict):
        steps = list(value.items())
    elif isinstance(value, list):
        steps = list(enumerate(value))
    return [one for step, below in steps for one in [(*path, step), *places(below, (*path, step))]]


@given(st.sampled_from(KINDS), st.data())
def test_whatever_is_changed_in_an_attestation_the_judgement_ends_in_rows(kind: str, data: st.DataObject) -> None:
    predicate: Any = json.loads(canonical_json(GOOD.attested[kind].verified[0].predicate))
    *path, last = data.draw(st.sampled_from(places(predicate)))
    node = predicate
    for step in path:
        node = node[step]
    if data.draw(st.booleans()):
        del node[last]
    else:
        node[last] = data.draw(PLAIN | st.lists(PLAIN, max_size=2) | st.dictionaries(st.text(), PLAIN, max_size=2))
    decision = decide(attesting(GOOD, kind, Attested(verified=(stated(kind, predicate),))))
    assert decision.passed == (bad(decision) == {})
    assert len(decision.findings) >= 10


@given(st.data())
def test_taking_anything_away_never_makes_a_refused_release_pass(data: st.DataObject) -> None:
    name = data.draw(st.sampled_from(sorted(TAMPERINGS)))
    found = TAMPERINGS[name][0]()
    if name == "verdict failed that nobody asks for":
        return
    for kind in data.draw(st.sets(st.sampled_from(sorted(found.attested))) if found.attested else st.just(set())):
        found = attesting(found, kind, None)
    if data.draw(st.booleans()):
        found = replace(found, signed=Signed())
    assert not decide(found).passed


@given(st.sets(st.sampled_from(KINDS), min_size=1), st.booleans())
def test_a_good_release_without_any_one_piece_does_not_pass(kinds: set[str], signed: bool) -> None:
    found = GOOD if signed else replace(GOOD, signed=Signed())
    for kind in kinds:
        found = attesting(found, kind, None)
    assert not decide(found).passed


@given(st.integers(0, len(CHAIN) - 1))
def test_a_chain_without_any_one_stage_does_not_pass(index: int) -> None:
    stages = CHAIN[:index] + CHAIN[index + 1 :]
    if CHAIN[index].stage != "evaluate":
        assert not decide(evidence(stages)).passed
