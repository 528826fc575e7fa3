"""A double of the controller, and one that holds the job `risk`."""

from collections.abc import Iterator

import pytest

from mlagent.adapters.jenkins import sync
from tests.jenkins_double import TOKEN, Double, serving
from tests.jenkins_opened import Opened


@pytest.fixture
def double(monkeypatch: pytest.MonkeyPatch) -> Iterator[Double]:
    monkeypatch.setenv("JENKINS_TOKEN", TOKEN)
    with serving() as one:
        yield one


@pytest.fixture
def opened(double: Double) -> Iterator[Opened]:
    one = Opened(double)
    with one.controller:
        for change in sync.changes(one.controller, one.settings, "risk"):
            sync.apply(one.controller, change)
        double.seen.clear()
        yield one
