"""Which clusters this machine means, by its kubeconfigs; none of them is asked."""

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Literal
from urllib.parse import urlsplit

from mlagent.adapters.kube import kubeconfig
from mlagent.adapters.kube.kubeconfig import Kubeconfig
from mlagent.config.environments import ENVIRONMENTS, Environment
from mlagent.errors import ConfigError

State = Literal["found", "optional"]


def of_machine(environ: Mapping[str, str]) -> tuple[State, str]:
    """The current context of its own kubeconfig."""
    try:
        found = kubeconfig.read(kubeconfig.files(environ))
        if found is None:
            return "optional", f"none; KUBECONFIG, or {kubeconfig.DEFAULT}, names one"
        return "found", _said(found, None, "staging.")
    except ConfigError as error:
        return "optional", f"{error.message}; {error.hint}"


def of_environments(
    sections: Mapping[str, Any], project: Path, environ: Mapping[str, str]
) -> Iterator[tuple[str, State, str]]:
    """For each that has a namespace."""
    for name in ENVIRONMENTS:
        settings: Environment | None = sections.get(name)
        if settings is not None and settings.namespace is not None:
            yield name, *_of(settings, name, project, environ)


def _of(settings: Environment, name: str, project: Path, environ: Mapping[str, str]) -> tuple[State, str]:
    secret, keys = settings.kubeconfig, f"{name}."
    if secret is not None and not secret.within(project).peek():
        return "optional", f"{keys}kubeconfig ({secret.reference}) cannot be read here; the node that deploys needs it"
    try:
        if secret is not None:
            text = secret.within(project).reveal()
            found = kubeconfig.parse(text, f"of {keys}kubeconfig ({secret.reference})", project)
        elif (read := kubeconfig.read(kubeconfig.files(environ))) is not None:
            found = read
        else:
            return "optional", f"no kubeconfig here: set {keys}kubeconfig, or KUBECONFIG; inside a pod, its own account"
        return "found", f"namespace {settings.namespace}, {_said(found, settings.context, keys)}"
    except ConfigError as error:
        return "optional", f"{error.message}; {error.hint}"


def _said(found: Kubeconfig, context: str | None, keys: str) -> str:
    chosen = kubeconfig.choose(found, context, keys)
    return f"context {chosen.context} ({urlsplit(chosen.cluster['server']).netloc}) of the kubeconfig {found.origin}"
