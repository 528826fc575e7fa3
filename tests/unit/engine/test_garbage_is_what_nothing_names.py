"""What no kept run, release or project names is garbage; while somebody runs, nothing is."""

from pathlib import Path

import pytest

from mlagent.core.context import Context, Outputs
from mlagent.core.digest import of_bytes
from mlagent.core.ports.ledger import Fact
from mlagent.engine.gc import Gone, collect
from mlagent.errors import Held
from tests.unit.engine.chain import calls, run, runner, stage

MAKER = stage("maker")
TAKER = stage("taker", reads=("maker",))


def test_garbage_is_what_no_kept_run_names(project: Path) -> None:
    first = run(project, MAKER, TAKER)
    second = run(project, MAKER, TAKER, sets={"taker.knob": 1})
    space = second.workspace
    assert collect(space, 2, delete=True) == Gone(0, 0, 0, 0, 0)
    found = collect(space, 1, delete=False)
    assert (found.runs, found.results, found.blobs, found.folders) == (1, 1, 1, 1)
    assert space.run_folder(first.run.run_id).exists()
    assert collect(space, 1, delete=True) == found
    assert not space.run_folder(first.run.run_id).exists()
    assert space.records.ids() == [second.run.run_id]
    calls(project)
    run(project, MAKER, TAKER, sets={"taker.knob": 1})
    assert calls(project) == []
    run(project, MAKER, TAKER)
    assert calls(project) == ["taker"]
    assert first.run.run_id in space.records.ids()


def test_what_a_release_names_is_never_garbage(project: Path) -> None:
    released = run(project, MAKER).run.stages["maker"].outputs["maker"].digest
    second = run(project, MAKER, sets={"maker.knob": 1})
    fact = Fact(what="promoted", model="m", who="ann", time="t", release="sha256:" + "1" * 64, holds=(released,))
    second.workspace.ledger.append(fact)
    gone = collect(second.workspace, 1, delete=True)
    assert (gone.runs, gone.results, gone.blobs) == (1, 1, 0)
    assert second.workspace.store.size(released)


def test_an_environment_that_nobody_declares_any_more_is_garbage(project: Path) -> None:
    space = run(project, MAKER).workspace
    (space.home / "environments" / "0123").mkdir(parents=True)
    (space.home / "environments" / "0123" / "file").write_bytes(bytes(1000))
    assert collect(space, 1, delete=True) == Gone(0, 0, 0, 1, 1000)
    assert not (space.home / "environments" / "0123").exists()


def test_a_piece_of_an_image_that_nothing_names_is_garbage_on_this_node(project: Path) -> None:
    named = b"a layer that a run names"

    def pack(config: object, inputs: object, ctx: Context) -> Outputs:
        for piece in (named, b"another"):
            (ctx.work / "piece").write_bytes(piece)
            ctx.blobs.add(ctx.work / "piece", of_bytes(piece))
        return Outputs(summary="packed", blobs=(of_bytes(named),))

    space = run(project, stage("pack", run=pack)).workspace
    assert collect(space, 1, delete=True) == Gone(0, 0, 0, 0, len(b"another"))
    assert [f"sha256:{one.name}" for one in (space.home / "images" / "blobs" / "sha256").iterdir()] == [of_bytes(named)]


def test_garbage_is_not_collected_under_a_run(project: Path) -> None:
    run(project, MAKER)
    one = runner(project, MAKER)
    with pytest.raises(Held):
        collect(one.workspace, 1, delete=True)
    one.lease.release()
