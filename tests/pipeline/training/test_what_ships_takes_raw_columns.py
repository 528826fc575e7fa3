"""The shipped file encodes by itself: what it answers for raw columns is what PyTorch answers for their encoding."""

import json
import math
import subprocess
import sys
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import onnxruntime
import polars as pl
import pytest

from mlagent.adapters.onnx_runtime import Scorer
from mlagent.data import encode
from mlagent.data.schema import Column, Kind, Schema
from tests.pipeline.training.conftest import HEAD, Workshop

ROWS = 10_000
MODEL = (
    HEAD
    + """
def build_model(config):
    return nn.Sequential(nn.Linear(config["features"], 24), nn.Tanh(), nn.Linear(24, config["classes"]))
"""
)
KINDS: dict[str, Kind] = {
    "size": "number",
    "count": "integer",
    "flag": "boolean",
    "body type": "text",
    "day": "date",
    "at": "datetime",
    "place": "list",
}
SCHEMA = Schema(
    columns={
        f"{name}{mark}": Column(type=kind, nullable=bool(mark), length=3 if kind == "list" else None)
        for mark in ("", "?")
        for name, kind in KINDS.items()
    }
)


def rows(count: int, seed: int, *, odd: bool = False) -> pl.DataFrame:
    """Columns of every kind, once whole and once with a tenth absent; `odd` adds what training never saw."""
    random = np.random.default_rng(seed)
    first = datetime(1960, 2, 29)  # noqa: DTZ001 - as in the rows
    days = random.integers(0, 40_000, count)
    values: dict[str, list[Any]] = {
        "size": random.lognormal(3, 2, count).tolist(),
        "count": random.integers(-50, 50, count).tolist(),
        "flag": (random.random(count) < 0.3).tolist(),
        "body type": random.choice(["Bus", "Coupé", "Panel van", ""], count).tolist(),
        "day": [(first + timedelta(days=int(one))).date() for one in days],
        "at": [first + timedelta(days=int(one), seconds=int(one) * 7 % 86_400) for one in days],
    }
    values["place"] = (random.normal(size=(count, 3)) * [1, 1e-3, 1e3] + [0, 5, -100]).tolist()
    if odd:
        values["place"][:3] = [[0.0, -0.0, 1e-45], [1e30, -1e30, 3.4e38], [1e-30, 1.0, -3.4e38]]
        values["size"][:6] = [0.0, -0.0, 3.4e38, -3.4e38, 1e-45, 1e30]
        values["count"][:4] = [2**62, -(2**62), 0, 1]
        values["body type"][:4] = ["tank", "漢字", "bus", "x" * 1000]
        values["day"][:3] = [date(1, 1, 1), date(9999, 12, 31), date(2024, 2, 29)]
    absent = {name: [None if random.random() < 0.1 else one for one in found] for name, found in values.items()}
    both = values | {f"{name}?": found for name, found in absent.items()}
    types: dict[str, Any] = {"number": pl.Float64, "integer": pl.Int64, "boolean": pl.Boolean, "text": pl.String}
    types |= {"date": pl.Date, "datetime": pl.Datetime, "list": pl.List(pl.Float64)}
    return pl.DataFrame(
        {name: pl.Series(both[name], dtype=types[SCHEMA.columns[name].type]) for name in SCHEMA.columns}
    )


@pytest.fixture(params=["none", "standard"])
def shipped(workshop: Workshop, request: pytest.FixtureRequest) -> tuple[Workshop, encode.Shape]:
    """A trained and exported model of raw columns; the probe holds the rows it is compared on."""
    known = rows(2000, 1)
    shape = encode.fit(known, 3, SCHEMA, request.param)
    features = encode.apply(shape, known)
    workshop.model(MODEL)
    target = np.random.default_rng(2).integers(0, 3, len(features))
    for path in (workshop.train, workshop.validation):
        np.savez(path, features=features, target=target)
    assert workshop.do(workshop.training(learning_rate=1e-5)) == 0
    np.savez(workshop.validation, features=encode.apply(shape, rows(ROWS, 3, odd=True)))
    asked = workshop.exporting(features=shape.features, opset=20)
    workshop.shape.write_bytes(encode_json(shape))
    assert workshop.do(asked) == 0
    return workshop, shape


