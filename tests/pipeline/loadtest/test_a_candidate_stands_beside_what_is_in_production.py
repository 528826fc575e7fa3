"""What serves in production is asked in alternation with the candidate; where it cannot be had, a note says why."""

from pathlib import Path

import polars as pl
import pytest

from mlagent.core.context import Outputs
from mlagent.loadtest import result, samples
from mlagent.stages.load_test import beside
from tests.loadtest_house import House, model, outcomes, three_numbers

RATIO = "p99 against production"


@pytest.fixture
def house(tmp_path: Path) -> House:
    (tmp_path / "candidate").mkdir()
    return three_numbers(tmp_path / "candidate")


def champion(root: Path, columns: str = "abc") -> Path:
    """A model of its own, in a file."""
    path = root / "production.onnx"
    path.write_bytes(model(len(columns)).SerializeToString() if columns else b"no model")
    return path


def note(outputs: Outputs) -> str:
    """What is said of production."""
    return next((one for one in outputs.verdicts[0].notes if one.startswith(beside.ALONE)), "")


def test_both_are_asked_in_turns_and_their_ratio_stands_in_the_verdict(house: House, tmp_path: Path) -> None:
    outputs = house.run(production=champion(tmp_path), champion_rounds=5, duration_seconds=2, ratio_max=50)
    assert outcomes(outputs)[RATIO] == "pass"
    assert outputs.verdicts[0].outcome == "pass", outputs.summary
    (check,) = (one for one in outputs.verdicts[0].checks if one.metric == RATIO)
    assert check.interval is not None
    assert note(outputs) == ""
    work = house.root / "work"
    labels = [one.label for one in result.read(work / "result.json").pieces]
    assert labels[:6] == ["warm-up", "warm-up", "candidate 1", "champion 1", "champion 2", "candidate 2"]
    rows = samples.read(work / "samples.npy")
    assert not samples.failed(rows).any()
    assert (work / "champion.log").exists()


def test_one_that_is_far_slower_than_production_fails_by_the_ratio_alone(house: House, tmp_path: Path) -> None:
    outputs = house.run(production=champion(tmp_path), champion_rounds=5, duration_seconds=2, ratio_max=0.001)
    assert [name for name, outcome in outcomes(outputs).items() if outcome == "fail"] == [RATIO]


def test_one_of_other_columns_is_told_of_and_the_limits_decide_alone(tmp_path: Path) -> None:
    (tmp_path / "candidate").mkdir()
    house = House(tmp_path / "candidate", pl.DataFrame({"a": [0.1, 0.2, 0.3], "b": [1.0, 2.0, 3.0]}))
    outputs = house.run(production=champion(tmp_path, "abc"))
    assert RATIO not in outcomes(outputs)
    assert outputs.verdicts[0].outcome == "pass", outputs.summary
    assert "could not be served here" in note(outputs) or "by what serves in production" in note(outputs)


def test_one_that_is_broken_is_told_of(house: House, tmp_path: Path) -> None:
    outputs = house.run(production=champion(tmp_path, ""))
    assert outputs.verdicts[0].outcome == "pass", outputs.summary
    assert "it could not be served here" in note(outputs)


@pytest.mark.parametrize(("profile", "champions"), [("steady", "off"), ("step", "auto"), ("spike", "auto")])
def test_where_it_is_not_wanted_nothing_is_said_of_it(
    house: House, tmp_path: Path, profile: str, champions: str
) -> None:
    outputs = house.run(production=champion(tmp_path), profile=profile, champion=champions)
    assert (outputs.verdicts[0].outcome, note(outputs)) == ("pass", "")
    assert not (house.root / "work/champion.log").exists()
