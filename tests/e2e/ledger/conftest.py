"""A real MLflow for the session."""

from collections.abc import Iterator

import pytest

from tests.e2e.ledger import servers
from tests.e2e.ledger.servers import Mlflow


@pytest.fixture(scope="session")
def mlflow(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Mlflow]:
    """One that asks who comes."""
    with servers.mlflow(tmp_path_factory.mktemp("mlflow")) as made:
        yield made