def encode_json(shape: encode.Shape) -> bytes:
    import msgspec

    return msgspec.json.encode(shape)


def test_ten_thousand_rows_agree_with_absent_unknown_and_extreme_values(shipped: tuple[Workshop, encode.Shape]) -> None:
    workshop, shape = shipped
    session = onnxruntime.InferenceSession(workshop.output / "model.onnx", providers=["CPUExecutionProvider"])
    shapes = {one.name: one.shape for one in session.get_inputs()}
    assert {name: shape_[1] for name, shape_ in shapes.items()} == {
        name: 3 if "place" in name else 1 for name in shapes
    }
    assert {one.name: one.type for one in session.get_inputs()} == {
        "size": "tensor(float)",
        "count": "tensor(int64)",
        "flag": "tensor(bool)",
        "body type": "tensor(string)",
        "day": "tensor(string)",
        "at": "tensor(string)",
        "place": "tensor(float)",
        "size?": "tensor(float)",
        "count?": "tensor(double)",
        "flag?": "tensor(double)",
        "body type?": "tensor(string)",
        "day?": "tensor(string)",
        "at?": "tensor(string)",
        "place?": "tensor(float)",
    }
    found = session.run(["probabilities"], encode.inputs(shape, rows(ROWS, 3, odd=True)))[0]
    with np.load(workshop.output / "expected.npz") as file:
        expected = file["probabilities"]
    assert found.shape == expected.shape == (ROWS, 3)
    assert np.isfinite(expected).all()
    assert np.abs(found - expected).max() < 1e-4
    assert np.ptp(expected) > 0.4


@pytest.mark.parametrize("scaling", ["none", "standard"])
def test_texts_and_scaled_numbers_without_a_schema_are_taken_raw_too(workshop: Workshop, scaling: Any) -> None:
    known, new = (rows(500, seed).select("size", "flag", "body type") for seed in (1, 2))
    shape = encode.fit(known, 3, None, scaling)
    workshop.model(MODEL)
    features = encode.apply(shape, known)
    for path in (workshop.train, workshop.validation):
        np.savez(path, features=features, target=np.arange(len(features)) % 3)
    assert workshop.do(workshop.training(learning_rate=1e-5)) == 0
    np.savez(workshop.validation, features=encode.apply(shape, new))
    asked = workshop.exporting(features=shape.features, opset=20)
    workshop.shape.write_bytes(encode_json(shape))
    assert workshop.do(asked) == 0
    score = Scorer(workshop.output / "model.onnx")
    assert list(score.types) == ["size", "flag", "body type"]
    with np.load(workshop.output / "expected.npz") as file:
        assert np.abs(score(encode.inputs(shape, new)) - file["probabilities"]).max() < 1e-4
        assert np.abs(score(encode.feed(score.types, new)) - file["probabilities"]).max() < 1e-4


ALONE = """
import json, sys
import numpy as np, onnxruntime
session = onnxruntime.InferenceSession(sys.argv[1])
types = {"tensor(float)": np.float32, "tensor(double)": np.float64, "tensor(int64)": np.int64, "tensor(bool)": np.bool_}
row = {name: float("nan") if value is None else value for name, value in json.loads(sys.argv[2]).items()}
given = {
    one.name: np.array([row[one.name]], dtype=types.get(one.type, object)).reshape(1, -1)
    for one in session.get_inputs()
}
print(json.dumps(session.run(None, given)[0].tolist()))
assert not [name for name in sys.modules if name.startswith(("mlagent", "torch"))]
"""


