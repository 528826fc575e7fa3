"""Resolves every key once: flag, else environment, else file, else default; and remembers which."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import msgspec

from mlagent.config.fields import Field, Sections, all_fields, nearest
from mlagent.config.secret import Secret
from mlagent.errors import ConfigError, MlagentError, UsageError

if TYPE_CHECKING:
    from mlagent.config.yaml_file import Document

FILE = "mlpipeline.yaml"
NOT_KEYS = ("MLAGENT_TEST_", "MLAGENT_WHEELHOUSE")  # the second is the bootstrap's


class Source(msgspec.Struct, frozen=True):
    """Where a value came from, in the order of rank from `default` to `flag`."""

    kind: Literal["default", "file", "environment", "flag"]
    where: str = ""

    def __str__(self) -> str:
        """Spell it for people."""
        return self.where or self.kind


class Settings(msgspec.Struct, frozen=True):
    """Typed sections by name, and the source of every dotted key."""

    sections: Mapping[str, Any]
    sources: Mapping[str, Source]

    def secrets(self) -> list[Secret]:
        """Every secret reference that is set."""
        structs = self.sections.values()
        values = [getattr(struct, name) for struct in structs for name in struct.__struct_fields__]
        return [value for value in values if isinstance(value, Secret)]

    def plain(self, section: str) -> Any:  # noqa: ANN401 - builtins of any shape
        """A section as builtins, secrets as their references: what identity and the record hold."""
        return msgspec.to_builtins(self.sections[section], enc_hook=lambda secret: secret.reference)


class Flag(msgspec.Struct, frozen=True):
    """A value given on the command line: the dotted key, its text, and how the flag was spelled."""

    key: str
    text: str
    spelled: str


def load(
    sections: Sections,
    project: Path,
    environ: Mapping[str, str],
    flags: Sequence[Flag] = (),
    file: str = FILE,
    *,
    needed: bool = True,
) -> Settings:
    """Resolve all sections for the project folder, whose configuration stands in `file`; not `needed`: without any.

    Raises ConfigError (3) for file and environment, UsageError (2) for a flag, each naming its place and key.
    """
    fields = all_fields(sections)
    given = _from_environment(environ, fields) | _from_flags(flags, fields)
    document = _document(project, file, needed=needed)
    for field, value, source in _from_file(document, sections, fields):
        given.setdefault(field.key, (_converted(field, value, source, text=False), source))
    values = {key: given.get(key) or _default(field, document) for key, field in fields.items()}
    return Settings(
        {name: _build(name, struct, values, document, project) for name, struct in sections.items()},
        {key: source for key, (_, source) in values.items()},
    )


def _document(project: Path, file: str, *, needed: bool) -> "Document":
    from mlagent.config.yaml_file import Document, read

    if not needed:
        return Document(file, {}, {})
    if not (project / file).exists():
        raise ConfigError(
            f"there is no {file} in {project}",
            hint="go to the project's folder, name it with --project, or write a new one with `mlagent init NAME`",
        )
    return read(project / file)


Given = dict[str, tuple[Any, Source]]


def _from_flags(flags: Sequence[Flag], fields: Mapping[str, Field]) -> Given:
    given: Given = {}
    for flag in flags:
        if flag.key not in fields:
            raise UsageError(
                f"{flag.spelled}: {flag.key} is not a key{nearest(flag.key, fields)}",
                hint="`mlagent config explain` lists the keys",
            )
        source = Source("flag", flag.spelled)
        given[flag.key] = _converted(fields[flag.key], flag.text, source, text=True), source
    return given


def _from_environment(environ: Mapping[str, str], fields: Mapping[str, Field]) -> Given:
    by_variable = {field.variable: field for field in fields.values()}
    given: Given = {}
    for name in sorted(environ):
        if not name.startswith("MLAGENT_") or name.startswith(NOT_KEYS):
            continue
        if name not in by_variable:
            raise ConfigError(
                f"the environment variable {name} is no configuration key{nearest(name, by_variable)}",
                hint="unset it, or spell it as `mlagent config explain` does",
            )
        field, source = by_variable[name], Source("environment", name)
        given[field.key] = _converted(field, environ[name], source, text=True), source
    return given


def _from_file(
    document: "Document", sections: Sections, fields: Mapping[str, Field]
) -> list[tuple[Field, Any, Source]]:
    found = []
    for section, body in document.values.items():
        if section not in sections:
            raise ConfigError(
                f"{document.where(section)}: {section!r} is not a section{nearest(section, sections)}",
                hint=f"sections: {', '.join(sections)}",
            )
        if not isinstance(body, dict | None):
            raise ConfigError(
                f"{document.where(section)}: {section} holds keys, found {body!r}",
                hint="indent its keys by two spaces below it",
            )
        for key, value in (body or {}).items():
            if f"{section}.{key}" not in fields:
                names = sections[section].__struct_fields__
                raise ConfigError(
                    f"{document.where(section, key)}: {section}.{key} is not a key{nearest(key, names)}",
                    hint=f"keys of {section}: {', '.join(names) or 'none'}",
                )
            found.append((fields[f"{section}.{key}"], value, Source("file", document.where(section, key))))
    return found


def _converted(field: Field, value: Any, source: Source, *, text: bool) -> Any:  # noqa: ANN401 - any type
    try:
        return field.convert(value, text=text)
    except msgspec.ValidationError as error:
        kind: type[MlagentError] = UsageError if source.kind == "flag" else ConfigError
        got = "" if field.plain_type is Secret else f" (got {value!r})"
        said = str(error).replace("`", "").partition(" - at ")[0]
        raise kind(
            f"{source.where}: {field.key}: {said[:1].lower()}{said[1:]}{got}", hint=f"{field.about} ({field.expects})"
        ) from None


def _default(field: Field, document: "Document") -> tuple[Any, Source]:
    if field.required:
        raise ConfigError(
            f"{document.where(field.section)}: {field.key} is missing", hint=f"{field.about} ({field.expects})"
        )
    return field.default, Source("default")


def _build(
    name: str, struct: type[msgspec.Struct], values: Given, document: "Document", project: Path
) -> msgspec.Struct:
    given = {field: values[f"{name}.{field}"][0] for field in struct.__struct_fields__}
    try:
        return struct(**{key: one.within(project) if isinstance(one, Secret) else one for key, one in given.items()})
    except ValueError as error:
        raise ConfigError(f"{document.where(name)}: {name}: {error}", hint="see `mlagent config explain`") from None
