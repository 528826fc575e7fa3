"""What the rows must be, as a team writes it down in YAML."""

from collections.abc import Collection, Mapping
from datetime import date, datetime
from typing import Annotated, Any, Literal, cast

import msgspec
import polars as pl
from msgspec import Meta

from mlagent.core.verdict import Severity

Kind = Literal["integer", "number", "text", "boolean", "date", "datetime", "list"]
Scalar = bool | int | float | str
Allowed = Annotated[int, Meta(ge=0)] | Annotated[str, Meta(pattern=r"^\d+(\.\d+)?%$")]
CHECKS = ("type", "null", "items", "finite", "range", "values", "pattern", "length", "unique", "past", "fresh")
BACKSLASH = "\\"
DTYPES: Mapping[str, pl.DataType] = {
    "integer": pl.Int64(),
    "number": pl.Float64(),
    "text": pl.String(),
    "boolean": pl.Boolean(),
    "date": pl.Date(),
    "datetime": pl.Datetime(),
    "list": pl.List(pl.Float64()),
}
KINDS_OF: Mapping[str, tuple[Kind, ...]] = {
    "min": ("integer", "number", "date", "datetime"),
    "max": ("integer", "number", "date", "datetime"),
    "pattern": ("text",),
    "min_length": ("text",),
    "max_length": ("text",),
    "max_age_days": ("date", "datetime"),
    "values": ("integer", "number", "text", "boolean", "date", "datetime"),
    "length": ("list",),
    "items": ("list",),
}


class Column(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    r"""One column; `min` and `max` are inclusive, `pattern` must match the whole value, `\d` and `\w` are ASCII.

    A list has `length` items, which are numbers. `max_age_days` asks the newest value to be at most so old, `past`
    forbids values after now. `warn` names checks that only warn (true: all), `max_failures` is how many rows, or which
    share of them, may fail a check. An `optional` column may be absent as a whole.
    """

    type: Kind
    nullable: bool = False
    optional: bool = False
    min: Scalar | None = None
    max: Scalar | None = None
    values: tuple[Scalar, ...] | None = None
    pattern: str | None = None
    min_length: Annotated[int, Meta(ge=0)] | None = None
    max_length: Annotated[int, Meta(ge=0)] | None = None
    length: Annotated[int, Meta(ge=1)] | None = None
    items: Literal["float", "integer"] | None = None
    unique: bool = False
    max_age_days: Annotated[float, Meta(gt=0)] | None = None
    past: bool = False
    sensitive: bool = False
    warn: bool | tuple[str, ...] = ()
    max_failures: Allowed = 0
    about: str = ""

    def severity(self, check: str) -> Severity:
        """Whether a check of this column fails or warns."""
        return "warn" if self.warn is True or (self.warn and check in self.warn) else "fail"


class Unique(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Columns whose values together stand in one row only."""

    columns: Annotated[tuple[str, ...], Meta(min_length=1)]
    severity: Severity = "fail"
    max_failures: Allowed = 0


class Rule(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """An SQL expression over the columns of one row that must not be false; unknown (null) is not false, as in SQL."""

    name: Annotated[str, Meta(min_length=1)]
    expression: Annotated[str, Meta(min_length=1)]
    severity: Severity = "fail"
    max_failures: Allowed = 0


class Rows(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """How many rows there must be."""

    min: Annotated[int, Meta(ge=0)] = 1
    max: Annotated[int, Meta(ge=0)] | None = None


class Bands(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """How far the rows may be from those accepted last; null switches a band off."""

    psi_warn: Annotated[float, Meta(gt=0)] | None = 0.1
    psi_fail: Annotated[float, Meta(gt=0)] | None = 0.25
    null_warn: Annotated[float, Meta(gt=0, le=1)] | None = 0.01
    null_fail: Annotated[float, Meta(gt=0, le=1)] | None = 0.05
    categories: Literal["fail", "warn", "allow"] = "warn"
    ignore: tuple[str, ...] = ()


class Schema(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A whole schema; columns that it does not name are `extra_columns`."""

    columns: Mapping[str, Column]
    rows: Rows = Rows()
    unique: tuple[Unique, ...] = ()
    rules: tuple[Rule, ...] = ()
    extra_columns: Literal["fail", "warn", "allow"] = "fail"
    drift: Bands = Bands()

    @property
    def sensitive(self) -> frozenset[str]:
        """Columns whose values are masked wherever they would be shown."""
        return frozenset(name for name, column in self.columns.items() if column.sensitive)

    @property
    def optional(self) -> frozenset[str]:
        """Columns that the rows may lack."""
        return frozenset(name for name, column in self.columns.items() if column.optional)

    def hiding(self, names: Collection[str]) -> "Schema":
        """The same, with these columns sensitive."""
        columns = {
            name: msgspec.structs.replace(one, sensitive=one.sensitive or name in names)
            for name, one in self.columns.items()
        }
        return msgspec.structs.replace(self, columns=columns)

    @property
    def uniques(self) -> tuple[Unique, ...]:
        """Those of one column and those of several."""
        single = (
            Unique(columns=(name,), severity=column.severity("unique"), max_failures=column.max_failures)
            for name, column in self.columns.items()
            if column.unique
        )
        return (*single, *self.unique)


def moment(kind: Kind, value: Scalar) -> Any:  # noqa: ANN401 - of the column's type
    """A bound in its column's type; TypeError or ValueError when it is none."""
    if kind == "date":
        return date.fromisoformat(cast("str", value))
    if kind == "datetime":
        return datetime.fromisoformat(cast("str", value)).replace(tzinfo=None)
    kinds: Mapping[str, type | tuple[type, ...]] = {
        "number": (int, float),
        "integer": int,
        "boolean": bool,
        "text": str,
    }
    if not isinstance(value, kinds[kind]) or (isinstance(value, bool) and kind != "boolean"):
        raise TypeError
    return float(value) if kind == "number" else value


def whole(pattern: str) -> str:
    """A pattern that must match the whole value, with ASCII digits and words, which is also much faster."""
    return f"^(?:{pattern.replace(BACKSLASH + 'd', '[0-9]').replace(BACKSLASH + 'w', '[A-Za-z0-9_]')})$"
