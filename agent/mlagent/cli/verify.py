"""`mlagent verify`: whether an image, or a model's files, show what the platform's policy asks for."""

import re
from pathlib import Path
from typing import TYPE_CHECKING

import click

from mlagent.cli import platform
from mlagent.cli.app import App

if TYPE_CHECKING:
    from mlagent.config.images import Registry
    from mlagent.core.oci import Reference
    from mlagent.trust.policy import Policy
    from mlagent.trust.verify import Decision

DIGEST = re.compile(r"sha256:[0-9a-f]{64}")
HEAD = ("what", "asked", "found", "verdict")


@click.command()
@click.argument("image", required=False)
@click.option("--policy", "file", type=platform.POLICY, help=platform.ABOUT)
@click.option("--key", type=platform.POLICY, help="A public key (PEM) that counts instead of the policy's.")
@click.option("--env", "environment", default="", metavar="ENV", help="For this environment, in the project's folder.")
@click.option("--policy-digest", "pinned", default="", metavar="DIGEST", help="Refuse under any other policy.")
@click.option("--bundle", type=click.Path(path_type=Path, exists=True, file_okay=False), help="A model's own files.")
@click.option("--json", "as_json", is_flag=True, help="Print the decision as JSON instead of a table.")
@click.pass_obj
def verify(
    app: App,
    image: str | None,
    file: Path | None,
    key: Path | None,
    environment: str,
    pinned: str,
    bundle: Path | None,
    *,
    as_json: bool,
) -> None:
    """Say whether IMAGE (NAME@sha256:…) shows what the platform's policy asks for: 0, or 12 with all that is missing.

    With --bundle FOLDER, whether a model's files are those that were signed (agent/docs/verify.md).
    """
    if bool(image) == bool(bundle):
        message = "name an image, NAME@sha256:…, or a folder with --bundle"
        raise click.UsageError(message, ctx=click.get_current_context())
    if bundle and (pinned or as_json):
        message = "--policy-digest and --json are of a decision on an image; with --bundle there is none"
        raise click.UsageError(message, ctx=click.get_current_context())
    asked = _policy(app, file, key, environment)
    if bundle:
        _bundle(app, bundle, asked)
        return
    if pinned and not DIGEST.fullmatch(pinned):
        message = (
            f"--policy-digest {pinned}: a digest is sha256: and 64 hex digits, as `mlagent policy check` prints it"
        )
        raise click.UsageError(message, ctx=click.get_current_context())
    decision = _decide(app, str(image), asked, pinned)
    if as_json:
        from mlagent.core.digest import canonical_json

        click.echo(canonical_json(decision).decode())
    else:
        _show(app, decision)
    decision.raise_unless_passed()


def _policy(app: App, file: Path | None, key: Path | None, environment: str) -> "Policy":
    from mlagent.errors import ConfigError
    from mlagent.trust import keys
    from mlagent.trust.policy import policy

    found = platform.written(app, file)
    if key is None:
        return policy(found, environment)
    try:
        return policy(found, environment, {key.name: keys.key(key.read_text())})
    except (OSError, ValueError) as error:
        raise ConfigError(f"--key {key}: {error}", hint="`cosign public-key --key …` prints it") from error


def _decide(app: App, image: str, asked: "Policy", pinned: str) -> "Decision":
    from datetime import UTC, datetime

    from mlagent import adapters
    from mlagent.core import oci
    from mlagent.errors import UsageError
    from mlagent.trust import gathering
    from mlagent.trust.verify import judge

    try:
        where = oci.parse(image)
    except ValueError as error:
        raise UsageError(str(error), hint="`push` prints what to name") from error
    settings = _registry(app, where)
    verifier = adapters.verifier(settings, app.project, transparency_log=asked.transparency_log)
    with adapters.image_registry(where, settings, app.project, named="the image") as registry:
        found = gathering.gather(where, registry, verifier, asked)
    if where.digest is None:
        click.echo(f"{where} is {found.repository}@{found.digest} now", err=True)
    if asked.environment:
        workspace = app.workspace()
        model = workspace.settings.sections["project"].name
        found = gathering.of_environment(found, workspace.ledger, model, asked.environment)
    return judge(found, asked, datetime.now(UTC), pinned=pinned)


def _registry(app: App, where: "Reference") -> "Registry":
    """How the registry is asked; the credentials of another host are not for this one."""
    from mlagent.config.images import Registry
    from mlagent.core import oci

    settings: Registry = platform.settings(app).sections["registry"]
    if settings.repository and oci.parse(settings.repository).host == where.host:
        return settings
    return Registry()


def _bundle(app: App, folder: Path, asked: "Policy") -> None:
    from mlagent import adapters
    from mlagent.config.images import Registry
    from mlagent.trust import bundle, gathering

    verifier = adapters.verifier(Registry(), app.project, transparency_log=asked.transparency_log)
    found = bundle.verify(folder, verifier, gathering.signers(asked))
    click.echo(f"{', '.join(found.files)}: signed by {found.by}, of the release {found.release}")


def _show(app: App, decision: "Decision") -> None:
    from mlagent.core.digest import short
    from mlagent.report.table import table

    rows = [(one.what, one.asked, one.found, one.outcome) for one in decision.findings]
    click.echo(table(HEAD, [[app.mask(cell) for cell in row] for row in rows], colour=3, wrapped=2))
    where = f" in {decision.environment}" if decision.environment else ""
    if decision.passed:
        click.echo(f"\n{decision.image} may run{where} (policy {short(decision.policy)})")
