"""One drawing: each colour is an attribute, which shows where styles are forbidden, and has a class for where not."""

from collections.abc import Mapping

from mlagent.plot.words import text

INK, SOFT, DARK, GRID = "#2b6cb0", "#a9c5e4", "#4a5568", "#d8dde5"
FONT = 11
LETTER = 5.8  # how wide a letter of that size is, about

STROKES: Mapping[str, str] = {
    "accent": f'class="line-accent" stroke="{INK}"',
    "second": f'class="line-second" stroke="{DARK}" stroke-dasharray="5 3"',
    "third": f'class="line-second" stroke="{DARK}" stroke-dasharray="1.5 2.5"',
    "grid": f'class="line-grid" stroke="{GRID}"',
    "axis": f'class="line-second" stroke="{DARK}"',
    "rule": 'class="line-text" stroke="black" stroke-dasharray="7 3 1.5 3"',
}
FILLS: Mapping[str, str] = {
    "accent": f'class="fill-accent" fill="{INK}"',
    "soft": f'class="fill-soft" fill="{SOFT}"',
    "dark": f'class="fill-second" fill="{DARK}"',
    "outline": f'class="line-second" fill="none" stroke="{DARK}" stroke-dasharray="3 2"',
}


def svg(title: str, width: float, height: float, inside: str) -> str:
    """A drawing that is one picture to a screen reader, called by its title."""
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" role="img" width="{width:g}" height="{height:g}"'
        f' viewBox="0 0 {width:g} {height:g}" overflow="visible" font-family="sans-serif">'
        f"<title>{text(title)}</title>{inside}</svg>"
    )


def label(x: float, y: float, words: str, anchor: str = "start", size: int = FONT) -> str:
    """Words at a place."""
    return f'<text x="{x:.0f}" y="{y:.0f}" font-size="{size}" text-anchor="{anchor}">{text(words)}</text>'


def rect(x: float, y: float, width: float, height: float, fill: str = "accent", words: str = "") -> str:
    """A bar; `words` are told when it is pointed at."""
    told = f"<title>{text(words)}</title>" if words else ""
    return f'<rect x="{x:.1f}" y="{y:.1f}" width="{width:.1f}" height="{height:.1f}" {FILLS[fill]}>{told}</rect>'


def line(x1: float, y1: float, x2: float, y2: float, stroke: str, width: float = 1) -> str:
    """A straight line."""
    ends = f'x1="{x1:.1f}" y1="{y1:.1f}" x2="{x2:.1f}" y2="{y2:.1f}"'
    return f'<line {ends} {STROKES[stroke]} stroke-width="{width:g}"></line>'


def dot(x: float, y: float, words: str, radius: float = 3, fill: str = "accent") -> str:
    """A point that tells what it is."""
    return f'<circle cx="{x:.1f}" cy="{y:.1f}" r="{radius:g}" {FILLS[fill]}><title>{text(words)}</title></circle>'
