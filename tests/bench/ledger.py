"""A ledger of a million entries: what it costs to verify all of it, to ask it what was where at a time, and to append.

The entries are those of many models, build by build, written in bulk as the ledger chains them. There is no peer: none
keeps what moved where in a chain that can be verified.
"""

import json
import random
import sqlite3
import statistics
import tempfile
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import closing
from datetime import UTC, datetime, timedelta
from itertools import islice
from pathlib import Path
from typing import Any

from mlagent.adapters.ledgers.lines import LineLedger
from mlagent.adapters.ledgers.sql import SqlLedger
from mlagent.core import digest
from mlagent.core.ports.ledger import Fact, Kept, Ledger, decode
from mlagent.ledger import checkpoint, history
from mlagent.ledger.verification import verify

ENTRIES, MODELS, QUESTIONS, APPENDED = 1_000_000, 40, 300, 200
GOAL_VERIFY_S, GOAL_AT_MS = 5, 50
BEGAN, STEP = datetime(2020, 1, 1, tzinfo=UTC), timedelta(seconds=180)
JUDGED = ("check", "data", "accuracy", "bias", "calibration", "drift", "robustness", "latency", "image")
Made = tuple[str, Callable[[], Ledger]]


def run() -> str:
    """Each back end by the clock: one verification, questions at random times, appends one after the other."""
    with tempfile.TemporaryDirectory() as folder:
        return "\n".join(_measured(*made) for made in _made(Path(folder)))


def _made(folder: Path) -> Iterator[Made]:
    """The same entries in each back end."""
    lines, table = folder / "ledger.jsonl", folder / "ledger.db"
    with lines.open("wb") as file:
        file.writelines(b"%s\n" % line for line in _chained(islice(_facts(), ENTRIES)))
    yield "JSON lines", lambda: LineLedger(lines)
    url = f"sqlite:///{table}"
    SqlLedger(url).head()  # which makes the tables
    with lines.open() as file, closing(sqlite3.connect(table)) as connection, connection:
        rows = ((number, line.rstrip("\n")) for number, line in enumerate(islice(file, ENTRIES), 1))
        connection.executemany("INSERT INTO mlagent_ledger_entries (number, entry) VALUES (?, ?)", rows)
    yield "SQLite", lambda: SqlLedger(url)


def _measured(name: str, opened: Callable[[], Ledger]) -> str:
    of, ledger = f"ledger of {ENTRIES} entries, {name}", opened()
    seconds, cpu = _verified(ledger)
    checkpoint.take(ledger, _time(ENTRIES), None)
    asked = sorted(_asked(opened, random.Random(turn)) for turn in range(QUESTIONS))  # noqa: S311 - a drawn question
    p50, p99 = statistics.median(asked), asked[int(QUESTIONS * 0.99)]
    return (
        f"{of}: verified in {seconds:.2f} s ({cpu:.2f} s of CPU); goal: at most {GOAL_VERIFY_S}; no peer has one\n"
        f"{of}: `at` a random time, p50 {p50:.1f} ms, p99 {p99:.1f} ms; goal: at most {GOAL_AT_MS}\n"
        f"{of}: {_appended(ledger):.0f} appends a second, each flushed to the disk"
    )


def _verified(ledger: Ledger) -> tuple[float, float]:
    """Seconds by the clock, and of CPU."""
    began, used = time.perf_counter(), time.process_time()
    report = verify(ledger)
    took = time.perf_counter() - began, time.process_time() - used
    if report.faults or report.size != ENTRIES:
        raise RuntimeError(str(report))
    return took


def _asked(opened: Callable[[], Ledger], drawn: random.Random) -> float:
    """Milliseconds of one question, which the first build of every model lies before."""
    model, environment = f"model-{drawn.randrange(MODELS)}", drawn.choice(("staging", "production"))
    moment = _time(drawn.randrange(ENTRIES // 100, ENTRIES))
    began = time.perf_counter()
    there = history.at(opened(), model, environment, moment)
    took = (time.perf_counter() - began) * 1000
    if there is None or len(there.evidence) < len(JUDGED):
        raise RuntimeError(f"{model} in {environment} at {moment}: {there}")
    return took


def _appended(ledger: Ledger) -> float:
    fact = Fact(what="drifted", model="model-0", who="bench", time=_time(ENTRIES), release="")
    began = time.perf_counter()
    for _ in range(APPENDED):
        ledger.append(fact)
    return APPENDED / (time.perf_counter() - began)


def _facts() -> Iterator[dict[str, Any]]:
    """Builds of models in turn: judged, brought to staging, every fourth to production; some go back."""
    drawn, build, before = random.Random(1), 0, dict[str, dict[str, Any]]()  # noqa: S311 - figures for a bench
    while True:
        build += 1
        model = f"model-{build % MODELS}"
        image, network, run = (f"sha256:{drawn.getrandbits(256):064x}" for _ in range(3))
        its = {"model": model, "who": "jenkins", "build": build, "run": run[7:23], "environment": "", "holds": []}
        for check in JUDGED:
            details = {"subject": check, "outcome": "pass", "stage": "evaluate", "digest": run}
            yield its | {"what": "verdict", "release": network, "details": details, "holds": [run]}
        yield its | {"what": "run-finished", "release": image, "details": {"outcome": "done", "attempt": "1"}}
        places = ("staging", "production") if build // MODELS % 4 == 0 else ("staging",)
        for place in places:
            here = its | {"release": image, "environment": place}
            moved = here | {"what": "promoted", "details": {"onnx": network, "version": str(build)}, "holds": [network]}
            yield here | {"what": "deployed", "details": {"namespace": place, "placement": run[7:15]}}
            yield moved
            yield here | {"what": "verdict", "details": {"subject": "soak", "outcome": "pass"}}
            if build % 50 == 0 and (last := before.get(model + place)):
                yield last | {"what": "rolled-back", "details": {"reason": "slow", "from_build": str(build)}}
            before[model + place] = moved


def _chained(facts: Iterable[dict[str, Any]]) -> Iterator[bytes]:
    """As a ledger writes them, many times faster; the first are held against how it does."""
    previous = ""
    for number, fact in enumerate(facts, 1):
        at = fact | {"time": _time(number)}
        line = json.dumps({"fact": at, "number": number, "previous": previous}, sort_keys=True, separators=(",", ":"))
        data = line.encode()
        if number <= 1000 and digest.canonical_json(decode(Kept(number, data))) != data:
            raise RuntimeError(f"this is not how a ledger writes it: {line}")
        yield data
        previous = digest.of_bytes(data)


def _time(number: int) -> str:
    return (BEGAN + number * STEP).isoformat(timespec="milliseconds")
