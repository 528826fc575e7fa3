"""How many rows a request may have, and until when it must be answered."""

from time import perf_counter
from typing import TYPE_CHECKING, Any

from tests.unit.serving import kinds
from tests.unit.serving.conftest import Adder, Caller, Kinds

if TYPE_CHECKING:
    from mlagent.serving.execution import Job


def test_more_rows_than_may_be_are_refused_by_tensors_and_by_names(good: dict[str, Any]) -> None:
    signature = kinds.served(kinds.shape())
    told = Caller("kinds", Kinds(signature), signature, rows_limit=2).predict([kinds.GOOD] * 3)
    assert (told.status, told.json["error"][:42]) == (413, "the request has 3 rows, over the limit of ")
    adder = Caller("adder", Adder(), rows_limit=1)
    assert adder.post(good).status == 413
    assert Caller("adder", Adder(), rows_limit=2).post(good).status == 200


def test_the_deadline_is_the_servers_or_the_requests_own_where_that_is_sooner(good: dict[str, Any]) -> None:
    for own, expected in ((None, 30.0), (2_000_000, 2.0), (60_000_000, 30.0)):
        adder = Caller("adder", Adder(), deadline_seconds=30.0)
        jobs: list[Job] = []
        adder.runner.seen = jobs.append
        adder.post(good | ({"parameters": {"timeout": own}} if own else {}))
        (job,) = jobs
        assert abs(job.deadline - perf_counter() - expected) < 1.0
