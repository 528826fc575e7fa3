"""What looking at every row costs: ten million rows of twelve columns, twenty checks and PSI, against its peers."""

import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path

from tests.bench.compare import Ratio, alternate, clock_ms, cpu_ms

ALTERNATIONS = 10
GOAL, GOAL_PSI = 1.6, 2.2
GOAL_MB = 500
MAKE = """\
import sys, numpy as np, polars as pl
rows, path = int(sys.argv[1]), sys.argv[2]
r = np.random.default_rng(1)
ids = r.permutation(rows).astype(np.int64)
def words(given): return pl.Series(given).gather(r.integers(0, len(given), rows).astype(np.uint32))
claims = r.poisson(0.07, rows).astype(np.int32)
pl.DataFrame({
    "id": ids, "customer": (ids // 12).astype(np.int32), "month": (ids % 12).astype(np.int8),
    "postcode": words([f"{s}-{p}" for s in ("NSW", "VIC", "QLD", "WA") for p in range(2000, 3000)]),
    "brand": words([f"brand {n}" for n in range(40)]), "contract": "C" + pl.Series(ids).cast(pl.String).str.zfill(9),
    "exposure": r.random(rows), "value": r.lognormal(0.5, 0.6, rows), "age": r.integers(18, 95, rows).astype(np.int32),
    "claims": claims, "amount": np.where(claims > 0, r.gamma(2, 1000, rows), 0.0),
    "premium": r.lognormal(6, 0.3, rows).astype(np.float32),
}).write_parquet(path, row_group_size=500_000)
"""
PEER = """\
import sys, polars as pl
both = (pl.all().min().name.suffix("_min"), pl.all().max().name.suffix("_max"))
pl.scan_parquet(sys.argv[1]).select(*both).collect(engine="streaming")
"""
OURS = r"""
import sys
from datetime import UTC, datetime
from pathlib import Path
from mlagent.core.context import DataFile
from mlagent.data import judge, profile
from mlagent.data.scan import Scanner
from mlagent.data.schema import Column as C, Rule, Schema, Unique
columns = {
    "id": C(type="integer", unique=True), "customer": C(type="integer", min=0),
    "month": C(type="integer", min=0, max=11), "postcode": C(type="text", pattern=r"(NSW|VIC|QLD|WA)-\d{4}"),
    "brand": C(type="text", pattern=r"brand \d+"),
    "contract": C(type="text", pattern=r"C\d{9}"), "exposure": C(type="number", min=0, max=1),
    "value": C(type="number", min=0, max=1000), "age": C(type="integer", min=18, max=99),
    "claims": C(type="integer", min=0, max=50), "amount": C(type="number", min=0), "premium": C(type="number", min=0),
}
rules = (Rule(name="one", expression="(claims > 0) = (amount > 0)"), Rule(name="two", expression="premium > exposure"))
schema = Schema(columns=columns, unique=(Unique(columns=("customer", "month")),), rules=rules)
now = datetime.now(UTC)
found = Scanner(schema, now).scan([DataFile("rows.parquet", Path(sys.argv[1]))])
assert not judge.judge(schema, found, {}, now).findings
"""
PSI = """
moved = profile.compare(profile.of_sample(found.sample, found.rows, schema), found.sample, list(columns))
assert not judge.judge(schema, found, moved, now).findings and len(moved) == 12
"""
# of this program alone: ru_maxrss holds what its parent had, too
PEAK = "\nprint(Path('/proc/self/status').read_text().partition('VmHWM:')[2].split()[0])"
HERE = Path(__file__).parent / "peers"
SLOW = {"pandera on pandas": "pandera_pandas.py", "pandera on polars": "pandera_polars.py"}
ONCE = {"Great Expectations": "expectations_pandas.py"}  # a minute each: taken once, for orientation


def run() -> str:
    """CPU time in turn, and peak memory; other numbers of rows by MLAGENT_TEST_BENCH_ROWS.

    The peers that keep all rows in memory are found by MLAGENT_TEST_PEERS, the Python of their environment.
    """
    rows = int(os.environ.get("MLAGENT_TEST_BENCH_ROWS", "10000000"))
    with tempfile.TemporaryDirectory() as folder:
        path = str(Path(folder) / "rows.parquet")
        subprocess.run([sys.executable, "-c", MAKE, str(rows), path], check=True)
        plain, psi, peer = ([sys.executable, "-c", code, path] for code in (OURS, OURS + PSI, PEER))
        of = f"{rows} rows x 12, 20 checks"
        lines = [
            f"{of} / min and max of every column: {_in_turn(plain, peer)}; goal: at most {GOAL}",
            f"{of} and PSI / min and max of every column: {_in_turn(psi, peer)}; goal: at most {GOAL_PSI}",
            f"peak memory of that: {_peak_mb([*psi[:2], OURS + PSI + PEAK, path])} MB; goal: under {GOAL_MB}",
            *_others(plain, path, of),
        ]
    return "\n".join(lines)


def _others(ours: Sequence[str], path: str, of: str) -> Iterator[str]:
    python = os.environ.get("MLAGENT_TEST_PEERS")
    if not python:
        yield "pandera, Great Expectations: not measured, MLAGENT_TEST_PEERS names no Python"
        return
    for name, file in SLOW.items():
        other = [python, str(HERE / file), path]
        yield f"{of}, {name} / mlagent: {_in_turn(other, ours)} of CPU; its peak memory: {_peak_mb(other)} MB"
        clock = alternate(lambda other=other: clock_ms(other), lambda: clock_ms(ours), ALTERNATIONS)  # type: ignore[misc]
        yield f"{of}, {name} / mlagent: {clock} by the clock; goal of the first: at least 5"
    for name, file in ONCE.items():
        other = [python, str(HERE / file), path]
        yield f"{of}, {name}, once: {cpu_ms(other):.0f} ms of CPU; its peak memory: {_peak_mb(other)} MB"


def _in_turn(one: Sequence[str], other: Sequence[str]) -> Ratio:
    return alternate(lambda: cpu_ms(one), lambda: cpu_ms(other), ALTERNATIONS)


def _peak_mb(command: Sequence[str]) -> int:
    return int(subprocess.run(command, capture_output=True, text=True, check=True).stdout.split()[-1]) // 1024
