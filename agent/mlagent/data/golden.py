"""Rows that nobody sent and nobody is: made up from the schema, the profile and the encoding to ask a server with."""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

import msgspec
import numpy as np
import polars as pl

from mlagent.data import invent
from mlagent.data.encode import Encoding, Shape
from mlagent.data.rowtests import row_tests
from mlagent.data.schema import DTYPES, Schema
from mlagent.measure.profile import Profile

TRIES = 20  # how often more rows are drawn where the schema's rules refuse some
SPARE = 4  # so many values are drawn for each one, of which some may not be as the schema wants them
NULLS = 1 / 8  # of the values of a column that may be empty
_NEVER = datetime(9999, 1, 1, tzinfo=UTC)  # that a date lies in the past is seen to where it is drawn


def synthetic(shape: Shape, schema: Schema | None, profile: Profile | None, rows: int, seed: int) -> pl.DataFrame:
    """So many rows of the columns that the model takes, in the schema's types, the same for the same seed.

    Each passes the schema, column by column and by its rules, wherever such a row is found; what all rows together must
    be (unique, fresh, many) is not asked of them. Texts are categories of the training part, now and then one that it
    never held; those of a sensitive column are all made up.
    """
    sources = [_source(one, schema, profile) for one in shape.encoding]
    rules = _rules(shape, schema)
    first = kept = _frame(sources, rows, [seed, 0])
    for attempt in range(1, TRIES + 1):
        kept = kept if rules is None else kept.filter(rules)
        if kept.height >= rows:
            break
        kept = kept.vstack(_frame(sources, rows, [seed, attempt]))
    kept = kept if rules is None else kept.filter(rules)
    return _repeated(kept, rows) if kept.height else first


def as_json(shape: Shape, rows: pl.DataFrame) -> Sequence[Mapping[str, Any]]:
    """Rows as `POST /predict` takes them: the columns of the model, dates as text, null where a value is absent."""
    columns = {one.column: _plain(one, rows.get_column(one.column)) for one in shape.encoding}
    return [dict(zip(columns, row, strict=True)) for row in zip(*columns.values(), strict=True)]


def _plain(one: Encoding, values: pl.Series) -> list[Any]:
    if one.kind in ("date", "datetime"):
        return [None if value is None else value.isoformat() for value in values]
    return (values.cast(pl.Float64) if one.kind == "number" else values).to_list()


def _source(one: Encoding, schema: Schema | None, profile: Profile | None) -> invent.Source:
    known = schema.columns.get(one.column) if schema else None
    return invent.Source(one, known, profile.columns.get(one.column) if profile else None)


def _frame(sources: Sequence[invent.Source], rows: int, seed: Sequence[int]) -> pl.DataFrame:
    places = enumerate(sources)
    return pl.DataFrame([_column(one, rows, np.random.default_rng([*seed, place])) for place, one in places])


def _column(source: invent.Source, rows: int, random: np.random.Generator) -> pl.Series:
    """Values that pass the schema's tests of this column; where none does, as they were drawn."""
    name = source.encoding.column
    drawn = pl.DataFrame({name: invent.values(source, rows * SPARE, random)}, schema={name: DTYPES[source.kind]})
    found = _repeated(_passing(drawn, source), rows).get_column(name)
    if not source.nullable:
        return found
    absent = pl.when(pl.Series(random.random(rows) < NULLS)).then(None).otherwise(pl.col(name))
    return found.to_frame().select(absent.alias(name)).to_series()


def _passing(drawn: pl.DataFrame, source: invent.Source) -> pl.DataFrame:
    if source.known is None:
        return drawn
    tests = row_tests(Schema(columns={source.encoding.column: source.known}), _NEVER)
    failing = [one.mask.fill_null(value=False) for one in tests if one.mask is not None]
    found = drawn.filter(~pl.any_horizontal(failing)) if failing else drawn
    return found if found.height else drawn


def _rules(shape: Shape, schema: Schema | None) -> pl.Expr | None:
    """What is true of a row that breaks none of the rules over columns that the model takes."""
    taken = {one.column for one in shape.encoding}
    alone = msgspec.structs.replace(schema, columns={}) if schema else Schema(columns={})
    tests = [one for one in row_tests(alone, _NEVER) if taken.issuperset(one.columns)]
    broken = [one.mask.fill_null(value=False) for one in tests if one.mask is not None]
    return ~pl.any_horizontal(broken) if broken else None


def _repeated(frame: pl.DataFrame, rows: int) -> pl.DataFrame:
    """The first rows, from the beginning again where there are too few."""
    return frame[(np.arange(rows) % frame.height).tolist()]
