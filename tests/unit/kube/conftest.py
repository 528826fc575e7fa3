"""A double of an API server, and the adapter on it."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from mlagent.adapters.kube.cluster import KubeCluster
from mlagent.adapters.kube.opening import opened
from mlagent.config.environments import Staging
from tests.api_server_double import Double, kubeconfig, serving


@pytest.fixture
def double() -> Iterator[Double]:
    with serving() as one:
        yield one


@pytest.fixture
def cluster(double: Double, tmp_path: Path) -> Iterator[KubeCluster]:
    file = tmp_path / "kubeconfig"
    file.write_text(kubeconfig(double.url))
    with opened(Staging(namespace="risk"), tmp_path, environ={"KUBECONFIG": str(file)}) as one:
        yield one
