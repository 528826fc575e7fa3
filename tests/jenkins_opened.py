"""A controller of the double, opened by tests that watch how long it rests and what it says."""

from typing import Any

from mlagent.adapters.jenkins.controller import Controller
from mlagent.config.jenkins import Jenkins
from mlagent.config.secret import Secret
from tests.jenkins_double import USER, Double


class Opened:
    """A controller, how long it has rested in all, and what it said meanwhile."""

    def __init__(self, double: Double, patience: float = 30.0) -> None:
        self.rested, self.said = 0.0, list[str]()
        self.settings = settings(double, patience)
        self.controller = Controller(self.settings, self._rest, self.said.append)

    def _rest(self, seconds: float) -> None:
        self.rested += seconds


def settings(double: Double, patience: float = 30.0, **more: Any) -> Jenkins:
    """Those of a project whose controller is the double."""
    mine: dict[str, Any] = {
        "url": double.url,
        "user": USER,
        "token": Secret("env:JENKINS_TOKEN"),
        "patience_seconds": patience,
    }
    return Jenkins(**{**mine, "repository": "https://example.org/r.git", **more})
