"""What a row is: the columns that a caller of /predict sends, as `export` wrote them down beside the model."""

from pathlib import Path
from typing import Literal

import msgspec

from mlagent.serving.faults import CannotServe

Kind = Literal["integer", "number", "text", "boolean", "date", "datetime", "list"]


class Column(msgspec.Struct, frozen=True):
    """One column; a list has `length` numbers."""

    name: str
    type: Kind
    nullable: bool
    length: int = 0


class Signature(msgspec.Struct, frozen=True):
    """`packed` names the one float32 input (rows, columns) that takes all columns; empty where each is an input.

    `missing` stands for an absent text or date in the model's input.
    """

    columns: tuple[Column, ...]
    packed: str
    missing: str


def read(path: Path) -> Signature:
    """Read signature.json; CannotServe when there is none or it is of another form."""
    try:
        return msgspec.json.decode(path.read_bytes(), type=Signature)
    except OSError as error:
        raise CannotServe(f"the signature {path} cannot be read: {error.strerror}; `export` writes one") from error
    except ValueError as error:
        raise CannotServe(f"{path} is no signature: {error}; `export` writes one beside the model") from error
