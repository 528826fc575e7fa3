"""The encoding as an ONNX graph before the model's: what ships takes raw columns, and nothing runs beside it.

It computes in float32 what `mlagent.data.encode` computed for the training part; `export` compares the two on held-out
rows. `encoding` is that of shape.json: dicts with column, kind, categories, missing, fill, mean, scale, and items, each
with the last three, of a list.
"""

import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

import numpy as np
import onnx
from onnx import TensorProto, compose, helper, numpy_helper

MISSING = "<missing>"  # the same as in mlagent.data.encode
MODEL, FEATURES = "model/", "features"
STRINGS_SINCE = 20  # the operator set that splits texts, as dates need
_TEXTS = ("text", "date", "datetime")


class Graph:
    """Nodes and constants in the making; every name of its own begins with `encode/`."""

    def __init__(self) -> None:
        """Nothing yet."""
        self.nodes: list[onnx.NodeProto] = []
        self.constants: list[onnx.TensorProto] = []

    def __call__(self, kind: str, *given: str, **attributes: Any) -> str:  # noqa: ANN401 - as ONNX takes them
        """Add a node; the name of its first output."""
        name = f"encode/{kind}_{len(self.nodes)}"
        outputs = [name, f"{name}/count"] if kind == "StringSplit" else [name]
        self.nodes.append(helper.make_node(kind, list(given), outputs, name=name, **attributes))
        return name

    def constant(self, value: object, dtype: Any = np.float32) -> str:  # noqa: ANN401
        """Add a constant; its name."""
        name = f"encode/constant_{len(self.constants)}"
        self.constants.append(numpy_helper.from_array(np.array(value, dtype), name))
        return name


def merge(model: onnx.ModelProto, encoding: Sequence[Mapping[str, Any]], opset: int) -> onnx.ModelProto:
    """The model behind its encoding: inputs are the raw columns (batch, 1) or (batch, items), outputs its own."""
    graph = Graph()
    columns = [part for one in encoding for part in _COLUMNS[one["kind"]](graph, one)]
    graph.nodes.append(helper.make_node("Concat", columns, [f"encode/{FEATURES}"], axis=1))
    width = model.graph.input[0].type.tensor_type.shape.dim[1].dim_value
    first = helper.make_model(
        helper.make_graph(
            graph.nodes,
            "encode",
            [helper.make_tensor_value_info(one["column"], type_of(one), ["batch", width_of(one)]) for one in encoding],
            [helper.make_tensor_value_info(f"encode/{FEATURES}", TensorProto.FLOAT, ["batch", width])],
            graph.constants,
        ),
        opset_imports=[helper.make_opsetid("", opset), helper.make_opsetid("ai.onnx.ml", 3)],
        ir_version=model.ir_version,
    )
    outputs = [one.name for one in model.graph.output]
    then = compose.add_prefix(model, MODEL)
    whole = compose.merge_models(first, then, io_map=[(f"encode/{FEATURES}", f"{MODEL}{FEATURES}")])
    return _named(whole, outputs)


def _named(model: onnx.ModelProto, outputs: Iterable[str]) -> onnx.ModelProto:
    """Give the outputs their names back."""
    names = {f"{MODEL}{name}": name for name in outputs}
    for one in model.graph.output:
        one.name = names.get(one.name, one.name)
    for node in model.graph.node:
        for index, name in enumerate(node.output):
            node.output[index] = names.get(name, name)
        for index, name in enumerate(node.input):
            node.input[index] = names.get(name, name)
    return model


def type_of(one: Mapping[str, Any]) -> int:
    """Texts and dates are strings; an absent whole number or boolean is NaN, so such columns are doubles."""
    if one["kind"] in _TEXTS:
        return int(TensorProto.STRING)
    if one["kind"] in ("number", "list"):
        return int(TensorProto.FLOAT)
    if one["missing"]:
        return int(TensorProto.DOUBLE)
    return int(TensorProto.INT64 if one["kind"] == "integer" else TensorProto.BOOL)


def width_of(one: Mapping[str, Any]) -> int:
    """Values a row: of a list, its items."""
    return max(1, len(one["items"]))


