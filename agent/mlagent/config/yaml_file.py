"""Reads YAML 1.2 strictly: every value with its line, duplicate keys and tags refused."""

from pathlib import Path
from typing import Any, cast

import msgspec
from ruamel.yaml import YAML
from ruamel.yaml.error import MarkedYAMLError, YAMLError
from ruamel.yaml.nodes import MappingNode, Node, ScalarNode, SequenceNode

from mlagent.errors import ConfigError

MAX_NODES = 20_000
_KINDS = ("null", "bool", "int", "float", "str")


class Document(msgspec.Struct, frozen=True):
    """A file's plain values, and the line (from 1) of every key by its path of keys."""

    file: str
    values: dict[str, Any]
    lines: dict[tuple[str, ...], int]

    def where(self, *path: str) -> str:
        """Spell `file:line` of a key."""
        return f"{self.file}:{self.lines.get(path, 1)}"


def read(path: Path) -> Document:
    """Read one mapping; ConfigError with file and line for anything else."""
    reader = _Reader(path.name)
    root = reader.compose(path)
    values = reader.plain(root, ()) if root is not None else {}
    if not isinstance(values, dict):
        raise ConfigError(
            f"{path.name}:1: expected sections such as `train:`, found {type(values).__name__}",
            hint="`mlagent config explain` lists the sections and keys",
        )
    return Document(path.name, values, reader.lines)


class _Reader:
    def __init__(self, file: str) -> None:
        self.file = file
        self.lines: dict[tuple[str, ...], int] = {}
        self.nodes = 0
        self.yaml = YAML(typ="safe", pure=True)

    def compose(self, path: Path) -> Node | None:
        try:
            root: Node | None = self.yaml.compose(path.read_bytes().decode("utf-8-sig"))
        except UnicodeDecodeError as error:
            line = path.read_bytes()[: error.start].count(b"\n") + 1
            raise ConfigError(f"{self.file}:{line}: not UTF-8 text", hint="save the file as UTF-8") from error
        except MarkedYAMLError as error:
            mark = error.problem_mark or error.context_mark
            line = mark.line + 1 if mark else 1
            raise ConfigError(
                f"{self.file}:{line}: not YAML: {error.problem or error.context}",
                hint="often a missing space after a colon, an unclosed quote, or a tab used to indent",
            ) from error
        except RecursionError as error:
            raise ConfigError(f"{self.file}: nested too deeply", hint="is this a configuration file?") from error
        except YAMLError as error:
            raise ConfigError(
                f"{self.file}: not YAML: {str(error).splitlines()[0]}", hint="is this a text file?"
            ) from error
        except OSError as error:
            raise ConfigError(
                f"{self.file} cannot be read: {error.strerror}", hint="check its path and mode"
            ) from error
        return root

    def plain(self, node: Node, path: tuple[str, ...]) -> Any:  # noqa: ANN401 - YAML values are of any type
        self.nodes += 1
        if self.nodes > MAX_NODES or len(path) > 50:
            raise ConfigError(
                f"{self.file}:{_line(node)}: too many values, or nested too deeply",
                hint="an alias (*name) that holds itself or is repeated without end does this",
            )
        if isinstance(node, MappingNode):
            return self._mapping(node, path)
        if isinstance(node, SequenceNode):
            return [self.plain(child, (*path, str(index))) for index, child in enumerate(node.value)]
        return self._scalar(cast("ScalarNode", node))

    def _mapping(self, node: MappingNode, path: tuple[str, ...]) -> dict[str, Any]:
        result: dict[str, Any] = {}
        for key_node, value_node in node.value:
            key = str(key_node.value)
            if key in result:
                first = self.lines[(*path, key)]
                raise ConfigError(
                    f"{self.file}:{_line(key_node)}: {'.'.join((*path, key))} stands twice, first on line {first}",
                    hint="keep one of the two",
                )
            self.lines[(*path, key)] = _line(key_node)
            result[key] = self.plain(value_node, (*path, key))
        return result

    def _scalar(self, node: ScalarNode) -> Any:  # noqa: ANN401 - YAML values are of any type
        kind = str(node.tag).rpartition(":")[2]
        if kind == "timestamp":
            return node.value
        if kind not in _KINDS:
            raise ConfigError(
                f"{self.file}:{_line(node)}: the tag or form {kind!r} is not used here",
                hint="write plain text, numbers, true or false; put other text in quotes",
            )
        try:
            return self.yaml.constructor.construct_object(node)
        except ValueError as error:
            raise ConfigError(
                f"{self.file}:{_line(node)}: {node.value[:40]!r} is no {kind}", hint="put text in quotes"
            ) from error


def _line(node: Node) -> int:
    return int(node.start_mark.line) + 1
