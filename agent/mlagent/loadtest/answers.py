"""Holds what a server answered against what was expected, without slowing the meter: equal bytes are judged once."""

from collections.abc import Sequence
from typing import Any

import msgspec

from mlagent.loadtest.golden import Answer, Golden, Number


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
        field, says = self._look(self._golden[row].expected, body)
        if says:
            return Wrong(row=row, field=field, says=says)
        self._right[row] = bytes(body)
        return None

    def _look(self, expected: Answer, body: bytes) -> tuple[str, str]:
        """The first field that is wrong, and why; two empty texts where all is right."""
        try:
            rows = msgspec.json.decode(body, type=_Body).rows
        except (msgspec.DecodeError, UnicodeDecodeError) as error:
            return "", f"the answer is not of its form: {str(error).replace('`', '')}"
        if len(rows) != 1:
            return "", f"the answer is not of its form: one row was asked for, and {len(rows)} came back"
        (answered,) = rows
        for name, value in expected.items():
            if name not in answered:
                return name, f"{name} is not in the answer"
            where, says = self._compared(name, value, answered[name])
            if says:
                return where, says
        return "", ""

    def _compared(self, name: str, expected: Number | list[Number], answered: Any) -> tuple[str, str]:  # noqa: ANN401
        if not isinstance(expected, list):
            return (name, "") if self._near(expected, answered) else (name, _says(name, expected, answered))
        if not isinstance(answered, list) or len(answered) != len(expected):
            found = f"{len(answered)} values" if isinstance(answered, list) else "no list"
            return name, f"{name} is expected to be a list of {len(expected)} values, and {found} came back"
        pairs = enumerate(zip(expected, answered, strict=True))
        far = next(((place, pair) for place, pair in pairs if not self._near(*pair)), None)
        return (name, "") if far is None else (f"{name}[{far[0]}]", _says(f"{name}[{far[0]}]", *far[1]))

    def _near(self, expected: Number, answered: Any) -> bool:  # noqa: ANN401 - whatever JSON holds
        if expected is None or not isinstance(answered, int | float) or isinstance(answered, bool):
            return expected is None and answered is None
        slack = self._tolerance + self._tolerance * abs(expected)
        return expected - slack <= answered <= expected + slack


class _Body(msgspec.Struct, frozen=True):
    rows: list[dict[str, Any]]


def _says(where: str, expected: Number, answered: object) -> str:
    shown = f"{answered:.6g}" if isinstance(answered, float) else str(answered)[:40]
    return f"{where} is expected to be {'null' if expected is None else f'{expected:.6g}'}, and {shown} came back"
