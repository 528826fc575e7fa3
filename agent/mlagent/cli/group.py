"""The command list: stages first, in the order they run, then the commands beside the chain; opened when called."""

from collections.abc import Callable
from importlib import import_module

import click

from mlagent import catalog
from mlagent.errors import Interrupted, Stopped

# name -> (module:attribute, one line); the module is imported when the command is called
BESIDE = {
    "run": ("mlagent.cli.run:run", "Run every stage in order, ending in a table of verdicts."),
    "plan": ("mlagent.cli.plan:plan", "Say what a run would do, stage by stage, and why."),
    "show": ("mlagent.cli.plan:show", "Show how a run ended."),
    "report": ("mlagent.cli.report:report", "Write one page of a run: how it ended and why, with every figure."),
    "evidence": ("mlagent.cli.evidence:evidence", "Pack what shows that a release is what it is said to be."),
    "serve": ("mlagent.cli.serve:serve", "Serve the model of a run on this machine, until Ctrl-C."),
    "summary": ("mlagent.cli.plan:summary", "Print how a run ended as Markdown, for a pull request."),
    "load-worker": ("mlagent.cli.load:load_worker", "Help a load test that another machine runs."),
    "gc": ("mlagent.cli.plan:gc", "Remove old runs and what only they name."),
    "data": ("mlagent.cli.data:data", "Write a first schema of the rows, show them, ask whether they changed."),
    "verify": ("mlagent.cli.verify:verify", "Say whether an image shows what the platform's policy asks for."),
    "status": ("mlagent.cli.status:status", "Say what runs in each environment, since when."),
    "promote": ("mlagent.cli.promote:promote", "Promote a release to an environment that is no cluster of ours."),
    "approvals": ("mlagent.cli.approvals:approvals", "Say what waits for a person's answer, and answer it."),
    "rollback": ("mlagent.cli.rollback:rollback", "Have what served before serve again."),
    "rollout": ("mlagent.cli.rollout:rollout", "Look at a rollout that is under way; pause, resume or abort it."),
    "ledger": ("mlagent.cli.ledger.group:ledger", "Say who did what to a model, when, why; prove that it stands."),
    "manifests": ("mlagent.cli.manifests:manifests", "Write what Kubernetes is given, and the rights it takes."),
    "policy": ("mlagent.cli.policy:policy", "Check or explain the platform's policy.yaml."),
    "config": ("mlagent.cli.config:config", "Explain, check or describe the configuration."),
    "init": ("mlagent.cli.project:init", "Write a new project from a template."),
    "doctor": ("mlagent.cli.project:doctor", "Say what this machine has and lacks, for which stage."),
    "jenkins": ("mlagent.cli.jenkins:jenkins", "Start, follow and set up the job on a Jenkins controller."),
    "render": ("mlagent.cli.render:render", "Write the views derived from the catalog (for mlagent's own developers)."),
}


class Cli(click.Group):
    """Knows every name without importing what is behind it."""

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002 - click's signature
        """Stages in order, then the others."""
        return [*_verbs(), *BESIDE]

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:  # noqa: ARG002 - click's signature
        """Open one command."""
        if cmd_name in BESIDE:
            module, _, attribute = BESIDE[cmd_name][0].partition(":")
            return getattr(import_module(module), attribute)  # type: ignore[no-any-return]
        stages = [stage for stage in catalog.STAGES if stage.verb == cmd_name]
        if not stages:
            return None
        make: Callable[..., click.Command] = import_module("mlagent.cli.stage").command
        made = make(stages)
        return import_module("mlagent.cli.load").extend(made) if cmd_name == "load-test" else made

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """Name the nearest command when there is none of this name."""
        if self.get_command(ctx, args[0]) is None and not args[0].startswith("-"):
            from mlagent.config.fields import nearest

            ctx.fail(f"{args[0]!r} is not a command{nearest(args[0], self.list_commands(ctx))}")
        return super().resolve_command(ctx, args)

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:  # noqa: ARG002 - click's signature
        """List them in two sections, without opening any."""
        with formatter.section("Stages, in the order they run"):
            formatter.write_dl(list(_verbs().items()))
        with formatter.section("Beside the chain"):
            formatter.write_dl([(name, line) for name, (_, line) in BESIDE.items()])

    def invoke(self, ctx: click.Context) -> object:
        """Turn a signal into the error that ends with 128+n."""
        try:
            return super().invoke(ctx)
        except Interrupted as interrupted:
            raise Stopped(interrupted.signal_number) from None


def _verbs() -> dict[str, str]:
    """Commands of the stages with their titles, each once."""
    return {stage.verb: stage.title for stage in catalog.STAGES}
