"""JSON Schemas of requests and answers: what they allow is accepted, and what they forbid is refused.

JSON Schema cannot tie a shape to the number of data, so where a request chooses a size, the first few are spelled out.
"""

import math
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from mlagent.serving import forms
from mlagent.serving.datatypes import BY_ONNX, Datatype
from mlagent.serving.metadata import Tensor
from mlagent.serving.signature import Column

Schema = dict[str, Any]
SIZES = (1, 2, 3)
_MOST = 1.7976931348623157e308
_FLOAT = BY_ONNX["tensor(float)"]
_INT64 = BY_ONNX["tensor(int64)"]
_LEAP = "(?:[0-9][0-9](?:0[48]|[2468][048]|[13579][26])|(?:0[48]|[2468][048]|[13579][26])00)-02-29"
_YEAR = "(?:[1-9][0-9]{3}|0[1-9][0-9]{2}|00[1-9][0-9]|000[1-9])"
_LONG, _SHORT = "(?:0[13578]|1[02])-(?:0[1-9]|[12][0-9]|3[01])", "(?:0[469]|11)-(?:0[1-9]|[12][0-9]|30)"
_DAY = f"(?:{_YEAR}-(?:{_LONG}|{_SHORT}|02-(?:0[1-9]|1[0-9]|2[0-8]))|{_LEAP})"
_TIME = r"(?:[01][0-9]|2[0-3]):[0-5][0-9]:[0-5][0-9](?:\.[0-9]{1,6})?"
MOMENT = f"^{_DAY}[T ]{_TIME}(?:Z|\\+00:00)?$"
EXAMPLES: Mapping[str, Any] = {
    "integer": 1,
    "number": 0.5,
    "text": "a text",
    "boolean": True,
    "date": "2025-03-01",
    "datetime": "2025-03-01T12:30:00",
}


def closed(properties: Mapping[str, Any], required: Sequence[str]) -> Schema:
    """An object of these fields and no other."""
    return {
        "type": "object",
        "properties": dict(properties),
        "required": list(required),
        "additionalProperties": False,
    }


def element(datatype: Datatype) -> Schema:
    """One element of a tensor."""
    if datatype.json is float:
        limits = datatype.limits
        if limits is None:
            return {"type": "number", "minimum": -_MOST, "maximum": _MOST}
        return {"type": "number", "exclusiveMinimum": limits.gt, "exclusiveMaximum": limits.lt}
    if datatype.json is int and datatype.limits is not None:
        most = 2**64 - 1 if datatype.limits.le is None else datatype.limits.le
        return {"type": "integer", "minimum": datatype.limits.ge, "maximum": most}
    return {"type": "boolean" if datatype.json is bool else "string"}


def request(inputs: Sequence[Tensor], outputs: Sequence[Tensor]) -> Schema:
    """The JSON of an inference request; inputs may also come in another order."""
    sizes = SIZES if any(isinstance(size, str) for one in inputs for size in one.dimensions) else SIZES[:1]
    spelled = [_list_of([_input(tensor, size) for tensor in inputs]) for size in sizes]
    parameters = _parameters(
        forms.REQUEST_REFUSED,
        binary_data_output={"type": "boolean", "description": "Answer all outputs as binary tensors."},
        timeout={
            "type": "number",
            "minimum": 0,
            "maximum": forms.LONGEST_TIMEOUT,
            "description": "Microseconds, after which nobody wants the answer; 0: no limit.",
        },
    )
    wanted = [
        closed(
            {
                "name": {"const": tensor.name},
                "parameters": _parameters(forms.OUTPUT_REFUSED, binary_data={"type": "boolean"}),
            },
            ["name"],
        )
        for tensor in outputs
    ]
    once = [
        {"contains": {"properties": {"name": {"const": tensor.name}}}, "minContains": 0, "maxContains": 1}
        for tensor in outputs
    ]
    chosen: Schema = {"type": "array", "items": _any(wanted), "maxItems": len(outputs)}
    properties = {
        "id": {"type": ["string", "null"]},
        "inputs": _any(spelled),
        "outputs": chosen | ({"allOf": once} if len(outputs) > 1 else {}),
        "parameters": parameters,
    }
    return closed(properties, ["inputs"])


