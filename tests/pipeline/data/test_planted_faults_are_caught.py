"""An insurer's rows get a first schema and pass it; then faults are planted, each found in its row and column.

The rows are the real 67,856 policies where MLAGENT_TEST_DATA names their folder, else the template's generated ones.
"""

from collections.abc import Callable
from datetime import date
from pathlib import Path
from typing import NamedTuple

import polars as pl
import pytest

from .conftest import first_schema, outcome, validated


@pytest.mark.parametrize("form", ["csv", "parquet"])
def test_rows_pass_the_schema_that_was_inferred_from_them(policies: pl.DataFrame, tmp_path: Path, form: str) -> None:
    path = tmp_path / f"rows.{form}"
    policies.write_csv(path) if form == "csv" else policies.write_parquet(path)
    judged = validated(tmp_path, path.name, first_schema(path))
    assert outcome(judged) == "pass"
    assert judged.findings == ()
    assert len(judged.checks) > 15


class Fault(NamedTuple):
    """A change of the rows, and what must be found: the check, the columns, the row from 1, the value as it stands."""

    name: str
    change: Callable[[pl.DataFrame], pl.DataFrame]
    check: str
    columns: tuple[str, ...]
    row: int
    value: str
    form: str = "parquet"


def put(column: str, row: int, value: object) -> Callable[[pl.DataFrame], pl.DataFrame]:
    """Replace one value; in a CSV by any text."""

    def change(frame: pl.DataFrame) -> pl.DataFrame:
        values = frame.get_column(column).to_list()
        values[row - 1] = value
        return frame.with_columns(pl.Series(column, values, strict=False))

    return change


def as_text(column: str, row: int, value: str) -> Callable[[pl.DataFrame], pl.DataFrame]:
    return lambda frame: put(column, row, value)(frame.with_columns(pl.col(column).cast(pl.String)))


FAULTS = [
    Fault("text in a number", as_text("VehValue", 7001, "lots"), "type", ("VehValue",), 7001, "lots", "csv"),
    Fault("a fraction in a count", as_text("ClaimNb", 12, "0.5"), "type", ("ClaimNb",), 12, "0.5", "csv"),
    Fault("a comma for a point", as_text("VehValue", 31, "1,5"), "type", ("VehValue",), 31, "1,5", "csv"),
    Fault("text in a number, Parquet", as_text("VehValue", 99, "n/a"), "type", ("VehValue",), 99, "n/a"),
    Fault("a fraction in a count, Parquet", put("ClaimNb", 5, 1.5), "type", ("ClaimNb",), 5, "1.5"),
    Fault("NaN", put("VehValue", 9000, float("nan")), "finite", ("VehValue",), 9000, "nan"),
    Fault("NaN in a CSV", as_text("VehValue", 2, "NaN"), "finite", ("VehValue",), 2, "NaN", "csv"),
    Fault("infinite", put("ClaimAmount", 1, float("inf")), "finite", ("ClaimAmount",), 1, "inf"),
    Fault("an empty number", put("Exposure", 11111, None), "null", ("Exposure",), 11111, "empty"),
    Fault("an empty text in a CSV", put("Gender", 3, None), "null", ("Gender",), 3, "empty", "csv"),
    Fault("a new category", put("VehBody", 400, "Spaceship"), "values", ("VehBody",), 400, "Spaceship"),
    Fault("other case", put("Gender", 10, "female"), "values", ("Gender",), 10, "female", "csv"),
    Fault("a trailing space", put("VehAge", 20, "old cars "), "values", ("VehAge",), 20, "old cars "),
    Fault("below its range", put("Exposure", 12000, -0.5), "range", ("Exposure",), 12000, "-0.5"),
    Fault("above its range", put("Exposure", 1, 365.0), "range", ("Exposure",), 1, "365.0", "csv"),
    Fault("a count out of range", put("ClaimNb", 777, 99), "range", ("ClaimNb",), 777, "99"),
    Fault("columns that contradict", put("ClaimOcc", 6, 1), "rule", ("ClaimOcc", "ClaimNb"), 6, "1"),
]
RULE = 'rules:\n  - {name: "a claim is counted", expression: "(ClaimOcc = 1) = (ClaimNb > 0)"}\n'


