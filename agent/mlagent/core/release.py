"""What is brought to an environment: a model, in an image or alone, by digests; and what is seen to serve there."""

from typing import Literal

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


class Came(msgspec.Struct, frozen=True, kw_only=True):
    """How what serves came, as it is noted beside it: by a rollout to it that is over, at a time (RFC 3339 in UTC).

    `left` is what it came in the place of, `placement` the pod template's id.
    """

    kind: Literal["deploy", "rollback"]
    since: str
    placement: str
    left: Release | None = None
    reason: str = ""


class Served(msgspec.Struct, frozen=True, kw_only=True):
    """What an environment was seen to serve: `release` is None where nothing is there, or something `strange`.

    `edits` are fields of the pods that others have set by hand, in words. `came` is None where the notes beside it do
    not tell how just this came.
    """

    exists: bool
    release: Release | None = None
    strange: str = ""
    edits: tuple[str, ...] = ()
    came: Came | None = None
