"""Rows that passed the gate are what new rows are compared with: never the same rows, never rows it refused."""

import json
from pathlib import Path
from typing import Any

import msgspec
import polars as pl
import pytest

from mlagent import catalog
from mlagent.core.artifact import Artifact
from mlagent.core.context import Context, Outputs
from mlagent.core.stage import Stage
from mlagent.core.verdict import check, verdict
from mlagent.engine.runner import Runner
from mlagent.errors import ConfigError, GateRefused, Inconclusive, InputError, MlagentError
from tests.pipeline.engine.told import facts as told
from tests.unit.engine.chain import Knob, run

VALIDATE = next(stage for stage in catalog.STAGES if stage.name == "validate-data")
SCHEMA = """\
columns:
  kind: {type: text}
  size: {type: number, nullable: true}
  id: {type: integer, sensitive: true}
  y: {type: integer}
"""


def judge(config: Knob, inputs: object, ctx: Context) -> Outputs:
    good = check("m", float(config.knob == 0), ">=", 0.5, samples=5)
    return Outputs(summary="", verdicts=(verdict("v", [good], inputs={}, tools={}),))


GATE = Stage(
    name="gate",
    title="",
    about="",
    config=Knob,
    run=judge,
    reads=("data-profile",),
    accepts="data-profile",
    effect="compute",
)


def rows(project: Path, *, kinds: str = "abc", shift: float = 0, nulls: int = 0, seed: int = 1) -> None:
    """Two thousand rows of a few kinds, shifted, with some sizes empty."""
    count = 2000
    sizes: list[float | None] = [((index * 7919 + seed) % count) / 100 + shift for index in range(count)]
    sizes[:nulls] = [None] * nulls
    kind = [kinds[index % len(kinds)] for index in range(count)]
    frame = {
        "kind": kind,
        "size": sizes,
        "id": [seed * count + index for index in range(count)],
        "y": [0, 1] * (count // 2),
    }
    pl.DataFrame(frame).write_csv(project / "data.csv")
    (project / "schema.yaml").write_text(SCHEMA)


def go(project: Path, **sets: object) -> Runner:
    return run(project, VALIDATE, GATE, sets={"data.schema": "schema.yaml", **sets})


def psis(one: Runner) -> dict[str, float]:
    (judged,) = one.run.stages["validate-data"].verdicts
    return {made.metric.split()[2]: made.value or 0 for made in judged.checks if made.metric.startswith("PSI")}


def test_the_first_rows_have_nothing_to_be_compared_with(project: Path) -> None:
    rows(project)
    assert psis(go(project)) == {}


def test_rows_like_those_before_pass_and_sensitive_columns_are_left_out(project: Path) -> None:
    rows(project)
    go(project)
    rows(project, seed=2)
    found = psis(go(project))
    assert set(found) == {"kind", "size", "y"}
    assert max(found.values()) < 0.01


def test_rows_are_not_their_own_reference(project: Path) -> None:
    rows(project)
    go(project)
    again = go(project)
    assert psis(again) == {}
    assert again.run.stages["validate-data"].attempt == 1


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"shift": 5.0}, "PSI of size against the rows accepted last"),
        ({"nulls": 400}, "growth of the share of empty size 0.2 is above 0.05"),
        ({"kinds": "abbbbbbb"}, "PSI of kind against the rows accepted last"),
    ],
)
def test_rows_that_moved_far_are_stopped(project: Path, change: dict[str, Any], says: str) -> None:
    rows(project)
    go(project)
    rows(project, seed=2, **change)
    with pytest.raises(GateRefused) as refused:
        go(project)
    assert says in refused.value.message
    assert [one.details["worst"] in says for one in told(project) if one.what == "drifted"] == [True]


def test_new_and_vanished_categories_are_named(project: Path) -> None:
    rows(project, kinds="abcdefghijklmnopqrstuvwxyz")
    go(project)
    rows(project, kinds="abcdefghijklmnopqrstuvwxyä", seed=2)
    (project / "schema.yaml").write_text(SCHEMA + "drift: {psi_fail: null}\n")
    one = go(project)
    report = json.loads((one.folder / "validate-data" / "data-report.json").read_text())
    (said,) = [finding for finding in report["findings"] if finding["check"] == "categories"]
    assert said["says"].startswith("2 changed categories of kind (new: ä; gone: z)")
    assert said["severity"] == "warn"


