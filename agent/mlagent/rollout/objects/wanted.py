"""What is wanted in an environment, and which versions of its APIs the server has."""

from collections.abc import Callable, Sequence
from typing import Literal

import msgspec

from mlagent.config.environments import Environment
from mlagent.config.images import Serving
from mlagent.core.release import Release
from mlagent.errors import ConfigError
from mlagent.rollout.objects.sizing import Sized, sized

KNOWN = {
    "autoscaling": ("v2", "v2beta2"),
    "policy": ("v1", "v1beta1"),
    "networking.k8s.io": ("v1",),
}


class Wanted(msgspec.Struct, frozen=True, kw_only=True):
    """A release in an environment.

    `python` is the image's Python where its entry point is ours; empty where it is not: nobody can wait in it then.
    `measured_start_seconds` is how long the load test saw it start, `measured_rate` the requests a second that it held;
    None where that was not seen.
    """

    release: Release
    environment: Literal["staging", "production"]
    settings: Environment
    serving: Serving
    python: str = ""
    measured_start_seconds: float | None = None
    measured_rate: float | None = None

    @property
    def model(self) -> str:
        """The name of the model, and of every object."""
        return self.release.model

    @property
    def sized(self) -> Sized:
        """How many pods it begins with, and why; under an autoscaler never fewer."""
        return sized(self.settings, self.measured_rate)

    @property
    def scaled(self) -> bool:
        """Whether an autoscaler says how many pods there are."""
        return self.settings.replicas_max is not None


class Served(msgspec.Struct, frozen=True, kw_only=True):
    """The apiVersion to write for each group whose version differs between servers; empty: none that we know."""

    autoscaling: str = "autoscaling/v2"
    policy: str = "policy/v1"
    networking: str = "networking.k8s.io/v1"


def served(versions: Callable[[str], Sequence[str]]) -> Served:
    """Ask for each group's versions (`Cluster.versions`), and take the newest that we know."""
    found = {group: _first(group, versions(group)) for group in KNOWN}
    return Served(autoscaling=found["autoscaling"], policy=found["policy"], networking=found["networking.k8s.io"])


def need(version: str, group: str, kind: str) -> str:
    """Give the version; ConfigError (3) where the server has none that we know."""
    if version:
        return version
    known = [f"{group}/{one}" for one in KNOWN[group]]
    lacking = f"serves neither {' nor '.join(known)}" if len(known) > 1 else f"does not serve {known[0]}"
    raise ConfigError(
        f"a {kind} is needed, and the API server {lacking}",
        hint="the cluster is older than any that mlagent knows, or has this API switched off: `kubectl api-versions`",
    )


def _first(group: str, versions: Sequence[str]) -> str:
    return next((f"{group}/{one}" for one in KNOWN[group] if one in versions), "")
