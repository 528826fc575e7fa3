"""The house that tests of the guard change by hand."""

import pytest

from tests.promotion_house import House


@pytest.fixture
def house() -> House:
    """Versions 1 and 2 in staging, one after the other; version 1 in production."""
    made = House()
    made.promote(1)
    made.promote(1, "production")
    made.promote(2)
    return made
