"""Values of a sensitive column become numbered groups, the largest first; nothing of them is left."""

import numpy as np
import polars as pl
import pytest

from mlagent.data.groups import masked
from mlagent.data.schema import Column, Schema
from mlagent.stages import evaluate


def test_groups_are_numbered_by_falling_number_of_rows() -> None:
    assert masked(np.array(["b", "a", "c", "c", "b", "c"])).tolist() == [
        "group 2",
        "group 3",
        "group 1",
        "group 1",
        "group 2",
        "group 1",
    ]
    assert masked(np.array([], dtype=str)).tolist() == []


@pytest.mark.parametrize("sensitive", [True, False])
def test_only_a_sensitive_column_is_hidden_with_the_groups_that_no_row_is_of(sensitive: bool) -> None:
    column = Column(type="text", values=("red", "blue", "green"), sensitive=sensitive)
    found, absent = evaluate._groups(Schema(columns={"c": column}), "c", pl.Series("c", ["red", "blue", "red"]))
    assert found.tolist() == (["group 1", "group 2", "group 1"] if sensitive else ["red", "blue", "red"])
    assert absent == (("group 3",) if sensitive else ("green",))


def test_without_a_schema_names_are_as_they_are() -> None:
    found, absent = evaluate._groups(None, "c", pl.Series("c", ["red", None]))
    assert (found.tolist(), absent) == (["red", "<missing>"], ())
