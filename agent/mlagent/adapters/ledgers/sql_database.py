"""The database of a ledger: opened for a moment, its tables made where they are missing, its errors in words."""

import re
import sqlite3
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from typing import Any

import sqlalchemy
from sqlalchemy import URL, Connection, Engine
from sqlalchemy.exc import SQLAlchemyError

from mlagent.adapters.ledgers import locks, sql_locks
from mlagent.adapters.ledgers.lines import beside
from mlagent.adapters.ledgers.sql_tables import tables
from mlagent.adapters.stores import disk
from mlagent.errors import ConfigError, InfrastructureError, InputError, missing_package

URLS = "postgresql+psycopg://user:password@host/database, or sqlite:///ledger.db"
BUSY_SECONDS = 30
DAMAGED = re.compile("not a database|malformed")
NOT_ALLOWED = re.compile("permission denied|readonly|read-only")
LIBPQ = {"connect_timeout": 10, "keepalives_idle": 20, "keepalives_interval": 10, "keepalives_count": 3}


class Database:
    """A connection is made for each question, and none is kept: a database that was restarted is no trouble."""

    def __init__(self, url: str, folder: Path) -> None:
        """Reach nothing yet."""
        self._url = _read(url, folder)
        self._engine = _engine(self._url)
        self.tables = tables(self._engine.dialect.name)
        self._driver = self._engine.dialect.loaded_dbapi
        self._made = False

    @contextmanager
    def opened(self) -> Iterator[Connection]:
        """A connection on which every statement is a transaction; InfrastructureError (20) when it is away."""
        with self._said():
            self._make_folder()
            with self._engine.connect() as connection:
                if not self._made:
                    self._make(connection)
                yield connection

    def holding(self, what: str, who: str) -> AbstractContextManager[None]:
        """Have something to oneself as long as the connection, or the open file, lives."""
        if file := self._url.database if self._engine.dialect.name == "sqlite" else None:
            return locks.holding(beside(Path(file), "locks"), what, who)
        return self._holding_there(what, who)

    @contextmanager
    def _holding_there(self, what: str, who: str) -> Iterator[None]:
        with self._said():
            connection = self._engine.connect()
        try:
            with self._said():
                sql_locks.take(connection, what, who)
            yield
        finally:
            connection.close()

    def _make_folder(self) -> None:
        if self._engine.dialect.name == "sqlite" and self._url.database:
            folder = Path(self._url.database).parent
            with disk.guarded(folder):
                disk.make_folder(folder)

    def _make(self, connection: Connection) -> None:
        """Whoever may only add and read finds them made by somebody who may make them."""
        if not connection.dialect.has_table(connection, self.tables.builds.name):
            with sql_locks.while_making(connection):
                for one in self.tables.made_in_order():
                    connection.execute(one)
        self._made = True

    @contextmanager
    def _said(self) -> Iterator[None]:
        try:
            yield
        except (SQLAlchemyError, self._driver.Error) as error:
            text = f"the ledger's database ({self._engine.dialect.name}) said: {self._words(error)}"
            if DAMAGED.search(text):
                raise InputError(text, hint="is that file the ledger's? restore it from a backup") from None
            raise InfrastructureError(text, hint=_hint(text)) from None

    def _words(self, error: Exception) -> str:
        """The driver's own, without the statement, its parameters and the password."""
        text = str(getattr(error, "orig", None) or error).strip().splitlines()[0]
        return text.replace(str(self._url.password), "***") if self._url.password else text


def _read(url: str, folder: Path) -> URL:
    """ConfigError where it is no URL of a database that can keep a ledger; not told, as it may hold a password."""
    try:
        read = sqlalchemy.make_url(url)
        kind = read.get_backend_name()
    except (SQLAlchemyError, ValueError):
        raise ConfigError("ledger.database holds no database's URL", hint=f"write {URLS}") from None
    if kind == "sqlite":
        return _with_file(read, folder)
    if kind != "postgresql":
        raise ConfigError(f"ledger.database: a ledger cannot be kept in {kind}", hint=f"write {URLS}")
    return read if "+" in read.drivername else read.set(drivername="postgresql+psycopg")


def _with_file(url: URL, folder: Path) -> URL:
    if url.database in (None, "", ":memory:") or str(url.database).startswith("file:"):
        raise ConfigError(
            "ledger.database: this SQLite database has no file, and would be forgotten at once",
            hint="sqlite:///ledger.db has one in the project's folder, sqlite:////srv/ledger.db one by its whole path",
        )
    return url.set(database=str(folder.absolute() / Path(str(url.database)).expanduser()))


def _engine(url: URL) -> Engine:
    given: dict[str, Any] = {"timeout": BUSY_SECONDS}
    if url.get_backend_name() == "postgresql":
        given = {key: value for key, value in LIBPQ.items() if key not in url.query}
    try:
        engine = sqlalchemy.create_engine(
            url, poolclass=sqlalchemy.NullPool, isolation_level="AUTOCOMMIT", connect_args=given
        )
    except ModuleNotFoundError as error:
        raise missing_package(error.name or "the database's driver", "postgres") from error
    except (SQLAlchemyError, ValueError):
        raise ConfigError("ledger.database holds no database's URL", hint=f"write {URLS}") from None
    if url.get_backend_name() == "sqlite":
        sqlalchemy.event.listen(engine, "connect", _durable)
    return engine


def _durable(connection: sqlite3.Connection, _: object) -> None:
    """Readers do not wait for who writes, and what was told to be kept outlives a power cut."""
    connection.execute("PRAGMA journal_mode = WAL").close()
    connection.execute("PRAGMA synchronous = FULL").close()


def _hint(said: str) -> str:
    if NOT_ALLOWED.search(said):
        return (
            "once its three tables mlagent_ledger_… are there, INSERT and SELECT on them are all it needs; "
            "let an owner of the schema run `mlagent ledger show` once, which makes them"
        )
    return "is it up, and is ledger.database its URL? the same command goes on when it answers"