@pytest.mark.parametrize("fault", FAULTS, ids=[fault.name for fault in FAULTS])
def test_a_planted_fault_is_found_in_its_row_and_column(policies: pl.DataFrame, tmp_path: Path, fault: Fault) -> None:
    zero = put("ClaimNb", 6, 0)(put("ClaimOcc", 6, 0)(policies))
    zero.write_parquet(tmp_path / "good.parquet")
    schema = first_schema(tmp_path / "good.parquet") + RULE
    path = tmp_path / f"bad.{fault.form}"
    bad = fault.change(zero)
    bad.write_csv(path) if fault.form == "csv" else bad.write_parquet(path)
    judged = validated(tmp_path, path.name, schema)
    assert outcome(judged) == "fail"
    (finding,) = [one for one in judged.findings if one.check == fault.check]
    assert (finding.columns, finding.failures, finding.severity) == (fault.columns, 1, "fail")
    assert [(row.file, row.number) for row in finding.rows] == [(path.name, fault.row)]
    assert finding.rows[0].values[fault.columns[0]] == fault.value
    assert f"{path.name} row {fault.row}" in finding.says


KEYED = """\
columns:
  policy_id: {type: text, pattern: 'P\\d{8}', unique: true, sensitive: true, min_length: 9, max_length: 9}
  month: {type: date, min: 2025-01-01, past: true, max_age_days: 45}
  Exposure: {type: number, min: 0, max: 1}
unique:
  - columns: [policy_id, month]
extra_columns: allow
"""


@pytest.mark.parametrize(
    ("change", "found"),
    [
        (
            lambda rows: put("policy_id", 9000, rows["policy_id"][4])(rows),
            [("unique", 9000, "[masked]")],
        ),
        (
            lambda rows: put("month", 9000, rows["month"][4])(put("policy_id", 9000, rows["policy_id"][4])(rows)),
            [("unique", 9000, "[masked]"), ("unique", 9000, "[masked]")],
        ),
        (put("policy_id", 17, "Q00000017"), [("pattern", 17, "[masked]")]),
        (put("policy_id", 18, "P1"), [("pattern", 18, "[masked]"), ("length", 18, "[masked]")]),
        (put("policy_id", 19, "P0000001é"), [("pattern", 19, "[masked]")]),
        (put("month", 5000, date(2030, 1, 1)), [("past", 5000, "2030-01-01")]),
        (put("month", 2, date(1900, 1, 1)), [("range", 2, "1900-01-01")]),
        (as_text("month", 3, "2025-13-01"), [("type", 3, "2025-13-01")]),
        (as_text("month", 3, "01/02/2025"), [("type", 3, "01/02/2025")]),
        (lambda rows: rows.filter(pl.col("month") < date(2025, 6, 1)), [("fresh", 0, "")]),
    ],
    ids=[
        "duplicate key",
        "duplicate pair",
        "pattern",
        "length",
        "not ascii",
        "future",
        "long ago",
        "no date",
        "other form",
        "stale",
    ],
)
@pytest.mark.parametrize("form", ["csv", "parquet"])
def test_a_fault_of_key_or_date_is_found(
    keyed: pl.DataFrame,
    tmp_path: Path,
    change: Callable[[pl.DataFrame], pl.DataFrame],
    found: list[tuple[str, int, str]],
    form: str,
) -> None:
    bad = change(keyed)
    path = tmp_path / f"bad.{form}"
    bad.write_csv(path) if form == "csv" else bad.write_parquet(path)
    judged = validated(tmp_path, path.name, KEYED)
    shown = [
        (one.check, one.rows[0].number if one.rows else 0, next(iter(one.rows[0].values.values())) if one.rows else "")
        for one in judged.findings
    ]
    assert shown == found
    assert outcome(judged) == "fail"
    assert "P0000" not in repr(judged.findings) + repr(judged.checks)


