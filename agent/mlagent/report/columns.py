"""One column's distribution, now and, where known, as it was accepted last.

A profile holds deciles, so a number is drawn by how densely its tenths lie; the outermost tenths have no outer end.
Beside another profile both are drawn as the share of rows at or below a value, exact whatever the deciles of each are.
"""

from collections.abc import Callable, Mapping, Sequence

import numpy as np

from mlagent.measure.profile import ColumnProfile
from mlagent.plot.axes import Axis, reach
from mlagent.plot.columns import Bar, columns
from mlagent.plot.lines import Curve, lines
from mlagent.plot.pairs import pairs
from mlagent.plot.words import number, share
from mlagent.report.html import figure

DECILES = 9  # fewer edges are of a column with many equal values
FEW_NUMBERS = 30  # whole ones, each of which may hold many rows
SHOWN = 10
GREATEST = 1.7e308  # about the greatest float


def shape(name: str, now: ColumnProfile, before: ColumnProfile | None) -> str:
    """The figure of a column."""
    if now.nulls == now.rows:
        return figure(name, "", "Empty in every row.")
    if now.categories or (before and before.categories):
        return _categories(name, now.categories, before.categories if before else None)
    if _coarse(now) and (before is None or before.edges == now.edges):
        return _named(name, now, before)
    if before and before.edges and now.edges:
        return _below(name, now, before)
    return _named(name, now, None) if _coarse(now) else _dense(name, now)


def _coarse(one: ColumnProfile) -> bool:
    """Whether few values hold many rows each, so that their shares say more than how densely they lie."""
    few = one.kind == "integer" and len(one.edges) > 1 and one.edges[-1] - one.edges[0] < FEW_NUMBERS
    return few or len(one.edges) < DECILES


def _categories(name: str, now: Mapping[str, int], before: Mapping[str, int] | None) -> str:
    both = {key: max(_shares(part).get(key, 0) for part in (now, before or {})) for key in {**now, **(before or {})}}
    order = sorted(both, key=lambda key: (-both[key], key))
    left = len(order) - SHOWN
    note = f"{left} rarer values are not drawn." if left > 0 else ""
    return _pairs(name, order[:SHOWN], _shares(now), _shares(before) if before is not None else None, note)


def _pairs(
    name: str, order: Sequence[str], now: Mapping[str, float], before: Mapping[str, float] | None, note: str = ""
) -> str:
    known = "now, and dashed as accepted last" if before is not None else "shares of the rows that have it"
    return figure(f"{name}: {known}", pairs(f"Shares of {name}", order, now, before), note)


def _shares(counts: Mapping[str, int]) -> dict[str, float]:
    total = sum(counts.values())
    return {name: one / total for name, one in counts.items()} if total else {}


def _named(name: str, now: ColumnProfile, before: ColumnProfile | None) -> str:
    """Bins by their names, where there are few: a number with many equal values."""
    spell = _spell(now)
    edges = [spell(one) for one in now.edges]
    names = [f"at most {edges[0]}", *(f"to {one}" for one in edges[1:]), f"above {edges[-1]}"] if edges else ["all"]
    parts = [dict(zip(names, one.counts, strict=False)) for one in (now, before) if one]
    return _pairs(name, names, _shares(parts[0]), _shares(parts[1]) if before else None)


def _dense(name: str, now: ColumnProfile) -> str:
    """Bars as high as rows lie densely, so that equal areas are equal shares."""
    spell, edges, total = _spell(now), now.edges, sum(now.counts) or 1
    first, last = 1.5 * (edges[1] - edges[0]), 1.5 * (edges[-1] - edges[-2])
    ends = [max(edges[0] - first, -GREATEST), *edges, min(edges[-1] + last, GREATEST)]
    bars = []
    for at, count in enumerate(now.counts):
        low, high, open_ = ends[at], ends[at + 1], at in (0, len(now.counts) - 1)
        where = (
            f"up to {spell(high)}" if not at else f"above {spell(low)}" if open_ else f"{spell(low)} to {spell(high)}"
        )
        told = f"{where}: {count:,} rows ({share(count, total)})"
        bars.append(Bar(low, high, count / total / ((high - low) or 1), told, soft=open_))
    top = max(bar.height for bar in bars) * 1.05 or 1.0
    across = Axis(_label(name, now), ends[0], ends[-1], spell=spell)
    drawn = columns(f"Density of {name}", bars, across, Axis("share of the rows by unit", 0, top))
    return figure(f"{name}: how densely rows lie", drawn, "A bar is a tenth of the rows; pale ones are open outwards.")


def _below(name: str, now: ColumnProfile, before: ColumnProfile) -> str:
    curves = [_curve("now", now), _curve("accepted last", before)]
    across = Axis(_label(name, now), *reach([*now.edges, *before.edges]), spell=_spell(now))
    up = Axis("share of rows at or below", 0, 1, spell=lambda part: f"{part:.0%}")
    return figure(f"{name}: now and as accepted last", lines(f"Distribution of {name}", curves, across, up))


def _curve(name: str, one: ColumnProfile) -> Curve:
    total, seen, shares = sum(one.counts) or 1, 0, []
    for count in one.counts[:-1]:
        seen += count
        shares.append(seen / total)
    return Curve(name, one.edges, shares)


def _label(name: str, one: ColumnProfile) -> str:
    return f"length of {name}, characters" if one.by_length else name


def _spell(one: ColumnProfile) -> Callable[[float], str]:
    return _day if one.kind in ("date", "datetime") else number


def _day(days: float) -> str:
    return str(np.datetime64(int(np.floor(days)), "D"))
