"""Two objects as the server has them, before and after: what a person is shown of the way from one to the other."""

import copy
import json
from typing import Any

import msgspec
import pytest

from mlagent.core.ports.ledger import NOTE
from mlagent.rollout import names
from mlagent.rollout.differences import HIDDEN, differences
from mlagent.rollout.objects import Served, render
from tests.unit.rollout.objects.releases import RELEASE, rendered, wanted

NEXT = msgspec.structs.replace(RELEASE, version=8, image="registry.example/risk@sha256:" + "3" * 64)


def live(**settings: Any) -> dict[str, Any]:
    """The Deployment as a server gives it back."""
    found: dict[str, Any] = copy.deepcopy(rendered(wanted(**settings))["Deployment"])
    variables: dict[str, Any] = {f'k:{{"name":"{one["name"]}"}}': {} for one in env(found)}
    fields = {"f:containers": {f'k:{{"name":"{names.CONTAINER}"}}': {"f:env": variables}}}
    book = {"manager": names.MANAGER, "fieldsV1": {"f:spec": {"f:template": {"f:spec": fields}}}}
    found["metadata"] |= {"uid": "a", "resourceVersion": "1", "generation": 1, "managedFields": [book]}
    found["status"] = {"readyReplicas": 2}
    return found


def env(deployment: dict[str, Any]) -> list[dict[str, Any]]:
    """Variables of the server."""
    found: list[dict[str, Any]] = deployment["spec"]["template"]["spec"]["containers"][0]["env"]
    return found


def changed(text: str) -> list[str]:
    """Lines that go and come, without the head of the difference."""
    return [line for line in text.splitlines() if line[0] in "+-" and not line.startswith(("--- ", "+++ "))]


def test_where_all_is_as_wanted_nothing_is_shown() -> None:
    objects = render(wanted(), Served())
    assert differences(zip(objects, copy.deepcopy(objects), strict=True)) == ""


def test_a_release_shows_its_image_version_and_placement_and_nothing_else() -> None:
    before, after = (rendered(wanted(release=one))["Deployment"] for one in (RELEASE, NEXT))
    shown = differences([(before, after)])
    assert shown.startswith("--- Deployment/risk\t(live)\n+++ Deployment/risk\t(wanted)\n")
    assert f'+        image: "{NEXT.image}"' in changed(shown)
    fields = {line[1:].strip(" -").partition(":")[0] for line in changed(shown)}
    assert fields == {"image", "value", "app.kubernetes.io/version", names.IMAGE, names.VERSION, names.PLACEMENT}


def test_what_the_server_and_our_own_notes_say_is_no_difference() -> None:
    before, after = live(), live()
    after["metadata"] |= {"uid": "b", "resourceVersion": "9", "generation": 3, "creationTimestamp": "2026-01-01"}
    after["status"] = {"readyReplicas": 0}
    notes = {names.ROLLOUT: "{}", names.HISTORY: "[]", names.ASKED: "{}", "deployment.kubernetes.io/revision": "4"}
    notes |= {NOTE: "{}"}
    after["metadata"]["annotations"] = after["metadata"].get("annotations", {}) | notes
    after["spec"]["template"]["metadata"]["creationTimestamp"] = None
    assert differences([(before, after)]) == ""


def test_the_order_of_keys_is_no_difference() -> None:
    before = live()
    after = json.loads(json.dumps(before, sort_keys=True))
    assert differences([(before, after)]) == ""


def test_an_annotation_of_somebody_else_is_a_difference() -> None:
    before, after = live(), live()
    before["metadata"]["annotations"] = {"team": "risk"}
    assert [line.strip("- ") for line in changed(differences([(before, after)]))] == ["annotations:", "team: risk"]


def test_what_comes_and_what_goes_is_shown_whole() -> None:
    service = rendered(wanted())["Service"]
    coming, going = differences([(None, service)]), differences([(service, None)])
    assert coming.startswith("--- nothing\t(live)\n+++ Service/risk\t(wanted)\n")
    assert going.startswith("--- Service/risk\t(live)\n+++ nothing\t(wanted)\n")
    assert [line[1:] for line in changed(coming)] == [line[1:] for line in changed(going)]
    assert differences([(None, None)]) == ""


def test_objects_are_left_as_they_are() -> None:
    before = live()
    kept = copy.deepcopy(before)
    differences([(before, rendered(wanted(release=NEXT))["Deployment"])])
    assert before == kept


@pytest.mark.parametrize("manager", ["kubectl-set", "kubectl-edit"])
def test_a_variable_that_somebody_set_by_hand_is_shown_by_its_name_alone(manager: str) -> None:
    before, after = live(variables={"LEVEL": "1"}), live(variables={"LEVEL": "2"})
    for one in (before, after):
        env(one).append({"name": "TOKEN", "value": "hunter2"})
        one["metadata"]["managedFields"].append({"manager": manager, "fieldsV1": {"f:spec": {}}})
    shown = differences([(before, after)])
    assert "hunter2" not in shown
    assert {'-          value: "1"', '+          value: "2"'} < set(changed(shown))
    assert f'value: "{HIDDEN}"' in shown


def test_a_variable_set_by_hand_is_not_shown_when_it_goes_either() -> None:
    before = live()
    env(before).append({"name": "TOKEN", "value": "hunter2"})
    for after in (None, live()):
        shown = differences([(before, after)])
        assert "hunter2" not in shown
        assert HIDDEN in shown


def test_a_reference_to_a_secret_is_shown_as_the_name_that_it_is() -> None:
    shown = differences([(live(), live(secrets={"TOKEN": "bank/token"}))])
    assert "+              name: bank" in changed(shown)
    assert HIDDEN not in shown
