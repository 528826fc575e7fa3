"""What is applied to go back, and who holds the number of pods meanwhile."""

import copy
from typing import Any

import msgspec
import pytest

from mlagent.rollout import names
from mlagent.rollout.objects import SCALER, handover, moved, placement
from tests.unit.rollout.objects.releases import RELEASE, rendered, wanted

OLD = wanted(release=msgspec.structs.replace(RELEASE, version=6, image="registry.example/risk@sha256:" + "6" * 64))
NOTES = {names.ROLLOUT: "{}", names.HISTORY: "[]", "deployment.kubernetes.io/revision": "4", "team": "risk"}


def live(*owners: str, replicas: int = 3) -> Any:
    """The Deployment of version 7 as the server has it; `owners` have set its number of pods."""
    found = copy.deepcopy(rendered(wanted(replicas=replicas))["Deployment"])
    found["metadata"] |= {
        "annotations": NOTES,
        "uid": "u",
        "resourceVersion": "812",
        "generation": 9,
        "managedFields": [
            {"manager": one, "fieldsV1": {"f:spec": {"f:replicas": {}, "f:paused": {}}}} for one in owners
        ],
    }
    found["spec"] |= {"paused": True}
    found["status"] = {"replicas": replicas}
    return found


def older() -> Any:
    """The template of version 6, as its ReplicaSet has it."""
    found = copy.deepcopy(rendered(OLD)["Deployment"]["spec"]["template"])
    found["metadata"] |= {"creationTimestamp": None}
    found["metadata"]["labels"] |= {"pod-template-hash": "7d4b9"}
    return found


def test_it_is_what_rendering_the_older_release_would_give() -> None:
    back = moved(live(), older(), hpa=False)
    assert back == rendered(msgspec.structs.replace(OLD, settings=wanted(replicas=3).settings))["Deployment"]
    assert back["spec"]["template"]["metadata"]["labels"][names.PLACEMENT] == placement(OLD)
    assert back["metadata"]["labels"]["app.kubernetes.io/version"] == "6"


def test_it_holds_nothing_of_the_server_no_notes_and_no_pause() -> None:
    back = moved(live(), older(), hpa=False)
    assert set(back) == {"apiVersion", "kind", "metadata", "spec"}
    assert set(back["metadata"]) == {"name", "namespace", "labels"}
    assert "paused" not in back["spec"]
    assert "pod-template-hash" not in back["spec"]["template"]["metadata"]["labels"]


def test_the_number_of_pods_stays_as_it_is_unless_an_autoscaler_has_it() -> None:
    assert moved(live(replicas=5), older(), hpa=False)["spec"]["replicas"] == 5
    assert "replicas" not in moved(live(replicas=5), older(), hpa=True)["spec"]


def test_what_was_handed_in_is_not_changed() -> None:
    there, template = live(), older()
    moved(there, template, hpa=True)["spec"]["template"]["spec"]["containers"].clear()
    assert (there, template) == (live(), older())


def test_an_autoscaler_is_handed_the_number_that_there_is() -> None:
    scaled = rendered(wanted(replicas_max=9))["Deployment"]
    first = handover(live(names.MANAGER, replicas=4), scaled)
    assert first is not None
    assert first["spec"] == {"replicas": 4}
    assert first["metadata"] == {"name": "risk", "namespace": "models"}


@pytest.mark.parametrize("owners", [(), (SCALER,), ("kube-controller-manager",)])
def test_where_we_do_not_hold_it_nothing_is_handed_over(owners: tuple[str, ...]) -> None:
    assert handover(live(*owners), rendered(wanted(replicas_max=9))["Deployment"]) is None


@pytest.mark.parametrize("owner", [SCALER, "kube-controller-manager"])
def test_a_number_that_an_autoscaler_left_is_replaced_before_it_is_in_our_way(owner: str) -> None:
    first = handover(live(owner, replicas=8), rendered(wanted(replicas=2))["Deployment"])
    assert first is not None
    assert first["spec"] == {"replicas": 2}


def test_a_number_that_a_person_has_set_is_not_replaced() -> None:
    assert handover(live("kubectl", replicas=8), rendered(wanted(replicas=2))["Deployment"]) is None
    assert handover(live(SCALER, replicas=2), rendered(wanted(replicas=2))["Deployment"]) is None
    assert handover(None, rendered(wanted())["Deployment"]) is None
