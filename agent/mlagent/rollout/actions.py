"""What the controller may have done: a closed list."""

import msgspec


class Move(msgspec.Struct, frozen=True, tag=True):
    """Have the Deployment carry this placement's template, unpaused; `force` takes fields back that others have set."""

    to: str
    force: bool = False


class Remove(msgspec.Struct, frozen=True, tag=True):
    """Have no Deployment: of a first release that was found bad, nothing is to be left serving."""


class Pause(msgspec.Struct, frozen=True, tag=True):
    """Have the Deployment exchange no more pods."""


class Resume(msgspec.Struct, frozen=True, tag=True):
    """Have it go on."""


class AskPods(msgspec.Struct, frozen=True, tag=True):
    """Ask these pods what they serve."""

    pods: tuple[str, ...]


Action = Move | Remove | Pause | Resume | AskPods
