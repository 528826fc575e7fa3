"""What did not run this time stands in the table of a run as reused, or as of an earlier attempt where it failed."""

from types import SimpleNamespace
from typing import Any

import pytest

from mlagent.cli import run


@pytest.mark.parametrize(
    ("state", "attempt", "seconds"),
    [
        ("done", 2, "1.5"),
        ("done", 1, "reused"),
        ("failed", 2, "1.5"),
        ("failed", 1, "earlier"),
        ("stopped", 1, "earlier"),
    ],
)
def test_nothing_of_a_failure_is_reused(state: str, attempt: int, seconds: str) -> None:
    entry = SimpleNamespace(state=state, attempt=attempt, seconds=1.5, reused_from=None, summary="so")
    record: Any = SimpleNamespace(attempt=2, stages={"push": entry})
    assert run._row(record, "push") == (state, seconds, "so")
    assert run._row(record, "train") == ("not run", "", "")
