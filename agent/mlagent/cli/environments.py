"""What the commands about environments share: which one, its cluster, and who gives the command."""

import getpass
import socket
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import click

from mlagent.cli.app import App
from mlagent.config.environments import ENVIRONMENTS, Environment
from mlagent.errors import ConfigError

if TYPE_CHECKING:
    from mlagent.core.ports.cluster import Cluster
    from mlagent.rollout.back import Hands

WHICH = click.Choice(ENVIRONMENTS)


def env_option(command: Callable[..., Any]) -> Callable[..., Any]:
    """`--env`, which must be said."""
    return click.option("--env", "environment", type=WHICH, required=True, help="Where.")(command)


def section(app: App, environment: str) -> Environment:
    """The settings of an environment; ConfigError (3) where it is not set up."""
    found: Environment = app.settings().sections[environment]
    if found.namespace is None:
        raise ConfigError(
            f"{environment}.namespace is not set: nothing is deployed to {environment}",
            hint=f"name the namespace in mlpipeline.yaml ({environment}: {{namespace: …}}), and the context if need be",
        )
    return found


def model(app: App) -> str:
    """How the model is called, and so its objects."""
    return str(app.settings().sections["project"].name)


@contextmanager
def cluster(app: App, environment: str) -> "Iterator[Cluster]":
    """The environment's namespace, as long as the block lasts."""
    from mlagent import adapters

    with adapters.cluster(section(app, environment), app.project, environment) as opened:
        yield opened


@contextmanager
def driving(app: App, environment: str) -> "Iterator[Hands]":
    """Hold the environment, and give what it takes to go back there; Held (21) where another has it."""
    from mlagent.rollout import place

    settings = section(app, environment)
    with cluster(app, environment) as opened:
        how = place.driving(opened, model(app), environment, settings, who=who(), say=app.log().info)
        with how as hands:
            yield hands


def who() -> str:
    """Who gives this command, for the ledger and for whoever is asked to do something."""
    try:
        user = getpass.getuser()
    except (KeyError, OSError, ImportError):  # a number without a name, as containers have
        user = "unknown"
    return f"{user}@{socket.gethostname()}"
