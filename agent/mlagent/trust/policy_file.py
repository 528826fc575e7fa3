"""Reads the platform's `policy.yaml`: each key known, each value of its kind, an environment never laxer."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any, TypeVar, cast

import msgspec
from msgspec import UNSET

from mlagent.config.fields import nearest
from mlagent.config.yaml_file import Document, read
from mlagent.errors import ConfigError
from mlagent.trust import keys, people, stricter
from mlagent.trust.policy import SUBJECTS, Approvals, Asked, Identity, Required, Rules, Written

T = TypeVar("T", bound=msgspec.Struct)
Path_ = tuple[str, ...]
ENVIRONMENTS, AUTHORS = "environments", "authors"
HINT = "`mlagent policy explain` shows every rule; agent/docs/policy.md has one to copy"


def load(path: Path) -> Written:
    """Read the file; ConfigError (3) names its line and key."""
    document = read(path)
    reader = _Reader(document, path.parent)
    known = (*Rules.__struct_fields__, ENVIRONMENTS)
    reader.known(document.values, known, ())
    rules = reader.rules({name: one for name, one in document.values.items() if name != ENVIRONMENTS}, (), None)
    environments = {
        name: reader.rules(one, (ENVIRONMENTS, name), rules)
        for name, one in reader.mapping(document.values.get(ENVIRONMENTS, {}), (ENVIRONMENTS,)).items()
    }
    reader.people(rules, environments)
    for name, one in environments.items():
        for where, why in stricter.laxer(one, rules):
            raise reader.refused((ENVIRONMENTS, name, *where), why, "an environment may only ask for more")
    lines = {key: document.where(*key) for key in document.lines}
    return Written(file=path.name, rules=rules, environments=environments, lines=lines)


class _Reader:
    def __init__(self, document: Document, folder: Path) -> None:
        self.document, self.folder = document, folder

    def refused(self, path: Path_, why: object, hint: str = HINT) -> ConfigError:
        """The error for what stands there, or for the nearest that holds it."""
        lines = self.document.lines
        there = next((path[:end] for end in range(len(path), 0, -1) if path[:end] in lines), ())
        named = ".".join(path)
        return ConfigError(f"{self.document.where(*there)}: {named + ': ' if named else ''}{why}", hint=hint)

    def mapping(self, value: object, path: Path_) -> dict[str, Any]:
        """Names with something below each."""
        if not isinstance(value, dict):
            raise self.refused(path, f"expected names with values, found {_kind(value)}")
        return value

    def known(self, value: Mapping[str, Any], names: tuple[str, ...], path: Path_) -> None:
        """Refuse the first name that is none."""
        for name in value:
            if name not in names:
                raise self.refused((*path, name), f"there is no such key{nearest(name, names)}")

    def rules(self, value: object, path: Path_, below: Rules | None) -> Rules:
        """The rules of the file, or of an environment above those of the file (`below`)."""
        found = self.mapping(value, path)
        self.known(found, Rules.__struct_fields__, path)
        if below and AUTHORS in found:
            hint = "whose an e-mail is does not depend on the environment: write it there"
            raise self.refused((*path, AUTHORS), "it stands at the top of the file alone", hint)
        named = _named if below else _whole
        read_by = {"keys": named, "identities": named, "verdicts": _verdicts, "approvals": _approvals}
        read_by |= {AUTHORS: _authors}
        made: dict[str, Any] = {
            name: read_by.get(name, _plain)(self, one, (*path, name), below) for name, one in found.items()
        }
        return Rules(**made)

    def people(self, rules: Rules, environments: Mapping[str, Rules]) -> None:
        """Refuse who is named twice, or cannot do what they are named for."""
        authors = {} if rules.authors is UNSET else rules.authors
        wrong = [((AUTHORS, *where), why) for where, why in people.doubled(authors)]
        for path, one in [((), rules), *(((ENVIRONMENTS, name), one) for name, one in environments.items())]:
            there = () if one.approvals is UNSET else people.faults(one.approvals, authors)
            wrong += [((*path, "approvals", *where), why) for where, why in there]
        for where, why in wrong:
            raise self.refused(where, why)

    def struct(self, value: object, form: type[T], path: Path_, below: T | None = None) -> T:
        """A struct, key by key, so that the line of the wrong one is known; what is left out is as `below`."""
        found = self.mapping(value, path)
        self.known(found, form.__struct_fields__, path)
        types = {one.name: one.type for one in msgspec.structs.fields(form)}
        for name, one in found.items():
            self.convert(one, types[name], (*path, name))
        inherited = msgspec.structs.asdict(below) if below else {}
        return cast("T", self.convert({**inherited, **found}, form, path))

    def convert(self, value: object, form: Any, path: Path_) -> Any:  # noqa: ANN401 - of the form
        try:
            return msgspec.convert(value, form)
        except (msgspec.ValidationError, ValueError) as error:
            raise self.refused(path, error) from error


def _plain(reader: _Reader, value: object, path: Path_, below: Rules | None) -> object:
    name = path[-1]
    if name == "require":
        there = below.require if below else UNSET
        return reader.struct(value, Required, path, Required() if there is UNSET else there)
    form = {one.name: one.type for one in msgspec.structs.fields(Rules)}[name]
    if name == "transparency_log":
        return reader.convert(value, bool, path)
    found = reader.convert(value, form, path)
    if not found:
        raise reader.refused(path, "an empty list allows nothing", "leave it out to allow any, or name what is allowed")
    return found


def _verdicts(reader: _Reader, value: object, path: Path_, below: Rules | None) -> dict[str, Asked]:
    """Those of the environment are added to the file's."""
    found = reader.mapping(value, path)
    for name in found:
        if name not in SUBJECTS:
            why = f"no stage judges this{nearest(name, SUBJECTS)}"
            raise reader.refused((*path, name), why, f"the verdicts are {', '.join(SUBJECTS)}")
    there = stricter.verdicts(below) if below else {}
    asked = {name: reader.struct(one, Asked, (*path, name), there.get(name)) for name, one in found.items()}
    return {**there, **asked}


