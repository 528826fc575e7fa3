"""Elements of a page that reads without its style: headings, tables with captions and scopes, figures, signed words."""

from collections.abc import Collection, Iterable, Sequence

from mlagent.plot.words import text

SIGNS = {
    **dict.fromkeys(("pass", "passed", "done"), ("✓", "good")),
    **dict.fromkeys(("fail", "failed", "refused", "blocked"), ("✕", "bad")),
    **dict.fromkeys(
        ("inconclusive", "warn", "waived", "skipped", "held", "stopped", "waiting", "interrupted", "incomplete"),
        ("!", "doubt"),
    ),
    **dict.fromkeys(("invalid",), ("?", "doubt")),
    **dict.fromkeys(("running",), ("…", "doubt")),
}


def word(outcome: str) -> str:
    """How something ended, in a word, with a sign that reads without colour."""
    sign, tone = SIGNS.get(outcome, ("·", "none"))
    return f'<span class="word {tone}"><span aria-hidden="true">{sign}</span>&nbsp;{text(outcome)}</span>'


def section(name: str, title: str, *parts: str) -> str:
    """A part of the page that the table of contents leads to."""
    return f'<section id="{name}" aria-labelledby="{name}-title"><h2 id="{name}-title">{text(title)}</h2>\n' + (
        "\n".join(part for part in parts if part) + "\n</section>"
    )


def absent(why: str) -> str:
    """What is not there, and why."""
    return f'<p class="absent">{text(why)}</p>'


def said(words: str) -> str:
    """A paragraph."""
    return f"<p>{text(words)}</p>"


def table(
    caption: str, head: Sequence[str], rows: Iterable[Sequence[str]], *, numbers: Collection[int] = (), wide: int = -1
) -> str:
    """Cells are HTML, the head and caption are texts; the first cell of a row names it; it scrolls in its own box.

    `numbers` are the columns that stand to the right, `wide` the one that takes what room there is.
    """

    def kind(at: int) -> str:
        return ' class="number"' if at in numbers else ' class="wide"' if at == wide else ""

    top = "".join(f'<th scope="col"{kind(at)}>{text(one)}</th>' for at, one in enumerate(head))
    lines = []
    for row in rows:
        first, *others = row
        cells = "".join(f"<td{kind(at)}>{one}</td>" for at, one in enumerate(others, 1))
        lines.append(f'<tr><th scope="row">{first}</th>{cells}</tr>')
    body = "\n".join(lines)
    return (
        f'<div class="scroll" tabindex="0" role="group" aria-label="{text(caption)}"><table cellpadding="4">'
        f"<caption>{text(caption)}</caption>\n"
        f'<thead align="left"><tr>{top}</tr></thead>\n<tbody align="left" valign="top">{body}</tbody></table></div>'
    )


def figure(caption: str, plot: str, note: str = "") -> str:
    """A plot under its caption."""
    more = f'<p class="note">{text(note)}</p>' if note else ""
    return f"<figure><figcaption>{text(caption)}</figcaption>{plot}{more}</figure>"


def figures(several: Iterable[str], kind: str = "figures") -> str:
    """Side by side, where there is room; the kind `uneven` is for plots of unlike heights."""
    inside = "\n".join(several)
    return f'<div class="{kind}">{inside}</div>' if inside else ""


def details(summary: str, inside: str) -> str:
    """What only some look for; print shows it."""
    return f"<details><summary>{text(summary)}</summary>{inside}</details>"


def code(value: str) -> str:
    """A digest, a key, a value of the configuration."""
    return f"<code>{text(value)}</code>"
