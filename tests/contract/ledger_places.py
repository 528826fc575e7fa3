"""Where ledgers are kept in tests, and how one writes there past them."""

import os
import sqlite3
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

import sqlalchemy

from mlagent.adapters.ledgers.lines import LineLedger
from mlagent.adapters.ledgers.objects import ENTRIES, ObjectLedger
from mlagent.adapters.ledgers.sql import SqlLedger
from mlagent.core.ports.store import Store
from tests.contract.ledgers import Place

POSTGRES = os.environ.get("MLAGENT_TEST_POSTGRES")


class Objects(NamedTuple):
    """Who writes to the store."""

    store: Store

    def data(self, number: int) -> bytes:
        named = self.store.read(f"{ENTRIES}{number:012d}")
        assert named
        return named.data

    def write(self, number: int, data: bytes) -> None:
        self.store.write(f"{ENTRIES}{number:012d}", data)

    def remove(self, number: int) -> None:
        self.store.remove(f"{ENTRIES}{number:012d}")


class Lines(NamedTuple):
    """Who opens the file in an editor."""

    path: Path

    def data(self, number: int) -> bytes:
        return self.path.read_bytes().splitlines()[number - 1]

    def write(self, number: int, data: bytes) -> None:
        self._put(number, [data])

    def remove(self, number: int) -> None:
        self._put(number, [])

    def _put(self, number: int, by: list[bytes]) -> None:
        lines = self.path.read_bytes().splitlines()
        lines[number - 1 : number] = by
        self.path.write_bytes(b"".join(line + b"\n" for line in lines))


class Rows(NamedTuple):
    """Who owns the database."""

    engine: sqlalchemy.Engine

    def data(self, number: int) -> bytes:
        with self.engine.begin() as connection:
            query = sqlalchemy.text("SELECT entry FROM mlagent_ledger_entries WHERE number = :number")
            return str(connection.scalar(query, {"number": number})).encode()

    def write(self, number: int, data: bytes) -> None:
        self._do("UPDATE mlagent_ledger_entries SET entry = :entry WHERE number = :number", number, entry=data.decode())

    def remove(self, number: int) -> None:
        self._do("DELETE FROM mlagent_ledger_entries WHERE number = :number", number)

    def _do(self, statement: str, number: int, **given: str) -> None:
        with self.engine.begin() as connection:
            connection.execute(sqlalchemy.text(statement), {"number": number, **given})


def in_store(opened: Callable[[], Store], *, forks: bool, many: int = 24) -> Place:
    """In named objects."""
    return Place(lambda: ObjectLedger(opened()), Objects(opened()), many, forks)


def in_lines(folder: Path) -> Place:
    """In a file, in a folder that is not there yet."""
    path = folder / "new" / "ledger.jsonl"
    return Place(lambda: LineLedger(path), Lines(path))


@contextmanager
def in_sqlite(folder: Path) -> Iterator[Place]:
    """In a database of one file."""
    url = f"sqlite:///{folder}/ledger.db"
    yield Place(lambda: SqlLedger(url), Rows(sqlalchemy.create_engine(url, poolclass=sqlalchemy.NullPool)))
    with sqlite3.connect(folder / "ledger.db") as connection:
        assert connection.execute("PRAGMA integrity_check").fetchone() == ("ok",)
    connection.close()


@contextmanager
def in_postgres() -> Iterator[Place]:
    """In a schema of its own on the server that was made for the tests."""
    schema, server = f"t{uuid.uuid4().hex}", sqlalchemy.create_engine(str(POSTGRES), poolclass=sqlalchemy.NullPool)
    with server.begin() as connection:
        connection.execute(sqlalchemy.text(f"CREATE SCHEMA {schema}"))
    url = f"{POSTGRES}?options=-csearch_path%3D{schema}"
    yield Place(lambda: SqlLedger(url), Rows(sqlalchemy.create_engine(url, poolclass=sqlalchemy.NullPool)), url=url)
    with server.begin() as connection:
        connection.execute(sqlalchemy.text(f"DROP SCHEMA {schema} CASCADE"))
