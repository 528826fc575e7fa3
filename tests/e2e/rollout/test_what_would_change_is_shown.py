"""What a deploy would change, asked of a real server: its defaults are on both sides, values set by hand on neither."""

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec
import pytest

from mlagent import adapters
from mlagent.adapters.kube.cluster import KubeCluster
from mlagent.config.environments import Staging
from mlagent.config.images import Serving
from mlagent.config.secret import Secret
from mlagent.core.ports.cluster import Kind, Object
from mlagent.core.release import Release
from mlagent.rollout import names
from mlagent.rollout.differences import HIDDEN, differences
from mlagent.rollout.objects import Wanted, render, served
from tests.cluster import house

ONE, TWO = (f"registry.example/risk@sha256:{digit * 64}" for digit in "12")


@pytest.fixture
def cluster() -> Iterator[KubeCluster]:
    """A namespace of the real cluster, by its administrator."""
    kubeconfig = Secret(f"file:{os.environ['MLAGENT_TEST_KUBECONFIG']}")
    with house.namespace() as name, adapters.cluster(Staging(namespace=name, kubeconfig=kubeconfig), Path()) as found:
        yield found


def objects(cluster: KubeCluster, image: str, **settings: Any) -> tuple[Object, ...]:
    """A release of this image, with everything around it; no pod of it can start."""
    asked = {"namespace": cluster.namespace, "ingress_host": "risk.example"} | settings
    wanted = Wanted(
        release=Release(model="risk", image=image, version=None, onnx="sha256:" + "a" * 64),
        environment="staging",
        settings=msgspec.convert(asked, Staging),
        serving=Serving(),
        python="/usr/bin/python3",
        measured_start_seconds=None,
    )
    return render(wanted, served(cluster.versions))


def shown(cluster: KubeCluster, wanted: tuple[Object, ...]) -> str:
    """The differences of what is there and what applying these would make of it."""
    return differences(
        (
            cluster.get(Kind(one["apiVersion"], one["kind"]), one["metadata"]["name"]),
            cluster.apply(one, names.MANAGER, force=True, dry_run=True),
        )
        for one in wanted
    )


def test_before_there_is_anything_all_of_it_is_shown_and_afterwards_nothing(cluster: KubeCluster) -> None:
    wanted = objects(cluster, ONE)
    assert shown(cluster, wanted).count("--- nothing\t(live)") == len(wanted)
    for one in wanted:
        cluster.apply(one, names.MANAGER)
    assert shown(cluster, wanted) == ""


def test_another_image_and_a_value_set_by_hand_are_told_without_the_value(cluster: KubeCluster) -> None:
    for one in objects(cluster, ONE):
        cluster.apply(one, names.MANAGER)
    house.admin("set", "env", "deployment/risk", "TOKEN=hunter2", "-n", cluster.namespace)
    told = shown(cluster, objects(cluster, TWO, variables={"LEVEL": "2"}))
    assert f'-        image: "{ONE}"\n' in told
    assert f'+        image: "{TWO}"\n' in told
    assert '+          value: "2"\n' in told
    assert "hunter2" not in told
    assert HIDDEN in told
