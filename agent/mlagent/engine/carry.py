"""Takes a run from one node to the next where they share no store: as one file that Jenkins stashes.

MLPIPELINE_CARRY says which way: `out` has a plan write the file, `in` has any command take it in first, once.
"""

import io
import shutil
import tarfile
import tempfile
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

from mlagent.engine.plan import Step
from mlagent.engine.workspace import Workspace, open_home
from mlagent.errors import InputError

FILE = "carry.tar"
VARIABLE = "MLPIPELINE_CARRY"


def out(workspace: Workspace, run_id: str, steps: Sequence[Step]) -> Path | None:
    """Write what the next node needs to go on with the run; nothing to do where it reaches the same store."""
    if workspace.shared:
        return None
    open_home(workspace.home)
    path = workspace.home / FILE
    store = workspace.store
    with tempfile.TemporaryDirectory(dir=workspace.home) as folder, tarfile.open(Path(folder) / FILE, "w") as tar:
        for name in store.names(""):
            if named := store.read(name):
                _add(tar, f"named/{name}", named.data)
        for digest in sorted(_digests(workspace, run_id, steps)):
            copy = Path(folder) / "blob"
            store.get(digest, copy)
            tar.add(copy, f"blobs/{digest}")
            copy.unlink()
        tar.close()
        (Path(folder) / FILE).replace(path)
    return path


def take_in(workspace: Workspace) -> None:
    """Put what was carried here into this node's store, once; InputError (4) when it arrived damaged."""
    path = workspace.home / FILE
    if workspace.shared or not path.is_file():
        return
    with tempfile.TemporaryDirectory(dir=workspace.home) as folder:
        try:
            with tarfile.open(path) as tar:
                for kind, name, file in _members(tar, Path(folder)):
                    workspace.store.put(file, name) if kind == "blobs" else workspace.store.write(
                        name, file.read_bytes()
                    )
        except (tarfile.TarError, EOFError) as error:
            raise InputError(
                f"{path} is damaged: {error}",
                hint="build again; was the disk of a node full? store.url needs no carrying",
            ) from error
    path.unlink()


def _digests(workspace: Workspace, run_id: str, steps: Sequence[Step]) -> Iterator[str]:
    """Of all that is reused, that this run made, and that it compares itself with."""
    found = workspace.records.load(run_id)
    outputs = [step.result.outputs for step in steps if step.result]
    outputs += [entry.outputs for entry in found[0].stages.values()] if found else []
    named: Iterable[str] = (stored.digest for one in outputs for stored in one.values())
    facts = [one for one in workspace.facts().values() if one.startswith("sha256:")]
    return (digest for digest in {*named, *facts} if workspace.store.size(digest) is not None)


def _add(tar: tarfile.TarFile, name: str, data: bytes) -> None:
    about = tarfile.TarInfo(name)
    about.size = len(data)
    tar.addfile(about, io.BytesIO(data))


def _members(tar: tarfile.TarFile, folder: Path) -> Iterator[tuple[str, str, Path]]:
    """Kind, name and content of each; nothing is written but to one file of the folder."""
    for member in tar:
        source = tar.extractfile(member)
        if source is None:
            continue
        kind, _, name = member.name.partition("/")
        with source, (folder / "member").open("wb") as target:
            shutil.copyfileobj(source, target)
        yield kind, name, folder / "member"
