"""What stages hand to each other: declared by name, named by content."""

import msgspec


class Artifact(msgspec.Struct, frozen=True):
    """A declared output: the one file a stage writes under this name; where it is `optional` it may leave it out."""

    name: str
    file: str
    about: str
    optional: bool = False


class Stored(msgspec.Struct, frozen=True):
    """A written artifact: its path relative to the run's folder, the digest of its bytes, its size in bytes."""

    path: str
    digest: str
    size: int


ABSENT = Stored("", "none", 0)  # stands for an optional artifact that its maker left out
