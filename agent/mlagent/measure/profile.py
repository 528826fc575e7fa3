"""A distribution a column, in few numbers: what is kept of rows once the rows are gone, and drawn on a run's page."""

from collections.abc import Mapping

import msgspec

SCHEMA_VERSION = 1


class ColumnProfile(msgspec.Struct, frozen=True, kw_only=True):
    """Of a number the deciles `edges` and the `counts` between them; of a category its counts.

    Dates count in days, lists by their Euclidean length.
    Text with more than a thousand values is profiled by its length (`by_length`). `kind` is the schema's type.
    """

    rows: int
    nulls: int
    edges: tuple[float, ...] = ()
    counts: tuple[int, ...] = ()
    categories: Mapping[str, int] = {}
    by_length: bool = False
    kind: str = ""

    @property
    def null_share(self) -> float:
        """Share of empty values; NaN without rows."""
        return self.nulls / self.rows if self.rows else float("nan")


class Profile(msgspec.Struct, frozen=True, kw_only=True):
    """Of a sample of the rows; sensitive columns are left out."""

    schema_version: int = SCHEMA_VERSION
    rows: int
    sampled: int
    columns: Mapping[str, ColumnProfile]
