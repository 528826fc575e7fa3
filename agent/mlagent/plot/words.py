"""Texts that are never markup; numbers and shares as people write them."""

import math
import re
from html import escape

NOTHING = "–"  # noqa: RUF001 - a dash, as in a printed table
_UNSEEN = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069\ufffe\uffff]")


def text(value: str) -> str:
    """As HTML shows it, never markup; what has no shape, or turns the reading direction, shows as a replacement."""
    return escape(_UNSEEN.sub("\ufffd", value))


def cell(value: str) -> str:
    """As Markdown shows it, on one line: it stays in its cell of a table, and is no markup."""
    plain = " ".join(_UNSEEN.sub("\ufffd", value).split()).replace("\\", "\\\\").replace("|", "\\|")
    return plain.replace("&", "&amp;").replace("<", "&lt;").replace("`", "\\`").replace("[", "\\[").replace("*", "\\*")


def short(value: str, most: int = 40) -> str:
    """Cut, with an ellipsis where something is missing."""
    return value if len(value) <= most else value[: most - 1] + "…"


def share(part: float, whole: float) -> str:
    """In per cent."""
    return f"{part / whole:.1%}" if whole else "no rows"


def number(value: float | None) -> str:
    """Four digits that count, thousands set apart; a dash for what is not a number."""
    if value is None or not math.isfinite(value):
        return NOTHING
    value += 0.0  # no -0
    if 1000 <= abs(value) < 1e15:
        return f"{value:,.0f}"
    return f"{value:.4g}"
