"""A controller: the double here, and a real one where MLAGENT_TEST_JENKINS_URL, _USER and _TOKEN say."""

import os
import time
import uuid
from collections.abc import Callable, Iterator
from typing import NamedTuple

import pytest
import requests

from mlagent.adapters.jenkins import jobs, merge
from mlagent.adapters.jenkins.controller import Controller, path
from mlagent.config.jenkins import Jenkins
from mlagent.config.secret import Secret
from tests.jenkins_double import TOKEN, USER, serving

REAL = {name: os.environ.get(f"MLAGENT_TEST_JENKINS_{name}", "") for name in ("URL", "USER", "TOKEN")}
PAUSE = 0.3  # between two looks at a real controller


class Place(NamedTuple):
    """A controller, and how to open it."""

    url: str
    user: str
    pause: Callable[[float], None]

    def open(self) -> Controller:
        return Controller(self.settings(), self.pause)

    def settings(self, **more: object) -> Jenkins:
        mine = {"url": self.url, "user": self.user, "token": Secret("env:JENKINS_TOKEN"), "patience_seconds": 60}
        return Jenkins(**{**mine, "push": "none", "repository": "https://example.org/risk.git", **more})  # type: ignore[arg-type]


@pytest.fixture(params=["double", *(["real"] if all(REAL.values()) else [])])
def place(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Iterator[Place]:
    if request.param == "double":
        monkeypatch.setenv("JENKINS_TOKEN", TOKEN)
        with serving() as double:
            yield Place(double.url, USER, lambda _: None)
        return
    monkeypatch.setenv("JENKINS_TOKEN", REAL["TOKEN"])
    yield Place(REAL["URL"].rstrip("/"), REAL["USER"], lambda _: time.sleep(PAUSE))


@pytest.fixture
def controller(place: Place) -> Iterator[Controller]:
    with place.open() as opened:
        yield opened


@pytest.fixture
def new(controller: Controller) -> Iterator[str]:
    """A name for jobs of this test, which go when it ends."""
    name = f"mlagent-test-{uuid.uuid4().hex[:8]}"
    yield name
    for job in (name, name + jobs.RETRAIN):
        if controller.config(job):
            controller._send(requests.Request("POST", f"{controller.where}/{path(job)}doDelete"))


@pytest.fixture
def make(place: Place, controller: Controller, new: str) -> Callable[[str], str]:
    """Makes a job whose pipeline is a script."""

    def made(script: str) -> str:
        root = jobs.pipeline(place.settings(), new, push=True)
        definition = root.find("definition")
        assert definition is not None
        definition[:] = []
        definition.set("class", "org.jenkinsci.plugins.workflow.cps.CpsFlowDefinition")
        for tag, text in (("script", script), ("sandbox", "true")):
            jobs._texts(definition, **{tag: text})
        controller.create(new, merge.text_of(root))
        return new

    return made
