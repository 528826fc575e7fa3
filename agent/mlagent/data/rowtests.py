"""What a schema asks of every row, as masks over its typed columns: true where a row fails."""

from collections.abc import Iterator
from datetime import UTC, datetime

import msgspec
import polars as pl

from mlagent.core.verdict import Severity
from mlagent.data.schema import Allowed, Column, Rule, Schema, moment, whole

RAW = "\0as it stands: "  # a converted column's own bytes stand beside it under this prefix


class RowTest(msgspec.Struct, frozen=True, kw_only=True):
    """One question to every row; `about` completes "rows with …", a mask is true where a row fails, else false or null.

    `converted` is asked instead of `mask` where the column was converted, and stands beside as it was.
    """

    check: str
    about: str
    columns: tuple[str, ...]
    severity: Severity
    allowed: Allowed
    mask: pl.Expr | None
    converted: pl.Expr | None


def row_tests(schema: Schema, now: datetime) -> Iterator[RowTest]:
    """All of a schema, column by column, then the rules."""
    for name, column in schema.columns.items():
        raw = pl.col(RAW + name)
        unconvertible = raw.is_not_null() & pl.col(name).is_null()
        asked: list[tuple[str, str, pl.Expr | None, pl.Expr]] = [
            ("type", f"{name} that is no {column.type}", None, unconvertible)
        ]
        if not column.nullable:
            asked.append(("null", f"{name} empty", pl.col(name).is_null(), raw.is_null()))
        asked += [(check, about, mask, mask) for check, about, mask in _of(name, column, now)]
        for check, about, mask, converted in asked:
            yield RowTest(
                check=check,
                about=about,
                columns=(name,),
                severity=column.severity(check),
                allowed=column.max_failures,
                mask=mask,
                converted=converted,
            )
    for rule in schema.rules:
        yield _rule(rule)


def _of(name: str, column: Column, now: datetime) -> Iterator[tuple[str, str, pl.Expr]]:
    value = pl.col(name)
    if column.type == "list":
        yield from _of_list(name, column)
    if column.type == "number":
        yield "finite", f"{name} not finite", value.is_finite().not_()
    if column.min is not None or column.max is not None:
        yield "range", f"{name} out of range", _out_of_range(value, column)
    if column.values is not None:
        yield "values", f"{name} not among its values", ~value.is_in(_values(column))
    if column.pattern is not None:
        yield "pattern", f"{name} not of its pattern", ~value.str.contains(whole(column.pattern))
    if column.min_length is not None or column.max_length is not None:
        length = value.str.len_chars()
        short, long = length < (column.min_length or 0), length > (column.max_length or 2**31)
        yield "length", f"{name} of a wrong length", short | long
    if column.past:
        moment_ = now.date() if column.type == "date" else now.astimezone(UTC).replace(tzinfo=None)
        yield "past", f"{name} in the future", value > moment_


def _of_list(name: str, column: Column) -> Iterator[tuple[str, str, pl.Expr]]:
    value, item = pl.col(name).list, pl.element()
    if column.length is not None:
        yield "length", f"{name} that has not {column.length} items", value.len() != column.length
    yield "items", f"{name} with an empty item", value.eval(item.is_null()).list.any()
    yield "finite", f"{name} with an item not finite", value.eval(item.is_finite().not_()).list.any()
    if column.items == "integer":
        yield "items", f"{name} with an item not whole", value.eval(item % 1 != 0).list.any()


def _out_of_range(value: pl.Expr, column: Column) -> pl.Expr:
    low = value < moment(column.type, column.min) if column.min is not None else pl.lit(value=False)
    high = value > moment(column.type, column.max) if column.max is not None else pl.lit(value=False)
    return low | (high & value.is_not_nan() if column.type == "number" else high)


def _values(column: Column) -> list[object]:
    return [moment(column.type, one) for one in column.values or ()]


def _rule(rule: Rule) -> RowTest:
    asked = pl.sql_expr(rule.expression)
    return RowTest(
        check="rule",
        about=f"{rule.name!r} broken",
        columns=tuple(dict.fromkeys(asked.meta.root_names())),
        severity=rule.severity,
        allowed=rule.max_failures,
        mask=~asked,
        converted=~asked,
    )
