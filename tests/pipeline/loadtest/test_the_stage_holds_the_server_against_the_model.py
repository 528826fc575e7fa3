"""The stage with its real server and its real meter: what is served must answer what the judged path answers."""

import json
from pathlib import Path
from typing import Any, cast

import msgspec
import polars as pl
import pytest

from mlagent.data import signature
from mlagent.data.schema import Column, Schema
from mlagent.engine.child import LocalChildren
from mlagent.loadtest import golden, judgement, samples
from mlagent.stages.load_test import beside
from tests.loadtest_house import House, outcomes, three_numbers

EVERY = Schema(
    columns={
        "number": Column(type="number", nullable=True),
        "integer": Column(type="integer", nullable=True),
        "whole": Column(type="integer", min=0, max=3),
        "boolean": Column(type="boolean", nullable=True),
        "yes": Column(type="boolean"),
        "text": Column(type="text", nullable=True),
        "date": Column(type="date", nullable=True),
        "datetime": Column(type="datetime"),
        "list": Column(type="list", length=2, nullable=True),
    }
)


@pytest.fixture
def packed(tmp_path: Path) -> House:
    return three_numbers(tmp_path)


def test_a_server_that_answers_what_was_judged_passes(packed: House) -> None:
    outputs = packed.run(p50_ms=5000)
    assert outcomes(outputs) == {
        "golden rows not as expected": "pass",
        "p50 latency": "pass",
        "p99 latency": "pass",
        "error rate": "pass",
        "wrong answers": "pass",
        "faults of the measurement": "pass",
    }
    assert packed.written == {"golden", "samples", "latency", "load", "hdr", "locust"}
    assert outputs.verdicts[0].notes == (judgement.IN_A_PROCESS, f"{beside.ALONE}nothing is in production")
    rows = golden.read(packed.root / "work" / "golden.jsonl")
    assert len(rows) == 40
    assert all(one.row and set(one.row) == set("abc") for one in rows)
    counted = json.loads((packed.root / "work" / "latency.json").read_bytes())
    assert counted["answered"] > counted["requests"] > counted["wrong"] == 0


@pytest.mark.parametrize(("late", "ends"), [(1, "pass"), (2, "invalid")])
def test_a_meter_that_was_late_measures_once_more_and_no_oftener(
    packed: House, monkeypatch: pytest.MonkeyPatch, late: int, ends: str
) -> None:
    loads: list[str] = []
    run = LocalChildren.run

    def disturbed(self: LocalChildren, module: str, *arguments: Any) -> None:
        run(self, module, *arguments)
        path = packed.root / "work" / "samples.npy"
        found = samples.read(path)
        found["lag"] = 1.0 if len(loads) < late else 0.0
        samples.write(path, found)
        loads.append(module)

    monkeypatch.setattr(LocalChildren, "run", disturbed)
    assert outcomes(packed.run(late_share_max=0.5))["p99 latency"] == ends
    assert loads == ["mlagent.loadtest"] * 2


def test_a_signature_of_other_columns_order_is_caught_at_rest_and_no_load_is_spent(packed: House) -> None:
    skewed = signature.of(packed.shape)
    skewed = msgspec.structs.replace(skewed, columns=skewed.columns[::-1])
    (packed.root / "signature").write_bytes(msgspec.json.encode(skewed))
    outputs = packed.run()
    assert outcomes(outputs) == {"golden rows not as expected": "fail"}
    assert (outputs.verdicts[0].outcome, outputs.verdicts[0].notes[-1]) == ("fail", judgement.NO_LOAD)
    assert "of golden row 0 probabilities[0] is expected to be" in outputs.summary
    assert "is signature.json the model's own" in outputs.hint
    assert packed.written == {"golden"}


def test_the_test_part_is_asked_for_where_that_is_wanted(packed: House) -> None:
    outputs = packed.run(golden="test-rows")
    assert outputs.verdicts[0].outcome == "pass"
    rows = golden.read(packed.root / "work" / "golden.jsonl")
    real = pl.read_parquet(packed.root / "test-rows").head(40)
    assert [one.row for one in rows] == real.to_dicts()


def test_nothing_that_is_written_holds_a_value_of_a_sensitive_column(tmp_path: Path) -> None:
    schema = Schema(columns={"name": Column(type="text", sensitive=True), "size": Column(type="number", min=0, max=9)})
    names = ["Ada Lovelace", "Grace Hopper", "Emmy Noether"]
    house = House(tmp_path, pl.DataFrame({"name": names, "size": [1.0, 2.0, 3.0]}), schema)
    outputs = house.run()
    assert outputs.verdicts[0].outcome == "pass", outputs.summary
    written = b"".join(path.read_bytes() for path in (tmp_path / "work").iterdir())
    assert b'{"row":{"name":"' in written
    assert [name for name in names if name.encode() in written] == []


def test_a_column_of_every_kind_is_read_by_the_server_as_by_training(tmp_path: Path) -> None:
    rows = pl.DataFrame(
        {
            "number": [0.5, None, 7.25],
            "integer": [3, None, 9],
            "whole": [0, 1, 2],
            "boolean": [True, None, False],
            "yes": [True, False, True],
            "text": ["one", None, "two"],
            "date": ["2021-02-03", None, "2024-12-31"],
            "datetime": ["2021-02-03T04:05:06", "2022-01-01T00:00:00", "2024-12-31T23:59:59"],
            "list": [[1.0, 2.0], None, [0.5, -3.0]],
        }
    ).with_columns(pl.col("date").str.to_date(), pl.col("datetime").str.to_datetime())
    house = House(tmp_path, rows, EVERY)
    outputs = house.run(golden_rows=150)
    assert outputs.verdicts[0].outcome == "pass", outputs.summary
    answers = {
        tuple(cast("list[float]", (one.expected or {})["probabilities"]))
        for one in golden.read(tmp_path / "work" / "golden.jsonl")
    }
    assert len(answers) == 150
