"""Which branch this is, as Jenkins says or git does; who does not know it does not deploy."""

import subprocess
from collections.abc import Mapping
from pathlib import Path

import msgspec


class Branch(msgspec.Struct, frozen=True, kw_only=True):
    """Where the commit stands; `name` is None where nobody knows, `pull_request` its number where it is one."""

    name: str | None
    pull_request: str | None = None

    def past_load_test(self, branches: tuple[str, ...]) -> bool:
        """Whether it goes on to what is deployed: a named branch, and no pull request."""
        return self.pull_request is None and self.name in branches


def of(project: Path, environ: Mapping[str, str]) -> Branch:
    """Ask BRANCH_NAME and CHANGE_ID of a multibranch job, else git; a tag is no branch."""
    pull_request = environ.get("CHANGE_ID") or None
    if environ.get("TAG_NAME"):
        return Branch(name=None, pull_request=pull_request)
    return Branch(name=environ.get("BRANCH_NAME") or _of_git(project), pull_request=pull_request)


def _of_git(project: Path) -> str | None:
    """The branch that is checked out, else the only one of a remote that points at this very commit."""
    here = _git(project, "symbolic-ref", "--quiet", "--short", "HEAD")
    if here:
        return here[0]
    names = set(_git(project, "for-each-ref", "--points-at=HEAD", "--format=%(refname:lstrip=3)", "refs/remotes"))
    names.discard("HEAD")
    return names.pop() if len(names) == 1 else None


def _git(project: Path, *arguments: str) -> list[str]:
    command = ["git", "-C", str(project), *arguments]
    try:
        ended = subprocess.run(command, capture_output=True, text=True, check=False)
    except OSError:
        return []
    return ended.stdout.split() if ended.returncode == 0 else []
