"""What an API server answers, as far as it is read; whatever has another shape comes from somebody else."""

from typing import Any

import msgspec


class Listed(msgspec.Struct, frozen=True):
    """Objects of one kind; none is null."""

    items: tuple[dict[str, Any], ...] | None = None


class Said(msgspec.Struct, frozen=True):
    """What a review of our rights ended with."""

    allowed: bool = False


class Review(msgspec.Struct, frozen=True):
    """A SelfSubjectAccessReview."""

    status: Said


class Core(msgspec.Struct, frozen=True):
    """The versions of the group that has no name."""

    versions: tuple[str, ...]


class Version(msgspec.Struct, frozen=True):
    """One version of a group."""

    version: str


class Group(msgspec.Struct, frozen=True):
    """Any other group."""

    versions: tuple[Version, ...]
    preferred: Version = msgspec.field(name="preferredVersion")


class Container(msgspec.Struct, frozen=True):
    """One of a pod's."""

    name: str


class Spec(msgspec.Struct, frozen=True):
    """A pod's containers, in its order."""

    containers: tuple[Container, ...]


class About(msgspec.Struct, frozen=True):
    """A pod's annotations."""

    annotations: dict[str, str] | None = None


class Pod(msgspec.Struct, frozen=True):
    """What is needed to ask for a pod's lines."""

    spec: Spec
    metadata: About = About()
