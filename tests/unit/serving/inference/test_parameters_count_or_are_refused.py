"""What would change the answer is used or refused by name; all else is let be."""

from typing import Any

import pytest

from mlagent.serving.faults import Refused
from tests.unit.serving.inference.echo import ask, plain, served

GOOD = plain("INT8", [2, 2], [1, 2, 3, 4])


def test_a_timeout_in_microseconds_is_the_deadline() -> None:
    assert ask(served("INT8"), [GOOD], parameters={"timeout": 1500}).deadline_us == 1500
    assert ask(served("INT8"), [GOOD], parameters={"timeout": 1500.5}).deadline_us == 1501
    assert ask(served("INT8"), [GOOD], parameters={"timeout": 0}).deadline_us is None
    assert ask(served("INT8"), [GOOD]).deadline_us is None


@pytest.mark.parametrize("timeout", [-1, -0.5, "5", None, True, 2**63, 10**400])
def test_a_timeout_that_is_none_is_refused(timeout: object) -> None:
    with pytest.raises(Refused, match="the body is no inference request: "):
        ask(served("INT8"), [GOOD], parameters={"timeout": timeout})


def test_parameters_of_others_are_let_be() -> None:
    anything = {"priority": 3, "content_type": "np", "deep": {"a": [None]}}
    found = ask(
        served("INT8"),
        [GOOD | {"parameters": anything}],
        parameters=anything,
        outputs=[{"name": "INT8", "parameters": anything}],
    )
    assert found.arrays["INT8"].tolist() == [[1, 2], [3, 4]]
    assert found.rows == 2


@pytest.mark.parametrize("name", ["sequence_id", "sequence_start", "sequence_end"])
@pytest.mark.parametrize("value", [1, None, False])
def test_sequences_are_refused_by_name(name: str, value: object) -> None:
    with pytest.raises(Refused, match=f"the request has the parameter '{name}': nothing is kept here between two requ"):
        ask(served("INT8"), [GOOD], parameters={name: value})


@pytest.mark.parametrize("name", ["shared_memory_region", "shared_memory_offset", "shared_memory_byte_size"])
def test_shared_memory_is_refused_by_name(name: str) -> None:
    with pytest.raises(Refused, match=f"input 'INT8' has the parameter '{name}': memory is not shared with clients"):
        ask(served("INT8"), [GOOD | {"parameters": {name: 1}}])
    with pytest.raises(Refused, match=f"output 'INT8' has the parameter '{name}': memory is not shared with clients"):
        ask(served("INT8"), [GOOD], outputs=[{"name": "INT8", "parameters": {name: 1}}])


def test_a_classification_is_refused_by_name() -> None:
    outputs: list[Any] = [{"name": "INT8", "parameters": {"classification": 3}}]
    with pytest.raises(Refused, match="output 'INT8' has the parameter 'classification': labels are not made here"):
        ask(served("INT8"), [GOOD], outputs=outputs)
