"""Texts made up to match a pattern: of the common kind of regular expressions; of any other it says so."""

import re
import string
from collections.abc import Callable

import numpy as np

Draw = Callable[[np.random.Generator], str]
LONGER = 8  # a repetition is at most so much longer than it must be
WORD = string.ascii_letters + string.digits + "_"
HIGHEST = "\u2fff"  # above it are characters that come in thousands, and halves of such
ANY = string.ascii_letters + string.digits + " -."
_CLASSES = {"d": string.digits, "w": WORD, "s": " ", "n": "\n", "t": "\t", "r": "\r"}
_REPEATED = re.compile(r"(?:(?P<sign>[?*+])|\{(?P<least>\d+)(?P<open>,(?P<most>\d*))?\})\??")
_OPENED = re.compile(r"\((?:\?:|\?P?<\w+>)?(?!\?)")


def drawer(pattern: str) -> Draw:
    """What draws texts that match the whole pattern; ValueError where it holds what is not known here."""
    reader = _Reader(pattern)
    found = reader.alternatives()
    if reader.left:
        raise ValueError(reader.left)
    return found


class _Reader:
    """Reads a pattern from left to right; each method takes what it understands."""

    def __init__(self, pattern: str) -> None:
        self.left = pattern

    def alternatives(self) -> Draw:
        """Branches, one of which is drawn."""
        branches = [self._sequence()]
        while self.left.startswith("|"):
            self._take(1)
            branches.append(self._sequence())
        return lambda random: branches[random.integers(len(branches))](random)

    def _sequence(self) -> Draw:
        parts: list[Draw] = []
        while self.left and self.left[0] not in "|)":
            parts.append(self._repeated(self._atom()))
        return lambda random: "".join(part(random) for part in parts)

    def _repeated(self, atom: Draw) -> Draw:
        found = _REPEATED.match(self.left)
        if found is None:
            return atom
        self._take(found.end())
        sign, least = found["sign"], int(found["least"] or (found["sign"] == "+"))
        most = least + LONGER
        if sign == "?":
            most = 1
        elif not sign and not (found["open"] and not found["most"]):
            most = min(most, int(found["most"] or least))
        return lambda random: "".join(atom(random) for _ in range(random.integers(least, most, endpoint=True)))

    def _atom(self) -> Draw:
        opened = _OPENED.match(self.left)
        if opened:
            self._take(opened.end())
            inner = self.alternatives()
            if self._take(1) != ")":
                raise ValueError(self.left)
            return inner
        if self.left[0] == "[":
            return _one_of(self._set())
        if self.left[0] in "^$":
            self._take(1)
            return lambda _: ""
        if self.left[0] in "(){}*+?":
            raise ValueError(self.left)
        one = self._take(1)
        return _one_of(ANY if one == "." else self._escaped() if one == "\\" else one)

    def _set(self) -> str:
        """The characters of [...]."""
        self._take(1)
        negated = self.left.startswith("^")
        self._take(int(negated))
        found = ""
        while not self.left.startswith("]") or not found:
            if self.left[:1] in ("", "[") or self.left[:2] in ("&&", "--", "~~"):
                raise ValueError(self.left)
            first = self._member()
            if len(first) == 1 and self.left[:1] == "-" and self.left[1:2] not in ("]", ""):
                self._take(1)
                found += self._range(first, self._member())
            else:
                found += first
        self._take(1)
        return "".join(one for one in ANY if one not in found) if negated else found

    def _range(self, first: str, last: str) -> str:
        if len(last) != 1 or last > HIGHEST:
            raise ValueError(last)
        return "".join(map(chr, range(ord(first), ord(last) + 1)))

    def _member(self) -> str:
        one = self._take(1)
        return self._escaped() if one == "\\" else one

    def _escaped(self) -> str:
        one = self._take(1)
        if one.isalnum() and one not in _CLASSES:
            raise ValueError(one)
        return _CLASSES.get(one, one)

    def _take(self, count: int) -> str:
        taken, self.left = self.left[:count], self.left[count:]
        return taken


def _one_of(characters: str) -> Draw:
    if not characters:
        message = "nothing to choose from"
        raise ValueError(message)
    return lambda random: characters[random.integers(len(characters))]
