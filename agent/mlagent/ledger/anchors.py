"""Where checkpoints are put besides the ledger, so that whoever cuts or rewrites the ledger does not have all of them.

What contradicts the ledger is evidence: it is not written over before a person has looked at it.
"""

from collections.abc import Sequence
from typing import Protocol

from mlagent.core import digest
from mlagent.core.digest import Digest
from mlagent.core.ports.cluster import Cluster, Kind
from mlagent.core.ports.ledger import NOTE, Ledger
from mlagent.core.ports.models import ModelRegistry
from mlagent.errors import InputError
from mlagent.ledger import checkpoint
from mlagent.ledger.finding import Finding, Odd
from mlagent.ledger.finding import finding as made
from mlagent.ledger.verification import Anchored

TAG = "ledger.checkpoint"
MANAGER = "mlagent-ledger"  # of the annotation, as the cluster's book of fields calls us
DEPLOYMENT = Kind("apps/v1", "Deployment")


class Anchor(Protocol):
    """A place for checkpoints; its errors are those of the port behind it."""

    def read(self) -> Sequence[Anchored]:
        """All that is there, whatever it says."""

    def has(self, version: int | None) -> bool:
        """Whether there is a place for the checkpoint of a move of this version of the model."""

    def there(self, version: int | None) -> bytes | None:
        """What `write` would write over; None for nothing."""

    def write(self, sealed: bytes, version: int | None) -> None:
        """Put it there, by the version of the model that was moved."""


class VersionTags:
    """A tag of each version in the registry of models."""

    def __init__(self, registry: ModelRegistry, model: str) -> None:
        """Ask nothing yet."""
        self._registry, self._model = registry, model

    def read(self) -> Sequence[Anchored]:
        """Of all versions."""
        return [
            Anchored(f"{self._model} version {one.number}, tag {TAG}", one.tags[TAG].encode())
            for one in self._registry.versions(self._model)
            if one.tags.get(TAG)
        ]

    def has(self, version: int | None) -> bool:
        """Of a release that the registry does not know there is no version."""
        return version in {one.number for one in self._registry.versions(self._model)}

    def there(self, version: int | None) -> bytes | None:
        """Of this version."""
        found = (one.tags.get(TAG) for one in self._registry.versions(self._model) if one.number == version)
        text = next(found, None)
        return text.encode() if text else None

    def write(self, sealed: bytes, version: int | None) -> None:
        """Set the tag."""
        if version is not None:
            self._registry.label(self._model, version, {TAG: sealed.decode()})


class Annotation:
    """An annotation of the model's Deployment in an environment's namespace; applying others' fields keeps it."""

    def __init__(self, cluster: Cluster, model: str) -> None:
        """Ask nothing yet."""
        self._cluster, self._model = cluster, model

    def read(self) -> Sequence[Anchored]:
        """The one that is there."""
        text = self._text()
        where = f"Deployment {self._model} in {self._cluster.namespace}, annotation {NOTE}"
        return [Anchored(where, text.encode())] if text else []

    def has(self, version: int | None) -> bool:  # noqa: ARG002 - one for all versions
        """Where the Deployment is."""
        return self._cluster.get(DEPLOYMENT, self._model) is not None

    def there(self, version: int | None) -> bytes | None:  # noqa: ARG002 - one for all versions
        """The one that is there."""
        text = self._text()
        return text.encode() if text else None

    def write(self, sealed: bytes, version: int | None) -> None:  # noqa: ARG002 - one for all versions
        """Apply this annotation alone."""
        metadata = {"name": self._model, "namespace": self._cluster.namespace, "annotations": {NOTE: sealed.decode()}}
        note = {"apiVersion": DEPLOYMENT.api, "kind": DEPLOYMENT.name, "metadata": metadata}
        self._cluster.apply(note, MANAGER, force=True)

    def _text(self) -> str:
        live = self._cluster.get(DEPLOYMENT, self._model)
        return (live["metadata"].get("annotations") or {}).get(NOTE, "") if live else ""


def finding(sealed: bytes) -> Finding:
    """What is found where a checkpoint contradicts the ledger, wherever it lies and whatever is wrong with it."""
    return made(Odd("ledger", "", f"checkpoint {digest.of_bytes(sealed)}", "", ""))


def contradiction(ledger: Ledger, sealed: bytes) -> str:
    """Why a checkpoint is none of what the ledger says now; empty where it is. Its signature is not looked at."""
    try:
        said = checkpoint.read(sealed).checkpoint
    except InputError as error:
        return error.message
    if said.size > (now := ledger.head().number):
        return f"it was taken of {said.size} entries, and the ledger has {now}"
    if said.size and _digest(ledger, said.size) != said.head:
        return f"entry {said.size} of the ledger is not the one that it was taken of"
    return ""


def _digest(ledger: Ledger, number: int) -> Digest:
    there = next(iter(ledger.kept(number)), None)
    return digest.of_bytes(there.data) if there and there.number == number else ""


def covers(sealed: bytes | None, number: int, *, signed: bool) -> bool:
    """Whether a checkpoint is of this entry, too, and signed where that is asked for."""
    try:
        found = checkpoint.read(sealed) if sealed else None
    except InputError:
        return False
    return found is not None and found.checkpoint.size >= number and (bool(found.signature) or not signed)
