"""SIGKILL at the boundaries at which a run writes, and at random moments: the next run ends as an undisturbed one."""

import json
import os
import random
import shutil
import signal
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple

import msgspec
import pytest

from mlagent.adapters.ledgers.objects import ObjectLedger
from mlagent.adapters.stores.local import LocalStore
from mlagent.core import digest
from mlagent.core.context import Context, Outputs
from mlagent.core.stage import Stage
from mlagent.core.verdict import check, verdict
from mlagent.engine import results
from mlagent.engine.record import Records
from mlagent.engine.results import Result
from tests.conftest import GOOD
from tests.unit.engine.chain import Knob, run, stage


def judge(config: Knob, inputs: Mapping[str, Path], ctx: Context) -> Outputs:
    value = float(len(inputs["c"].read_text()))
    return Outputs(
        summary="judged",
        verdicts=(verdict("size", [check("size", value, ">=", 1, samples=3)], inputs=ctx.digests, tools={}),),
    )


CHAIN: tuple[Stage, ...] = (
    stage("a", facts=("data",)),
    stage("b", reads=("a",)),
    stage("c", reads=("a", "b")),
    stage("gate", judge, reads=("c",)),
    stage("d", reads=("b", "c")),
    stage("meter", effect="observe", reads=("d",)),
)
# everything that a run writes with
WRITERS: tuple[tuple[Any, str], ...] = (
    (Records, "save"),
    (LocalStore, "put"),
    (LocalStore, "write"),
    (LocalStore, "swap"),
    (ObjectLedger, "append"),
    (results, "keep"),
    (Path, "rename"),
    (Path, "replace"),
    (os, "fsync"),
    (os, "replace"),
    (os, "rename"),
    (os, "link"),
)


@contextmanager
def counted(at: Callable[[int, str], None]) -> Iterator[None]:
    """Call `at` with a running number and the writer's name, before and after each write."""
    number = iter(range(1_000_000))
    originals = [(owner, name, getattr(owner, name)) for owner, name in WRITERS]

    def around(name: str, original: Any) -> Any:
        def write(*args: Any, **options: Any) -> Any:
            at(next(number), name)
            try:
                return original(*args, **options)
            finally:
                at(next(number), name)

        return write

    for owner, name, original in originals:
        setattr(owner, name, around(name, original))
    try:
        yield
    finally:
        for owner, name, original in originals:
            setattr(owner, name, original)


def in_child(
    project: Path,
    at: Callable[[int, str], None] = lambda *_: None,
    kill_after: float | None = None,
    chain: tuple[Stage, ...] = CHAIN,
) -> int:
    """Run a chain in a forked child; its wait status as an exit code (-9 when it was killed)."""
    child = os.fork()
    if child == 0:
        code = 70
        try:
            with counted(at):
                run(project, *chain)
            code = 0
        finally:
            os._exit(code)
    if kill_after is not None:
        time.sleep(kill_after)
        os.kill(child, signal.SIGKILL)
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])


def kill_at(moment: int) -> Callable[[int, str], None]:
    return lambda number, _: os.kill(os.getpid(), signal.SIGKILL) if number == moment else None


def new_project(folder: Path) -> Path:
    folder.mkdir()
    (folder / "mlpipeline.yaml").write_text(GOOD)
    (folder / "data.csv").write_text("y\n1\n")
    return folder


def told(project: Path) -> dict[str, Any]:
    """What a run says of itself, without times and numbers of attempts; and that all it kept is whole."""
    (path,) = (project / ".mlagent" / "runs").glob("*/run.json")
    record = json.loads(path.read_text())
    store = LocalStore(project / ".mlagent" / "store")
    for one in store.blobs():
        store.get(one, project / "verified")
        assert digest.of_file(project / "verified") == one
    for name in store.names("results/"):
        named = store.read(name)
        assert named is not None
        for stored in msgspec.json.decode(named.data, type=Result).outputs.values():
            assert store.size(stored.digest) == stored.size
    return {
        name: (one["state"], one["key"], {key: out["digest"] for key, out in one["outputs"].items()}, one["verdicts"])
        for name, one in record["stages"].items()
    }


class Undisturbed(NamedTuple):
    """What the chain ends with, the writer at each of its boundaries, and how long it takes in seconds."""

    end: dict[str, Any]
    boundaries: list[str]
    seconds: float


@pytest.fixture(scope="module")
def undisturbed(tmp_path_factory: pytest.TempPathFactory) -> Undisturbed:
    project = new_project(tmp_path_factory.mktemp("undisturbed") / "p")
    names = tmp_path_factory.mktemp("names") / "names"

    def note(_: int, name: str) -> None:
        with names.open("a") as file:
            file.write(name + "\n")

    began = time.monotonic()
    assert in_child(project, note) == 0
    return Undisturbed(told(project), names.read_text().split(), time.monotonic() - began)


def test_every_writer_is_among_the_boundaries(undisturbed: Undisturbed) -> None:
    assert {one[0] for one in undisturbed.end.values()} == {"done"}
    assert list(undisturbed.end) == [one.name for one in CHAIN]
    # intent and outcome of six stages, the end of the run, and that the ledger was told of it; before and after each
    assert undisturbed.boundaries.count("save") == 2 * (2 * len(CHAIN) + 2)
    assert {"put", "keep", "swap", "rename", "fsync"} <= set(undisturbed.boundaries)


@pytest.mark.parametrize("every", [10, pytest.param(1, marks=pytest.mark.long)])
def test_killed_at_a_boundary_it_goes_on(undisturbed: Undisturbed, tmp_path: Path, every: int) -> None:
    """At each at which a step is recorded, and at every tenth of the others; in the long form at all of them."""
    chosen = [n for n, name in enumerate(undisturbed.boundaries) if name == "save" or n % every == 0]
    for moment in chosen:
        project = new_project(tmp_path / str(moment))
        assert in_child(project, kill_at(moment)) == -signal.SIGKILL, moment
        assert in_child(project) == 0, moment
        assert told(project) == undisturbed.end, moment
        shutil.rmtree(project)


def test_killed_again_and_again_it_still_arrives(undisturbed: Undisturbed, tmp_path: Path) -> None:
    project = new_project(tmp_path / "p")
    tries = 0
    while in_child(project, kill_at(120)) == -signal.SIGKILL:  # every attempt gets a little further than the last
        tries += 1
        assert tries < 50
    assert tries > 2
    assert told(project) == undisturbed.end


@pytest.mark.parametrize("kills", [25, pytest.param(300, marks=pytest.mark.long)])
def test_killed_at_random_moments_it_goes_on(undisturbed: Undisturbed, tmp_path: Path, kills: int) -> None:
    moments, longest = random.Random(kills), undisturbed.seconds  # noqa: S311 - a test's moments
    killed = 0
    while killed < kills:
        project = new_project(tmp_path / str(killed))
        moment = moments.uniform(0, longest)
        if in_child(project, kill_after=moment) == -signal.SIGKILL:
            killed += 1
        else:  # it ended before: on a machine that has become faster, kill earlier
            longest = max(moment, longest / 2)
        assert in_child(project) == 0, (killed, moment)
        assert told(project) == undisturbed.end, (killed, moment)
        shutil.rmtree(project)
