"""What cosign prints: what lies in the registry, byte by byte, one JSON value after another."""

import json
import re
from collections.abc import Iterator

_SPACE = re.compile(r"[ \t\r\n]*")


def values(output: bytes) -> Iterator[bytes]:
    """Each whole value: whoever may write to the registry may break its lines, and a line within it is not signed."""
    text, at, decoder = output.decode(errors="replace"), 0, json.JSONDecoder()
    while (at := _after_space(text, at)) < len(text):
        try:
            end = decoder.raw_decode(text, at)[1]
        except (ValueError, RecursionError):
            end = len(text)  # one piece that is no statement: nothing in it counts
        yield text[at:end].encode()
        at = end


def _after_space(text: str, at: int) -> int:
    found = _SPACE.match(text, at)
    return found.end() if found else at
