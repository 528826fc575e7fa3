"""Whether the registry asks who pushes: the doctor's one question that goes over the network."""

from collections.abc import Iterator

from mlagent import adapters
from mlagent.core.oci import parse
from mlagent.engine.doctor import Finding
from mlagent.engine.workspace import Workspace
from mlagent.errors import MlagentError

NEED = "a registry that asks who pushes"


def examine_registry(workspace: Workspace) -> Iterator[Finding]:
    """Begin an upload without credentials, and cancel it where it may begin; nothing where no registry is named."""
    settings = workspace.settings.sections["registry"]
    if settings.repository is None:
        return
    where = parse(settings.repository)
    try:
        anybody = adapters.takes_anonymous_pushes(where, settings, workspace.project)
    except MlagentError as error:
        yield Finding("registry", NEED, "optional", f"could not be asked: {error.message}")
        return
    if anybody:
        said = (
            f"anybody who reaches {where.host} may push to {where.path}: have it ask for a login (htpasswd, or tokens)"
        )
        yield Finding("registry", NEED, "missing", said)
    else:
        yield Finding("registry", NEED, "found", f"{where.host} refuses a push without credentials")
