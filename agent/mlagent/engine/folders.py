"""Folders of a run in which stages keep what an interrupted attempt may go on from."""

import shutil
from pathlib import Path

from mlagent.core import digest


def kept(run: Path, stage: str, key: str | None) -> Path:
    """The folder of what interrupted attempts of this very work kept; what other work kept is removed."""
    found = run / f".{stage}-kept" / digest.of_json([key]).rpartition(":")[2][:16]
    for other in found.parent.glob("*"):
        if other != found:
            shutil.rmtree(other, ignore_errors=True)
    found.mkdir(parents=True, exist_ok=True)
    return found
