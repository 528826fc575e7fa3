"""The tables of a ledger in a database; what is looked for is generated from the entry, so it cannot say otherwise."""

from collections.abc import Iterator
from typing import NamedTuple

from sqlalchemy import (
    BigInteger,
    Column,
    ColumnElement,
    Computed,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    String,
    Table,
    Text,
    cast,
    func,
)
from sqlalchemy.schema import CreateIndex, CreateTable, ExecutableDDLElement

NUMBER = BigInteger().with_variant(Integer, "sqlite")  # which gives numbers to an INTEGER alone
EXTRACTED = {
    "sqlite": "json_extract(entry, '$.fact.{key}')",
    "postgresql": "CAST(entry AS jsonb) -> 'fact' ->> '{key}'",
}


class Tables(NamedTuple):
    """The three of them; `written` are an entry's bytes."""

    entries: Table
    checkpoints: Table
    builds: Table
    written: ColumnElement[bytes]

    def made_in_order(self) -> Iterator[ExecutableDDLElement]:
        """What makes them where they are missing; once the last is there, all are."""
        for table in (self.entries, self.checkpoints, self.builds):
            yield CreateTable(table, if_not_exists=True)
            yield from (CreateIndex(one, if_not_exists=True) for one in table.indexes)


def tables(dialect: str) -> Tables:
    """As `sqlite` or `postgresql` wants them."""
    metadata = MetaData()
    entries = _entries(dialect, metadata)
    checkpoints = Table(
        "mlagent_ledger_checkpoints",
        metadata,
        Column("digest", String(71), primary_key=True),
        Column("size", NUMBER, nullable=False),
        Column("checkpoint", Text, nullable=False),
    )
    builds = Table("mlagent_ledger_builds", metadata, Column("number", NUMBER, primary_key=True, autoincrement=False))
    return Tables(entries, checkpoints, builds, _bytes(dialect, entries.c.entry))


def _entries(dialect: str, metadata: MetaData) -> Table:
    generated = [_generated(dialect, key) for key in ("model", "environment", "what", "time")]
    return Table(
        "mlagent_ledger_entries",
        metadata,
        Column("number", NUMBER, primary_key=True, autoincrement=False),
        Column("entry", Text, nullable=False),
        *generated,
        Index("mlagent_ledger_about", "model", "environment", "number"),
        Index("mlagent_ledger_models", "model", "number"),
        Index("mlagent_ledger_times", "time", "number"),
    )


def _bytes(dialect: str, text: Column[str]) -> ColumnElement[bytes]:
    """UTF-8, whatever the database keeps texts in."""
    if dialect == "sqlite":
        return cast(text, LargeBinary)
    return func.convert_to(text, "UTF8", type_=LargeBinary)


def _generated(dialect: str, key: str) -> Column[str]:
    """Compared byte by byte: the rules of a language would order times by other than their signs."""
    kind = Text(collation="C") if dialect == "postgresql" else Text()
    return Column(key, kind, Computed(EXTRACTED[dialect].format(key=key), persisted=True), nullable=False)
