"""What an image costs: the first one, that of a new model, that of nothing new; time, bytes and size against its peers.

All build the digits template's model on one base, take wheels from one server on loopback, and push to one registry
there. By the CPU of clients, engine and containers where the kernel counts it, else by the clock. Two commands make
ours, `mlagent package` and `mlagent push`, each of which starts an interpreter: what the stages took is given, too.
"""

import json
import os
import shutil
import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

from tests.bench.compare import ratio
from tests.bench.peers.ground import (
    Ground,
    Reading,
    empty_registry,
    ground,
    kept_bytes,
    measure_engine,
    metered,
    wheelhouse,
)
from tests.bench.peers.ground import run as do
from tests.bench.peers.images import Bento, Mlflow, Model, Peer, Slim
from tests.parts.registry import Registry

PACKAGE = Path(__file__).parents[2] / "agent/mlagent"
# How many pairs of each, and for how many seconds one may still begin once there are two: a quarter of an hour in all
FIRST = {"slim": (10, 200), "docker": (10, 300), "bentoml": (3, 90), "mlflow": (2, 150)}
NEXT = {"slim": (10, 40), "docker": (10, 300), "bentoml": (10, 40), "mlflow": (3, 60)}
MODELS = max(times for times, _ in NEXT.values()) + 1
FEWEST = 2
GOALS = (
    "goals: first at most slim's; new model at most 0.4 s of work, at most slim's, a quarter of bentoml's;"
    " nothing new at most 0.2 s; size at most half of mlflow's, 0.9 of bentoml's"
)
SETTINGS = """
package:
  base: oci:{base}
"""


class Cost(NamedTuple):
    """Of one image: what the commands took, and ours also by its two stages, in ms of the clock."""

    reading: Reading
    stages: tuple[float, float] = (0, 0)

    def ms(self, *, by_cpu: bool) -> float:
        """By whichever of both is compared."""
        return float(self.reading.cpu) if by_cpu and self.reading.cpu is not None else self.reading.clock


class Ours:
    """A project with several trained models, and what to forget before an image counts as the first."""

    name = "mlagent"

    def __init__(self, ground: Ground) -> None:
        """Train; only the seeds differ."""
        self.ground, self.project = ground, ground.folder / "digits"
        self._say("init", "digits", cwd=ground.folder)
        with (self.project / "mlpipeline.yaml").open("a") as file:
            file.write(SETTINGS.format(base=ground.layout))
        self.models = [self._train(seed) for seed in range(1, MODELS + 1)]
        do([*self._command("package", 0)], self._env(), self.project)

    def ship(self, seed: int, host: str, *, afresh: bool = False, more: Sequence[str] = ()) -> Cost:
        """Package and push, by two commands as in two places; `more` are further options of both."""
        if afresh:
            self._forget()
        to = ("--set", f"registry.repository={host}/bench/ours", *more)
        commands = [[*self._command(stage, seed), *to] for stage in ("package", "push")]
        reading = metered(commands, self._env(), self.project)
        return Cost(reading, self._stages())

    def lock(self) -> Path:
        return self.project / "serving.lock"

    def _train(self, seed: int) -> Model:
        quick = ("--set", "train.epochs=1", "--set", "gate.accuracy_min=0", "--until", "export")
        self._say("run", *quick, "--set", f"train.seed={seed}")
        folder = self._run() / "export"
        return Model(folder / "model.onnx", folder / "signature.json")

    def _command(self, stage: str, seed: int) -> list[str]:
        same = ("--set", "train.epochs=1", "--set", "gate.accuracy_min=0", "--set", f"train.seed={seed + 1}")
        return [sys.executable, "-m", "mlagent", "--log", "lines", stage, *same]

    def _forget(self) -> None:
        home = self.project / ".mlagent"
        for folder in (
            home / "images",
            home / "blobs",
            home / "store/named/results/package",
            self.ground.folder / "uv",
        ):
            shutil.rmtree(folder, ignore_errors=True)

    def _env(self) -> dict[str, str]:
        uv = {"UV_FIND_LINKS": self.ground.wheels, "UV_NO_INDEX": "1", "UV_CACHE_DIR": str(self.ground.folder / "uv")}
        return {**self.ground.docker, **uv}

    def _stages(self) -> tuple[float, float]:
        record = json.loads((self._run() / "run.json").read_text())
        fresh = record["attempt"] - 1  # of the first of the two commands; a stage that it reused is of an earlier one
        stages = (record["stages"][one] for one in ("package", "push"))
        package, push = (one["seconds"] * 1000 if one["attempt"] >= fresh else 0 for one in stages)
        return package, push

    def _run(self) -> Path:
        home = self.project / ".mlagent"
        return home / "runs" / (home / "newest").read_text()

    def _say(self, *args: str, cwd: Path | None = None) -> None:
        do([sys.executable, "-m", "mlagent", *args], {}, cwd or self.project)


