"""What the platform asks of a release before it may run; an environment asks the same, or more."""

import re
from collections.abc import Iterable, Mapping
from typing import Annotated, Any

import msgspec
from msgspec import UNSET, Meta, UnsetType

from mlagent.config.fields import nearest
from mlagent.core import digest
from mlagent.core.digest import Digest
from mlagent.errors import ConfigError
from mlagent.trust.keys import Key

SUBJECTS = ("data", "split", "parity", "gate", "load-test")
DAYS = 30.0
_PARTS = re.compile(r"\*\*|.", re.DOTALL)
NO_FILE = "the strict default"

Words = Annotated[str, Meta(min_length=1)]


class Identity(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Who may have signed without a key of their own: `subject` as `issuer` (an OIDC provider) certifies it."""

    issuer: Words
    subject: Words


class Asked(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """How old a verdict may be; `accept_expired` lets one count past the end that it names itself (`valid_until`)."""

    max_age_days: Annotated[float, Meta(gt=0, le=3650)] = DAYS
    accept_expired: bool = False


class Required(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What must be there besides signature and verdicts, and what the commit must be like."""

    provenance: bool = True
    sbom: bool = True
    clean_commit: bool = True


class Approvals(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Who has to agree, by their ids in Jenkins, before a release may come; `hours` after it was asked it is too late.

    `override` may approve against a rule, with a comment that says why. `robots` are programs that start builds, and
    `answerable` who answers for a retrain that no person started: as if they had written it. `controller` is the
    address of the one Jenkins that is asked; where it is empty, nobody can approve in Jenkins.
    """

    approvers: Annotated[tuple[Words, ...], Meta(min_length=1)]
    count: Annotated[int, Meta(ge=1, le=9)] = 1
    hours: Annotated[float, Meta(gt=0, le=720)] = 24.0
    override: tuple[Words, ...] = ()
    robots: tuple[Words, ...] = ()
    answerable: tuple[Words, ...] = ()
    outside_jenkins: bool = False
    controller: str = ""


class Rules(msgspec.Struct, frozen=True, kw_only=True):
    """What one file asks, or one environment of it; what is unset is as it is one level below.

    `keys` and `identities` of an environment are some of the file's, by name; its `repositories` and `builders` are
    asked besides the file's, so that they can only narrow them.
    """

    keys: dict[str, Key] | UnsetType = UNSET
    identities: dict[str, Identity] | UnsetType = UNSET
    repositories: tuple[Words, ...] | UnsetType = UNSET
    builders: tuple[Words, ...] | UnsetType = UNSET
    verdicts: dict[str, Asked] | UnsetType = UNSET
    require: Required | UnsetType = UNSET
    transparency_log: bool | UnsetType = UNSET
    approvals: Approvals | UnsetType = UNSET
    authors: dict[str, tuple[Words, ...]] | UnsetType = UNSET


class Written(msgspec.Struct, frozen=True, kw_only=True):
    """A whole file: its name, its rules, those of its environments, and the `file:line` of each rule by its path."""

    file: str = NO_FILE
    rules: Rules = Rules()
    environments: dict[str, Rules] = {}
    lines: dict[tuple[str, ...], str] = {}

    @property
    def digest(self) -> Digest:
        """Of what it asks, keys by content: the same for another layout or comment, another for another key."""
        environments = {name: _by_content(one) for name, one in self.environments.items()}
        return digest.of_json([_by_content(self.rules), environments])


def _by_content(rules: Rules) -> dict[str, Any]:
    found: dict[str, Any] = msgspec.to_builtins(rules)
    if rules.keys is not UNSET:
        found["keys"] = {name: one.fingerprint for name, one in rules.keys.items()}
    return found


class Policy(msgspec.Struct, frozen=True, kw_only=True):
    """What is asked of a release for one environment; a repository or builder must match one pattern of each tuple.

    `digest` is that of the whole file, `sources` says of each rule that was written (`verdicts.gate`) in which line.
    """

    environment: str
    digest: Digest
    keys: Mapping[str, Key]
    identities: Mapping[str, Identity]
    repositories: tuple[tuple[str, ...], ...]
    builders: tuple[tuple[str, ...], ...]
    verdicts: Mapping[str, Asked]
    require: Required
    transparency_log: bool
    sources: Mapping[str, str]
    approvals: Approvals | None = None
    authors: Mapping[str, tuple[str, ...]] = {}


STRICT = Rules(
    keys={},
    identities={},
    verdicts={name: Asked() for name in SUBJECTS},
    require=Required(),
    transparency_log=False,
)


def policy(written: Written, environment: str = "", keys: Mapping[str, Key] | None = None) -> Policy:
    """What the file asks for an environment; `keys` given take the place of the file's keys and identities.

    It is another policy then, and has another digest.

    ConfigError (3) for an environment that is not among those that the file names: it would be asked for less.
    """
    if environment and written.environments and environment not in written.environments:
        raise ConfigError(
            f"{written.file} has no environment {environment!r}{nearest(environment, written.environments)}",
            hint=f"it has {', '.join(written.environments)}; write one without rules of its own as `NAME: {{}}`",
        )
    prefix = ("environments", environment)
    levels = [STRICT, written.rules, written.environments.get(environment, Rules())]
    values: dict[str, Any] = {}
    for rules in levels:
        values |= {name: one for name in Rules.__struct_fields__ if (one := getattr(rules, name)) is not UNSET}
    for name in ("repositories", "builders"):
        values[name] = tuple(one for rules in levels if (one := getattr(rules, name)) is not UNSET)
    sources = {".".join(path): where for path, where in written.lines.items()}
    sources |= {".".join(path[2:]): where for path, where in written.lines.items() if path[:2] == prefix}
    whole = written.digest
    if keys is not None:
        values |= {"keys": dict(keys), "identities": {}}
        sources |= {f"keys.{name}": "--key" for name in keys}
        whole = digest.of_json([whole, sorted(one.fingerprint for one in keys.values())])
    return Policy(environment=environment, digest=whole, sources=sources, **values)


def matches(text: str, groups: Iterable[Iterable[str]]) -> bool:
    """Whether a text matches a pattern of each group: `*` stands for anything but a slash, `**` for anything."""
    return all(any(_pattern(one).fullmatch(text) for one in group) for group in groups)


def _pattern(glob: str) -> re.Pattern[str]:
    parts = {"**": ".*", "*": "[^/]*", "?": "[^/]"}
    return re.compile("".join(parts.get(one) or re.escape(one) for one in _PARTS.findall(glob)), re.DOTALL)
