"""Whatever keeps the ledger keeps it like this; PostgreSQL is asked where one was made for the tests."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.contract import ledger_places as places
from tests.contract.conftest import STORES, opener
from tests.contract.ledgers import Ledgers, Place
from tests.contract.tampering import Tampering

KINDS = (*STORES, "lines", "sqlite", *(["postgresql"] if places.POSTGRES else []))


@pytest.fixture(params=KINDS)
def place(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Place]:
    if request.param == "postgresql":
        with places.in_postgres() as found:
            yield found
    elif request.param == "sqlite":
        with places.in_sqlite(tmp_path) as found:
            yield found
    elif request.param == "lines":
        yield places.in_lines(tmp_path)
    else:
        opened = opener(request.param, request, tmp_path)
        yield places.in_store(opened, forks=request.param == "local", many=6 if request.param == "s3" else 24)


class TestLedgers(Ledgers, Tampering):
    """All kinds, all tests."""
