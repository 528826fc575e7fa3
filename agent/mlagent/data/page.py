"""A page that shows rows to people: one file without scripts or styles, which reads also where those are forbidden."""

from collections.abc import Iterable, Sequence

import numpy as np
import polars as pl

from mlagent.data.lists import sizes
from mlagent.data.mixing import splitmix
from mlagent.data.profile import MOST_CATEGORIES, numbers_of
from mlagent.data.schema import DTYPES, Column, Kind, Schema
from mlagent.measure.association import ROWS_A_CATEGORY, Variable, strongest
from mlagent.plot.bars import Spell, bars, bins, histogram
from mlagent.plot.words import share, short, text

BARS = 20
QUANTILES = (0, 0.01, 0.05, 0.25, 0.5, 0.75, 0.95, 0.99, 1)
PAIRS, PAIRED_ROWS, PAIRED_CATEGORIES = 15, 20_000, 50
PAIRED_VALUES = 40_000_000  # of all pairs together: a few seconds


def page(source: str, rows: int, sample: pl.DataFrame, schema: Schema) -> str:
    """The page for rows of which `sample`, typed as the schema says, is a uniform sample; equal input, equal bytes.

    Of sensitive columns it shows the type and the share of empty values only.
    """
    if not sample.width:
        sample = pl.DataFrame(schema={name: DTYPES[column.type] for name, column in schema.columns.items()})
    names = [name for name in schema.columns if name in sample.columns]
    columns = [(sizes(sample.get_column(name)), schema.columns[name]) for name in names]
    head = ("column", "type", "empty", "different", "least", "greatest", "commonest")
    parts = [
        "<!doctype html>",
        f'<html lang="en"><head><meta charset="utf-8"><title>{text(source)}</title></head><body>',
        f"<h1>{text(source)}</h1>",
        f"<p>{rows:,} rows, {len(columns)} columns. All below is of a uniform sample of {sample.height:,} rows.</p>",
        _table(head, (_line(index, *column) for index, column in enumerate(columns))),
        *(_section(index, *column) for index, column in enumerate(columns)),
        _associations([(values, column.type) for values, column in columns if not column.sensitive]),
        "</body></html>",
    ]
    return "\n".join(parts) + "\n"


def _line(index: int, values: pl.Series, column: Column) -> Sequence[str]:
    """A row of the overview, in HTML."""
    link = f'<a href="#column-{index}">{text(values.name)}</a>'
    known = (link, column.type, share(values.null_count(), len(values)))
    there = values.drop_nulls()
    if column.sensitive:
        return (*known, "sensitive: values are not shown", "", "", "")
    if not len(there):
        return (*known, "0", "", "", "")
    different = f"{there.n_unique():,}"
    if column.type in ("text", "boolean"):
        value, count = _counted(there).row(0)
        return (*known, different, "", "", text(f"{short(value)} ({share(count, len(there))})"))
    numbers, spell = numbers_of(there), _spell(column.type)
    ends = (spell(numbers.min()), spell(numbers.max())) if len(numbers) else ("", "")
    return (*known, different, *ends, "")


def _section(index: int, values: pl.Series, column: Column) -> str:
    return f'<h2 id="column-{index}">{text(values.name)}</h2>' + _said(values, column)


def _said(values: pl.Series, column: Column) -> str:
    there = values.drop_nulls()
    if column.sensitive:
        return "<p>Sensitive: its values are not shown.</p>"
    if not len(there):
        return "<p>Empty in every row.</p>"
    if there.n_unique() == 1:
        only = there.head(1).cast(pl.String)[0]
        return f"<p>The same in every row that has it: {text(short(only, 200))}</p>"
    if column.type in ("text", "boolean"):
        return _texts(there)
    if column.type == "list":
        shape = _shape(f"Histogram of the Euclidean length of {there.name}", there, "number")
        return f"<p>Lists of {column.length or 'several numbers of'} numbers; their Euclidean length:</p>{shape}"
    return _shape(f"Histogram of {there.name}", there, column.type)


def _texts(there: pl.Series) -> str:
    counted = _counted(there)
    if counted.height > MOST_CATEGORIES:
        examples = ", ".join(text(short(one, 60)) for one in there.unique(maintain_order=True).head(5))
        said = f"<p>{counted.height:,} different texts, such as {examples}. Their length in characters:</p>"
        return said + _shape(f"Histogram of the length of {there.name}", there, "integer")
    shown, others = counted.head(BARS), counted.slice(BARS)
    rest = int(others.get_column("rows").sum())
    note = f"<p>{others.height:,} others in {rest:,} rows ({share(rest, len(there))})</p>" if others.height else ""
    return bars(f"Values of {there.name}", list(shown.iter_rows()), len(there)) + note


