"""What the tests want in an environment, and how they find their way in what is rendered of it."""

from typing import Any

import msgspec

from mlagent.config.environments import Staging
from mlagent.config.images import Serving
from mlagent.core.ports.cluster import Object
from mlagent.core.release import Release
from mlagent.rollout.objects import Served, Wanted, render

IMAGE, ONNX = "sha256:" + "1" * 64, "sha256:" + "2" * 64
RELEASE = Release(model="risk", image=f"registry.example/risk@{IMAGE}", version=7, onnx=ONNX, build=12)
PYTHON = "/usr/bin/python3"


def wanted(*, release: Release = RELEASE, given: Serving | None = None, **settings: Any) -> Wanted:
    """The release in staging, with these settings."""
    return Wanted(
        release=release,
        environment="staging",
        settings=msgspec.convert({"namespace": "models"} | settings, Staging),
        serving=given or Serving(),
        python=PYTHON,
        measured_start_seconds=1.0,
    )


def rendered(asked: Wanted, served: Served | None = None) -> dict[str, Any]:
    """Objects by kind."""
    return {one["kind"]: one for one in render(asked, served or Served())}


def pod(asked: Wanted) -> Any:
    """The spec of its pods."""
    return rendered(asked)["Deployment"]["spec"]["template"]["spec"]


def container(asked: Wanted) -> Any:
    """The only one in it."""
    (found,) = pod(asked)["containers"]
    return found


def labels(found: Object) -> Any:
    return found["metadata"]["labels"]
