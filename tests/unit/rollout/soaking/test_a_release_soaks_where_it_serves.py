"""How long a release has still to serve, and that it is still the one that does."""

from datetime import UTC, datetime

import msgspec
import pytest

from mlagent.config.environments import Production, Staging
from mlagent.core.verdict import check, verdict
from mlagent.errors import Held, PolicyRefused
from mlagent.rollout import admission
from mlagent.rollout.counters import Counters
from mlagent.rollout.readings import Readings
from mlagent.rollout.seen import Seen
from mlagent.rollout.soaking import hint, kept, limits, must_serve, wait
from mlagent.rollout.standing import Deployed, of
from tests.rollout_house import SINCE, placed, release, standing, state

DEPLOYED = Deployed(environment="staging", namespace="risk-staging", placed=placed(2), image=release(2).digest)
GOOD = verdict("soak@staging", [check("error rate", 0.0, "<=", 0.01, samples=500)], inputs={}, tools={})


def at(minutes: float) -> datetime:
    """So long after the release had come to serve in full."""
    return datetime.fromtimestamp(datetime.fromisoformat(SINCE).timestamp() + minutes * 60, tz=UTC)


def test_what_serves_as_it_was_deployed_soaks() -> None:
    assert must_serve(DEPLOYED, standing("p2", [placed(2), placed(1)], state(2, 1))) == placed(2)


def test_a_later_release_in_its_place_refuses_and_is_named() -> None:
    with pytest.raises(PolicyRefused, match="staging serves risk version 3") as raised:
        must_serve(DEPLOYED, standing("p3", [placed(3), placed(2)], state(3, 2)))
    assert f"since {SINCE}, and not {release(2)}, which this run deployed" in raised.value.message


def test_nothing_or_a_strange_template_in_its_place_refuses_too() -> None:
    with pytest.raises(PolicyRefused, match="staging serves nothing, and not risk version 2"):
        must_serve(DEPLOYED, of(None, Seen(exists=False), "staging", "risk-staging"))
    with pytest.raises(PolicyRefused, match="staging serves template p9, and not"):
        must_serve(DEPLOYED, standing("p9", [placed(2)], state(2)))


def test_while_a_rollout_is_under_way_it_is_waited_for() -> None:
    with pytest.raises(Held, match=r"a rollout to risk version 3 .* is under way in staging \(moving\)"):
        must_serve(DEPLOYED, standing("p3", [placed(2)], state(3, 2, phase="moving")))


def test_before_its_time_is_over_it_says_how_long_it_takes_and_how_it_does() -> None:
    found = wait(placed(2), 10, at(2.5), GOOD)
    assert found is not None
    assert found.code == 21
    assert found.seconds == pytest.approx(451)
    assert "soaks until 2026-01-02T03:10:00+00:00, 8 minutes from now; so far: error rate 0 is at most" in found.message
    last = wait(placed(2), 10, at(9.5), GOOD)
    assert last is not None
    assert "30 s from now" in last.message


def test_once_its_time_is_over_there_is_nothing_to_wait_for() -> None:
    assert wait(placed(2), 10, at(10), GOOD) is None
    assert wait(placed(2), 0, at(0), GOOD) is None


def test_whoever_comes_again_after_the_time_that_was_said_finds_it_over() -> None:
    found = wait(placed(2), 10, at(2.5), GOOD)
    assert found is not None
    assert wait(placed(2), 10, at(2.5 + round(found.seconds) / 60), GOOD) is None


def test_what_is_kept_of_it_is_what_production_asks_for() -> None:
    seen = Readings(
        counts={"a@1": Counters(requests=5, errors=1), "b@1": Counters(requests=7)}, restarts={"a": 1, "b": 0}
    )
    found = kept(DEPLOYED, placed(2), 10, seen, GOOD)
    assert (found.requests, found.errors, found.restarts, found.pods) == (12, 1, 1, 2)
    asked = msgspec.json.decode(msgspec.json.encode(found), type=admission.Soaked)
    assert asked == admission.Soaked(environment="staging", image=release(2).digest, outcome="pass")


@pytest.mark.parametrize("section", [Staging, Production])
def test_the_limits_are_those_of_the_environment(section: type[Staging]) -> None:
    found = limits(section(soak_error_rate_max=0.2, soak_p99_ms=70.0, soak_restarts_max=3, soak_requests_min=9))
    assert (found.error_rate_max, found.p99_ms, found.restarts_max, found.requests_min) == (0.2, 70.0, 3, 9)


def test_too_little_evidence_asks_for_more_and_names_the_edges_where_these_are_the_matter() -> None:
    few = verdict("soak@staging", [check("error rate", 0.0, "<=", 0.01, samples=5, samples_min=9)], inputs={}, tools={})
    assert hint(few, "staging").startswith("send it more requests; ")
    p99 = check("p99 latency", 1.0, "<=", 2, samples=5, samples_min=9)
    assert "staging.soak_p99_ms" in hint(verdict("soak@staging", [p99], inputs={}, tools={}), "staging")
