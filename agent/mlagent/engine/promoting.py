"""What a run has to show before its release is promoted where no cluster is: the preconditions of `deploy`, in code."""

import tempfile
from collections.abc import Iterator
from pathlib import Path

import msgspec

from mlagent.core.artifact import Stored
from mlagent.core.context import Done
from mlagent.core.digest import Digest
from mlagent.core.ports.ledger import MOVES, Ledger
from mlagent.core.release import Release
from mlagent.engine import origin
from mlagent.engine.record import RunRecord
from mlagent.engine.workspace import Workspace
from mlagent.errors import InfrastructureError, PolicyRefused
from mlagent.ledger import history
from mlagent.ledger.promotion import against

LAST = "production"
AGAIN = "`mlagent run` goes through all stages in order; `mlagent show` says how they ended"


class _Version(msgspec.Struct):
    number: int


def release_of(workspace: Workspace, run: RunRecord) -> Release:
    """What the run released; PolicyRefused (12) where it has not come so far, or pushed no image and should have."""
    repository = workspace.settings.sections["registry"].repository
    needed = {"gate": "", "register": "version"} | ({"load-test": "", "push": "pushed"} if repository else {})
    short = [stage for stage, artifact in needed.items() if not _did(run, stage, artifact)]
    if short:
        raise PolicyRefused(f"run {run.run_id} has not passed {' and '.join(short)}, so it is not promoted", hint=AGAIN)
    version = _read(workspace, run.stages["register"].outputs["version"])
    image = f"{repository}@{run.stages['package'].outputs['image'].digest}" if repository else ""
    return Release(
        model=run.project,
        image=image,
        version=msgspec.json.decode(version, type=_Version).number,
        onnx=run.stages["export"].outputs["onnx"].digest,
        data=run.facts.get("data", ""),
        commit=run.commit or "",
        build=run.build,
        run=run.run_id,
    )


def record_of(run: RunRecord) -> dict[str, Digest]:
    """The release record, card and verdicts of the run, by artifact; nothing where it wrote none."""
    made = run.stages.get("release")
    return {name: one.digest for name, one in made.outputs.items()} if made and made.state == "done" else {}


def done_before(workspace: Workspace, run: RunRecord, environment: str) -> tuple[Done, ...]:
    """What the run has done before it would come to the environment."""
    names = [one.name for one in workspace.stages]
    return origin.done(run, names[: names.index(f"deploy@{environment}")])


def must_be_told(run: RunRecord) -> None:
    """InfrastructureError (20) where the ledger has not heard of all that the promotion would rest on."""
    if run.untold or not run.build:
        raise InfrastructureError(
            f"the ledger was not told of {len(run.untold)} facts of run {run.run_id}: it was away",
            hint="`mlagent run` again tells it; then promote",
        )


def admit(workspace: Workspace, run: RunRecord, release: Release, environment: str) -> None:
    """PolicyRefused (12), naming everything that stands against it."""
    found = [*against(workspace.ledger, release, environment)]
    if environment == LAST:
        found += [*_staged(workspace, run, release), *_clean(run)]
        found += [] if release.image else [_no_image()]
    if found:
        raise PolicyRefused(
            f"{release} is not promoted to {environment}: {'; '.join(said for said, _ in found)}",
            hint="; ".join(dict.fromkeys(cure for _, cure in found)),
        )


def _staged(workspace: Workspace, run: RunRecord, release: Release) -> Iterator[tuple[str, str]]:
    """No stage is skipped: it has been in staging, was not taken back there, and soaked where pods serve."""
    if not _been(workspace.ledger, release, "staging"):
        yield "it has not been promoted to staging", "`mlagent promote --env staging`"
    if left := history.left_behind(workspace.ledger, release.model, "staging", release.build):
        yield f"it was rolled back in staging by {left.who} at {left.time}", "build a better one"
    if workspace.settings.sections["staging"].namespace is not None and not _did(run, "soak@staging"):
        yield "it has not soaked in staging", "`mlagent soak --env staging`"


def _been(ledger: Ledger, release: Release, environment: str) -> bool:
    facts = (one.fact for one in ledger.about(release.model, environment))
    return any(one.what in MOVES and one.release == release.digest for one in facts)


def _clean(run: RunRecord) -> Iterator[tuple[str, str]]:
    if not run.commit:
        yield "it was built from no commit", "commit the project to git, and build from that"
    elif run.dirty:
        yield f"it was built with changes that are not in commit {run.commit[:12]}", "commit them, and build from that"


def _no_image() -> tuple[str, str]:
    return "it pushed no image, so that nothing of it can be verified", "set registry.repository, and `mlagent run`"


def _did(run: RunRecord, stage: str, artifact: str = "") -> bool:
    """Whether the stage is done, and left this artifact."""
    made = run.stages.get(stage)
    return made is not None and made.state == "done" and (not artifact or artifact in made.outputs)


def _read(workspace: Workspace, stored: Stored) -> bytes:
    with tempfile.TemporaryDirectory(prefix="mlagent-") as folder:
        path = Path(folder) / "read"
        workspace.store.get(stored.digest, path)
        return path.read_bytes()
