"""A column of lists is read from Parquet, looked at item by item, and becomes a feature an item."""

from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest

from mlagent.config.sections import Data
from mlagent.core.context import DataFile
from mlagent.data import encode, groups, infer, lists, page, profile, schema_file, split, table
from mlagent.data.judge import judge
from mlagent.data.scan import Scanner
from mlagent.data.schema import Column, Schema
from mlagent.errors import ConfigError, InputError

NOW = datetime(2026, 1, 10, tzinfo=UTC)
ROWS = 400
LIST = pl.List(pl.Float64)
COLUMNS = {"place": Column(type="list", length=3), "y": Column(type="integer")}
DATA = Data(path="rows.parquet", target="y")


def frame(seed: int = 1) -> pl.DataFrame:
    random = np.random.default_rng(seed)
    places = random.normal(size=(ROWS, 3))
    return pl.DataFrame({"place": places.tolist(), "y": random.integers(0, 2, ROWS)})


def put(row: int, value: object, dtype: pl.DataType = LIST) -> pl.DataFrame:
    values: list[Any] = frame()["place"].to_list()
    values[row - 1] = value
    return frame().with_columns(pl.Series("place", values, dtype=dtype))


def files(folder: Path, rows: pl.DataFrame, name: str = "rows.parquet") -> list[DataFile]:
    rows.write_parquet(folder / name)
    return [DataFile(name, folder / name)]


def found(folder: Path, rows: pl.DataFrame, **column: object) -> list[tuple[str, int, int, str]]:
    place = Column(type="list", **{"length": 3, **column})  # type: ignore[arg-type]
    schema = Schema(columns=COLUMNS | {"place": place})
    judged = judge(schema, Scanner(schema, NOW).scan(files(folder, rows)), {}, NOW)
    assert all(one.outcome == "pass" for one in judged.checks) == (not judged.findings)
    return [(one.check, one.failures, one.rows[0].number, one.rows[0].values["place"]) for one in judged.findings]


FAULTS: list[tuple[Any, str, str]] = [
    ([1.0, 2.0], "length", "[1.0, 2.0]"),
    ([], "length", "[]"),
    ([1.0, None, 2.0], "items", "[1.0, None, 2.0]"),
    ([1.0, float("nan"), 2.0], "finite", "[1.0, nan, 2.0]"),
    ([1.0, float("-inf"), 2.0], "finite", "[1.0, -inf, 2.0]"),
    (None, "null", "empty"),
]


@pytest.mark.parametrize(("value", "check", "shown"), FAULTS, ids=[str(one[0]) for one in FAULTS])
def test_a_fault_in_a_list_is_found_in_its_row(
    tmp_path: Path, value: list[float] | None, check: str, shown: str
) -> None:
    assert found(tmp_path, put(123, value)) == [(check, 1, 123, shown)]
    if value is None or len(value) == 3:
        assert found(tmp_path, put(123, value, pl.Array(pl.Float32, 3))) == [(check, 1, 123, shown)]


@pytest.mark.parametrize("dtype", [pl.List(pl.Float32), pl.List(pl.Float64), pl.Array(pl.Float64, 3)])
def test_whole_lists_pass_and_may_be_absent_where_the_schema_says_so(tmp_path: Path, dtype: pl.DataType) -> None:
    assert found(tmp_path, put(5, [1, 2, 3], dtype)) == []
    assert found(tmp_path, put(5, None, dtype), nullable=True) == []


def test_items_that_are_to_be_whole_are(tmp_path: Path) -> None:
    whole = frame().with_columns(place=pl.Series([[1.0, 2.0, 3.0]] * 399 + [[1.0, 2.5, 3.0]]))
    assert found(tmp_path, whole, items="integer") == [("items", 1, 400, "[1.0, 2.5, 3.0]")]
    assert found(tmp_path, whole.with_columns(pl.col("place").cast(pl.List(pl.Int16))), items="integer") == []


@pytest.mark.parametrize("values", [["a"] * ROWS, list(range(ROWS)), [["a", "b", "c"]] * ROWS])
def test_what_is_no_list_of_numbers_is_of_a_wrong_type(tmp_path: Path, values: list[object]) -> None:
    (check, failures, first, _), *others = found(tmp_path, frame().with_columns(place=pl.Series(values)))
    assert (check, failures, first, others) == ("type", ROWS, 1, [])


def test_a_csv_cannot_hold_lists_and_the_error_says_so(tmp_path: Path) -> None:
    (tmp_path / "rows.csv").write_text('place,y\n"[1, 2, 3]",0\n')
    csv = [DataFile("rows.csv", tmp_path / "rows.csv")]
    said = r"rows\.csv: 'place' is a list \(data\.schema\), and a CSV cannot hold lists"
    with pytest.raises(InputError, match=said) as refused:
        Scanner(Schema(columns=COLUMNS), NOW).scan(csv)
    assert "Parquet" in refused.value.hint
    with pytest.raises(InputError, match=said):
        table.read(csv, Data(path="rows.csv", target="y"), Schema(columns=COLUMNS))


