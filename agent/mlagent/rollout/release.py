"""What is brought to an environment: an image by its digest, and what it is made of; and where it stands then."""

import msgspec

from mlagent.core import digest
from mlagent.core.digest import Digest


class Release(msgspec.Struct, frozen=True, kw_only=True):
    """An image (`repository@sha256:…`) of a model; `onnx`, `data` are digests, `build` is its place in the order.

    `version` is its number in the registry of models, None where it has none.
    """

    model: str
    image: str
    version: int | None
    onnx: Digest
    data: Digest = ""
    commit: str = ""
    build: int = 0
    run: str = ""

    @property
    def digest(self) -> Digest:
        """The image's."""
        return self.image.rpartition("@")[2]

    @property
    def called(self) -> str:
        """The version that its answers name: its number, else the beginning of the image's digest."""
        return str(self.version) if self.version is not None else digest.short(self.digest)

    def __str__(self) -> str:
        return f"{self.model} version {self.called} ({digest.short(self.digest)})"


class Placed(msgspec.Struct, frozen=True, kw_only=True):
    """A release in a pod template: `id` is the template's (label `mlagent.io/placement`), `since` RFC 3339 in UTC.

    `since` is when it had come to serve in full, empty before.
    """

    id: str
    release: Release
    since: str = ""
