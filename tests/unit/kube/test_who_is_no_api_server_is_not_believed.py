"""A page of somebody else at the API server's address, in JSON or not, is neither an object nor the lack of one."""

from collections.abc import Callable
from typing import Any

import pytest

from mlagent.adapters.kube.cluster import KubeCluster
from mlagent.core.ports.cluster import Asked, Kind
from mlagent.errors import ConfigError
from tests.api_server_double import Answer, Double

CONFIG = Kind("v1", "ConfigMap")
ONE: dict[str, Any] = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "one"}, "data": {"a": "1"}}
QUESTIONS: dict[str, Callable[[KubeCluster], object]] = {
    "get": lambda cluster: cluster.get(CONFIG, "one"),
    "list": lambda cluster: cluster.list(CONFIG),
    "apply": lambda cluster: cluster.apply(ONE, "us"),
    "swap": lambda cluster: cluster.swap(ONE),
    "delete": lambda cluster: cluster.delete(CONFIG, "one"),
    "said": lambda cluster: cluster.said("one", 5),
    "allowed": lambda cluster: cluster.allowed(Asked("get", "", "pods")),
    "versions": lambda cluster: cluster.versions("apps"),
    "versions of the core": lambda cluster: cluster.versions(""),
}
STRANGE = "does not speak as an API server"
BODIES: list[Any] = [
    "welcome",
    ["welcome"],
    {"items": 5, "status": [], "versions": None, "spec": {"containers": [1]}},
    None,
]


@pytest.mark.parametrize("question", QUESTIONS.values(), ids=QUESTIONS)
@pytest.mark.parametrize("body", BODIES, ids=["text", "list", "object", "null"])
def test_json_of_somebody_else_is_said_to_be_strange(
    double: Double, cluster: KubeCluster, question: Callable[[KubeCluster], object], body: object
) -> None:
    double.says(".", Answer(200, body))
    with pytest.raises(ConfigError, match=STRANGE):
        question(cluster)


@pytest.mark.parametrize("name", ["get", "list", "delete", "apply"])
def test_a_server_that_knows_not_even_the_core_has_nothing_to_say_about_objects(
    double: Double, cluster: KubeCluster, name: str
) -> None:
    double.says(".", Answer(404, b"404 page not found", "text/plain"))
    with pytest.raises(ConfigError, match=STRANGE):
        QUESTIONS[name](cluster)


def test_a_group_that_is_not_there_is_no_reason_for_doubt(double: Double, cluster: KubeCluster) -> None:
    double.says("/apis/nobody.example", Answer(404, b"404 page not found", "text/plain"))
    assert cluster.get(Kind("nobody.example/v1", "Nothing"), "one") is None
    assert list(cluster.versions("nobody.example")) == []
