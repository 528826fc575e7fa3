"""One typed field is flag, environment variable, help, validation and provenance."""

import difflib
import math
import re
import shlex
import types
from collections.abc import Iterable, Iterator, Mapping
from typing import Annotated, Any, Literal, Union, get_args, get_origin

import msgspec

from mlagent.config.secret import Secret

Sections = Mapping[str, type[msgspec.Struct]]


class Field(msgspec.Struct, frozen=True):
    """A key of a section, with everything derived from its one declaration."""

    section: str
    name: str
    type: Any
    default: Any
    about: str

    @property
    def key(self) -> str:
        """The dotted key, e.g. `train.epochs`."""
        return f"{self.section}.{self.name}"

    @property
    def variable(self) -> str:
        """The environment variable, e.g. `MLAGENT_LOAD_TEST_P99_MS`."""
        return re.sub(r"[^A-Z0-9]", "_", f"MLAGENT_{self.section}_{self.name}".upper())

    @property
    def flag(self) -> str:
        """The flag of the stage's command, e.g. `--p99-ms`."""
        return "--" + self.name.replace("_", "-")

    @property
    def required(self) -> bool:
        """Whether a value must be given."""
        return self.default is msgspec.NODEFAULT

    @property
    def plain_type(self) -> Any:  # noqa: ANN401 - a type form
        """The type without bounds and without None."""
        bare = _bare(self.type)
        if get_origin(bare) in (Union, types.UnionType):
            bare = next(one for one in get_args(bare) if one is not type(None))
            bare = _bare(bare)
        return bare

    @property
    def expects(self) -> str:
        """Spell type, bounds and default in words."""
        words = [_type_words(self.plain_type), *_bounds(self.type)]
        words.append("required" if self.required else f"default {spell(self.default)}")
        return ", ".join(words)

    def convert(self, value: Any, *, text: bool) -> Any:  # noqa: ANN401 - any value of the declared type
        """Check a value (`text`: one from a flag or variable); msgspec.ValidationError when it does not fit."""
        if text and get_origin(self.plain_type) is tuple:
            try:
                value = shlex.split(value)
            except ValueError as error:
                raise msgspec.ValidationError(f"cannot be split into words: {error}") from error
        if text and get_origin(self.plain_type) is dict:
            try:
                value = msgspec.json.decode(value)
            except msgspec.DecodeError as error:
                raise msgspec.ValidationError("as text, it must be a JSON object") from error
        if text and type(None) in get_args(_bare(self.type)) and value in ("", "null"):
            return None
        if isinstance(value, str) and any("\ud800" <= one <= "\udfff" for one in value):
            raise msgspec.ValidationError("it holds bytes that are not UTF-8 text")
        found = msgspec.convert(value, self.type, strict=not text, dec_hook=_decode)
        if isinstance(found, float) and not math.isfinite(found):
            raise msgspec.ValidationError("a number must be finite")
        return found


def spell(value: object) -> str:
    """Spell a value as it would stand in the file."""
    if isinstance(value, Secret):
        return value.reference
    if isinstance(value, tuple):
        return "[" + ", ".join(map(str, value)) + "]"
    if value is None or isinstance(value, bool):
        return {None: "null", True: "true", False: "false"}[value]
    return str(value)


def fields_of(section: str, struct: type[msgspec.Struct]) -> Iterator[Field]:
    """The fields of one section in their declared order."""
    for field in msgspec.structs.fields(struct):
        yield Field(section, field.name, field.type, _default(field), _description(field.type))


def all_fields(sections: Sections) -> dict[str, Field]:
    """Every field by its dotted key."""
    return {field.key: field for name, struct in sections.items() for field in fields_of(name, struct)}


def nearest(word: str, known: Iterable[str]) -> str:
    """A phrase naming the closest known word, or nothing when none is close."""
    close = difflib.get_close_matches(word, list(known), n=1, cutoff=0.6)
    return f"; did you mean {close[0]!r}?" if close else ""


def _bare(form: Any) -> Any:  # noqa: ANN401 - a type form
    return get_args(form)[0] if get_origin(form) is Annotated else form


def _default(field: msgspec.structs.FieldInfo) -> Any:  # noqa: ANN401 - any default
    return field.default if field.default_factory is msgspec.NODEFAULT else field.default_factory()


def _decode(kind: type, value: object) -> object:
    if kind is not Secret:
        message = f"{kind} is not a configuration type"
        raise NotImplementedError(message)
    if not isinstance(value, str):
        raise msgspec.ValidationError("a secret is given only as a reference, `env:NAME` or `file:PATH`")
    return Secret(value)


def _metas(form: Any) -> Iterator[msgspec.Meta]:  # noqa: ANN401 - a type form
    for one in get_args(form):
        if isinstance(one, msgspec.Meta):
            yield one
        elif get_origin(one) is not None:
            yield from _metas(one)


def _description(form: Any) -> str:  # noqa: ANN401 - a type form
    return next((meta.description for meta in _metas(form) if meta.description), "")


def _bounds(form: Any) -> Iterator[str]:  # noqa: ANN401 - a type form
    words = {"ge": "at least", "gt": "above", "le": "at most", "lt": "below", "min_length": "length at least"}
    for meta in _metas(form):
        yield from (f"{word} {getattr(meta, name)}" for name, word in words.items() if getattr(meta, name) is not None)


def _type_words(form: Any) -> str:  # noqa: ANN401 - a type form
    if get_origin(form) is Literal:
        *others, last = map(str, get_args(form))
        return f"{', '.join(others)} or {last}" if others else last
    if get_origin(form) is tuple:
        one = _bare(get_args(form)[0])
        return f"a list of {_type_words(one)}" if get_origin(one) is Literal else "a list of words"
    if get_origin(form) is dict:
        return "names with values"
    names = {int: "an integer", float: "a number", str: "text", bool: "true or false", Secret: "env:NAME or file:PATH"}
    return names.get(form, str(form))
