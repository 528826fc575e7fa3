"""POST /predict: rows of named columns in, rows of named answers out."""

from collections.abc import Mapping, Sequence

import msgspec

from mlagent.serving.arrays import datatype
from mlagent.serving.faults import CannotServe, Refused
from mlagent.serving.message import encode
from mlagent.serving.metadata import Array, Model, Tensor
from mlagent.serving.rows import Reader
from mlagent.serving.signature import Signature
from mlagent.serving.tensors import refuse_not_finite

_PACKABLE = ("number", "integer", "boolean")


class Answer(msgspec.Struct, frozen=True, gc=False):
    """The body of an answer: an object a row, with every output of the model by its name."""

    model_name: str
    rows: Sequence[Mapping[str, object]]


class Predictor:
    """Reads bodies of one signature, and writes the answers."""

    def __init__(self, name: str, model: Model, signature: Signature) -> None:
        """Hold the signature to what the model takes; CannotServe when they do not belong together."""
        _check(model.inputs, signature)
        self._name, self._read = name, Reader(signature)
        self._outputs = [tensor.name for tensor in model.outputs]

    def read(self, body: bytes) -> tuple[Mapping[str, Array], int]:
        """The model's inputs, and the number of rows; Refused says what is wrong with the body."""
        arrays = self._read(body)
        return arrays, len(next(iter(arrays.values())))

    def render(self, results: Sequence[Array], rows: int) -> bytes:
        """The body of the answer; Refused (500) where the model's cannot be one."""
        columns = [_column(name, array, rows) for name, array in zip(self._outputs, results, strict=True)]
        answers = [dict(zip(self._outputs, values, strict=True)) for values in zip(*columns, strict=True)]
        return encode(Answer(self._name, answers))


def _column(name: str, array: Array, rows: int) -> Sequence[object]:
    """An output's values, one a row: a list where it has more than one number a row."""
    if array.ndim == 0 or len(array) != rows:
        raise Refused(500, f"the model answered {name!r} in the shape {list(array.shape)} to {rows} rows")
    refuse_not_finite(name, array)
    values: Sequence[object] = (array.ravel() if array.size == rows else array.reshape(rows, -1)).tolist()
    return values


def _check(tensors: Sequence[Tensor], signature: Signature) -> None:
    wanted = {one.name: (datatype(one), max(1, one.length)) for one in signature.columns}
    odd = [one.name for one in signature.columns if signature.packed and one.type not in _PACKABLE]
    if signature.packed:
        wanted = {signature.packed: ("FP32", len(signature.columns))}
    found = {tensor.name: tensor for tensor in tensors}
    differ = odd + [name for name in {**wanted, **found} if not _fits(found.get(name), wanted.get(name))]
    if differ:
        raise CannotServe(
            f"the signature is not this model's: they differ in {', '.join(differ[:10])}; "
            "take both from the same export"
        )


def _fits(tensor: Tensor | None, wanted: tuple[str, int] | None) -> bool:
    """Whether it is (rows, width) of the type; a width that requests choose is any."""
    if tensor is None or wanted is None or len(tensor.dimensions) != 2:
        return False
    width = tensor.dimensions[1]
    return (tensor.datatype.name, width if isinstance(width, int) else wanted[1]) == wanted