def _number(graph: Graph, one: Mapping[str, Any]) -> list[str]:
    value = one["column"]
    if type_of(one) != TensorProto.FLOAT:
        value = graph("Cast", value, to=TensorProto.FLOAT)
    absent = graph("IsNaN", value)
    return [_scaled(graph, value, absent, one), *_missing(graph, one, absent)]


def _list(graph: Graph, one: Mapping[str, Any]) -> list[str]:
    """Its items as numbers; a list is absent as a whole."""
    absent = graph("IsNaN", one["column"])
    each = {key: [item[key] for item in one["items"]] for key in ("fill", "mean", "scale")}
    first = graph("Gather", absent, graph.constant([0], np.int64), axis=1)
    return [_scaled(graph, one["column"], absent, each), *_missing(graph, one, first)]


def _scaled(graph: Graph, value: str, absent: str, by: Mapping[str, Any]) -> str:
    filled = graph("Where", absent, graph.constant(by["fill"]), value)
    return graph("Div", graph("Sub", filled, graph.constant(by["mean"])), graph.constant(by["scale"]))


def _text(graph: Graph, one: Mapping[str, Any]) -> list[str]:
    """A 1 for the category it is; the last column is for one that is absent."""
    categories = [*one["categories"], *([MISSING] if one["missing"] else [])]
    code = graph(
        "LabelEncoder",
        one["column"],
        domain="ai.onnx.ml",
        keys_strings=categories,
        values_int64s=list(range(len(categories))),
        default_int64=-1,
    )
    same = graph("Equal", code, graph.constant([range(len(categories))], np.int64))
    return [graph("Cast", same, to=TensorProto.FLOAT)]


def _date(graph: Graph, one: Mapping[str, Any]) -> list[str]:
    """Year, season and day of 2025-03-01, and the time of 2025-03-01T12:00:00."""
    absent = graph("Equal", one["column"], graph.constant(MISSING, object))
    filled = graph("Where", absent, graph.constant("2000-01-01T00:00:00", object), one["column"])
    day_and_time = graph("StringSplit", filled, delimiter="T")
    year, month, day = _parts(graph, _part(graph, day_and_time, 0), "-", 3)
    first = graph.constant(1)
    in_month = graph("Div", graph("Sub", day, first), graph.constant(31))
    season = graph("Mul", graph.constant(2 * math.pi / 12), graph("Add", graph("Sub", month, first), in_month))
    years = graph("Div", graph("Sub", year, graph.constant(2000)), graph.constant(10))
    found = [years, graph("Sin", season), graph("Cos", season), in_month]
    if one["kind"] == "datetime":
        hour, minute = _parts(graph, _part(graph, day_and_time, 1), ":", 2)
        hours = graph("Add", hour, graph("Div", minute, graph.constant(60)))
        found.append(graph("Div", hours, graph.constant(24)))
    return [*found, *_missing(graph, one, absent)]


def _part(graph: Graph, split: str, index: int) -> str:
    """One of the parts (batch, 1, parts) into which texts were split."""
    return graph("Gather", split, graph.constant(index, np.int64), axis=2)


def _parts(graph: Graph, text: str, delimiter: str, count: int) -> list[str]:
    split = graph("StringSplit", text, delimiter=delimiter)
    return [graph("Cast", _part(graph, split, index), to=TensorProto.FLOAT) for index in range(count)]


def _missing(graph: Graph, one: Mapping[str, Any], absent: str) -> list[str]:
    return [graph("Cast", absent, to=TensorProto.FLOAT)] if one["missing"] else []


def _boolean(graph: Graph, one: Mapping[str, Any]) -> list[str]:
    return _number(graph, one) if one["missing"] else [graph("Cast", one["column"], to=TensorProto.FLOAT)]


_COLUMNS: Mapping[str, Callable[[Graph, Mapping[str, Any]], list[str]]] = {
    "number": _number,
    "integer": _number,
    "boolean": _boolean,
    "text": _text,
    "date": _date,
    "datetime": _date,
    "list": _list,
}
