"""The Ledger port in tables of a database, SQLite or PostgreSQL: an entry a row, as it was written."""

from collections.abc import Iterator
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, Insert, Select, func, insert, select
from sqlalchemy.exc import IntegrityError

from mlagent.adapters.ledgers.following import bound, entry_after, too_busy
from mlagent.adapters.ledgers.sql_database import Database
from mlagent.core import digest
from mlagent.core.ports.ledger import Entry, Fact, Head, Kept, decode

ATTEMPTS = 1_000
PAGE, FIRST_PAGE = 5_000, 16  # rows


class SqlLedger:
    """Rows are only ever added: INSERT and SELECT are all the rights it needs once its tables are there.

    A number is a primary key: of two who add at once, the second is refused by the database, and comes after. Every
    statement stands alone: no transaction is left open by whoever dies.
    """

    def __init__(self, url: str, folder: Path = Path()) -> None:
        """Reach nothing yet; a relative SQLite file is meant from `folder`. ConfigError (3) for what is no such URL."""
        self._database = Database(url, folder)

    def next_build(self) -> int:
        """Add the number after the highest one."""
        builds = self._database.tables.builds
        with self._database.opened() as connection:
            for _ in range(ATTEMPTS):
                number = int(connection.scalar(select(func.max(builds.c.number))) or 0) + 1
                if _added(connection, insert(builds).values(number=number)):
                    return number
        raise too_busy()

    def append(self, fact: Fact) -> Entry:
        """Add the number after the head's."""
        table = self._database.tables.entries
        with self._database.opened() as connection:
            for _ in range(ATTEMPTS):
                newest = connection.scalar(select(func.max(table.c.time))) or ""
                entry, data = entry_after(self._head(connection), fact, newest)
                if _added(connection, insert(table).values(number=entry.number, entry=data.decode())):
                    return entry
        raise too_busy()

    def head(self) -> Head:
        """The highest number there is."""
        with self._database.opened() as connection:
            return self._head(connection)

    def kept(self, first: int = 1) -> Iterator[Kept]:
        """Read them page by page."""
        table, written = self._database.tables.entries, self._database.tables.written
        query = select(table.c.number, written).order_by(table.c.number).limit(PAGE)
        with self._database.opened() as connection:
            while page := _rows(connection, query.where(table.c.number >= first)):
                yield from map(Kept._make, page)
                first = page[-1][0] + 1

    def about(self, model: str, environment: str | None = None, *, until: str = "") -> Iterator[Entry]:
        """Ask the index, the newest first, in pages that grow: who asks for the newest move reads few rows."""
        table, written = self._database.tables.entries, self._database.tables.written
        query = select(table.c.number, written).where(table.c.model == model).order_by(table.c.number.desc())
        if environment is not None:
            query = query.where(table.c.environment == environment)
        with self._database.opened() as connection:
            if until:
                query = query.where(table.c.time <= until)
            below, size = self._after(connection, until) if until else None, FIRST_PAGE
            while page := _rows(connection, _below(query, table.c.number, below).limit(size)):
                yield from (decode(Kept(*row)) for row in page)
                below, size = page[-1][0], min(size * 4, PAGE)

    def holding(self, what: str, who: str) -> AbstractContextManager[None]:
        """Hold a lock of the database, or on a file beside SQLite's."""
        return self._database.holding(what, who)

    def checkpoints(self) -> Iterator[bytes]:
        """Read them at once."""
        table = self._database.tables.checkpoints
        with self._database.opened() as connection:
            texts = connection.scalars(select(table.c.checkpoint).order_by(table.c.size, table.c.digest)).all()
        yield from (text.encode() for text in texts)

    def seal(self, size: int, checkpoint: bytes) -> None:
        """Add it under its digest, if none is there."""
        row = {"size": size, "digest": digest.of_bytes(checkpoint), "checkpoint": checkpoint.decode()}
        with self._database.opened() as connection:
            _added(connection, insert(self._database.tables.checkpoints).values(row))

    def _head(self, connection: Connection) -> Head:
        table, written = self._database.tables.entries, self._database.tables.written
        newest = _rows(connection, select(table.c.number, written).order_by(table.c.number.desc()).limit(1))
        return Head(newest[0][0], digest.of_bytes(newest[0][1])) if newest else Head()

    def _after(self, connection: Connection, until: str) -> int | None:
        """The number from which on no entry can be as early any more."""
        table = self._database.tables.entries
        later = select(table.c.number).where(table.c.time > bound(until))
        return connection.scalar(later.order_by(table.c.time, table.c.number).limit(1))


def _rows(connection: Connection, query: Select[Any]) -> list[tuple[int, bytes]]:
    """As the driver gives them: a million of SQLAlchemy's own take a second more."""
    found = connection.execute(query)
    return list(found.cursor.fetchall()) if found.cursor else []


def _below(query: Select[Any], number: Any, limit: int | None) -> Select[Any]:  # noqa: ANN401 - a column
    return query if limit is None else query.where(number < limit)


def _added(connection: Connection, row: Insert) -> bool:
    """Whether it was; not where somebody else's has its place."""
    try:
        connection.execute(row)
    except IntegrityError:
        return False
    return True
