"""Probes, the budget of a start, and the order of an end."""

import msgspec
import pytest

from mlagent.config.images import Serving
from mlagent.image import assemble
from mlagent.rollout import names
from mlagent.rollout.objects import container as rules
from mlagent.serving import routes, server
from tests.unit.rollout.objects.releases import PYTHON, container, pod, wanted


def test_what_is_known_of_the_server_here_is_what_the_image_and_the_server_say() -> None:
    assert rules.SERVER_DRAINS_SECONDS == assemble.DRAIN_SECONDS
    assert rules.SERVER_FINISHES_SECONDS == server.FINISH_SECONDS
    assert (rules.READY, rules.LIVE) == (routes.READY, routes.LIVE)
    assert (names.PORT, names.METRICS_PORT) == (assemble.PORT, assemble.METRICS_PORT)
    assert f"{pod(wanted())['securityContext']['runAsUser']}" == assemble.USER.partition(":")[0]


def test_every_probe_asks_the_port_of_those_who_watch() -> None:
    found = container(wanted())
    asked = {name: found[name]["httpGet"] for name in ("startupProbe", "readinessProbe", "livenessProbe")}
    assert {one["port"] for one in asked.values()} == {"metrics"}
    assert asked["readinessProbe"]["path"] == "/v2/health/ready"
    assert asked["livenessProbe"]["path"] == "/v2/health/live"
    assert {"name": "metrics", "containerPort": 8001, "protocol": "TCP"} in found["ports"]


@pytest.mark.parametrize(
    ("measured", "most", "seconds"),
    [
        (0.2, 60, 30),  # the floor
        (3.0, 60, 30),
        (3.1, 300, 60),
        (9.0, 300, 120),
        (9.0, 100, 100),  # no more than start_seconds
        (0.2, 5, 30),  # and the floor above that
        (None, 90, 90),
        (None, 5, 30),
    ],
)
def test_a_start_has_ten_times_what_was_measured(measured: float | None, most: float, seconds: int) -> None:
    asked = msgspec.structs.replace(wanted(given=Serving(start_seconds=most)), measured_start_seconds=measured)
    probe = container(asked)["startupProbe"]
    assert probe["failureThreshold"] * probe["periodSeconds"] == seconds


def test_a_pod_waits_before_it_is_told_to_end_and_is_killed_only_after_its_own_end() -> None:
    asked = wanted(drain_seconds=20)
    assert container(asked)["lifecycle"]["preStop"]["exec"]["command"] == [
        *(PYTHON, "-I", "-S", "-c"),
        "import time; time.sleep(20)",
    ]
    assert pod(asked)["terminationGracePeriodSeconds"] > 20 + assemble.DRAIN_SECONDS + server.FINISH_SECONDS


def test_an_image_with_another_entry_point_is_not_asked_to_wait() -> None:
    asked = msgspec.structs.replace(wanted(drain_seconds=20), python="")
    assert "lifecycle" not in container(asked)
    assert "lifecycle" not in container(wanted(drain_seconds=0))
    assert pod(asked)["terminationGracePeriodSeconds"] >= 10
