"""What stands around a ledger and can speak for or against it: registry, clusters, and the keys of its checkpoints."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from mlagent.cli import environments, platform
from mlagent.cli.app import App
from mlagent.config.environments import ENVIRONMENTS
from mlagent.errors import InfrastructureError, MlagentError

if TYPE_CHECKING:
    from mlagent.core.ports.signer import PublicKey
    from mlagent.core.release import Served
    from mlagent.engine.workspace import Workspace
    from mlagent.ledger.anchors import Anchor
    from mlagent.ledger.checkpoint import Sign
    from mlagent.ledger.verification import Anchored, Good, Report


class Environment(NamedTuple):
    """What its namespace holds: the checkpoints that are noted there, and what serves."""

    anchored: Sequence["Anchored"]
    served: "Served"


class Around(NamedTuple):
    """All checkpoints that others keep, what serves where, and who was not reached, and why."""

    anchored: tuple["Anchored", ...]
    served: Mapping[str, "Served"]
    missed: tuple[str, ...]


def look(app: App, workspace: "Workspace") -> Around:
    """Ask the registry of models and every environment that is set up; who is away is said, and no error."""
    from mlagent.ledger.anchors import VersionTags

    missed: list[str] = []
    anchored: list[Anchored] = []
    try:
        anchored += VersionTags(workspace.registry, environments.model(app)).read()
    except InfrastructureError as error:
        missed.append(f"the registry of models was not asked: {error.message}")
    served: dict[str, Served] = {}
    for name in set_up(app):
        try:
            found = _environment(app, name)
        except MlagentError as error:
            missed.append(f"{name} was not asked: {error.message}")
        else:
            anchored += found.anchored
            served[name] = found.served
    return Around(tuple(anchored), served, tuple(missed))


def set_up(app: App) -> Iterator[str]:
    """The environments that have a namespace."""
    sections = app.settings().sections
    return (name for name in ENVIRONMENTS if sections[name].namespace is not None)


def _environment(app: App, name: str) -> Environment:
    from mlagent.ledger.anchors import Annotation
    from mlagent.rollout import place, standing

    model = environments.model(app)
    with environments.cluster(app, name) as cluster:
        return Environment(Annotation(cluster, model).read(), standing.served(place.stands(cluster, model, name)))


def witnesses(app: App, file: Path | None) -> "Mapping[str, PublicKey]":
    """Whose signatures of checkpoints count: the key of `file`, else those that configuration and policy name."""
    from mlagent.trust import witnessing

    if file:
        return witnessing.one(file, f"--key {file}")
    sections = app.settings().sections
    sign = sections["sign"].public_key if "sign" in sections else None
    return witnessing.keys_of(sections["ledger"].public_key, platform.written(app, None), sign, app.project)


def verified(app: App, workspace: "Workspace", seen: Around, *, quiet: bool) -> "Report":
    """The ledger held against what was seen, by the keys that are set here; read in sight of whoever waits."""
    from mlagent.cli.ledger.progress import progress
    from mlagent.ledger.verification import verify

    demanded = bool(app.settings().sections["ledger"].public_key)
    with progress(quiet=quiet) as told:
        return verify(workspace.ledger, seen.anchored, good(app, witnesses(app, None)), told, demanded=demanded)


def refuse(app: App, workspace: "Workspace", what: str) -> None:
    """PolicyRefused (12) where `what` would be signed of a ledger with faults that nobody acknowledged.

    InfrastructureError (20) where the registry of models, which may speak against it, is away.
    """
    from mlagent.ledger import guard

    model = environments.model(app)
    workspace.registry.versions(model)
    report = verified(app, workspace, look(app, workspace), quiet=False)
    guard.refuse(workspace.ledger, model, guard.of_report(report), what)


def good(app: App, keys: "Mapping[str, PublicKey]") -> "Good | None":
    """Whether one of these keys signed; None without any."""
    from mlagent.adapters import sealing

    return sealing.good(keys, app.settings().sections["registry"], app.project)


def signer(app: App) -> "Sign | None":
    """Who signs checkpoints here: the key or service of `ledger`, else of `sign`; None where there is none."""
    from mlagent.adapters import sealing

    sections = app.settings().sections
    return sealing.sealer(sections["ledger"], sections["sign"], sections["registry"], app.project)


def anchors(app: App, workspace: "Workspace", name: str) -> "Iterator[AbstractContextManager[Anchor]]":
    """Where an environment's checkpoint is put besides the ledger: its version's tag, its Deployment if it has one."""
    from mlagent.ledger.anchors import VersionTags

    yield nullcontext(VersionTags(workspace.registry, environments.model(app)))
    if name in set_up(app):
        yield _annotation(app, name)


@contextmanager
def _annotation(app: App, name: str) -> "Iterator[Anchor]":
    from mlagent.ledger.anchors import Annotation

    with environments.cluster(app, name) as cluster:
        yield Annotation(cluster, environments.model(app))
