"""A container engine on this machine: it serves an image as production would, and builds; nothing of it stays."""

from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Protocol

import msgspec

from mlagent.errors import InfrastructureError


class NoEngine(InfrastructureError):
    """None can be used here for what is asked; the message says why."""


class BuildFailed(InfrastructureError):
    """A step of a Dockerfile did not work; the message names it."""


class About(msgspec.Struct, frozen=True, kw_only=True):
    """Which engine answers, what it runs (`linux/amd64`), how many processors and MiB it has to give."""

    version: str
    platform: str
    cpus: int
    memory_mb: int


class Limits(msgspec.Struct, frozen=True, kw_only=True):
    """What a container is given; above `memory_mb` (MiB) the kernel ends it; `variables` hold nothing secret."""

    cpus: float
    memory_mb: int
    variables: Mapping[str, str] = {}


class State(msgspec.Struct, frozen=True, kw_only=True):
    """How a container stands: `exit_code` is None while it runs."""

    exit_code: int | None = None
    out_of_memory: bool = False


class Served(Protocol):
    """A container that was started: ports 8000 and 8001 of it are published on this machine's loopback alone."""

    url: str
    metrics_url: str

    def state(self) -> State:
        """How it stands now."""

    def memory_mb(self) -> float | None:
        """What it holds now (MiB), without page cache; None where that cannot be read. It may take a second."""

    def said(self, lines: int) -> Sequence[str]:
        """Its newest lines, the oldest first."""


class Engine(Protocol):
    """NoEngine when none answers; what a killed mlagent left is removed by the next one's `pulled` or `built`."""

    def about(self) -> About:
        """Ask it who it is."""

    def pulled(self, host: str, manifest: str) -> AbstractContextManager[str]:
        """Take an image by its manifest's digest from a registry on loopback; its name, as long as the block lasts."""

    def serving(self, image: str, limits: Limits, run: str) -> AbstractContextManager[Served]:
        """Start it locked down, without a way out to other networks; container and network go with the block."""

    def built(
        self, context: Path, dockerfile: str, arguments: Mapping[str, str], platform: str, say: Callable[[str], None]
    ) -> AbstractContextManager[str]:
        """Build a folder, each line said; its name, as long as the block lasts. BuildFailed."""

    def export(self, image: str, folder: Path) -> tuple[Path, Sequence[Path]]:
        """Write its configuration and its layers as they are unpacked (tar), the lowest first."""
