"""The ModelRegistry port as one file a model: its versions and its aliases."""

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TypeVar

import msgspec

from mlagent.core.ports.models import Version, check_names, no_version, not_kept
from mlagent.core.ports.store import CorruptBlob, MissingBlob, Store
from mlagent.errors import Held, InputError

ATTEMPTS = 100
T = TypeVar("T")


class _Model(msgspec.Struct):
    versions: list[Version] = []
    aliases: dict[str, int] = {}


class LocalRegistry:
    """Every change is read, made, and swapped in whole; whoever was slower begins again."""

    def __init__(self, store: Store) -> None:
        """Open nothing yet."""
        self._store = store

    def register(self, model: str, digest: str, tags: Mapping[str, str], file: Path | None = None) -> Version:  # noqa: ARG002 - the store has it
        """Add a version, or find the digest's."""
        check_names(model)

        def change(kept: _Model) -> Version:
            found = next((one for one in kept.versions if one.digest == digest), None)
            if found is None:
                found = Version(model=model, number=len(kept.versions) + 1, digest=digest, tags=dict(tags))
                kept.versions.append(found)
            return found

        return self._change(model, change)

    def versions(self, model: str) -> Sequence[Version]:
        """Read them."""
        return self._read(model)[0].versions

    def pointed(self, model: str, alias: str) -> Version | None:
        """Follow the alias."""
        check_names(model, alias)
        kept, _ = self._read(model)
        return next((one for one in kept.versions if one.number == kept.aliases.get(alias)), None)

    def point(self, model: str, alias: str, number: int, expected: int | None) -> bool:
        """Compare and move."""
        check_names(model, alias)

        def change(kept: _Model) -> bool:
            if all(one.number != number for one in kept.versions):
                raise no_version(model, number, kept.versions)
            if kept.aliases.get(alias) != expected:
                return False
            kept.aliases[alias] = number
            return True

        return self._change(model, change)

    def label(self, model: str, number: int, tags: Mapping[str, str]) -> None:
        """Write the version anew with them."""
        check_names(model)

        def change(kept: _Model) -> None:
            if all(one.number != number for one in kept.versions):
                raise no_version(model, number, kept.versions)
            kept.versions = [
                msgspec.structs.replace(one, tags={**one.tags, **tags}) if one.number == number else one
                for one in kept.versions
            ]

        self._change(model, change)

    def fetch(self, version: Version, to: Path) -> None:
        """The store has it."""
        try:
            self._store.get(version.digest, to)
        except (CorruptBlob, MissingBlob) as error:
            raise not_kept(version) from error

    def digests(self) -> set[str]:
        """Of every version of every model: what must be kept."""
        models = (name.partition("/")[2] for name in self._store.names("models/"))
        return {one.digest for model in models for one in self.versions(model)}

    def _read(self, model: str) -> tuple[_Model, str | None]:
        check_names(model)
        named = self._store.read(_name(model))
        if named is None:
            return _Model(), None
        try:
            return msgspec.json.decode(named.data, type=_Model), named.version
        except ValueError as error:
            raise InputError(
                f"the registry's file of model {model!r} (named/{_name(model)} in the store) is damaged: {error}",
                hint="restore it from a backup",
            ) from error

    def _change(self, model: str, change: Callable[[_Model], T]) -> T:
        for _ in range(ATTEMPTS):
            kept, version = self._read(model)
            before = msgspec.json.encode(kept)
            given = change(kept)
            data = msgspec.json.encode(kept)
            if data == before or self._store.swap(_name(model), data, version):
                return given
        raise Held(f"others changed model {model!r} faster, every time", hint="give the same command again")


def _name(model: str) -> str:
    return f"models/{model}"
