"""Runs it: `python -m tests.bench.serving [--only mlp|insurance|resnet|install] [--quick]`; it prints, no more."""

import argparse
import signal
import sys
import tempfile
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import NamedTuple

from tests.bench.serving import install, machine, models, peers
from tests.bench.serving.health import asked
from tests.bench.serving.models import Case
from tests.bench.serving.rounds import Pairs, Plan, beside, measured
from tests.bench.serving.servers import Server, Way, serving
from tests.bench.serving.table import Goal, middle, table

Maker = Callable[[Case], list[Way]]
CPU_US, P99_SHARE, HEALTH_MS = 60, 5, 10
TO = "requests/s, ours to"


class Bench(NamedTuple):
    """A model, at how many connections, peers with goals (ours at least so many times their rate), other peers."""

    made: Callable[[Path], Case]
    connections: Sequence[int]
    seconds: int
    goals: dict[str, float]
    others: Sequence[str]


BENCHES = {
    "mlp": Bench(models.mlp, (8, 64), 2, {"mlflow": 10, "mlserver": 6}, ("fastapi", "kserve", "litserve", "bentoml")),
    "insurance": Bench(models.insurance, (8, 64), 2, {"mlflow": 6}, ()),
    "resnet": Bench(
        models.resnet, (8,), 4, dict.fromkeys(("fastapi", "litserve", "mlserver"), 1.3), ("bentoml", "kserve")
    ),
}


def main() -> int:
    """Measure what is named; 1 where a peer could not be measured, 0 otherwise: figures are for people to judge."""
    options = argparse.ArgumentParser(prog="python -m tests.bench.serving", description=__doc__)
    options.add_argument("--only", action="append", choices=[*BENCHES, "install"], help="default: all of them")
    options.add_argument("--quick", action="store_true", help="two short alternations: to see that it works")
    options.add_argument("--peer", action="append", help="of the peers, this one; default: all of them")
    given = options.parse_args()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))  # an end like any other, so that no server is left behind
    _say(machine.said(sys.argv[1:]))
    failed: list[str] = []
    with tempfile.TemporaryDirectory() as folder:
        for name in given.only or [*BENCHES, "install"]:
            if name == "install":
                _say(install.said(models.mlp(Path(folder))))
            else:
                failed += _run(name, Path(folder), given.peer, quick=given.quick)
    for sentence in failed:
        _say(f"could not be measured: {sentence}")
    return 1 if failed else 0


def _run(name: str, folder: Path, only: Sequence[str] | None, *, quick: bool) -> list[str]:
    """Measure one model on all; sentences of those that could not be."""
    bench = BENCHES[name]
    case = bench.made(folder)
    found: list[Pairs] = []
    failed = []
    with serving(peers.ours(case)[0], case) as ours:
        for peer in only or (*bench.goals, *bench.others):
            times = 10 if peer in bench.goals else 5
            plan = (
                Plan(bench.connections, bench.seconds // 2, 2)
                if quick
                else Plan(bench.connections, bench.seconds, times)
            )
            maker: Maker = getattr(peers, peer)
            try:
                found += beside(ours, peer, maker(case), case, plan)
            except RuntimeError as error:
                failed.append(f"{name} on {peer}: {error}")
        _say(f"## {name}\n")
        for connections in bench.connections:
            _tell(bench, ours, connections, [one for one in found if one.connections == connections])
        if name == "resnet":
            _say(_health(ours, bench))
    return failed


def _tell(bench: Bench, ours: Server, connections: int, found: list[Pairs]) -> None:
    if not found:
        return
    _say(table(connections, found, ours.way.ask.form, ours.way.settings))
    decisive = [one for one in found if one.peer in bench.goals]
    goals = [Goal(f"{TO} {one.peer}", one.rate(), bench.goals[one.peer]) for one in decisive]
    if bench.made is models.mlp:
        goals += [Goal(f"p99, {one.peer}'s to ours", one.p99(), P99_SHARE) for one in decisive]
    if bench.made is models.mlp and connections == bench.connections[-1]:
        cpu = middle([reading for pairs in found for reading in pairs.ours]).cpu_us
        goals.append(Goal("CPU us a request, ours", cpu, CPU_US, least=False))
    _say("\n".join(map(str, goals)) + "\n")


def _health(ours: Server, bench: Bench) -> str:
    """Five readings with readiness asked beside them: its port follows that of requests."""
    with asked(int(ours.url.rpartition(":")[2]) + 1) as waits:
        for _ in range(5):
            measured(ours, bench.connections[-1], bench.seconds)
    p99 = sorted(waits)[int(len(waits) * 0.99)]
    return f"{Goal(f'p99 in ms of {len(waits)} answers of readiness under that load', p99, HEALTH_MS, least=False)}\n"


def _say(text: str) -> None:
    print(text, flush=True)  # noqa: T201 - printing is what it is for


if __name__ == "__main__":
    sys.exit(main())