def _counted(there: pl.Series) -> pl.DataFrame:
    """Each value and its rows, the commonest first."""
    counted = there.rename("value").cast(pl.String).value_counts(name="rows")
    return counted.sort("rows", "value", descending=[True, False])


def _shape(title: str, there: pl.Series, kind: Kind) -> str:
    """Histogram, quantiles, which are values that occur, mean and standard deviation; dates in days."""
    numbers = numbers_of(there)
    left = len(there) - len(numbers)
    if not len(numbers):
        return "<p>No finite value.</p>"
    spell = _spell(kind)
    quantiles = np.quantile(numbers, QUANTILES, method="inverted_cdf")
    scale = float(np.abs(numbers).max()) or 1.0  # so that no sum is infinite
    mean, deviation = (numbers / scale).mean() * scale, (numbers / scale).std() * scale
    said = [(f"{part:.0%}", text(spell(value))) for part, value in zip(QUANTILES, quantiles, strict=True)]
    said += [
        ("mean", text(spell(mean))),
        ("standard deviation", _number(deviation) + (" days" if kind in ("date", "datetime") else "")),
    ]
    note = f"<p>Not finite, and left out: {left:,}.</p>" if left else ""
    return histogram(title, bins(numbers), spell) + note + _table(("of the values", "are at most"), said)


def _associations(columns: Sequence[tuple[pl.Series, Kind]]) -> str:
    """The pairs of columns that tell most of each other."""
    height = len(columns[0][0]) if columns else 0
    pairs = max(1, len(columns) * (len(columns) - 1) // 2)
    most = min(PAIRED_ROWS, max(PAIRED_ROWS // 10, PAIRED_VALUES // pairs))
    chosen = np.sort(np.argsort(splitmix(np.arange(height, dtype=np.uint64)))[:most])
    variables = [made for values, kind in columns if (made := _variable(values.gather(chosen), kind))]
    found = strongest(variables, PAIRS)
    head = '<h2 id="associations">Strongest associations</h2>'
    if not found:
        return f"{head}<p>None: a pair needs {ROWS_A_CATEGORY} rows a category, and two values in each column.</p>"
    lines = ((text(a), text(b), text(how), f"{strength:.3f}", f"{rows:,}") for a, b, how, strength, rows in found)
    return (
        f"{head}<p>Of {len(chosen):,} of the sampled rows: 0 is none, 1 is that one column tells the other; a rank"
        " correlation below 0 is of columns that run against each other. None of them says why.</p>"
        + _table(("column", "and", "measure", "strength", "rows that have both"), lines)
    )


def _variable(values: pl.Series, kind: Kind) -> Variable | None:
    """None for text with too many values."""
    if kind not in ("text", "boolean"):
        there = values.is_finite().fill_null(value=False) if values.dtype.is_float() else values.is_not_null()
        numbers = np.full(len(values), np.nan)
        numbers[there.to_numpy()] = numbers_of(values)
        return Variable(values.name, numbers, ordered=True)
    codes = values.cast(pl.String).rank("dense").cast(pl.Float64)
    few = (codes.max() or 0) <= PAIRED_CATEGORIES  # type: ignore[operator]
    return Variable(values.name, codes.fill_null(float("nan")).to_numpy(), ordered=False) if few else None


def _table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """Of cells that are HTML."""
    top = "".join(f'<th align="left">{one}</th>' for one in head)
    lines = "".join("<tr>" + "".join(f"<td>{one}</td>" for one in row) + "</tr>" for row in rows)
    return f'<table border="1" cellpadding="3" cellspacing="0"><tr>{top}</tr>{lines}</table>'


def _spell(kind: Kind) -> Spell:
    return {"date": _day, "datetime": _moment}.get(kind, _number)


def _number(value: float) -> str:
    return f"{value + 0.0:.0f}" if abs(value) < 1e15 and value == int(value) else f"{value:.6g}"


def _day(value: float) -> str:
    return str(np.datetime64(int(np.floor(value)), "D"))


def _moment(value: float) -> str:
    return _day(value) if value == np.floor(value) else str(np.datetime64(round(value * 86400), "s"))
