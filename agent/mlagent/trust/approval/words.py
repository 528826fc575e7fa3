"""Others' words in a text that people decide by: nothing that a terminal obeys, no markup, cut to a length."""

import unicodedata
from collections.abc import Iterable
from datetime import UTC, datetime
from urllib.parse import urlsplit

WORD, QUOTE, ADDRESS = 70, 110, 400  # characters of one name, one line of a file, one address
_BRACKETS = str.maketrans("<>", "()")  # Blue Ocean cuts out what stands between them, over any number of lines
_SEEN = frozenset("LNPSZ")  # Unicode's letters, digits, signs, blanks; no marks that pile up on others


def plain(text: str, most: int = WORD) -> str:
    """On one line, of at most `most` characters, each of which takes its own place on a screen."""
    whole = unicodedata.normalize("NFC", text[: 10 * most]).translate(_BRACKETS)
    shown = "".join(one if one.isprintable() and unicodedata.category(one)[0] in _SEEN else " " for one in whole)
    words = " ".join(shown.split())
    return words if len(words) <= most else words[: most - 3].rstrip() + "..."


def quoted(text: str) -> str:
    """What somebody else wrote, so that it cannot look as if it were the text around it."""
    return '"' + plain(text, QUOTE).replace('"', "'") + '"'


def joined(words: Iterable[str], most: int) -> str:
    """The first ones, each cut, with commas; how many are left out is said."""
    all_ = [plain(one) for one in words]
    more = f" and {len(all_) - most} more" if len(all_) > most else ""
    return ", ".join(all_[:most]) + more


def link(url: str) -> str:
    """An address of a page; half a one leads nowhere, so that one that is too long or none is not shown at all."""
    try:
        parts = urlsplit(url)
    except ValueError:
        parts = urlsplit("")
    fine = parts.scheme in ("http", "https") and parts.hostname and parts.username is None
    if not fine or len(url) > ADDRESS or plain(url, ADDRESS) != url or not url.isascii():
        return "its address cannot be shown here"
    return url


def moment(time: str) -> str:
    """RFC 3339 as people read it; as it stands where it is no time."""
    try:
        return f"{datetime.fromisoformat(time).astimezone(UTC):%Y-%m-%d %H:%M} UTC"
    except (ValueError, OverflowError):
        return plain(time)


def counted(many: int, what: str) -> str:
    """`1 line`, `2 lines`."""
    return f"{many:,} {what}" + ("" if many == 1 else "s")
