"""Reads a schema file: what is not understood, or makes no sense, is refused with its line and key."""

import re
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import msgspec
import polars as pl

from mlagent.config.fields import nearest
from mlagent.config.sections import Data
from mlagent.config.yaml_file import Document, read
from mlagent.core.context import DataFile
from mlagent.data.schema import CHECKS, DTYPES, KINDS_OF, Bands, Column, Rows, Rule, Schema, Unique, moment, whole
from mlagent.errors import ConfigError


def of(project: Path, data: Data, files: Sequence[DataFile]) -> Schema:
    """The schema that `data.schema` names; without one, the types that the rows themselves show."""
    if data.schema is None:
        from mlagent.data.infer import loose

        return loose(files)
    return load(project / data.schema, data.schema)


def load(path: Path, name: str) -> Schema:
    """Read a schema; ConfigError (3) names the file, the line and the key."""
    if not path.is_file():
        raise ConfigError(
            f"{name} (data.schema) is not there", hint=f"`mlagent data schema infer {name}` writes a first one"
        )
    document = read(path)
    parts: dict[str, Any] = {}
    for key, value in document.values.items():
        if key not in Schema.__struct_fields__:
            raise ConfigError(
                f"{document.where(key)}: {key!r} is not a key of a schema{nearest(key, Schema.__struct_fields__)}",
                hint=f"keys: {', '.join(Schema.__struct_fields__)}",
            )
        parts[key] = _part(document, key, value)
    if not parts.get("columns"):
        raise ConfigError(f"{document.where('columns')}: a schema names at least one column under `columns:`")
    schema = Schema(**parts)
    _agrees(document, schema)
    return schema


def _part(document: Document, key: str, value: Any) -> Any:  # noqa: ANN401 - any part of a schema
    if key == "columns":
        return {name: _struct(document, Column, body, key, name) for name, body in _mapping(document, value, key)}
    if key in ("unique", "rules"):
        if not isinstance(value, list):
            raise ConfigError(f"{document.where(key)}: {key} is a list, found {value!r}", hint="begin each with `- `")
        kind: type[msgspec.Struct] = Unique if key == "unique" else Rule
        return tuple(_struct(document, kind, body, key, str(index)) for index, body in enumerate(value))
    if key in ("rows", "drift"):
        return _struct(document, Rows if key == "rows" else Bands, value, key)
    if value not in ("fail", "warn", "allow"):
        raise ConfigError(f"{document.where(key)}: {key} is fail, warn or allow, found {value!r}")
    return value


def _mapping(document: Document, value: Any, *path: str) -> Iterator[tuple[str, Any]]:  # noqa: ANN401
    if not isinstance(value, dict):
        raise ConfigError(f"{document.where(*path)}: {'.'.join(path)} holds keys, found {value!r}")
    yield from value.items()


def _struct(document: Document, kind: type[msgspec.Struct], body: Any, *path: str) -> Any:  # noqa: ANN401
    for key, _ in _mapping(document, body, *path):
        if key not in kind.__struct_fields__:
            raise ConfigError(
                f"{_at(document, *path, key)} is not a key{nearest(key, kind.__struct_fields__)}",
                hint=f"keys: {', '.join(kind.__struct_fields__)}",
            )
    try:
        return msgspec.convert(body, kind)
    except msgspec.ValidationError as error:
        said, _, at = str(error).replace("`", "").partition(" - at $.")
        key = re.split(r"[.\[]", at)[0]
        found = f" (found {body[key]!r})" if key in body else ""
        raise ConfigError(
            f"{_at(document, *path, *([key] if key else []))}: {said[:1].lower()}{said[1:]}{found}",
            hint="agent/docs/data.md lists every key of a schema, with its type",
        ) from None


def _at(document: Document, *path: str) -> str:
    """Where a key stands, and which one it is."""
    return f"{document.where(*path)}: {'.'.join(path)}"