def _approvals(reader: _Reader, value: object, path: Path_, below: Rules | None) -> Approvals:
    there = below.approvals if below else UNSET
    return reader.struct(value, Approvals, path, None if there is UNSET else there)


def _authors(reader: _Reader, value: object, path: Path_, _below: Rules | None) -> dict[str, tuple[str, ...]]:
    """The e-mails of each id, one or several."""
    form = {one.name: one.type for one in msgspec.structs.fields(Rules)}[AUTHORS]
    found = reader.mapping(value, path)
    for who, emails in found.items():
        reader.convert({who: emails}, form, (*path, who))
    return cast("dict[str, tuple[str, ...]]", reader.convert(found, form, path))


def _whole(reader: _Reader, value: object, path: Path_, _below: Rules | None) -> dict[str, Any]:
    """Keys, each a file beside the policy or its text; identities, each an issuer and a subject."""
    found = reader.mapping(value, path)
    if path[-1] == "identities":
        return {name: reader.struct(one, Identity, (*path, name)) for name, one in found.items()}
    return {name: _key(reader, one, (*path, name)) for name, one in found.items()}


def _key(reader: _Reader, value: object, path: Path_) -> keys.Key:
    given = reader.mapping(value, path)
    reader.known(given, ("file", "pem"), path)
    if len(given) != 1 or not all(isinstance(one, str) for one in given.values()):
        raise reader.refused(path, "a key is given by `file:` or by `pem:`, as text")
    try:
        text = given["pem"] if "pem" in given else (reader.folder / Path(given["file"]).expanduser()).read_text()
        return keys.key(text)
    except OSError as error:
        raise reader.refused((*path, "file"), f"{given['file']} cannot be read: {error.strerror}") from error
    except ValueError as error:
        raise reader.refused((*path, *given), error, "`cosign public-key --key …` prints it") from error


def _named(reader: _Reader, value: object, path: Path_, below: Rules | None) -> dict[str, Any]:
    """Some of the file's, by name."""
    names = reader.convert(value, tuple[str, ...], path)
    whole = getattr(below, path[-1])
    there = {} if whole is UNSET else whole
    for name in names:
        if name not in there:
            why = f"the policy has no {name!r} in its {path[-1]}{nearest(name, there)}"
            raise reader.refused(path, why, "an environment names some of those that stand above")
    return {name: there[name] for name in names}


def _kind(value: object) -> str:
    return "nothing" if value is None else f"{type(value).__name__} {value!r}"[:80]
