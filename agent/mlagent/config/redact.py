"""Knows every secret's value, and takes it out of whatever leaves mlagent: logs, errors, records, children's output."""

import base64
import json
from collections.abc import Iterable, Iterator
from html import escape
from urllib.parse import quote, quote_plus

from mlagent.config.secret import Secret

MASK = "[secret]"
WORTH_MASKING_LINE = 8


class Redactor:
    """Replaces secrets, and their usual encodings, by a mask."""

    def __init__(self, secrets: Iterable[Secret] = ()) -> None:
        """Read the values now; one that cannot be read now cannot leak either."""
        values = [value for secret in secrets if (value := secret.peek())]
        # the longest first, so that a value that holds another is masked whole
        self._spellings = sorted(
            {spelling for value in values for spelling in _spellings(value)}, key=len, reverse=True
        )

    def text(self, text: str) -> str:
        """Mask in a text."""
        for spelling in self._spellings:
            text = text.replace(spelling, MASK)
        return text

    def data(self, data: bytes) -> bytes:
        """Mask in bytes."""
        for spelling in self._spellings:
            data = data.replace(spelling.encode(), MASK.encode())
        return data

    def deep(self, value: object) -> object:
        """Mask in every text within lists, tuples and mappings; other objects are masked in their text form."""
        if isinstance(value, str):
            return self.text(value)
        if isinstance(value, dict):
            return {self.text(str(key)): self.deep(one) for key, one in value.items()}
        if isinstance(value, list | tuple):
            return [self.deep(one) for one in value]
        return value if value is None or isinstance(value, bool | int | float) else self.text(str(value))


def _spellings(value: str) -> Iterator[str]:
    yield value
    yield quote(value, safe="")
    yield quote_plus(value)
    yield escape(value)
    yield repr(value)[1:-1]
    yield repr(value.encode())[2:-1]
    yield json.dumps(value)[1:-1]
    yield json.dumps(value, ensure_ascii=False)[1:-1]
    yield base64.b64encode(value.encode()).decode().rstrip("=")
    yield base64.urlsafe_b64encode(value.encode()).decode().rstrip("=")
    if "\n" in value:
        yield from (line for line in value.splitlines() if len(line) >= WORTH_MASKING_LINE)
