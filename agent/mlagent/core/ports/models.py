"""The registry of models: versions of what was released, and names that point at one of them."""

import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Protocol

import msgspec

from mlagent.core.digest import Digest
from mlagent.errors import InputError


class Version(msgspec.Struct, frozen=True, kw_only=True):
    """One version of a model; `number` from 1, `digest` of the release it stands for."""

    model: str
    number: int
    digest: Digest
    tags: Mapping[str, str] = {}


class ModelRegistry(Protocol):
    """What a version stands for never changes; aliases move, tags are set. InfrastructureError (20) when it is away."""

    def register(self, model: str, digest: Digest, tags: Mapping[str, str], file: Path | None = None) -> Version:
        """Make the next version, or give the one that this digest has already, as it was registered.

        `file` is kept by a registry that has a place for it.
        """

    def versions(self, model: str) -> Sequence[Version]:
        """All versions of a model by number; empty for a model nobody registered."""

    def pointed(self, model: str, alias: str) -> Version | None:
        """The version that an alias points at, None when it points nowhere."""

    def point(self, model: str, alias: str, number: int, expected: int | None) -> bool:
        """Move an alias if it still points at version `expected` (None: nowhere); False when it does not.

        Some registries look and then move, in two steps: two who move one alias at once are told apart by the ledger.
        InputError (4) when there is no such version.
        """

    def label(self, model: str, number: int, tags: Mapping[str, str]) -> None:
        """Set tags of a version, in the place of those of the same names; InputError (4) when there is no such one."""

    def fetch(self, version: Version, to: Path) -> None:
        """Write the version's file there, verified by its digest; InputError (4) when it is not kept or damaged."""


def not_kept(version: Version) -> InputError:
    """Its file is not where it should be."""
    return InputError(
        f"the file of {version.model} version {version.number} ({version.digest[:19]}) is not kept",
        hint="was it registered without a file, or was its store emptied? register the model again",
    )


_RESERVED = re.compile(r"latest|v\d+", re.IGNORECASE)
_NAME = re.compile(r"[A-Za-z0-9][\w.-]{0,127}", re.ASCII)


def check_names(model: str, alias: str | None = None) -> None:
    """InputError (4) for what some registry would not take: `/`, spaces, and aliases such as `latest` and `v3`."""
    for what, name in (("a model", model), ("an alias", alias)):
        if name is not None and not _NAME.fullmatch(name):
            raise InputError(
                f"{name!r} cannot name {what} in a registry",
                hint="use letters, digits, `.`, `_` and `-`, 128 at most, and begin with a letter or digit",
            )
    if alias and _RESERVED.fullmatch(alias):
        raise InputError(
            f"the alias {alias!r} is reserved by registries", hint="use a word that is neither `latest` nor `v<number>`"
        )


def no_version(model: str, number: int, known: Sequence[Version]) -> InputError:
    """There is no such version."""
    numbers = ", ".join(str(one.number) for one in known[-10:]) or "none"
    return InputError(f"model {model!r} has no version {number}", hint=f"its versions: {numbers}")
