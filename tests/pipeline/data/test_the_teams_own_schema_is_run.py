"""A pandera schema of the team's runs in the worker beside ours: its failures have rows, its faults have lines."""

import json
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from mlagent import catalog
from mlagent.engine.runner import Runner
from mlagent.errors import GateRefused, MlagentError, TeamCodeError
from tests.unit.engine.chain import run

VALIDATE = next(stage for stage in catalog.STAGES if stage.name == "validate-data")
PANDAS = """\
import pandera.pandas as pa

schema = pa.DataFrameSchema(
    {
        "id": pa.Column(int, unique=True),
        "size": pa.Column(float, pa.Check.in_range(0, 10), nullable=True),
        "name": pa.Column(str),
    },
    checks=pa.Check(lambda rows: rows["size"] <= rows["id"] + 5, name="not larger than its id allows"),
)
"""
POLARS = """\
import pandera.polars as pa
import polars as pl

class Rows(pa.DataFrameModel):
    id: int = pa.Field(unique=True)
    size: float = pa.Field(in_range={"min_value": 0, "max_value": 10}, nullable=True)
    name: str

    @pa.dataframe_check(name="not larger than its id allows")
    def small(cls, data):
        return data.lazyframe.select(pl.col("size") <= pl.col("id") + 5)

schema = Rows
"""
SCHEMA = """\
columns:
  id: {type: integer}
  size: {type: number, nullable: true}
  name: {type: text, sensitive: true}
  y: {type: integer}
"""


def write(project: Path, code: str = PANDAS, form: str = "csv", **changes: Any) -> None:
    """Two files of fifty rows; `changes` are values by column and row of the second."""
    folder = project / "rows"
    folder.mkdir(exist_ok=True)
    for part in range(2):
        ids = range(part * 50, part * 50 + 50)
        frame = pl.DataFrame(
            {"id": list(ids), "size": [one % 5 + 0.5 for one in ids], "name": ["planted"] * 50, "y": [0, 1] * 25}
        )
        for name, values in changes.items() if part else ():
            column = frame.get_column(name).to_list()
            for row, value in values.items():
                column[row] = value
            frame = frame.with_columns(pl.Series(name, column, dtype=frame.schema[name]))
        getattr(frame, f"write_{form}")(folder / f"part-{part}.{form}")
    (project / "checks.py").write_text(code)
    (project / "schema.yaml").write_text(SCHEMA)
    (project / "mlpipeline.yaml").write_text(
        "project: {name: p}\ndata: {path: rows, target: y, schema: schema.yaml}\n"
        "validate-data: {pandera: 'checks.py:schema'}\n"
    )


def run_once(project: Path) -> Runner:
    return run(project, VALIDATE)


def refused(project: Path) -> dict[str, dict[str, Any]]:
    """The findings by check, of rows that must not pass."""
    with pytest.raises(GateRefused):
        run_once(project)
    home = project / ".mlagent"
    report = home / "runs" / (home / "newest").read_text() / "validate-data" / "data-report.json"
    assert "planted" not in report.read_text()
    return {one["check"]: one for one in json.loads(report.read_bytes())["findings"]}


@pytest.mark.parametrize("code", [PANDAS, POLARS], ids=["pandas", "polars"])
@pytest.mark.parametrize("form", ["csv", "parquet"])
def test_what_fails_is_shown_with_its_file_and_row(tmp_path: Path, code: str, form: str) -> None:
    write(tmp_path, code, form)
    outcome = run_once(tmp_path).run.stages["validate-data"].verdicts[0]
    assert outcome.outcome == "pass"
    assert [one for one in outcome.checks if one.metric == "failures of checks.py:schema"]
    assert outcome.tools["pandera"]
    write(tmp_path, code, form, size={7: 11.0, 20: -1.0}, id={3: 52})
    found = refused(tmp_path)
    ranged = found["in_range(0, 10)"]
    assert ranged["columns"] == ["size"]
    assert ranged["failures"] == 2
    assert [(row["file"], row["number"], row["values"]) for row in ranged["rows"]] == [
        (f"rows/part-1.{form}", 8, {"size": "11.0"}),
        (f"rows/part-1.{form}", 21, {"size": "-1.0"}),
    ]
    assert {row["number"] for row in found["field_uniqueness"]["rows"]} >= {4}


@pytest.mark.parametrize("code", [PANDAS, POLARS], ids=["pandas", "polars"])
def test_a_check_of_whole_rows_shows_them_without_what_is_sensitive(tmp_path: Path, code: str) -> None:
    write(tmp_path, code, id={0: -9})
    broken = refused(tmp_path)["not larger than its id allows"]
    assert broken["failures"] == 1
    assert broken["rows"][0]["number"] == 1
    assert broken["rows"][0]["values"] == {"id": "-9", "size": "0.5", "name": "[masked]", "y": "0"}


@pytest.mark.parametrize(
    ("code", "named", "said"),
    [
        ("schema = 3\n", "checks.py:schema", "checks.py:schema is a int, no pandera schema"),
        ("shema = 1\n", "checks.py:schema", "checks.py has no schema; it has `shema`"),
        ("import nothing_like_it\n", "checks.py:schema", "No module named 'nothing_like_it' (checks.py:1)"),
        (PANDAS.replace('rows["size"]', 'rows["sise"]'), "checks.py:schema", ""),
        (PANDAS, "other.py:schema", "other.py is not in the project"),
    ],
)  # fmt: skip
def test_a_schema_that_is_none_is_refused_by_its_line(tmp_path: Path, code: str, named: str, said: str) -> None:
    write(tmp_path, code)
    path = tmp_path / "mlpipeline.yaml"
    path.write_text(path.read_text().replace("checks.py:schema", named))
    with pytest.raises(TeamCodeError if said else MlagentError) as caught:
        run_once(tmp_path)
    assert said in str(caught.value)


def test_only_a_project_with_such_a_schema_validates_again_when_its_code_changes(tmp_path: Path) -> None:
    write(tmp_path)
    run_once(tmp_path)
    (tmp_path / "model.py").write_text("x = 1\n")
    assert run_once(tmp_path).run.stages["validate-data"].reused_from is None
    plain = tmp_path / "plain"
    plain.mkdir()
    write(plain)
    config = plain / "mlpipeline.yaml"
    config.write_text(config.read_text().split("validate-data")[0])
    states = [run_once(plain).run.stages["validate-data"].reused_from]
    (plain / "model.py").write_text("x = 1\n")
    states.append(run_once(plain).run.stages["validate-data"].reused_from)
    assert states[0] is None
    assert states[1] is not None