def _agrees(document: Document, schema: Schema) -> None:
    """What is typed right may still not make sense."""
    for name, column in schema.columns.items():
        _column(document, name, column)
    for index, unique in enumerate(schema.unique):
        for name in unique.columns:
            if name not in schema.columns:
                raise ConfigError(
                    f"{document.where('unique', str(index), 'columns')}: {name!r} is not a column of the schema"
                    f"{nearest(name, schema.columns)}"
                )
            if schema.columns[name].type == "list":
                where = document.where("unique", str(index), "columns")
                raise ConfigError(f"{where}: {name!r} is a list, and `unique` is not for these")
    for index, rule in enumerate(schema.rules):
        _rule(document, schema, index, rule)


def _column(document: Document, name: str, column: Column) -> None:
    for key, kinds in KINDS_OF.items():
        if getattr(column, key) is not None and column.type not in kinds:
            where = _at(document, "columns", name, key)
            raise ConfigError(f"{where} is for {' or '.join(kinds)}, and it is {column.type}")
    if column.type == "list":
        _list(column, _at(document, "columns", name))
    for key in ("min", "max"):
        if getattr(column, key) is not None:
            _bound(column, getattr(column, key), _at(document, "columns", name, key))
    for value in column.values or ():
        _bound(column, value, _at(document, "columns", name, "values"))
    if column.pattern is not None:
        _pattern(column.pattern, _at(document, "columns", name, "pattern"))
    for check in column.warn if isinstance(column.warn, tuple) else ():
        if check not in CHECKS:
            raise ConfigError(
                f"{_at(document, 'columns', name, 'warn')}: {check!r} is no check{nearest(check, CHECKS)}",
                hint=f"checks: {', '.join(CHECKS)}",
            )


def _list(column: Column, where: str) -> None:
    if column.length is None:
        raise ConfigError(f"{where} is a list without a length", hint="say how many items each has: length: 8")
    if column.unique or column.past:
        raise ConfigError(f"{where}: unique and past are not for a list")


def _bound(column: Column, value: Any, where: str) -> None:  # noqa: ANN401 - what stands in the file
    try:
        moment(column.type, value)
    except (TypeError, ValueError):
        raise ConfigError(
            f"{where}: {value!r} is not a {column.type}", hint="dates are written 2025-03-01, times 2025-03-01T12:00:00"
        ) from None


def _pattern(pattern: str, where: str) -> None:
    try:
        pl.Series([""]).str.contains(whole(pattern))
    except pl.exceptions.PolarsError as error:
        raise ConfigError(
            f"{where}: not a regular expression: {' '.join(str(error).split())[:200]}",
            hint="it is of the kind without look-around and back-references (Rust's regex)",
        ) from error


def _rule(document: Document, schema: Schema, index: int, rule: Rule) -> None:
    where = f"{document.where('rules', str(index), 'expression')}: rule {rule.name!r}"
    hint = 'write it over columns, e.g. ClaimNb >= ClaimOcc; names with spaces stand in "double quotes"'
    try:
        asked = pl.sql_expr(rule.expression)
        names = asked.meta.root_names()
    except pl.exceptions.PolarsError as error:
        raise ConfigError(f"{where} is not an SQL expression: {_first(error)}", hint=hint) from error
    for name in names:
        if name not in schema.columns:
            raise ConfigError(f"{where} asks for {name!r}, which is not a column{nearest(name, schema.columns)}")
    two = pl.DataFrame(
        {name: [None, None] for name in names}, schema={n: DTYPES[schema.columns[n].type] for n in names}
    )
    try:
        tried = two.select(asked.alias("it"))
    except pl.exceptions.PolarsError as error:
        raise ConfigError(f"{where} cannot be evaluated: {_first(error)}", hint="do the types agree?") from error
    if tried.schema["it"] != pl.Boolean or tried.height != two.height or not names:
        raise ConfigError(f"{where} is not a yes or no about one row", hint=hint)


def _first(error: Exception) -> str:
    return str(error).strip().splitlines()[0]
