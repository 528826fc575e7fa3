"""Rows of a query, by any database that SQLAlchemy opens; read in batches."""

from collections.abc import Iterator, Sequence
from typing import Any

import sqlalchemy

from mlagent.config.secret import Secret
from mlagent.errors import ConfigError, InfrastructureError, InputError, missing_package


def rows_of(database: Secret, query: str, batch_rows: int) -> Iterator[tuple[list[str], list[Sequence[Any]]]]:
    """Names of the columns and so many rows at once, at least one batch; nothing is written to the database.

    ConfigError (3) for a URL that is none, InputError (4) for a query that gives no rows, InfrastructureError (20) when
    the database is away or refuses the query: drivers do not tell the two apart.
    """
    engine = _engine(database)
    try:
        with engine.connect().execution_options(stream_results=True, max_row_buffer=batch_rows) as connection:
            found = connection.execute(sqlalchemy.text(query))
            if not found.returns_rows:
                raise InputError("data.query gives no rows", hint="it is a SELECT")
            names = list(found.keys())
            yield names, list(found.fetchmany(batch_rows))
            while rows := found.fetchmany(batch_rows):
                yield names, list(rows)
    except sqlalchemy.exc.OperationalError as error:
        raise InfrastructureError(
            f"the database ({database.reference}) did not answer the query: {_said(error)}",
            hint="is it up, and may this user read those tables? the same command goes on when it is",
        ) from error
    except sqlalchemy.exc.SQLAlchemyError as error:
        raise InputError(
            f"data.query is refused: {_said(error)}", hint="try it in the database's own client"
        ) from error
    finally:
        engine.dispose()


def _engine(database: Secret) -> sqlalchemy.Engine:
    hint = "a URL of SQLAlchemy: postgresql+psycopg://user:password@host/database, sqlite:///rows.db"
    try:
        return sqlalchemy.create_engine(database.reveal())
    except ModuleNotFoundError as error:
        raise missing_package(error.name or "the database's driver", "control") from error
    except (sqlalchemy.exc.SQLAlchemyError, ValueError) as error:
        raise ConfigError(f"data.database ({database.reference}) holds no database's URL", hint=hint) from error


def _said(error: Exception) -> str:
    """The driver's own words, without the statement and its parameters."""
    return str(getattr(error, "orig", None) or error).strip().splitlines()[0]
