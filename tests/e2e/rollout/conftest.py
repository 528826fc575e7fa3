"""Two signed releases for the whole session, and a pair of environments for each file of tests."""

from collections.abc import Iterator

import pytest

from tests.e2e.rollout import bed as beds
from tests.e2e.rollout import home as homes
from tests.e2e.rollout.bed import Bed
from tests.e2e.rollout.home import Home
from tests.parts.registry import Registry


@pytest.fixture(scope="session")
def bed(tmp_path_factory: pytest.TempPathFactory, registry: Registry) -> Bed:
    """Both releases, in projects that nobody writes to: `home` has copies."""
    return beds.make(tmp_path_factory.mktemp("bed"), registry)


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory, bed: Bed) -> Iterator[Home]:
    """Staging and production with nothing in them, for the tests of one file; `homes.home` makes further ones."""
    with homes.home(bed, tmp_path_factory.mktemp("home")) as made:
        yield made
