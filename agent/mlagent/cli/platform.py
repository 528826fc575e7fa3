"""What the platform set on this node, also where there is no project: its policy, and how to reach a registry."""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import click

from mlagent import catalog
from mlagent.cli.app import App

if TYPE_CHECKING:
    from mlagent.config.load import Flag, Settings
    from mlagent.trust.policy import Written

SECTIONS = ("policy", "registry", "sign")
POLICY = click.Path(path_type=Path, exists=True, dir_okay=False)
ABOUT = "The policy; without it MLAGENT_POLICY_FILE, else the strict default."


def settings(app: App, sections: Sequence[str] = SECTIONS, flags: "Sequence[Flag]" = ()) -> "Settings":
    """Of the project, or of these sections alone, by the environment and `flags`, where there is none."""
    from mlagent.config.load import load
    from mlagent.config.redact import Redactor

    if (app.project / app.file).exists():
        return app.settings(flags)
    wanted = {name: catalog.SECTIONS[name] for name in sections if name in catalog.SECTIONS}
    prefixes = tuple(f"MLAGENT_{name.upper()}_" for name in wanted)
    environ = {name: value for name, value in app.environ.items() if name.startswith(prefixes)}
    found = load(wanted, app.project, environ, flags, needed=False)
    app.redactor = Redactor(found.secrets())
    return found


def written(app: App, file: Path | None) -> "Written":
    """The policy of `file`, else the node's, else the strict default; ConfigError (3) names what is wrong in it."""
    from mlagent.engine import world
    from mlagent.trust.policy import Written
    from mlagent.trust.policy_file import load

    path = file or world.policy(settings(app))
    return load(path) if path else Written()