def test_the_rows_of_a_month_ago_hold_until_they_are_too_old(keyed: pl.DataFrame, tmp_path: Path) -> None:
    keyed.write_parquet(tmp_path / "rows.parquet")
    judged = validated(tmp_path, "rows.parquet", KEYED)
    assert outcome(judged) == "pass"
    assert judged.valid_until == "2026-01-15T00:00:00.000+00:00"


def test_a_missing_a_renamed_and_an_unknown_column_are_named(policies: pl.DataFrame, tmp_path: Path) -> None:
    policies.write_parquet(tmp_path / "good.parquet")
    schema = first_schema(tmp_path / "good.parquet")
    policies.rename({"VehAge": "vehicle_age"}).drop("Gender").write_csv(tmp_path / "bad.csv")
    judged = validated(tmp_path, "bad.csv", schema)
    assert [one.says for one in judged.findings] == [
        "2 missing columns (VehAge in bad.csv, Gender in bad.csv)",
        "1 unknown columns (vehicle_age in bad.csv)",
    ]
    assert outcome(judged) == "fail"
    warned = validated(tmp_path, "good.parquet", schema.replace("extra_columns: fail", "extra_columns: warn"))
    assert outcome(warned) == "pass"


def test_too_few_rows_are_said(policies: pl.DataFrame, tmp_path: Path) -> None:
    policies.write_parquet(tmp_path / "good.parquet")
    schema = first_schema(tmp_path / "good.parquet")
    policies.head(50).write_csv(tmp_path / "few.csv")
    judged = validated(tmp_path, "few.csv", schema)
    assert outcome(judged) == "fail"
    assert any(one.reason.startswith("rows 50 is below") for one in judged.checks)


def test_rows_are_numbered_within_their_file(policies: pl.DataFrame, tmp_path: Path) -> None:
    policies.write_parquet(tmp_path / "a.parquet")
    schema = first_schema(tmp_path / "a.parquet")
    put("Exposure", 8, 7.0)(policies).write_csv(tmp_path / "b.csv")
    judged = validated(tmp_path, ["a.parquet", "b.csv"], schema)
    (finding,) = judged.findings
    assert [(row.file, row.number) for row in finding.rows] == [("b.csv", 8)]
    assert finding.share == pytest.approx(1 / (2 * policies.height))


@pytest.mark.parametrize(
    ("allowed", "expected"), [("0", "fail"), ("2", "fail"), ("3", "pass"), ("'0.01%'", "fail"), ("'1%'", "pass")]
)
def test_a_number_or_share_of_failing_rows_may_be_allowed(
    policies: pl.DataFrame, tmp_path: Path, allowed: str, expected: str
) -> None:
    rows = policies.head(12_000)
    for row in (5, 6, 7):
        rows = put("Exposure", row, 9.0)(rows)
    rows.write_parquet(tmp_path / "rows.parquet")
    schema = f"columns:\n  Exposure: {{type: number, max: 1, max_failures: {allowed}}}\nextra_columns: allow\n"
    judged = validated(tmp_path, "rows.parquet", schema)
    assert outcome(judged) == expected
    assert [row.number for row in judged.findings[0].rows] == [5, 6, 7]


def test_a_check_that_only_warns_does_not_stop_anything(policies: pl.DataFrame, tmp_path: Path) -> None:
    put("Exposure", 5, 9.0)(policies).write_parquet(tmp_path / "rows.parquet")
    schema = "columns:\n  Exposure: {type: number, max: 1, warn: [range]}\nextra_columns: warn\n"
    judged = validated(tmp_path, "rows.parquet", schema)
    assert outcome(judged) == "pass"
    assert [one.severity for one in judged.findings] == ["warn", "warn"]
    assert {one.outcome for one in judged.checks} == {"pass", "warn"}
