"""A page that shows rows to people: one file without scripts or styles, which reads also where those are forbidden."""

from collections.abc import Iterable, Sequence
from html import escape

import numpy as np
import polars as pl

from mlagent.data.profile import MOST_CATEGORIES, numbers_of
from mlagent.data.schema import Column, Schema

BINS = 30
BARS = 20
WIDTH, HEIGHT = 480, 140
INK = "#2b6cb0"
QUANTILES = (0, 0.01, 0.05, 0.25, 0.5, 0.75, 0.95, 0.99, 1)


def page(source: str, rows: int, sample: pl.DataFrame, schema: Schema) -> str:
    """The page for rows of which `sample`, typed as the schema says, is a uniform sample; equal input, equal bytes.

    Of sensitive columns it shows the type and the share of empty values only.
    """
    names = [name for name in schema.columns if name in sample.columns]
    parts = [
        "<!doctype html>",
        f'<html lang="en"><head><meta charset="utf-8"><title>{escape(source)}</title></head><body>',
        f"<h1>{escape(source)}</h1>",
        f"<p>{rows:,} rows, {len(names)} columns. What follows is of a uniform sample of {sample.height:,} rows.</p>",
        _table(
            ("column", "type", "empty", "different", "least", "greatest"),
            (_line(name, sample.get_column(name), schema.columns[name]) for name in names),
        ),
        *(_section(name, sample.get_column(name), schema.columns[name]) for name in names),
        "</body></html>",
    ]
    return "\n".join(parts) + "\n"


def _line(name: str, values: pl.Series, column: Column) -> Sequence[str]:
    known = (name, column.type, _share(values.null_count(), len(values)))
    if column.sensitive:
        return (*known, "sensitive", "", "")
    there = values.drop_nulls()
    ends = ("", "") if column.type == "boolean" or not len(there) else (str(there.min()), str(there.max()))
    return (*known, f"{there.n_unique():,}", *(end[:60] for end in ends))


def _section(name: str, values: pl.Series, column: Column) -> str:
    head = f"<h2>{escape(name)}</h2>"
    there = values.drop_nulls()
    if column.sensitive:
        return f"{head}<p>Sensitive: its values are not shown.</p>"
    if not len(there):
        return f"{head}<p>Empty in every row.</p>"
    if there.n_unique() == 1:
        return f"{head}<p>The same in every row that has it: {escape(str(there[0])[:200])}</p>"
    if column.type in ("text", "boolean"):
        counted = (
            there.cast(pl.String)
            .alias("value")
            .value_counts(sort=True)
            .sort("count", "value", descending=[True, False])
        )
        if counted.height <= MOST_CATEGORIES:
            return head + _bars(name, list(counted.iter_rows()), len(there))
        examples = ", ".join(escape(str(one)[:60]) for one in there.head(5))
        return f"{head}<p>{counted.height:,} different texts, such as {examples}. Their length:</p>" + _shape(
            name, there
        )
    return head + _shape(name, there, dates=column.type in ("date", "datetime"))


def _shape(name: str, values: pl.Series, *, dates: bool = False) -> str:
    """Histogram and quantiles; dates are drawn as days."""
    numbers = numbers_of(values)
    if not len(numbers):
        return "<p>No finite value.</p>"
    spell = _day if dates else _number
    counts, edges = np.histogram(numbers, bins=BINS)
    quantiles = np.quantile(numbers, QUANTILES)
    said = [(f"{share:.0%}", spell(value)) for share, value in zip(QUANTILES, quantiles, strict=True)]
    if not dates:
        said += [("mean", spell(numbers.mean())), ("standard deviation", spell(numbers.std()))]
    return _histogram(name, counts, spell(edges[0]), spell(edges[-1])) + _table(("of the values", ""), said)


def _histogram(name: str, counts: np.ndarray, low: str, high: str) -> str:
    """Bars as high as their counts; on a logarithmic axis, and says so, where one would hide all others."""
    some = counts[counts > 0]
    logarithmic = bool(counts.max() > 100 * np.median(some))
    heights = np.log1p(counts) if logarithmic else counts.astype(float)
    scaled = heights / heights.max() * HEIGHT
    width = WIDTH / len(counts)
    bars = "".join(
        f'<rect x="{index * width:.1f}" y="{HEIGHT - tall:.1f}" width="{width - 1:.1f}" height="{tall:.1f}"'
        f' fill="{INK}"><title>{count:,}</title></rect>'
        for index, (tall, count) in enumerate(zip(scaled, counts.tolist(), strict=True))
    )
    note = "<p>The counts are drawn on a logarithmic scale.</p>" if logarithmic else ""
    labels = _label(0, HEIGHT + 14, low) + _label(WIDTH, HEIGHT + 14, high, "end")
    return _svg(f"Histogram of {name}", HEIGHT + 20, bars + labels) + note


def _bars(name: str, counted: Sequence[tuple[str, int]], total: int) -> str:
    shown, others = counted[:BARS], counted[BARS:]
    most = shown[0][1]
    drawn = "".join(
        f'<rect x="0" y="{index * 18}" width="{count / most * WIDTH * 0.4:.1f}" height="14" fill="{INK}"></rect>'
        + _label(WIDTH * 0.42, index * 18 + 12, f"{value[:40]}: {count:,} ({_share(count, total)})")
        for index, (value, count) in enumerate(shown)
    )
    rest = sum(count for _, count in others)
    note = f"<p>{len(others):,} others in {rest:,} rows ({_share(rest, total)})</p>" if others else ""
    return _svg(f"Values of {name}", len(shown) * 18, drawn) + note


def _svg(title: str, height: int, inside: str) -> str:
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" role="img" width="{WIDTH}" height="{height}"'
        f' viewBox="0 0 {WIDTH} {height}"><title>{escape(title)}</title>{inside}</svg>'
    )


def _label(x: float, y: float, text: str, anchor: str = "start") -> str:
    return f'<text x="{x:.0f}" y="{y:.0f}" font-size="12" text-anchor="{anchor}">{escape(text)}</text>'


def _table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    top = "".join(f'<th align="left">{escape(one)}</th>' for one in head)
    lines = "".join("<tr>" + "".join(f"<td>{escape(one)}</td>" for one in row) + "</tr>" for row in rows)
    return f'<table border="1" cellpadding="3" cellspacing="0"><tr>{top}</tr>{lines}</table>'


def _share(part: int, whole: int) -> str:
    return f"{part / whole:.1%}" if whole else "no rows"


def _number(value: float) -> str:
    return f"{value:.6g}"


def _day(value: float) -> str:
    return str(np.datetime64(0, "D") + np.timedelta64(int(value), "D"))
