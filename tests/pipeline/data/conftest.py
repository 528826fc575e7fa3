"""An insurer's rows, real or generated, and what a schema says of them."""

import os
import subprocess
import sys
from datetime import UTC, datetime
from importlib.resources import files
from pathlib import Path

import polars as pl
import pytest

from mlagent.core.context import DataFile
from mlagent.core.verdict import verdict
from mlagent.data import infer, schema_file
from mlagent.data.judge import Judged, judge
from mlagent.data.scan import Scanner

NOW = datetime(2026, 1, 10, tzinfo=UTC)
MAKER = Path(str(files("mlagent.templates"))) / "insurance-risk" / "make_data.py"


def generated(folder: Path, *more: str) -> pl.DataFrame:
    command = [sys.executable, str(MAKER), "--policies", "12000", "--out", str(folder / "made.csv"), *more]
    subprocess.run(command, check=True, capture_output=True)
    return pl.read_csv(folder / "made.csv", try_parse_dates=True)


@pytest.fixture(scope="module")
def policies(tmp_path_factory: pytest.TempPathFactory) -> pl.DataFrame:
    """Nine columns, real or generated."""
    real = Path(os.environ.get("MLAGENT_TEST_DATA", "")) / "ausprivauto0405.parquet"
    found = pl.read_parquet(real) if real.is_file() else generated(tmp_path_factory.mktemp("made"), "--no-keys")
    return found.with_columns(pl.col(pl.Categorical).cast(pl.String))


@pytest.fixture(scope="module")
def keyed(tmp_path_factory: pytest.TempPathFactory) -> pl.DataFrame:
    """With policy_id, month and region, of the year 2025."""
    return generated(tmp_path_factory.mktemp("keyed"), "--months", "12", "--start", "2025-01")


def first_schema(path: Path) -> str:
    return infer.write(infer.look([DataFile(path.name, path)]), path.name)


def validated(folder: Path, names: str | list[str], schema: str) -> Judged:
    (folder / "schema.yaml").write_text(schema)
    loaded = schema_file.load(folder / "schema.yaml", "schema.yaml")
    here = [DataFile(name, folder / name) for name in ([names] if isinstance(names, str) else names)]
    return judge(loaded, Scanner(loaded, NOW).scan(here), {}, NOW)


def outcome(judged: Judged) -> str:
    return verdict("data", judged.checks, inputs={}, tools={}).outcome
