"""By key, group, time or file rows that belong together stay together; what holds the answer, or crosses, is found."""

from pathlib import Path

import numpy as np
import polars as pl
import pytest

from mlagent.config.sections import Data
from mlagent.core.context import DataFile
from mlagent.data import encode, split, table
from mlagent.data.schema import Column, Kind, Schema
from mlagent.errors import InputError
from mlagent.measure.giveaway import explained, given_away

KINDS: dict[str, Kind] = {
    "policy": "text",
    "house": "integer",
    "month": "date",
    "body": "text",
    "size": "number",
    "claims": "integer",
    "y": "integer",
}
SCHEMA = Schema(columns={name: Column(type=kind) for name, kind in KINDS.items()})


def frame(rows: int = 2000, seed: int = 1) -> pl.DataFrame:
    random = np.random.default_rng(seed)
    y = (random.random(rows) < 0.07).astype(int)
    months = pl.date_range(pl.date(2025, 1, 1), pl.date(2025, 12, 1), "1mo", eager=True)
    return pl.DataFrame(
        {
            "policy": [f"P{index % 900}" for index in range(rows)],
            "house": [index % 50 for index in range(rows)],
            "month": months.gather([index * 12 // rows for index in range(rows)]),
            "body": random.choice(["bus", "coupé", "van"], rows),
            "size": random.normal(size=rows),
            "claims": y * random.integers(1, 4, rows),
            "y": y,
        }
    )


def read(folder: Path, rows: pl.DataFrame, **data: object) -> tuple[table.Table, Data]:
    rows.write_csv(folder / "rows.csv")
    beside = tuple({"policy", "house", "month"} - set(map(str, data.values())))
    given = Data(**{"path": "rows.csv", "target": "y", "exclude": beside, **data})  # type: ignore[arg-type]
    return table.read([DataFile("rows.csv", folder / "rows.csv")], given, SCHEMA), given


def values(rows: table.Table, masks: split.Masks, column: str) -> list[set[object]]:
    return [set(rows.beside.filter(pl.Series(mask)).get_column(column)) for mask in masks.values()]


@pytest.mark.parametrize(("by", "column"), [({"key": "policy"}, "policy"), ({"group": "house"}, "house")])
def test_rows_of_one_key_or_group_fall_together(tmp_path: Path, by: dict[str, str], column: str) -> None:
    rows, data = read(tmp_path, frame(), **by)
    one, two, three = values(rows, split.parts(rows, data), column)
    assert len(one) + len(two) + len(three) == len(one | two | three)
    assert len(one | two | three) == {"policy": 900, "house": 50}[column]


def test_by_time_the_newest_test_and_no_moment_is_torn_apart(tmp_path: Path) -> None:
    rows, data = read(tmp_path, frame(), time="month", test=0.25, validation=0.16)
    masks = split.parts(rows, data)
    test, validation, train = (masks[name] for name in ("test", "validation", "train"))
    months = rows.beside.get_column("month")
    newest, middle, oldest = (set(months.filter(pl.Series(mask))) for mask in (test, validation, train))
    assert (len(newest), len(middle), len(oldest)) == (3, 2, 7)
    assert min(newest) > max(middle) >= min(middle) > max(oldest)


def test_given_files_are_the_parts(tmp_path: Path) -> None:
    whole = frame()
    parts = {"": whole[:1000], "validation": whole[1000:1400], "test": whole[1400:]}
    files = []
    for part, rows in parts.items():
        rows.write_parquet(tmp_path / f"{part or 'train'}.parquet")
        files.append(DataFile(f"{part or 'train'}.parquet", tmp_path / f"{part or 'train'}.parquet", part))
    data = Data(
        path="train.parquet",
        validation_path="validation.parquet",
        test_path="test.parquet",
        target="y",
        exclude=("policy", "month"),
    )
    masks = split.parts(table.read(files, data, SCHEMA), data)
    assert {name: int(mask.sum()) for name, mask in masks.items()} == {"test": 600, "validation": 400, "train": 1000}
    carved = Data(path="train.parquet", test_path="test.parquet", target="y", key="policy", exclude=("month",))
    masks = split.parts(table.read([files[0], files[2]], carved, SCHEMA), carved)
    assert masks["test"].sum() == 600
    assert 80 < masks["validation"].sum() < 220
    assert not (masks["train"] & masks["validation"]).any()


def test_keys_that_cross_parts_are_counted(tmp_path: Path) -> None:
    rows, data = read(tmp_path, frame(), time="month", key="policy")
    masks = split.parts(rows, data)
    train = set(rows.beside.filter(pl.Series(masks["train"]))["policy"])
    others = rows.beside.filter(pl.Series(~masks["train"]))["policy"]
    found = split.leaks(rows, masks, data)
    assert found.crossing == sum(one in train for one in others) > 0
    assert found.others == len(others)
    within, keyed = read(tmp_path, frame(), key="policy")
    assert split.leaks(within, split.parts(within, keyed), keyed).crossing == 0


def test_a_column_that_holds_the_answer_is_found_and_others_are_not(tmp_path: Path) -> None:
    rows, data = read(tmp_path, frame(), key="policy", exclude=("house", "month"))
    found = split.leaks(rows, split.parts(rows, data), data).giveaways
    assert found["claims"] == 1
    assert max(found["size"], found["body"]) < 0.05


def test_a_column_of_unique_values_gives_nothing_away() -> None:
    random = np.random.default_rng(1)
    target = random.integers(0, 2, 3000)
    assert given_away(np.arange(3000), target) < 0.1
    assert given_away(target + random.normal(0, 1e-3, 3000), target) > 0.95
    assert given_away(np.zeros(3000), target) < 0.1
    assert given_away(target, np.zeros(3000, int)) == 0


def test_what_explains_a_number_is_found_whatever_its_shape() -> None:
    random = np.random.default_rng(1)
    for target in (random.normal(size=3000), random.lognormal(8, 3, 3000), random.poisson(0.1, 3000).astype(float)):
        assert explained(target * -3 + 7, target) > 0.99
        assert explained(np.exp(target / target.max()), target) > 0.99
        assert explained(np.arange(3000), target) < 0.05
        assert explained(random.permutation(3000), target) < 0.05
        assert explained(random.integers(0, 90, 3000), target) < 0.05
    assert explained(target, np.zeros(3000)) == 0


@pytest.mark.parametrize("share", [0.1, 0.5, 0.9])
def test_a_column_explains_its_share_of_the_variance_of_ranks(share: float) -> None:
    random = np.random.default_rng(2)
    groups = random.integers(0, 30, 50_000)
    ranks = random.normal(size=30)[groups] * np.sqrt(share) + random.normal(size=50_000) * np.sqrt(1 - share)
    order = ranks.argsort().argsort()
    within = sum(((order[groups == one] - order[groups == one].mean()) ** 2).sum() for one in range(30))
    expected = 1 - within / ((order - order.mean()) ** 2).sum()
    assert explained(groups, np.exp(ranks)) == pytest.approx(expected, abs=0.01)


@pytest.mark.parametrize("kind", ["regression", "count"])
def test_a_column_that_holds_the_number_is_found_and_others_are_not(tmp_path: Path, kind: str) -> None:
    counted = frame().with_columns(y=pl.int_range(2000).hash(3) % 4, claims=0)
    rows, data = read(tmp_path, counted.with_columns(claims=pl.col("y") * 2), key="policy", kind=kind)
    assert (rows.target.dtype.name, rows.classes) == ("float32", 0)
    found = split.leaks(rows, split.parts(rows, data), data).giveaways
    assert found["claims"] == 1
    assert max(found["size"], found["body"]) < 0.05
    assert encode.fit(rows.features, rows.classes, SCHEMA, kind=data.kind).kind == kind


def test_categories_are_those_of_training_and_an_unknown_one_is_none_of_them(tmp_path: Path) -> None:
    rows, _ = read(tmp_path, frame(), exclude=("house", "month", "policy", "claims"))
    shape = encode.fit(rows.features, rows.classes)
    assert shape.columns == ("body=bus", "body=coupé", "body=van", "size")
    new = pl.DataFrame({"body": ["van", "tank", None], "size": [1.5, 2.5, 3.5]})
    assert encode.apply(shape, new).tolist() == [[0, 0, 1, 1.5], [0, 0, 0, 2.5], [0, 0, 0, 3.5]]


def test_texts_become_features_only_where_a_schema_says_so_and_are_few(tmp_path: Path) -> None:
    frame().write_csv(tmp_path / "rows.csv")
    files = [DataFile("rows.csv", tmp_path / "rows.csv")]
    with pytest.raises(InputError, match="holds String, and features are numbers") as refused:
        table.read(files, Data(path="rows.csv", target="y", exclude=("month",)))
    assert "data.schema" in refused.value.hint
    with pytest.raises(InputError, match="'policy' holds 900 different texts; categories are 100 at most"):
        table.read(files, Data(path="rows.csv", target="y", exclude=("month",)), SCHEMA)


def test_a_row_without_its_time_is_refused(tmp_path: Path) -> None:
    rows, data = read(tmp_path, frame().with_columns(month=None), time="month")
    with pytest.raises(InputError, match=r"2000 rows have no month \(data\.time\)"):
        split.parts(rows, data)


@pytest.mark.parametrize("key", ["key", "group", "time"])
def test_a_column_that_is_not_there_is_named(tmp_path: Path, key: str) -> None:
    with pytest.raises(InputError, match=rf"has no column 'gone' \(data\.{key}\)"):
        read(tmp_path, frame(), **{key: "gone"})
