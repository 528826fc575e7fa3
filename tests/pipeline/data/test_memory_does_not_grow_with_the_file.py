"""A scan of a file far larger than memory: its own process stays under half a gigabyte, and finds the planted rows."""

import json
import subprocess
import sys
from pathlib import Path

import polars as pl
import pytest

SCAN = r"""
import json, sys
from datetime import UTC, datetime
from pathlib import Path
from mlagent.core.context import DataFile
from mlagent.data import profile
from mlagent.data.scan import Scanner
from mlagent.data.schema import Column, Rule, Schema, Unique
schema = Schema(
    columns={
        "key": Column(type="integer", unique=True),
        "policy": Column(type="text", pattern=r"P\d{9}", unique=True),
        "month": Column(type="integer", min=0, max=11),
        "region": Column(type="text", values=("north", "south")),
        "value": Column(type="number", min=0, max=1),
    },
    unique=(Unique(columns=("policy", "month")),),
    rules=(Rule(name="value", expression="value < month + 1"),),
)
found = Scanner(schema, datetime.now(UTC)).scan([DataFile("rows.parquet", Path(sys.argv[1]))])
profile.of_sample(found.sample, found.rows, schema)
pairs = [(f"{one.test.check} {one.test.columns[0]}", one) for one in found.counted]
pairs += [(" ".join(one.columns), one) for one in found.keys]
failed = {name: [one.failures, [row.number for row in one.rows]] for name, one in pairs if one.failures}
peak = int(Path("/proc/self/status").read_text().partition("VmHWM:")[2].split()[0]) // 1024
print(json.dumps({"rows": found.rows, "peak": peak, "failed": failed}))
"""


def make(path: Path, rows: int) -> None:
    """Write five columns; the last row has the policy and month of the first, and a value out of range."""
    n = pl.col("n")
    last = n == rows - 1
    policy = pl.when(last).then(0).otherwise(n * 7_919 % rows)  # each once: 7919 is prime and divides no `rows`
    pl.select(n=pl.int_range(rows)).lazy().select(
        key=n * 7_919 % rows,
        policy="P" + policy.cast(pl.String).str.zfill(9),
        month=(n % 12 * ~last).cast(pl.Int8),
        region=pl.when(n % 3 == 0).then(pl.lit("north")).otherwise(pl.lit("south")),
        value=pl.when(last).then(2.0).otherwise(n % 1000 / 1000),
    ).sink_parquet(path, row_group_size=250_000)


@pytest.mark.parametrize("rows", [3_000_000, pytest.param(50_000_000, marks=pytest.mark.long)])
def test_a_scan_stays_small_and_finds_the_last_row(tmp_path: Path, rows: int) -> None:
    path = tmp_path / "rows.parquet"
    make(path, rows)
    said = subprocess.run([sys.executable, "-c", SCAN, str(path)], check=True, capture_output=True, text=True).stdout
    found = json.loads(said)
    path.unlink()
    assert found["rows"] == rows
    assert found["failed"] == {name: [1, [rows]] for name in ("range value", "rule value", "policy", "policy month")}
    assert found["peak"] < 500, f"{found['peak']} MB"
