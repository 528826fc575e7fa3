"""What is brought to an environment: a model, in an image or alone, by digests, and what it is made of."""

import msgspec

from mlagent.core import digest
from mlagent.core.digest import Digest


class Release(msgspec.Struct, frozen=True, kw_only=True):
    """An image (`repository@sha256:…`) of a model; `onnx`, `data` are digests, `build` is its place in the order.

    `version` is its number in the registry of models, None where it has none. `image` is empty where none was pushed.
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
        """The image's; where there is none, the model's."""
        return self.image.rpartition("@")[2] or self.onnx

    @property
    def called(self) -> str:
        """The version that its answers name: its number, else the beginning of the digest."""
        return str(self.version) if self.version is not None else digest.short(self.digest)

    def __str__(self) -> str:
        return f"{self.model} version {self.called} ({digest.short(self.digest)})"
