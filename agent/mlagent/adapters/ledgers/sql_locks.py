"""Locks of PostgreSQL: they end with the connection, so with whoever held them."""

import hashlib
from collections.abc import Iterator
from contextlib import contextmanager

from sqlalchemy import Connection, text
from sqlalchemy.exc import DBAPIError

from mlagent.adapters.ledgers import locks

NOT_AVAILABLE = "55P03"  # lock_not_available
SPACE = b"mlagent ledger "


def take(connection: Connection, what: str, who: str) -> None:
    """Have it as long as this connection lives; Held (21) says who has it."""
    key = _key(locks.called(what))
    connection.execute(text("SELECT set_config('application_name', :who, false)"), {"who": locks.named(who)})
    connection.execute(text(f"SET lock_timeout = '{locks.PATIENCE_SECONDS:g}s'"))
    try:
        connection.execute(text("SELECT pg_advisory_lock(:key)"), {"key": key})
    except DBAPIError as error:
        if getattr(error.orig, "sqlstate", "") != NOT_AVAILABLE:
            raise
        raise locks.refused(what, _holder(connection, key)) from None


@contextmanager
def while_making(connection: Connection) -> Iterator[None]:
    """Be the only one who makes tables: in PostgreSQL, two who do so at once trip over each other."""
    if connection.dialect.name != "postgresql":
        yield
        return
    connection.execute(text("SELECT pg_advisory_lock(:key)"), {"key": _key("tables")})
    yield
    connection.execute(text("SELECT pg_advisory_unlock(:key)"), {"key": _key("tables")})


def _holder(connection: Connection, key: int) -> str:
    found = connection.scalar(
        text(
            "SELECT application_name FROM pg_locks JOIN pg_stat_activity USING (pid) WHERE locktype = 'advisory' "
            "AND granted AND objsubid = 1 AND (classid::bigint << 32) | objid::bigint = :key"
        ),
        {"key": key},
    )
    return str(found or "")


def _key(what: str) -> int:
    """64 bits, signed, as PostgreSQL has them."""
    return int.from_bytes(hashlib.sha256(SPACE + what.encode()).digest()[:8], "big", signed=True)
