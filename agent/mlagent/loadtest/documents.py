"""Whether one JSON document holds another: numbers within a tolerance, and whatever else it says beside (pure)."""

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

LONGEST = 40


class Far(NamedTuple):
    """The first place that is not as expected, such as `outputs[0].data[3]`, and what is wrong there."""

    where: str
    says: str


def held(expected: Any, answered: Any, tolerance: float, where: str = "") -> Far | None:  # noqa: ANN401 - any JSON
    """The first place of `expected` that `answered` has not, or has otherwise; None where it holds all of it.

    A number is right within `tolerance`, absolute and again as a part of its size; lists must be as long.
    """
    if isinstance(expected, Mapping):
        return _each_key(expected, answered, tolerance, where)
    if isinstance(expected, list | tuple):
        return _each_value(expected, answered, tolerance, where)
    return None if _near(expected, answered, tolerance) else Far(where, _says(where, expected, answered))


def _each_key(expected: Mapping[str, Any], answered: Any, tolerance: float, where: str) -> Far | None:  # noqa: ANN401
    if not isinstance(answered, Mapping):
        return Far(where, f"{where or 'the answer'} is expected to be an object, and none came back")
    for name, value in expected.items():
        place = f"{where}.{name}" if where else name
        if name not in answered:
            return Far(place, f"{place} is not in the answer")
        if far := held(value, answered[name], tolerance, place):
            return far
    return None


def _each_value(expected: Sequence[Any], answered: Any, tolerance: float, where: str) -> Far | None:  # noqa: ANN401
    if not isinstance(answered, list) or len(answered) != len(expected):
        found = f"{len(answered)} values" if isinstance(answered, list) else "no list"
        says = f"{where or 'the answer'} is expected to be a list of {len(expected)} values, and {found} came back"
        return Far(where, says)
    pairs = enumerate(zip(expected, answered, strict=True))
    found_far = (held(one, other, tolerance, f"{where}[{at}]") for at, (one, other) in pairs)
    return next((far for far in found_far if far), None)


def _near(expected: Any, answered: Any, tolerance: float) -> bool:  # noqa: ANN401 - a leaf of JSON
    if isinstance(expected, bool | str) or expected is None:
        return type(expected) is type(answered) and bool(expected == answered)
    if not isinstance(answered, int | float) or isinstance(answered, bool):
        return False
    slack = tolerance + tolerance * abs(expected)
    return bool(expected - slack <= answered <= expected + slack)


def _says(where: str, expected: object, answered: object) -> str:
    shown = f"{answered:.6g}" if isinstance(answered, float) else str(answered)[:LONGEST]
    return f"{where or 'the answer'} is expected to be {_spelled(expected)}, and {shown} came back"


def _spelled(expected: object) -> str:
    if expected is None:
        return "null"
    if isinstance(expected, int | float) and not isinstance(expected, bool):
        return f"{expected:.6g}"
    return repr(expected)[:LONGEST]