def test_rows_whose_model_the_gate_refused_are_no_reference(project: Path) -> None:
    rows(project)
    go(project)
    rows(project, shift=1.0, seed=2)
    with pytest.raises((GateRefused, Inconclusive)):
        go(project, **{"gate.knob": 1})
    rows(project, seed=3)
    assert max(psis(go(project)).values()) < 0.01


def test_a_reference_of_other_rows_makes_them_be_looked_at_again(project: Path) -> None:
    """What passed last is a fact of the world, and stands in the key."""
    rows(project)
    first = go(project)
    rows(project, seed=2)
    go(project)
    rows(project)
    third = go(project)
    assert third.run.run_id != first.run.run_id
    assert set(psis(third)) == {"kind", "size", "y"}


def test_without_a_schema_the_types_are_those_of_the_rows(project: Path) -> None:
    rows(project)
    one = run(project, VALIDATE)
    assert one.run.stages["validate-data"].state == "done"
    pl.read_csv(project / "data.csv").head(0).write_csv(project / "data.csv")
    with pytest.raises(MlagentError):
        run(project, VALIDATE)


@pytest.mark.parametrize(
    ("column", "kind", "row"), [("size", "number", "a,dark,2007,1"), ("id", "integer", "a,1.0,dark,1")]
)
def test_a_word_where_the_accepted_rows_held_numbers_is_named_by_its_row(
    project: Path, column: str, kind: str, row: str
) -> None:
    rows(project)
    run(project, VALIDATE, GATE)
    rows(project, seed=2)
    lines = (project / "data.csv").read_text().splitlines()
    (project / "data.csv").write_text("\n".join([*lines[:7], row, *lines[8:], ""]))
    with pytest.raises(GateRefused, match=f"data: rows with {column} that is no {kind} 1 is above 0") as refused:
        run(project, VALIDATE, GATE)
    assert f"first data.csv row 7 ({column} is dark)" in refused.value.hint


def test_texts_that_were_texts_stay_so(project: Path) -> None:
    rows(project, kinds="123")
    run(project, VALIDATE, GATE)
    rows(project, kinds="12x")
    with pytest.raises(GateRefused, match="kind that is no integer"):
        run(project, VALIDATE, GATE)
    rows(project, kinds="abc")
    (project / ".mlagent" / "store" / "named" / "accepted" / "small").unlink()
    run(project, VALIDATE, GATE)
    rows(project, kinds="abx", seed=2)
    with pytest.raises(GateRefused, match="PSI of kind"):
        run(project, VALIDATE, GATE)


def test_a_schema_that_is_not_there_is_not_as_good_as_none(project: Path) -> None:
    rows(project)
    run(project, VALIDATE)
    (project / "schema.yaml").unlink()
    with pytest.raises(ConfigError, match=r"schema.yaml .* is not there"):
        go(project)


def test_a_profile_of_accepted_rows_that_is_lost_is_not_as_good_as_none(project: Path) -> None:
    rows(project)
    first = go(project)
    profile = first.run.stages["validate-data"].outputs["data-profile"].digest
    first.workspace.store.drop(profile)
    rows(project, seed=2)
    with pytest.raises(InputError, match=f"accepted last .run {first.run.run_id}. is lost") as refused:
        go(project)
    assert "delete named/accepted/small" in refused.value.hint
    rows(project)
    go(project)
    rows(project, seed=2)
    assert set(psis(go(project))) == {"kind", "size", "y"}


def test_no_value_of_a_sensitive_column_is_kept(project: Path) -> None:
    rows(project, seed=77)
    (project / "schema.yaml").write_text(SCHEMA.replace("id: {type: integer", "id: {type: integer, max: 5"))
    with pytest.raises(GateRefused):
        go(project)
    kept = b"".join(path.read_bytes() for path in (project / ".mlagent").rglob("*") if path.is_file())
    assert b"[masked]" in kept
    assert b"154000" not in kept
    assert b"154007" not in kept


def test_the_profile_is_small_and_readable(project: Path) -> None:
    rows(project)
    profile = msgspec.json.decode((go(project).folder / "validate-data" / "data-profile.json").read_bytes())
    assert profile["rows"] == profile["sampled"] == 2000
    assert profile["columns"]["kind"]["categories"] == {"a": 667, "b": 667, "c": 666}
    assert sum(profile["columns"]["size"]["counts"]) == 2000
    assert isinstance(VALIDATE.writes[0], Artifact)
