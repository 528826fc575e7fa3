"""Who wrote the commits of a project, as git tells it."""

import subprocess
from collections.abc import Sequence
from pathlib import Path

from mlagent.core.context import Author


def authors(project: Path, since: str) -> Sequence[Author]:
    """The authors of the commits after `since` (all commits, where it is empty)."""
    found = subprocess.run(
        ["git", "-C", str(project), "log", "--format=%H%x00%ae%x00%an", f"{since}..HEAD" if since else "HEAD"],
        capture_output=True,
        text=True,
        check=True,
    ).stdout
    return [
        Author(commit=one[0], email=one[1], name=one[2]) for line in found.splitlines() if (one := line.split("\0"))
    ]
