"""YAML for kubectl and GitOps: one document an object, and no word taken for another."""

import pytest
from ruamel.yaml import YAML

from mlagent.rollout.objects import Served, render, to_yaml
from tests.unit.rollout.objects.releases import wanted

TRICKY = {
    "Y": "yes",
    "N": "off",
    "A": "1e3",
    "B": "0x1F",
    "C": "12:30:00",
    "D": "",
    "E": "~",
    "F": "a: b # c",
    "G": "ü\n",
}


@pytest.mark.parametrize("version", [(1, 1), (1, 2)])
def test_readers_of_both_versions_of_yaml_get_the_same_objects(version: tuple[int, int]) -> None:
    objects = render(wanted(variables=TRICKY, node_selector={"y": "true", "on": "1"}, replicas_max=4), Served())
    reader = YAML(typ="safe", pure=True)
    reader.version = version
    assert list(reader.load_all(to_yaml(objects))) == list(objects)


def test_the_same_objects_are_the_same_text_in_their_order() -> None:
    one, same = (render(wanted(variables=order), Served()) for order in ({"A": "1", "B": "2"}, {"B": "2", "A": "1"}))
    assert to_yaml(one) == to_yaml(same)
    kinds = [line for line in to_yaml(one).splitlines() if line.startswith("kind: ")]
    assert kinds == [f"kind: {found['kind']}" for found in one]
    assert to_yaml(one).count("---\n") == len(one)


def test_no_value_is_an_alias_of_another() -> None:
    assert "*id" not in to_yaml(render(wanted(), Served()))
