"""How many pods an environment begins with: by the rate expected and the capacity of one, unless a number is set."""

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as some

from mlagent.config.environments import Staging
from mlagent.rollout.objects.sizing import USED, sized
from tests.unit.rollout.objects.releases import rendered, wanted


def test_without_a_rate_there_are_two_and_nothing_is_told() -> None:
    assert sized(Staging(), 100.0) == (2, "")


def test_a_number_that_is_set_wins() -> None:
    found = sized(Staging(replicas=1, rate_per_second=1000), 10.0)
    assert found == (1, "replicas is set to 1")


def test_what_the_load_test_found_gives_the_number_and_where_it_came_from() -> None:
    found = sized(Staging(rate_per_second=1000), 300.0)
    assert found.pods == 5
    assert found.why == "5 pods for 1000 requests/s, each used to 70% of the 300 it holds (the load test of this run)"


def test_a_capacity_of_an_earlier_measurement_can_be_named() -> None:
    found = sized(Staging(rate_per_second=1000, capacity_per_second=1000), 10.0)
    assert (found.pods, found.why.rpartition(" (")[2]) == (2, "capacity_per_second)")


def test_where_no_capacity_is_known_it_says_how_it_is_found() -> None:
    found = sized(Staging(rate_per_second=1000), None)
    assert (found.pods, "mlagent load-test --profile capacity" in found.why) == (2, True)


def test_an_autoscaler_begins_with_them_and_never_above_its_most() -> None:
    found = sized(Staging(rate_per_second=1000, replicas_max=4), 100.0)
    assert found.pods == 4
    assert "no more than replicas_max, 4" in found.why


def test_deployment_and_autoscaler_are_given_the_number() -> None:
    plain = msgspec.structs.replace(wanted(rate_per_second=700), measured_rate=100.0)
    scaled = msgspec.structs.replace(wanted(rate_per_second=700, replicas_max=40), measured_rate=100.0)
    assert rendered(plain)["Deployment"]["spec"]["replicas"] == 10
    assert rendered(scaled)["HorizontalPodAutoscaler"]["spec"]["minReplicas"] == 10


@pytest.mark.parametrize("pods", range(2, 40))
def test_rates_that_fit_exactly_need_no_pod_more(pods: int) -> None:
    assert sized(Staging(rate_per_second=pods * USED * 90), 90.0).pods == pods


@given(some.floats(0.1, 1e6), some.floats(1, 1e5))
def test_all_pods_together_hold_the_rate_with_room_to_spare(rate: float, capacity: float) -> None:
    pods = sized(Staging(rate_per_second=rate), capacity).pods
    assert pods * USED * capacity >= rate * (1 - 1e-6)
    assert pods == 2 or (pods - 1) * USED * capacity < rate
