"""Holds what a server answered against what was expected, without slowing the meter: equal bytes are judged once."""

from collections.abc import Sequence
from typing import Any

import msgspec

from mlagent.loadtest.documents import held
from mlagent.loadtest.golden import Golden


class Wrong(msgspec.Struct, frozen=True, kw_only=True):
    """A wrong answer: which golden row (from 0), which part of the answer, and what is wrong with it in a sentence."""

    row: int
    field: str
    says: str


class Examiner:
    """Judges answers to golden rows; of each row it keeps the last body that was right, and no more."""

    def __init__(self, golden: Sequence[Golden], tolerance: float) -> None:
        """A number is right within `tolerance`, absolute and again as a part of its size."""
        self._golden, self._tolerance = golden, tolerance
        self._right: list[bytes | None] = [None] * len(golden)

    def __call__(self, row: int, body: bytes) -> Wrong | None:
        """What is wrong with the answer to one golden row; None where it is right."""
        if body == self._right[row]:
            return None
        field, says = self._look(self._golden[row], body)
        if says:
            return Wrong(row=row, field=field, says=says)
        self._right[row] = bytes(body)
        return None

    def _look(self, golden: Golden, body: bytes) -> tuple[str, str]:
        """The first field that is wrong, and why; two empty texts where all is right."""
        try:
            answered = _DOCUMENT.decode(body) if golden.row is None else _ROWS.decode(body).rows
        except (msgspec.DecodeError, UnicodeDecodeError) as error:
            return "", f"the answer is not of its form: {str(error).replace('`', '')}"
        if golden.row is None:
            compared = golden.answer is not None
            return (held(golden.answer, answered, self._tolerance) if compared else None) or _RIGHT
        if len(answered) != 1:
            return "", f"the answer is not of its form: one row was asked for, and {len(answered)} came back"
        return held(golden.expected, answered[0], self._tolerance) or _RIGHT


class _Body(msgspec.Struct, frozen=True):
    rows: list[dict[str, Any]]


_DOCUMENT, _ROWS = msgspec.json.Decoder(), msgspec.json.Decoder(_Body)
_RIGHT = "", ""
