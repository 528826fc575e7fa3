"""From the body of /predict to the model's input: one typed decoding, straight to arrays.

A body that this refuses is read again by `rowfaults`, which finds out what is wrong with it and says so.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import Any, cast

import msgspec
import numpy as np

from mlagent.serving import rowfaults
from mlagent.serving.arrays import ARRAYS, fitting
from mlagent.serving.metadata import Array
from mlagent.serving.signature import Signature

Values = Sequence[tuple[Any, ...]]


class Reader:
    """Reads bodies of one signature; gives the model's inputs by name, each (rows, 1) or (rows, items), or packed."""

    def __init__(self, signature: Signature) -> None:
        """Make the decoder once."""
        self._signature = signature
        self._decode = _decoder(signature)

    def __call__(self, body: bytes) -> Mapping[str, Array]:
        """Read a body; Refused (400) names up to 20 faults by row and field."""
        try:
            return self._arrays(self._decode(body))
        except ValueError:  # msgspec's errors, and those of the arrays
            return self._arrays(rowfaults.read(self._signature.columns, body))

    def _arrays(self, rows: Values) -> Mapping[str, Array]:
        signature = self._signature
        if signature.packed:
            return {signature.packed: np.array(rows, np.float32)}
        return {
            one.name: ARRAYS[one.type](one, values, signature.missing)
            for one, values in zip(signature.columns, zip(*rows, strict=True), strict=True)
        }


def _decoder(signature: Signature) -> Callable[[bytes], Values]:
    """Decode a body to a tuple a row, in the order of the columns; ValueError where it is not of the form."""
    fields: list[Any] = [
        (f"f{at}", fitting(one) | None, None) if one.nullable else (f"f{at}", fitting(one))
        for at, one in enumerate(signature.columns)
    ]
    names = {f"f{at}": one.name for at, one in enumerate(signature.columns)}
    try:
        row: Any = msgspec.defstruct("Row", fields, rename=names, kw_only=True, forbid_unknown_fields=True, gc=False)
    except ValueError:  # a column whose name has a quote in it cannot be a field's
        return lambda body: rowfaults.read(signature.columns, body)
    rows: Any = list[row]
    whole: Any = msgspec.defstruct("Body", [("rows", rows)], forbid_unknown_fields=True)
    decode = msgspec.json.Decoder(whole).decode
    return lambda body: _some(list(map(msgspec.structs.astuple, cast("Any", decode(body)).rows)))


def _some(rows: Values) -> Values:
    if not rows:
        raise ValueError
    return rows
