"""JSON as signatures and statements hold it: UTF-8, no key twice, nothing but plain values; else InputError (4)."""

import json
from typing import Any, NoReturn, TypeVar

import msgspec

from mlagent.errors import InputError

MAX_BYTES = 32_000_000
T = TypeVar("T")


def read(data: bytes, named: str) -> Any:  # noqa: ANN401 - JSON values are of any type
    """The value; `named` is what it is called in the error."""
    if len(data) > MAX_BYTES:
        raise InputError(f"{named} has {len(data)} bytes, more than {MAX_BYTES}", hint="is it what it should be?")
    try:
        value = json.loads(data.decode(), object_pairs_hook=_once, parse_constant=_no_number)
        json.dumps(value, ensure_ascii=False, allow_nan=False).encode()  # 1e999 is no number, half a surrogate no text
    except (ValueError, RecursionError) as error:
        raise InputError(
            f"{named} is no JSON: {_words(error)}", hint="it is not what mlagent or cosign wrote"
        ) from error
    return value


def convert(value: object, form: type[T], named: str) -> T:
    """The same as a struct, fields that are not known left out."""
    try:
        return msgspec.convert(value, form, strict=True)
    except (msgspec.ValidationError, RecursionError) as error:
        raise InputError(f"{named}: {_words(error)}", hint="it is not what mlagent or cosign wrote") from error


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """Two readers may take different ones of two values under one key."""
    found = dict(pairs)
    if len(found) < len(pairs):
        names = [name for name, _ in pairs]
        twice = next(name for name in names if names.count(name) > 1)
        message = f"the key {twice[:60]!r} stands twice"
        raise ValueError(message)
    return found


def _no_number(text: str) -> NoReturn:
    message = f"{text} is no number of JSON"
    raise ValueError(message)


def _words(error: Exception) -> str:
    if isinstance(error, RecursionError):
        return "nested too deeply"
    return "not UTF-8 text" if isinstance(error, UnicodeError) else str(error)
