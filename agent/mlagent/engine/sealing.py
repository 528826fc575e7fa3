"""A checkpoint of the ledger every so many entries, by whoever wrote the last of them."""

from collections.abc import Callable

from mlagent.adapters import sealing
from mlagent.engine.clock import now
from mlagent.engine.workspace import Workspace
from mlagent.errors import ConfigError, MlagentError
from mlagent.ledger import checkpoint
from mlagent.ledger.checkpoint import Sign


def after(workspace: Workspace, number: int, warn: Callable[[str], None]) -> None:
    """An entry was written under this number: seal all of them if it is the hundredth, say; what fails is a warning."""
    every = workspace.settings.sections["ledger"].checkpoint_every
    if number % every:
        return
    try:
        checkpoint.take(workspace.ledger, now(), _signer(workspace))
    except MlagentError as error:
        warn(f"no checkpoint of the ledger was taken: {error.message}")


def _signer(workspace: Workspace) -> Sign | None:
    """A node that trains need not have the key: the next promotion signs what this one could not."""
    sections = workspace.settings.sections
    try:
        return sealing.sealer(sections["ledger"], sections.get("sign"), sections["registry"], workspace.project)
    except ConfigError:
        return None
