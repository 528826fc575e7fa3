"""An empty bucket on the S3 server of this machine."""

import uuid
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import NamedTuple

import pytest

from mlagent.adapters.fakes import MemoryStore
from mlagent.adapters.stores import open_store
from mlagent.adapters.stores.s3 import S3Store
from mlagent.core.ports.store import Store


class Bucket(NamedTuple):
    """An empty bucket: what `open_store` needs to open a store in it."""

    url: str
    options: Mapping[str, object]

    def open(self) -> S3Store:
        """Open it as another process would, with a connection of its own."""
        store = open_store(self.url, {**self.options, "skip_instance_cache": True})
        assert isinstance(store, S3Store)
        return store


@pytest.fixture
def bucket(s3_server: str) -> Bucket:
    name = f"b{uuid.uuid4().hex}"
    options = {"endpoint_url": s3_server, "key": "AKIAtesting", "secret": "notverysecret"}
    found = Bucket(f"s3://{name}/team/store", options)
    found.open()._files.mkdir(name)
    return found


STORES = ("memory", "local", "s3")


@pytest.fixture(params=STORES)
def opened(request: pytest.FixtureRequest, tmp_path: Path) -> Callable[[], Store]:
    """Opens one store again and again, as so many processes would."""
    return opener(request.param, request, tmp_path)


def opener(kind: str, request: pytest.FixtureRequest, tmp_path: Path) -> Callable[[], Store]:
    """Opens a store of a kind."""
    if kind == "memory":
        store = MemoryStore()
        return lambda: store
    if kind == "local":
        return lambda: open_store(tmp_path / "store")
    bucket: Bucket = request.getfixturevalue("bucket")
    return bucket.open