@pytest.mark.parametrize("value", [[1.0, 2.0], [1.0, None, 2.0], [1.0, float("inf"), 2.0]], ids=str)
def test_a_list_that_cannot_be_learned_from_is_refused(tmp_path: Path, value: object) -> None:
    with pytest.raises(InputError) as refused:
        table.read(files(tmp_path, put(77, value)), DATA, Schema(columns=COLUMNS))
    wanted = f"rows.parquet: 'place' is {value} in data row 77, not a list of 3 finite numbers (1 such rows in 400)"
    assert refused.value.message == wanted


def test_without_a_schema_a_list_is_no_feature(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="'place' holds List") as refused:
        table.read(files(tmp_path, frame()), DATA)
    assert "data.schema" in refused.value.hint


def test_the_inferred_schema_is_passed_by_its_rows(tmp_path: Path) -> None:
    rows = frame().with_columns(
        whole=pl.Series([[index, 1] for index in range(ROWS)], dtype=pl.Array(pl.Int64, 2)),
        holed=pl.Series([None, *([[0.5]] * (ROWS - 1))]),
    )
    seen = infer.look(files(tmp_path, rows))
    (tmp_path / "s.yaml").write_text(infer.write(seen, "rows.parquet"))
    schema = schema_file.load(tmp_path / "s.yaml", "s.yaml")
    assert schema.columns["place"] == Column(type="list", length=3, items="float")
    assert schema.columns["whole"] == Column(type="list", length=2, items="integer")
    assert schema.columns["holed"] == Column(type="list", length=1, items="float", nullable=True)
    judged = judge(schema, Scanner(schema, NOW).scan(files(tmp_path, rows)), {}, NOW)
    assert judged.findings == ()
    assert judge(infer.loose(files(tmp_path, rows)), Scanner(schema, NOW).scan([]), {}, NOW)


def test_lists_of_several_lengths_say_so_in_the_inferred_schema(tmp_path: Path) -> None:
    here = files(tmp_path, put(9, [1.0]))
    (tmp_path / "s.yaml").write_text(infer.write(infer.look(here), "rows.parquet"))
    assert "    length: 3 # some have only 1\n" in (tmp_path / "s.yaml").read_text()
    loose = infer.loose(here)
    assert loose.columns["place"].length is None
    assert judge(loose, Scanner(loose, NOW).scan(here), {}, NOW).findings == ()


def test_the_row_decides_its_part_by_every_item_and_a_leak_in_one_item_is_found(tmp_path: Path) -> None:
    rows = frame()
    leaked = pl.Series([[one[0], float(y), one[2]] for one, y in rows.iter_rows()])
    read = table.read(files(tmp_path, rows.with_columns(place=leaked)), DATA, Schema(columns=COLUMNS))
    masks = split.parts(read, DATA)
    assert split.leaks(read, masks, DATA).giveaways == {"place": 1}
    plain = table.read(files(tmp_path, rows), DATA, Schema(columns=COLUMNS))
    assert split.leaks(plain, split.parts(plain, DATA), DATA).giveaways["place"] < 0.3
    apart = [pl.Series([one[place] for one in rows["place"]]) for place in range(3)]
    assert split.mixed([rows["place"]]).tolist() == split.mixed(apart).tolist()


def test_a_model_of_another_column_gets_no_list_and_one_of_this_gets_its_width() -> None:
    rows = frame()
    given = encode.feed({"place": "tensor(float)"}, rows)["place"]
    assert (given.shape, given.dtype.name) == ((ROWS, 3), "float32")
    for type_ in ("tensor(string)", "tensor(int64)"):
        with pytest.raises(InputError, match="it takes 'place' as tensor"):
            encode.feed({"place": type_}, rows)


def test_elsewhere_a_list_counts_by_its_euclidean_length() -> None:
    values = pl.Series("place", [[3.0, 4.0], None, [0.0, 0.0], [float("nan"), 1.0]])
    assert lists.sizes(values).to_list()[:3] == [5, None, 0]
    assert profile.numbers_of(values).tolist() == [5, 0]
    assert groups.labels(pl.Series([[3, 4], None, [0, 0]])).tolist() == ["5.0", "<missing>", "0.0"]
    schema = Schema(columns={"place": Column(type="list", length=3), "y": Column(type="integer")})
    shown = page.page("rows.parquet", ROWS, put(3, [float("inf"), 0.0, 0.0]), schema)
    assert "Lists of 3 numbers; their Euclidean length:" in shown
    assert "Not finite, and left out: 1." in shown


def test_a_rule_may_ask_for_a_list(tmp_path: Path) -> None:
    text = "columns: {place: {type: list, length: 3}}\nrules: [{name: n, expression: '%s'}]\n"
    (tmp_path / "s.yaml").write_text(text % "ARRAY_LENGTH(place) = 3")
    assert schema_file.load(tmp_path / "s.yaml", "s.yaml").rules[0].name == "n"
    (tmp_path / "s.yaml").write_text(text % "place > 1")
    with pytest.raises(ConfigError, match=r"s\.yaml:2: rule 'n' "):
        schema_file.load(tmp_path / "s.yaml", "s.yaml")