def test_the_file_alone_scores_a_dict_of_raw_columns(shipped: tuple[Workshop, encode.Shape]) -> None:
    workshop, shape = shipped
    row = {
        "size": 12.5, "count": 3, "flag": True, "body type": "Coupé", "day": "2025-03-01", "at": "2025-03-01T12:30:00",
        "place": [0.5, 5.0, -80.0], "place?": [0.5, 5.0, -80.0],
        "size?": None, "count?": None, "flag?": None,
        "body type?": "<missing>", "day?": "<missing>", "at?": "<missing>",
    }  # fmt: skip
    command = [sys.executable, "-I", "-c", ALONE, str(workshop.output / "model.onnx"), json.dumps(row)]
    said = subprocess.run(command, check=True, capture_output=True, text=True, cwd="/").stdout
    values: dict[str, Any] = {name: None if value == "<missing>" else value for name, value in row.items()}
    values |= {"day": date(2025, 3, 1), "at": datetime(2025, 3, 1, 12, 30)}  # noqa: DTZ001
    frame = pl.DataFrame({name: [value] for name, value in values.items()}, schema=rows(1, 1).schema)
    session = onnxruntime.InferenceSession(workshop.output / "model.onnx")
    assert json.loads(said)[0] == pytest.approx(session.run(None, encode.inputs(shape, frame))[0][0].tolist())


def test_what_training_saw_is_one_hot_and_what_it_did_not_is_nothing() -> None:
    known = pl.DataFrame({"kind": ["b", "a", None], "size": [1.0, 3.0, None]})
    schema = Schema(columns={"kind": Column(type="text", nullable=True), "size": Column(type="number", nullable=True)})
    shape = encode.fit(known, 2, schema, "standard")
    assert shape.columns == ("kind=a", "kind=b", "kind missing", "size", "size missing")
    new = pl.DataFrame({"kind": ["a", "tank", None], "size": [5.0, None, 2.0]})
    assert encode.apply(shape, new).tolist() == [[1, 0, 0, 3, 0], [0, 0, 0, 0, 1], [0, 0, 1, 0, 0]]


def test_a_list_is_a_feature_an_item_and_an_absent_one_is_their_means() -> None:
    known = pl.DataFrame({"place": [[1.0, 10.0], [3.0, 10.0], None]})
    schema = Schema(columns={"place": Column(type="list", length=2, nullable=True)})
    shape = encode.fit(known, 2, schema, "standard")
    assert shape.columns == ("place[0]", "place[1]", "place missing")
    new = pl.DataFrame({"place": [[5.0, 11.0], None]})
    assert encode.apply(shape, new).tolist() == [[3, 11, 0], [0, 10, 1]]
    given = encode.inputs(shape, new)["place"]
    assert (given.dtype.name, given[0].tolist(), np.isnan(given[1]).all()) == ("float32", [5, 11], True)
    whole = encode.fit(
        pl.DataFrame({"place": [[1, 2], [3, 4]]}), 2, Schema(columns={"place": Column(type="list", length=2)})
    )
    assert encode.apply(whole, pl.DataFrame({"place": [[7, 8]]})).tolist() == [[7, 8]]


def test_a_date_is_its_year_season_and_day() -> None:
    days = pl.DataFrame({"day": [date(2010, 1, 1), date(2000, 7, 1)]})
    shape = encode.fit(days, 2, Schema(columns={"day": Column(type="date")}))
    wanted = [[1.0, 0.0, 1.0, 0.0], [0.0, math.sin(math.pi), -1.0, 0.0]]
    np.testing.assert_allclose(encode.apply(shape, days), wanted, atol=1e-6)


def test_equal_requests_give_equal_bytes(shipped: tuple[Workshop, encode.Shape]) -> None:
    workshop, shape = shipped
    path: Path = workshop.output / "model.onnx"
    before = path.read_bytes()
    asked = workshop.exporting(features=shape.features, opset=20)
    workshop.shape.write_bytes(encode_json(shape))
    assert workshop.do(asked) == 0
    assert path.read_bytes() == before
