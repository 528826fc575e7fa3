"""`mlagent manifests`, and what `mlagent deploy` only shows: everything a cluster is given, before it is."""

import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import click

from mlagent import catalog
from mlagent.cli.app import App
from mlagent.cli.options import out_option, parse_sets, set_option
from mlagent.cli.run import holding
from mlagent.config.environments import ENVIRONMENTS

if TYPE_CHECKING:
    from mlagent.config.load import Flag
    from mlagent.core.stage import Stage

WHERE = click.Choice(ENVIRONMENTS)


@click.group()
def manifests() -> None:
    """Write what Kubernetes is given of a release, or the rights that deploying takes: for GitOps, and to read."""


@manifests.command()
@click.option("--env", "environment", type=WHERE, required=True, help="Where.")
@out_option("Write them to this file instead.")
@set_option
@click.pass_obj
def render(app: App, environment: str, out: Path | None, sets: tuple[str, ...]) -> None:
    """Print the objects of the release that the newest run made, as YAML; no cluster is asked.

    They are for current clusters (autoscaling/v2, policy/v1); `mlagent deploy` asks the cluster what it serves.
    """
    from mlagent.rollout import brought
    from mlagent.rollout.objects import Served, render, to_yaml

    stage = _deploy(environment)
    with tempfile.TemporaryDirectory() as folder, holding(app, parse_sets(sets)) as runner:
        config = runner.workspace.settings.sections[stage.settings]
        inputs, ctx = runner.given_to(stage, Path(folder))
        text = to_yaml(render(brought.of_run(environment, config, inputs, ctx), Served()))
    _give(app, text, out)


@manifests.command()
@click.option("--env", "environment", type=WHERE, required=True, help="Where.")
@click.option("--capacity/--no-capacity", default=True, show_default=True, help="With the right to look at all nodes.")
@out_option("Write them to this file instead.")
@set_option
@click.pass_obj
def rbac(app: App, environment: str, out: Path | None, sets: tuple[str, ...], *, capacity: bool) -> None:
    """Print account, role and binding of a deployer, and no right more: for who runs the cluster to apply."""
    from mlagent.errors import ConfigError
    from mlagent.rollout import roles
    from mlagent.rollout.objects import to_yaml

    namespace = app.settings(parse_sets(sets)).sections[environment].namespace
    if namespace is None:
        raise ConfigError(f"{environment}.namespace is not set", hint="name the namespace in which the deployer works")
    _give(app, to_yaml(roles.render(namespace, capacity=capacity)), out)


def look(app: App, flags: "Sequence[Flag]", stage: "Stage", wanted: Sequence[str]) -> None:
    """Show what a deploy would do: the differences, or with `dry-run` also all that is asked before; change nothing."""
    from mlagent.stages import deploy

    with tempfile.TemporaryDirectory() as folder, holding(app, flags) as runner:
        config = runner.workspace.settings.sections[stage.settings]
        inputs, ctx = runner.given_to(stage, Path(folder))
        said = deploy.show(stage.environment, config, inputs, ctx, ask="dry-run" in wanted)
    click.echo(app.mask(said), nl=False)


def _deploy(environment: str) -> "Stage":
    return next(one for one in catalog.STAGES if (one.verb, one.environment) == ("deploy", environment))


def _give(app: App, text: str, out: Path | None) -> None:
    from mlagent.core.files import write_whole

    if out is None:
        click.echo(app.mask(text), nl=False)
    else:
        write_whole(out.absolute(), text.encode())
        click.echo(f"wrote {out}")