def answer(name: str, version: str, outputs: Sequence[Tensor]) -> Schema:
    """The JSON of an inference's answer, where no output is binary."""
    shape = {"type": "array", "items": {"type": "integer", "minimum": 0}}
    described = [
        closed(
            {
                "name": {"const": tensor.name},
                "datatype": {"const": tensor.datatype.name},
                "shape": shape,
                "data": {"type": "array", "items": element(tensor.datatype)},
            },
            ["name", "datatype", "shape", "data"],
        )
        for tensor in outputs
    ]
    named = {"model_name": {"const": name}} | ({"model_version": {"const": version}} if version else {})
    properties = {**named, "id": {"type": "string"}, "outputs": {"type": "array", "items": _any(described)}}
    return closed(properties, [*named, "outputs"])


def rows(columns: Sequence[Column]) -> Schema:
    """The body of /predict."""
    row = closed(
        {one.name: _column(one) for one in columns},
        [one.name for one in columns if not one.nullable],
    )
    return closed({"rows": {"type": "array", "items": row, "minItems": 1}}, ["rows"])


def example(columns: Sequence[Column]) -> Mapping[str, Any]:
    """A body of /predict of one row."""
    return {"rows": [{one.name: EXAMPLES.get(one.type, [0.5] * one.length) for one in columns}]}


def answered_rows(name: str, outputs: Sequence[Tensor]) -> Schema:
    """The body that answers it."""
    row = closed({tensor.name: _cell(tensor) for tensor in outputs}, [tensor.name for tensor in outputs])
    return closed({"model_name": {"const": name}, "rows": {"type": "array", "items": row}}, ["model_name", "rows"])


def _input(tensor: Tensor, free: int) -> Schema:
    shape = [size if isinstance(size, int) else free for size in tensor.dimensions]
    return closed(
        {
            "name": {"const": tensor.name},
            "shape": {"const": shape},
            "datatype": {"const": tensor.datatype.name},
            "data": _any(list(_data(element(tensor.datatype), shape))),
            "parameters": _parameters((*forms.INPUT_REFUSED, "binary_data_size")),
        },
        ["name", "shape", "datatype", "data"],
    )


def _data(one: Schema, shape: Sequence[int]) -> Iterator[Schema]:
    """Flat, and nested as the shape."""
    yield _items(one, math.prod(shape))
    if len(shape) != 1:
        for size in reversed(shape):
            one = _items(one, size)
        yield one


def _column(column: Column) -> Schema:
    found = _value(column)
    return found | {"type": [found["type"], "null"]} if column.nullable else found


def _value(column: Column) -> Schema:
    known: Mapping[str, Schema] = {
        "number": element(_FLOAT),
        "integer": element(_INT64),
        "boolean": {"type": "boolean"},
        "date": {"type": "string", "format": "date"},
        "datetime": {"type": "string", "pattern": MOMENT},
        "list": _items(element(_FLOAT), column.length),
    }
    return known.get(column.type, {"type": "string"})


def _cell(tensor: Tensor) -> Schema:
    """An output in one row: a value, or a list where there are several."""
    one, rest = element(tensor.datatype), tensor.dimensions[1:]
    free = any(isinstance(size, str) for size in rest)
    width = 0 if free else math.prod(size for size in rest if isinstance(size, int))
    several: Schema = {"type": "array", "items": one} if free else _items(one, width)
    return _any([one, several]) if free else one if width == 1 else several


def _items(one: Schema, count: int) -> Schema:
    return {"type": "array", "items": one, "minItems": count, "maxItems": count}


def _list_of(each: Sequence[Schema]) -> Schema:
    """A list of exactly these."""
    if len(each) == 1:
        return _items(each[0], 1)
    return {"type": "array", "prefixItems": list(each), "items": False, "minItems": len(each), "maxItems": len(each)}


def _parameters(refused: Sequence[str], **known: Schema) -> Schema:
    """Parameters, of which others than these change nothing."""
    return {"type": "object", "properties": {**known, **dict.fromkeys(refused, False)}}


def _any(schemas: Sequence[Schema]) -> Schema:
    return schemas[0] if len(schemas) == 1 else {"anyOf": list(schemas)}
