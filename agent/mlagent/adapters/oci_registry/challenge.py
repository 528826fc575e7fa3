"""What a registry wants to see before it answers: the WWW-Authenticate header, read."""

import re
from collections.abc import Mapping, Sequence
from typing import NamedTuple

_TOKEN = r"[!#$%&'*+.^_`|~0-9A-Za-z-]+"  # noqa: S105 - a token of HTTP's grammar
_START = re.compile(rf"\s*,?\s*({_TOKEN})(?:\s+(?![\s=])|\s*$|(?=\s*,))")
_PARAMETER = re.compile(rf'\s*,?\s*({_TOKEN})\s*=\s*(?:"((?:[^"\\]|\\.)*)"|([^\s,"]+))')


class Challenge(NamedTuple):
    """A scheme, in small letters, with its parameters."""

    scheme: str
    parameters: Mapping[str, str]


def parse(headers: Sequence[str]) -> list[Challenge]:
    """Every challenge of every header; what cannot be read is left out."""
    return [one for header in headers for one in _of(header)]


def chosen(headers: Sequence[str]) -> Challenge | None:
    """A bearer token before a password; None where neither would do."""
    known = {one.scheme: one for one in reversed(parse(headers))}
    return known.get("bearer") or known.get("basic")


def _of(header: str) -> list[Challenge]:
    found: list[Challenge] = []
    at = 0
    while start := _START.match(header, at):
        at, parameters = start.end(), dict[str, str]()
        while parameter := _PARAMETER.match(header, at):
            quoted, plain = parameter[2], parameter[3]
            parameters[parameter[1].lower()] = plain if quoted is None else re.sub(r"\\(.)", r"\1", quoted)
            at = parameter.end()
        found.append(Challenge(start[1].lower(), parameters))
    return found
