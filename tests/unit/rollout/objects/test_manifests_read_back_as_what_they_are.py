"""Manifests as YAML: whoever reads them, by YAML 1.1 (kubectl) or 1.2, reads the objects that were rendered."""

from typing import Any

import pytest
import yaml  # type: ignore[import-untyped]  # comes with kubernetes; reads YAML 1.1, and is not what wrote it
from hypothesis import given
from hypothesis import strategies as some
from ruamel.yaml import YAML

from mlagent.rollout.objects import Served, render, to_yaml
from tests.unit.rollout.objects.releases import wanted

CONFUSING = [
    "no",
    "Y",
    "on",
    "null",
    "~",
    "7",
    "0x1f",
    "1e3",
    "012",
    "1_000",
    "12:30:45",
    "2026-01-01",
    ".inf",
    "=",
    "",
]
TEXTS = some.text() | some.sampled_from(CONFUSING)
VALUES = some.recursive(
    TEXTS | some.integers() | some.booleans() | some.none(),
    lambda inner: some.lists(inner, max_size=3) | some.dictionaries(TEXTS, inner, max_size=3),
    max_leaves=8,
)


def read_1_1(text: str) -> list[Any]:
    return list(yaml.safe_load_all(text))


def read_1_2(text: str) -> list[Any]:
    return list(YAML(typ="safe", pure=True).load_all(text))


def test_all_objects_of_a_release_read_back_in_their_order() -> None:
    objects = list(render(wanted(variables={"OFF": "off", "PORT": "8080"}, ingress_host="risk.example"), Served()))
    text = to_yaml(objects)
    assert read_1_1(text) == read_1_2(text) == objects
    assert text.count("---\n") == len(objects)


@pytest.mark.parametrize("text", CONFUSING)
def test_a_text_that_looks_like_something_else_stays_a_text(text: str) -> None:
    objects = [{"value": text, text: 1}]
    written = to_yaml(objects)
    assert read_1_1(written) == read_1_2(written) == objects


@given(some.dictionaries(TEXTS, VALUES, min_size=1, max_size=4))
def test_whatever_an_object_holds_reads_back_alike(held: dict[str, Any]) -> None:
    written = to_yaml([held])
    assert read_1_1(written) == read_1_2(written) == [held]


def test_the_same_objects_are_the_same_text_and_what_stands_twice_is_written_twice() -> None:
    labels = {"a": "b"}
    objects = [{"labels": labels, "selector": labels}]
    assert to_yaml(objects) == to_yaml(objects) == "---\nlabels:\n  a: b\nselector:\n  a: b\n"


def test_nothing_gives_nothing() -> None:
    assert to_yaml([]) == ""
