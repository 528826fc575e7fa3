"""Rows that came from elsewhere, as a file."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import polars as pl

from mlagent.errors import InputError


def write_rows(names: Sequence[str], rows: Sequence[Sequence[Any]], path: Path) -> None:
    """Write rows as Parquet, typed by all their values; InputError (4) for values of several types in one column."""
    path.parent.mkdir(parents=True, exist_ok=True)
    if len(set(names)) < len(names):
        raise InputError(f"data.query gives a column twice: {', '.join(names)}", hint="rename one with AS")
    try:
        frame = pl.DataFrame([tuple(row) for row in rows], schema=list(names), orient="row", infer_schema_length=None)
    except (pl.exceptions.PolarsError, TypeError) as error:
        raise InputError(
            f"the rows of data.query cannot be typed: {str(error).splitlines()[0]}", hint="CAST the column in the query"
        ) from error
    frame.write_parquet(path)
