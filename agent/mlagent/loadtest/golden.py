"""Golden rows and what the model answers to each: the one module that knows the file of them (golden.jsonl).

A line is {"row": {...}, "expected": {"probabilities": [0.93, 0.07]}}: a row as `POST /predict` takes it, and the
outputs that are held against what comes back. JSON has no NaN: such an answer is null.
"""

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

import msgspec

from mlagent.core.files import write_whole
from mlagent.errors import InputError

Number = float | None
Answer = Mapping[str, Number | list[Number]]
_HINT = "run the load test again: it writes golden.jsonl"


class Golden(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One row, and the answer that the judged model gives to it."""

    row: Mapping[str, object]
    expected: Answer

    @property
    def body(self) -> bytes:
        """The request that asks for this row alone."""
        return msgspec.json.encode({"rows": [self.row]})


def write(path: Path, rows: Iterable[Golden]) -> None:
    """Write the file, whole or not at all."""
    write_whole(path, b"".join(msgspec.json.encode(one) + b"\n" for one in rows))


def read(path: Path) -> Sequence[Golden]:
    """Read them back; InputError (4) names the line that is none."""
    decoder, found = msgspec.json.Decoder(Golden), list[Golden]()
    try:
        lines = path.read_bytes().splitlines()
    except OSError as error:
        raise InputError(f"the golden rows cannot be read: {error}", hint=_HINT) from error
    for number, line in enumerate(lines, start=1):
        try:
            found.append(decoder.decode(line))
        except msgspec.DecodeError as error:
            raise InputError(f"{path.name}, line {number} is no golden row: {error}", hint=_HINT) from error
    if not found:
        raise InputError(f"{path.name} holds no golden row", hint=_HINT)
    return found
