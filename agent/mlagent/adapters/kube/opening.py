"""The way in: an environment's settings become its namespace in a cluster."""

import os
from collections.abc import Mapping
from pathlib import Path

from mlagent.adapters.kube import login
from mlagent.adapters.kube.cluster import KubeCluster
from mlagent.adapters.kube.link import Link
from mlagent.config.environments import Production, Staging
from mlagent.errors import ConfigError


def opened(
    settings: Staging, project: Path, environment: str | None = None, environ: Mapping[str, str] = os.environ
) -> KubeCluster:
    """The namespace of an environment, nothing reached yet; to be used in a `with`. Errors name its keys."""
    keys = f"{environment or ('production' if isinstance(settings, Production) else 'staging')}."
    if settings.namespace is None:
        raise ConfigError(f"{keys}namespace is not set", hint="name the namespace in mlpipeline.yaml; it must be there")
    return KubeCluster(Link(login.of(settings, project, environ, keys)), settings.namespace)
