"""Shares of categories now and, where known, before: told apart by fill and outline, and said in words."""

from collections.abc import Mapping, Sequence

from mlagent.plot.axes import WIDTH
from mlagent.plot.svg import LETTER, label, rect, svg
from mlagent.plot.words import share, short

NAMES, BARS, ROW = 130, 140, 20


def pairs(title: str, names: Sequence[str], now: Mapping[str, float], before: Mapping[str, float] | None) -> str:
    """A row a name: its share (0 .. 1) now as a full bar, before as a dashed outline around it."""
    most = max((one for part in (now, before or {}) for one in (part.get(name, 0.0) for name in names)), default=0.0)
    parts = []
    for at, name in enumerate(names):
        y, seen = at * ROW, now.get(name, 0.0)
        said = share(seen, 1)
        parts.append(label(NAMES - 6, y + 13, short(name, int((NAMES - 6) / LETTER)), "end"))
        parts.append(rect(NAMES, y + 3, seen / (most or 1) * BARS, ROW - 6, "accent", f"{name}: {said}"))
        if before is not None:
            was = before.get(name, 0.0)
            told = f"{name}, accepted last: {share(was, 1)}"
            parts.append(rect(NAMES, y + 1, was / (most or 1) * BARS, ROW - 2, "outline", told))
            said += f" (was {share(was, 1)})"
        parts.append(label(NAMES + BARS + 6, y + 13, said))
    return svg(title, WIDTH, max(1, len(names)) * ROW + 2, "".join(parts))
