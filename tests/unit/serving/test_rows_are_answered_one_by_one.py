"""/predict: an answer a row, every output by its name; and what does not belong together is not served."""

from typing import TYPE_CHECKING, Any

import msgspec
import numpy as np
import pytest

from mlagent.serving import signature
from mlagent.serving.faults import CannotServe
from mlagent.serving.metadata import Tensor
from mlagent.serving.predict import Predictor
from tests.unit.serving.conftest import FLOAT, INT8, Fixed, inputs_of
from tests.unit.serving.kinds import GOOD, served, shape

if TYPE_CHECKING:
    from pathlib import Path

    from tests.unit.serving.conftest import Caller

SIGNATURE = served(shape())


def test_an_output_of_several_numbers_is_a_list_and_one_of_a_single_number_is_that(asker: "Caller") -> None:
    told = asker.predict([GOOD, {**GOOD, "number": 2}])
    assert (told.status, told.json) == (
        200,
        {
            "model_name": "kinds",
            "rows": [
                {"probabilities": [0.5, 0.5], "label": 0, "words": "old"},
                {"probabilities": [2.0, -1.0], "label": 1, "words": "old"},
            ],
        },
    )
    assert told.headers[b"content-type"] == b"application/json"


@pytest.mark.parametrize(
    ("answer", "said"),
    [
        (np.array([[np.nan]], np.float32), "the model answered with NaN or infinity in 'y', which JSON cannot carry"),
        (np.zeros((2, 1), np.float32), "the model answered 'y' in the shape [2, 1] to 1 rows"),
        (np.float32(1), "the model answered 'y' in the shape [] to 1 rows"),
    ],
)
def test_an_answer_that_is_none_is_the_servers_fault(fixed: Any, answer: Any, said: str) -> None:
    told = fixed(Fixed(SIGNATURE, {"y": answer})).predict([GOOD])
    assert (told.status, told.json) == (500, {"error": said})


def test_a_failing_model_tells_nothing_of_its_inside(fixed: Any, caplog: pytest.LogCaptureFixture) -> None:
    told = fixed(Fixed(SIGNATURE, {})).predict([GOOD])
    assert (told.status, told.json) == (500, {"error": "the server failed on this request; its log says why"})
    assert "KeyError: 'y'" in caplog.text


WRONG = {
    "another type": ("number", Tensor("number", INT8, ("rows", 1))),
    "another width": ("list", Tensor("list", FLOAT, ("rows", 4))),
    "another rank": ("number", Tensor("number", FLOAT, ("rows",))),
    "a column that the model does not take": ("number", None),
    "an input that no column is": ("else", Tensor("else", FLOAT, ("rows", 1))),
}


@pytest.mark.parametrize("case", WRONG)
def test_a_signature_of_another_model_is_not_served(case: str) -> None:
    name, tensor = WRONG[case]
    model = Fixed(SIGNATURE, {})
    model.inputs = [one for one in model.inputs if one.name != name] + ([tensor] if tensor else [])
    with pytest.raises(CannotServe, match=f"they differ in {name}; take both from the same export"):
        Predictor("m", model, SIGNATURE)


def test_a_width_that_is_left_open_takes_the_columns() -> None:
    model = Fixed(SIGNATURE, {})
    model.inputs = [one._replace(dimensions=("rows", "")) for one in inputs_of(SIGNATURE)]
    Predictor("m", model, SIGNATURE)


def test_texts_are_not_packed() -> None:
    packed = msgspec.structs.replace(SIGNATURE, packed="features")
    with pytest.raises(CannotServe, match="they differ in text, date, datetime, list, text"):
        Predictor("m", Fixed(SIGNATURE, {}), packed)


def test_a_signature_that_cannot_be_read_is_told(tmp_path: "Path") -> None:
    path = tmp_path / "signature.json"
    with pytest.raises(CannotServe, match="cannot be read: No such file"):
        signature.read(path)
    path.write_text('{"columns": [{"name": "a", "type": "color"}]}')
    with pytest.raises(CannotServe, match="is no signature: Invalid enum value 'color'"):
        signature.read(path)
