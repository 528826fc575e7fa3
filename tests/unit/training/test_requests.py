"""What is wrong with a request, its data or the environment is told apart from what is the team's."""

import sys
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pytest

from mlagent.training import requests
from mlagent.training.__main__ import main
from mlagent.training.faults import RequestFault

if TYPE_CHECKING:
    from tests.unit.training.conftest import Bench

WRONG = {
    "another task": ({"task": "dance"}, "the request's task is 'dance'; it is one of train, script, export"),
    "no task": ({"task": None}, "the request's task is None"),
    "a missing key": ({"epochs": None}, "the request lacks epochs"),
    "an unknown key": ({"epoch": 3}, "the request has the unknown key epoch"),
    "text for a number": ({"epochs": "3"}, "the request's epochs is '3'; it must be a whole number"),
    "a fraction for a count": ({"epochs": 2.5}, "the request's epochs is 2.5; it must be a whole number"),
    "a truth value for a count": ({"epochs": True}, "the request's epochs is True; it must be a whole number"),
    "no epochs at all": ({"epochs": 0}, "the request's epochs is 0; the least is 1"),
    "one class": ({"classes": 1}, "the request's classes is 1; the least is 2"),
    "classes of a number": ({"kind": "count"}, "the request's classes is 2; for a count it is 0"),
    "another kind": ({"kind": "rank"}, "the request's kind is 'rank'; it must be one of classification, regression"),
    "a learning rate of nothing": ({"learning_rate": 0.0}, "the request's learning_rate is 0.0; it must be above 0"),
    "a learning rate without end": ({"learning_rate": float("inf")}, "the request's learning_rate is inf"),
    "a relative path": ({"train": "train.npz"}, "the request's train is 'train.npz'; it must be an absolute path"),
    "a number for a name": ({"model": 7}, "the request's model is 7; it must be text"),
}


@pytest.mark.parametrize(("changes", "message"), WRONG.values(), ids=WRONG.keys())
def test_a_wrong_request_is_a_bug_of_its_writer(bench: "Bench", changes: dict[str, object], message: str) -> None:
    ended = bench.ask(**changes)
    assert (ended.status, ended.error["category"]) == (70, "bug")
    assert message in ended.error["message"]
    assert "the contract is in mlagent.training" in ended.error["hint"]


def test_a_whole_number_may_stand_for_a_float(bench: "Bench") -> None:
    parsed = requests.parse(bench.request(weight_decay=0))
    assert isinstance(parsed, requests.TrainRequest)
    assert parsed.weight_decay == 0


def test_a_request_without_an_output_folder_is_told_on_stderr(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "request.json"
    path.write_text(f'{{"task": "train", "output": "{tmp_path / "gone"}"}}', encoding="utf-8")
    assert main([str(path)]) == 70
    assert "the request's output is no folder" in capsys.readouterr().err


@pytest.mark.parametrize("text", ["{", "[1]", "\xff"])
def test_a_request_that_is_no_object_is_refused(tmp_path: Path, text: str) -> None:
    path = tmp_path / "request.json"
    path.write_text(text, encoding="latin-1")
    with pytest.raises(RequestFault, match=r"the request request\.json"):
        requests.read(path)


def test_the_command_takes_one_request(capsys: pytest.CaptureFixture[str]) -> None:
    assert main([]) == 70
    assert capsys.readouterr().err == "usage: python -m mlagent.training REQUEST.json\n"


F, T = np.zeros((6, 4), np.float32), np.zeros(6, np.int64)
HOLED = F.copy()
HOLED[2, 1] = np.nan
BAD_DATA = {
    "no features": ({"target": T}, "train.npz: 'features is not a file in the archive'"),
    "no rows": ({"features": F[:0], "target": T[:0]}, "train.npz: features is float32 (0, 4)"),
    "no columns": ({"features": F[:, :0], "target": T}, "train.npz: features is float32 (6, 0)"),
    "float64": ({"features": F.astype(float), "target": T}, "train.npz: features is float64 (6, 4), not float32"),
    "a NaN": ({"features": HOLED, "target": T}, "train.npz: features holds nan in row 2, column 1"),
    "a short target": ({"features": F, "target": T[:5]}, "train.npz: target is int64 (5,), not int64 (6,)"),
    "a float target": ({"features": F, "target": F[:, 0]}, "train.npz: target is float32 (6,), not int64 (6,)"),
    "a class too many": ({"features": F, "target": T + 2}, "train.npz: target runs from 2 to 2, outside 0 .. 1"),
    "a class below 0": ({"features": F, "target": T - 1}, "train.npz: target runs from -1 to -1, outside 0 .. 1"),
    "pickled objects": ({"features": np.array([{}]), "target": T}, "train.npz: Object arrays cannot be loaded"),
}


@pytest.mark.parametrize(("arrays", "message"), BAD_DATA.values(), ids=BAD_DATA.keys())
def test_data_that_is_not_as_agreed_is_an_input_error(
    bench: "Bench", arrays: dict[str, np.ndarray], message: str
) -> None:
    np.savez(bench.train, **arrays)  # type: ignore[arg-type]  # numpy's stub takes any keyword for allow_pickle
    ended = bench.ask()
    assert (ended.status, ended.error["category"]) == (4, "input")
    assert message in ended.error["message"]
    assert "make the data again" in ended.error["hint"]


def test_a_cut_off_data_file_is_an_input_error(bench: "Bench") -> None:
    bench.train.write_bytes(bench.train.read_bytes()[:100])
    assert bench.ask().status == 4


def test_a_missing_data_file_is_named(bench: "Bench") -> None:
    bench.validation.unlink()
    ended = bench.ask()
    assert (ended.status, ended.error["message"][:15]) == (4, "validation.npz:")


def test_a_validation_set_of_another_width_is_refused(bench: "Bench") -> None:
    bench.data(bench.validation, rows=5, seed=3, columns=6)
    assert bench.ask().error["message"] == "validation.npz: 6 feature columns, but train.npz has 4"


def test_an_environment_without_torch_is_told_by_package(bench: "Bench", monkeypatch: pytest.MonkeyPatch) -> None:
    for name in [name for name in sys.modules if name.startswith("mlagent.training.")]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.delattr("mlagent.training.train", raising=False)
    monkeypatch.setitem(sys.modules, "torch", None)
    ended = bench.ask()
    assert (ended.status, ended.error["category"]) == (3, "configuration")
    assert "the Python package 'torch'" in ended.error["message"]
    assert "mlagent[worker]" in ended.error["hint"]


def test_a_bug_of_the_workers_own_is_told_as_one(bench: "Bench", monkeypatch: pytest.MonkeyPatch) -> None:
    from mlagent.training import train

    monkeypatch.setattr(train, "read_rows", lambda *_: 1 / 0)
    ended = bench.ask()
    assert (ended.status, ended.error["category"]) == (70, "bug")
    assert ended.error["message"] == "the worker failed: ZeroDivisionError: division by zero"
    assert "Traceback" in ended.stderr
