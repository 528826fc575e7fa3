"""A Jenkinsfile of one line takes a commit to production: all is real but Jenkins, which is the harness and a double.

Two people approve over REST while no node is held; a second commit is rejected the same way, and nothing moves.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, NamedTuple

import pytest

from tests.cluster import house
from tests.cluster.house import until
from tests.cluster.load import loading
from tests.e2e.ledger import servers
from tests.e2e.rollout.bed import MODEL
from tests.e2e.whole import scene as scenes
from tests.e2e.whole.courier import Courier, building
from tests.e2e.whole.scene import Scene
from tests.parts.registry import Registry


class Way(NamedTuple):
    """The build that came to its end."""

    scene: Scene
    end: dict[str, Any]
    courier: Courier
    shown: list[str]


@contextmanager
def used(scene: Scene, courier: Courier, environment: str) -> Iterator[None]:
    """Callers ask the model in an environment for as long as it soaks there."""
    courier.done(f"deploy --env {environment}")
    url = f"{house.node_port(MODEL, scene.home.namespace(environment))}/predict"
    with loading(url, scene.folder / f"{environment}.json", rate=20, connections=2, body=scenes.golden(scene)):
        courier.done(f"soak --env {environment}")
        yield


def answered(scene: Scene, build: int, number: int, who: str, *answer: str) -> str:
    """Wait until the build asks, see what it asks, and answer over REST as this person; what was shown."""
    name = f"{build}/ApproveProduction{number}"
    until(lambda: name in scene.person(who, "list").stdout, seconds=300)
    shown = scene.person(who, "show", name)
    ended = scene.person(who, answer[0], name, *answer[1:])
    assert ended.returncode == 0, ended.stdout + ended.stderr
    return shown.stdout


@pytest.fixture(scope="module")
def scene(tmp_path_factory: pytest.TempPathFactory, registry: Registry) -> Iterator[Scene]:
    folder = tmp_path_factory.mktemp("whole")
    with servers.mlflow(folder) as mlflow, scenes.scene(folder, registry, mlflow) as made:
        yield made


@pytest.fixture(scope="module")
def way(scene: Scene) -> Iterator[Way]:
    with building(scene.job, 1, scene.harness) as courier:
        with used(scene, courier, "staging"):
            pass
        shown = [
            answered(scene, 1, 1, "ann", "approve", "--comment", "the tariff of autumn"),
            answered(scene, 1, 2, "bob", "approve"),
        ]
        with used(scene, courier, "production"):
            pass
        yield Way(scene, courier.ended(), courier, shown)


def test_the_build_is_green(way: Way) -> None:
    print(way.end["times"], way.courier.log, *way.shown)
    assert way.end["result"] == "SUCCESS"
