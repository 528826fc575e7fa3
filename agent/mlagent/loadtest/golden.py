"""Golden rows and what is expected of each: the one module that knows the file of them (golden.jsonl).

A line is {"row": {...}, "expected": {"probabilities": [0.93, 0.07]}}: a row as `POST /predict` takes it, and the
outputs that are held against what comes back; or {"request": {...}, "answer": {...}}: the whole body of any request,
and what its answer must hold, null for anything. JSON has no NaN: such an answer is null.
"""

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import msgspec

from mlagent.core.files import write_whole
from mlagent.errors import InputError

Number = float | None
Answer = Mapping[str, Number | list[Number]]
_HINT = "a line is as agent/docs/load-test.md says; of a run, `mlagent load-test` writes golden.jsonl anew"


class Golden(msgspec.Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    """A row with the outputs that are expected, or a request with what its answer must hold."""

    row: Mapping[str, Any] | None = None
    expected: Answer | None = None
    request: Any = None
    answer: Any = None

    def __post_init__(self) -> None:
        """Refuse what is neither, or half of it."""
        if (self.row is None) != (self.expected is None) or (self.row is None) == (self.request is None):
            message = 'it must hold "row" and "expected", or "request" and "answer"'
            raise ValueError(message)

    @property
    def body(self) -> bytes:
        """The request that asks for this one alone."""
        return msgspec.json.encode({"rows": [self.row]} if self.request is None else self.request)


def write(path: Path, rows: Iterable[Golden]) -> None:
    """Write the file, whole or not at all."""
    write_whole(path, b"".join(msgspec.json.encode(one) + b"\n" for one in rows))


def read(path: Path) -> Sequence[Golden]:
    """Read them back; InputError (4) names the line that is none."""
    return decode(load(path), path.name)


def load(path: Path) -> bytes:
    """The file as it is, for another process to decode; InputError (4) where it cannot be read."""
    try:
        return path.read_bytes()
    except OSError as error:
        raise InputError(f"the golden rows cannot be read: {error}", hint=_HINT) from error


def decode(data: bytes, name: str) -> Sequence[Golden]:
    """Give the rows in a file's content; InputError (4) names the line that is none."""
    decoder, found = msgspec.json.Decoder(Golden), list[Golden]()
    for number, line in enumerate(data.splitlines(), start=1):
        try:
            found.append(decoder.decode(line))
        except msgspec.DecodeError as error:
            raise InputError(f"{name}, line {number} is no golden row: {error}", hint=_HINT) from error
    if not found:
        raise InputError(f"{name} holds no golden row", hint=_HINT)
    return found
