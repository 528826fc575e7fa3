"""Written as the server gives them back, and read in every spelling."""

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mlagent.rollout.objects import quantity


@pytest.mark.parametrize(("number", "text"), [(1.0, "1"), (0.5, "500m"), (2.25, "2250m"), (64, "64"), (0.1, "100m")])
def test_processors(number: float, text: str) -> None:
    assert quantity.cpus(number) == text


@pytest.mark.parametrize(("number", "text"), [(64, "64Mi"), (1024, "1Gi"), (1536, "1536Mi"), (1048576, "1Ti")])
def test_memory(number: int, text: str) -> None:
    assert quantity.mebibytes(number) == text


@given(st.integers(64, 1_048_576))
def test_memory_is_read_back_as_it_was_written(number: int) -> None:
    assert quantity.read(quantity.mebibytes(number)) == number * 2**20


@pytest.mark.parametrize(
    ("text", "amount"),
    [
        ("3", 3),
        ("1500m", Decimal("1.5")),
        ("2Ki", 2048),
        ("1.5Gi", 3 * 2**29),
        ("2k", 2000),
        ("1M", 10**6),
        ("1e3", 1000),
        ("12E", 12 * 10**18),
        ("129641Ki", 129641 * 1024),
        (7, 7),
    ],
)
def test_every_spelling_is_read(text: object, amount: object) -> None:
    assert quantity.read(text) == amount


@pytest.mark.parametrize("text", ["", "Gi", "many", "1Q"])
def test_what_is_no_amount_is_said(text: str) -> None:
    with pytest.raises(ValueError, match="no amount that Kubernetes writes"):
        quantity.read(text)


def test_people_are_told_memory_in_gibibytes() -> None:
    assert quantity.write(Decimal(3 * 2**29), "requests.memory") == "1.5Gi"
    assert quantity.write(Decimal(2**27), "memory") == "128Mi"
    assert quantity.write(Decimal("1.500"), "cpu") == "1.5"
    assert quantity.write(Decimal(2), "nvidia.com/gpu") == "2"
