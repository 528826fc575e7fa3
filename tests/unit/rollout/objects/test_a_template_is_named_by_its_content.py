"""The placement: the same for the same pods, another for others."""

from typing import Any

import msgspec
import pytest

from mlagent.config.images import Serving
from mlagent.rollout import names
from mlagent.rollout.objects import placement
from tests.unit.rollout.objects.releases import IMAGE, ONNX, RELEASE, rendered, wanted


def test_the_label_is_on_the_template_and_pods_are_spread_by_it() -> None:
    asked = wanted()
    template = rendered(asked)["Deployment"]["spec"]["template"]
    name = placement(asked)
    assert len(name) == 12
    assert template["metadata"]["labels"][names.PLACEMENT] == name
    spread = template["spec"]["topologySpreadConstraints"]
    assert [one["topologyKey"] for one in spread] == ["kubernetes.io/hostname", "topology.kubernetes.io/zone"]
    for one in spread:
        assert one["labelSelector"]["matchLabels"][names.PLACEMENT] == name
        assert one["whenUnsatisfiable"] == "ScheduleAnyway"


@pytest.mark.parametrize(
    "changes",
    [{"build": 13}, {"commit": "c" * 40}, {"run": "another"}, {"data": "sha256:" + "9" * 64}],
)
def test_what_pods_do_not_have_makes_no_other_template(changes: dict[str, Any]) -> None:
    other = msgspec.structs.replace(RELEASE, **changes)
    assert placement(wanted(release=other)) == placement(wanted())


@pytest.mark.parametrize("settings", [{"replicas": 5}, {"surge": "1"}, {"replicas_max": 9}, {"service": "NodePort"}])
def test_nor_do_settings_of_other_objects(settings: dict[str, Any]) -> None:
    assert placement(wanted(**settings)) == placement(wanted())


def test_nor_does_another_measurement_of_the_same_start() -> None:
    again = msgspec.structs.replace(wanted(), measured_start_seconds=1.7)
    assert placement(again) == placement(wanted())


@pytest.mark.parametrize(
    "asked",
    [
        wanted(release=msgspec.structs.replace(RELEASE, image="registry.example/risk@sha256:" + "3" * 64)),
        wanted(release=msgspec.structs.replace(RELEASE, version=8)),
        wanted(given=Serving(memory_mb=2048)),
        wanted(variables={"A": "1"}),
        wanted(drain_seconds=9),
    ],
)
def test_what_pods_have_does(asked: Any) -> None:
    assert placement(asked) != placement(wanted())


def test_a_template_says_what_is_in_it() -> None:
    template = rendered(wanted())["Deployment"]["spec"]["template"]
    assert template["metadata"]["annotations"] == {names.IMAGE: IMAGE, names.MODEL: ONNX, names.VERSION: "7"}
    assert template["spec"]["containers"][0]["image"] == RELEASE.image
    assert template["metadata"]["labels"]["app.kubernetes.io/version"] == "7"


def test_a_release_without_a_number_is_called_by_its_image() -> None:
    unnumbered = wanted(release=msgspec.structs.replace(RELEASE, version=None))
    template = rendered(unnumbered)["Deployment"]["spec"]["template"]
    assert template["metadata"]["labels"]["app.kubernetes.io/version"] == "1" * 12
    assert template["spec"]["containers"][0]["env"][0]["value"] == "1" * 12
