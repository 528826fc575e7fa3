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
        sign = _signer(workspace)
        if sign is None or _ours(workspace):
            checkpoint.take(workspace.ledger, now(), sign)
    except MlagentError as error:
        warn(f"no checkpoint of the ledger was taken: {error.message}")


def _ours(workspace: Workspace) -> bool:
    """Whether the newest checkpoint is one that this key signed: only from there on is anything signed here.

    Nobody looked at the rest, which a promotion does before it signs: it is left to the next one.
    """
    sections, last = workspace.settings.sections, checkpoint.newest(workspace.ledger)
    if last is None or not last.signature:
        return False
    keys = sealing.own(sections["ledger"], sections.get("sign"), sections["registry"], workspace.project)
    good = sealing.good(keys, sections["registry"], workspace.project)
    return good is not None and good(checkpoint.signed(last.checkpoint), last.signature)


def _signer(workspace: Workspace) -> Sign | None:
    """A node that trains need not have the key: the next promotion signs what this one could not."""
    sections = workspace.settings.sections
    try:
        return sealing.sealer(sections["ledger"], sections.get("sign"), sections["registry"], workspace.project)
    except ConfigError:
        return None
