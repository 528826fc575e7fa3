"""What a caller of the served model sends: its raw columns, in the order that the model takes them."""

import msgspec

from mlagent.data.encode import MISSING, Encoding, Shape
from mlagent.data.schema import Kind

PACKED = "features"


class Column(msgspec.Struct, frozen=True, kw_only=True):
    """One column of a row; a list has `length` items, another column none."""

    name: str
    type: Kind
    nullable: bool
    length: int | msgspec.UnsetType = msgspec.UNSET


class Signature(msgspec.Struct, frozen=True, kw_only=True):
    """`packed` names the one float32 input (rows, columns) that takes all columns; empty where each is an input.

    `missing` stands for an absent text or date. The server reads this from signature.json; it imports nothing of here.
    """

    columns: tuple[Column, ...]
    packed: str
    missing: str = MISSING


def of(shape: Shape) -> Signature:
    """The signature of the model that ships for this shape."""
    return Signature(columns=tuple(_column(one) for one in shape.encoding), packed="" if shape.raw else PACKED)


def _column(one: Encoding) -> Column:
    return Column(name=one.column, type=one.kind, nullable=one.missing, length=len(one.items) or msgspec.UNSET)
