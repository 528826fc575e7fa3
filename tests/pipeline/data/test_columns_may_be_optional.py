"""A column that the schema calls optional may be absent as a whole; one that it does not may not."""

from pathlib import Path
from typing import Any

import polars as pl
import pytest

from mlagent import catalog
from mlagent.engine.record import RunRecord
from mlagent.errors import GateRefused, InputError
from tests.unit.engine.chain import run

STAGES = [stage for stage in catalog.STAGES if stage.name in ("validate-data", "split")]
ROWS = 400
SCHEMA = """columns:
  a: {type: number}
  y: {type: integer}
  id: {type: integer, unique: true, min: 0, optional: true}
  day: {type: date, max_age_days: 3, optional: true}
rules:
  - {name: "ids are small", expression: "id < 100000"}
"""


def frame(**more: Any) -> pl.DataFrame:
    return pl.DataFrame({"a": [index / 7 for index in range(ROWS)], "y": [index % 2 for index in range(ROWS)], **more})


def begin(project: Path, rows: pl.DataFrame, schema: str = SCHEMA, key: str = "id") -> RunRecord:
    (project / "schema.yaml").write_text(schema)
    rows.write_parquet(project / "rows.parquet")
    data = {"path": "rows.parquet", "schema": "schema.yaml", "key": key, "exclude": "day"}
    return run(project, *STAGES, sets={f"data.{name}": value for name, value in data.items()}).run


def test_without_them_nothing_about_them_is_judged_and_the_verdict_says_so(project: Path) -> None:
    record = begin(project, frame())
    (verdict,) = record.stages["validate-data"].verdicts
    assert verdict.notes == ("not in the rows, which the schema allows: day, id",)
    assert not [one.metric for one in verdict.checks if "id" in one.metric.split() or "day" in one.metric.split()]
    (crossing, *_) = record.stages["split"].verdicts[0].checks
    assert crossing.metric == "share of other rows whose features the training part holds too"


def test_with_them_they_are_judged_and_the_key_divides(project: Path) -> None:
    record = begin(project, frame(id=list(range(ROWS))))
    (verdict,) = record.stages["validate-data"].verdicts
    assert verdict.notes == ("not in the rows, which the schema allows: day",)
    (crossing, *_) = record.stages["split"].verdicts[0].checks
    assert crossing.metric == "share of other rows whose id (data.key) the training part holds too"
    with pytest.raises(GateRefused, match="id of an earlier row"):
        begin(project, frame(id=[1] * ROWS))


def test_a_column_that_is_not_optional_is_missed(project: Path) -> None:
    with pytest.raises(GateRefused, match=r"missing columns \(id in rows.parquet\)"):
        begin(project, frame(), SCHEMA.replace("min: 0, optional: true", "min: 0"))


def test_a_key_that_no_schema_names_is_missed(project: Path) -> None:
    with pytest.raises(InputError, match=r"has no column 'policy' \(data.key\)"):
        begin(project, frame(), key="policy")