class ByDocker:
    """Our own other builder: the same two commands, with the image made by the engine from a Dockerfile."""

    name = "docker"

    def __init__(self, ours: Ours) -> None:
        """Of the same project."""
        self.ours = ours

    def ship(self, model: Model, host: str, *, afresh: bool = False) -> Reading:
        """Package and push; the engine holds what it built before in its cache."""
        keys = ("package.builder=docker", f"package.wheelhouse={wheelhouse()}", f"registry.repository={host}/by-docker")
        more = [word for key in keys for word in ("--set", key)]
        return self.ours.ship(self.ours.models.index(model), host, afresh=afresh, more=more).reading


def run(only: Sequence[str] = ()) -> Iterator[str]:
    """Compare with every peer, or with those that are named; a line each, as they come."""
    measure_engine()
    with tempfile.TemporaryDirectory() as folder, ground(Path(folder)) as stage:
        ours = Ours(stage)
        makers: dict[str, Callable[[], Peer]] = {
            "slim": lambda: Slim(stage, ours.lock(), PACKAGE),
            "docker": lambda: ByDocker(ours),
            "bentoml": lambda: Bento(stage, Path(os.environ["MLAGENT_TEST_BENTOML"])),
            "mlflow": lambda: Mlflow(stage),
        }
        wanted = [make for name, make in makers.items() if not only or name in only]
        for make in wanted:
            yield from Beside(ours, make(), stage).all()
    yield f"images: {GOALS}"


def _turns(times: int, seconds: float) -> Iterator[int]:
    """So many, or as many as begin in that time."""
    end = time.monotonic() + seconds
    for turn in range(times):
        if turn >= FEWEST and time.monotonic() > end:
            return
        yield turn


class Beside(NamedTuple):
    """Ours and a peer, in turn, on the same ground."""

    ours: Ours
    peer: Peer
    stage: Ground

    def all(self) -> Iterator[str]:
        """Every comparison, a line each."""
        name = self.peer.name
        pairs, (mine, others) = self._first()
        yield _line(f"first image, mlagent / {name}", pairs)
        size = f"mlagent {mine / 1e6:.1f}, {name} {others / 1e6:.1f} MB; {mine / others:.2f}"
        yield f"bytes moved for a first image, which is its size, compressed, with the base: {size}"
        with empty_registry(self.stage.folder / "registry") as made:
            self._pair(0, made.host, afresh=True)
            pairs, moved = self._new_models(made)
            yield _line(f"image of a new model, mlagent / {name}", pairs)
            yield f"bytes moved for a new model: mlagent {moved[0] / 1e3:.1f}, {name} {moved[1] / 1e3:.1f} kB"
            before, last = kept_bytes(made), len(pairs)
            pairs = [self._pair(last, made.host) for _ in _turns(*NEXT[name])]
            yield _line(f"nothing new, mlagent / {name}", pairs)
            yield f"bytes moved for nothing new, {len(pairs)} times both: {(kept_bytes(made) - before) / 1e3:.1f} kB"

    def _first(self) -> tuple[list[tuple[Cost, Cost]], tuple[int, int]]:
        pairs, sizes = [], (0, 0)
        for _ in _turns(*FIRST[self.peer.name]):
            with empty_registry(self.stage.folder / "registry") as made:
                one, mine = self.ours.ship(0, made.host, afresh=True), kept_bytes(made)
            with empty_registry(self.stage.folder / "registry") as made:
                other, others = self._peer(0, made.host, afresh=True), kept_bytes(made)
            pairs.append((one, other))
            sizes = mine, others
        return pairs, sizes

    def _new_models(self, made: Registry) -> tuple[list[tuple[Cost, Cost]], tuple[float, float]]:
        pairs, moved = [], []
        for seed in (1 + turn for turn in _turns(*NEXT[self.peer.name])):
            start = kept_bytes(made)
            one, middle = self.ours.ship(seed, made.host), kept_bytes(made)
            other, end = self._peer(seed, made.host), kept_bytes(made)
            pairs.append((one, other))
            moved.append((middle - start, end - middle))
        mine, others = zip(*moved, strict=True)
        return pairs, (statistics.median(mine), statistics.median(others))

    def _pair(self, seed: int, host: str, *, afresh: bool = False) -> tuple[Cost, Cost]:
        return self.ours.ship(seed, host, afresh=afresh), self._peer(seed, host, afresh=afresh)

    def _peer(self, seed: int, host: str, *, afresh: bool = False) -> Cost:
        return Cost(self.peer.ship(self.ours.models[seed], host, afresh=afresh))


def _line(what: str, pairs: Sequence[tuple[Cost, Cost]]) -> str:
    by_cpu = all(cost.reading.cpu is not None for pair in pairs for cost in pair)
    told = ratio([(one.ms(by_cpu=by_cpu), other.ms(by_cpu=by_cpu)) for one, other in pairs])
    clock = ratio([(one.reading.clock, other.reading.clock) for one, other in pairs])
    package, push = (statistics.median(one.stages[at] for one, _ in pairs) for at in (0, 1))
    work = ratio([(max(sum(one.stages), 1), other.reading.clock) for one, other in pairs])
    return (
        f"{what}, {len(pairs)} times, by {'CPU' if by_cpu else 'the clock'}: {told}\n"
        f"  by the clock: {clock}\n"
        f"  of which the two stages took {package:.0f} and {push:.0f} ms; that / the peer's: {work}"
    )
