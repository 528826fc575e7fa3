"""What is not understood in a schema, or makes no sense, is refused with its line and key, and what was meant."""

from pathlib import Path
from typing import NamedTuple

import pytest

from mlagent.data.schema import Column, Unique
from mlagent.data.schema_file import load
from mlagent.errors import ConfigError

GOOD = """\
rows: {min: 10, max: 1000}
columns:
  policy: {type: text, pattern: 'P\\d+', unique: true, sensitive: true}
  start: {type: date, min: 2020-01-01, max_age_days: 40}
  value: {type: number, min: 0, max: 99.5, warn: [range], max_failures: 0.5%}
  "claims made": {type: integer, nullable: true, values: [0, 1, 2]}
unique:
  - columns: [policy, start]
rules:
  - {name: costly, expression: '"claims made" = 0 or value > 1'}
extra_columns: warn
drift: {psi_fail: null, ignore: [start]}
"""

LAST = "type: integer, nullable: true, values: [0, 1, 2]"


def read(folder: Path, text: str) -> object:
    (folder / "s.yaml").write_text(text)
    return load(folder / "s.yaml", "s.yaml")


def test_every_key_is_understood(tmp_path: Path) -> None:
    (tmp_path / "s.yaml").write_text(GOOD)
    schema = load(tmp_path / "s.yaml", "s.yaml")
    assert schema.columns["value"] == Column(type="number", min=0, max=99.5, warn=("range",), max_failures="0.5%")
    assert schema.columns["value"].severity("range") == "warn"
    assert schema.columns["value"].severity("null") == "fail"
    assert [one.columns for one in schema.uniques] == [("policy",), ("policy", "start")]
    assert schema.unique == (Unique(columns=("policy", "start")),)
    assert schema.sensitive == {"policy"}
    assert (schema.drift.psi_warn, schema.drift.psi_fail) == (0.1, None)


class Bad(NamedTuple):
    """A change of the good schema, and what is said of it."""

    before: str
    after: str
    says: str


TABLE = [
    Bad("rows: {", "row: {", "s.yaml:1: 'row' is not a key of a schema; did you mean 'rows'?"),
    Bad("min: 10,", "min: ten,", "s.yaml:1: rows.min: expected int, got str (found 'ten')"),
    Bad("type: number", "type: float", "s.yaml:5: columns.value.type: invalid enum value 'float' (found 'float')"),
    Bad("sensitive: true", "sensible: true", "s.yaml:3: columns.policy.sensible is not a key; did you mean"),
    Bad("'P\\d+'", "'P(?=x)'", "s.yaml:3: columns.policy.pattern: not a regular expression"),
    Bad("min: 2020-01-01", "min: 2020-13-01", "s.yaml:4: columns.start.min: '2020-13-01' is not a date"),
    Bad("min: 0, max: 99.5", "min: zero", "s.yaml:5: columns.value.min: 'zero' is not a number"),
    Bad("max_failures: 0.5%", "max_failures: half", "s.yaml:5: columns.value.max_failures: "),
    Bad("warn: [range]", "warn: [ranges]", "s.yaml:5: columns.value.warn: 'ranges' is no check; did you mean 'range'?"),
    Bad("nullable: true,", "pattern: x,", "s.yaml:6: columns.claims made.pattern is for text, and it is integer"),
    Bad("values: [0, 1, 2]", "max_age_days: 3", "s.yaml:6: columns.claims made.max_age_days is for date or datetime"),
    Bad("nullable: true,", "length: 3,", "s.yaml:6: columns.claims made.length is for list, and it is integer"),
    Bad("nullable: true,", "items: float,", "s.yaml:6: columns.claims made.items is for list, and it is integer"),
    Bad("type: integer", "type: list", "s.yaml:6: columns.claims made.values is for integer or number or text or"),
    Bad(LAST, "type: list", "s.yaml:6: columns.claims made is a list without a length"),
    Bad(LAST, "type: list, length: 0", "s.yaml:6: columns.claims made.length: expected int >= 1"),
    Bad(LAST, "type: list, length: 2, items: text", "s.yaml:6: columns.claims made.items: invalid enum value 'text'"),
    Bad(LAST, "type: list, length: 2, unique: true", "s.yaml:6: columns.claims made: unique and past are not for"),
    Bad(LAST, "type: list, length: 2, min: 0", "s.yaml:6: columns.claims made.min is for integer or number or"),
    Bad(
        GOOD,
        "columns: {a: {type: list, length: 2}}\nunique: [{columns: [a]}]\n",
        "s.yaml:2: 'a' is a list, and `unique` is not for these",
    ),
    Bad("[policy, start]", "[policy, strat]", "s.yaml:8: 'strat' is not a column of the schema; did you mean"),
    Bad("value > 1", "worth > 1", "s.yaml:10: rule 'costly' asks for 'worth', which is not a column"),
    Bad("value > 1", "value >>> 1", "s.yaml:10: rule 'costly' is not an SQL expression"),
    Bad('"claims made" = 0 or value > 1', "value + 1", "s.yaml:10: rule 'costly' is not a yes or no about one"),
    Bad('"claims made" = 0 or value > 1', "sum(value) > 1", "s.yaml:10: rule 'costly' is not a yes or no about one"),
    Bad(
        "extra_columns: warn",
        "extra_columns: ignore",
        "s.yaml:11: extra_columns is fail, warn or allow, found",
    ),
    Bad("psi_fail: null", "psi_fail: -1", "s.yaml:12: drift.psi_fail: expected float > 0.0"),
    Bad("rules:\n  - {", "rules:\n  {", "s.yaml:9: rules is a list"),
    Bad(GOOD, "columns: {}\n", "s.yaml:1: a schema names at least one column"),
    Bad(GOOD, "columns: [a]\n", "s.yaml:1: columns holds keys, found ['a']"),
    Bad(GOOD, "columns: {a: {}}\n", "s.yaml:1: columns.a: object missing required field type"),
]


@pytest.mark.parametrize("bad", TABLE, ids=[bad.after[:30] for bad in TABLE])
def test_what_is_wrong_is_named_with_its_line(tmp_path: Path, bad: Bad) -> None:
    assert bad.before in GOOD
    with pytest.raises(ConfigError) as refused:
        read(tmp_path, GOOD.replace(bad.before, bad.after))
    assert refused.value.message.startswith(bad.says), refused.value.message


def test_a_schema_that_is_not_there_says_how_to_write_one(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"gone\.yaml \(data\.schema\) is not there") as refused:
        load(tmp_path / "gone.yaml", "gone.yaml")
    assert "mlagent data schema infer" in refused.value.hint
