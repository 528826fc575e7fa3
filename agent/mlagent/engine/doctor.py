"""What this machine has and lacks, stage by stage, as the catalog declares it."""

import shutil
from collections.abc import Iterator, Sequence
from importlib import metadata, util
from typing import Literal

import msgspec

from mlagent.core.stage import Stage


class Finding(msgspec.Struct, frozen=True):
    """One need of one stage; `optional` needs have another way when they are absent."""

    stage: str
    need: str
    state: Literal["found", "missing", "optional"]
    detail: str


def examine(stages: Sequence[Stage]) -> list[Finding]:
    """Look at this machine; nothing is imported, started or asked over the network."""
    return [finding for stage in stages for finding in _stage(stage)]


def _stage(stage: Stage) -> Iterator[Finding]:
    for package in stage.needs.packages:
        if util.find_spec(package.module) is None:
            yield Finding(stage.name, package.module, "missing", f"pip install 'mlagent[{package.extra}]'")
        else:
            yield Finding(stage.name, package.module, "found", _version(package.module))
    if stage.needs.gpu:
        driver = shutil.which("nvidia-smi")
        detail = driver or "trains on the CPU; a node with an NVIDIA driver would be used by itself"
        yield Finding(stage.name, "gpu", "found" if driver else "optional", detail)


def _version(module: str) -> str:
    try:
        return metadata.version(module)
    except metadata.PackageNotFoundError:
        return "its version is not recorded"
