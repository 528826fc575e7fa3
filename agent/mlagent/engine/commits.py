"""Who wrote what a project is since a commit, as the commits say it; an incomplete history is refused, not guessed."""

import os
import re
import subprocess
from collections.abc import Iterator, Sequence
from pathlib import Path

from mlagent.core.context import Author
from mlagent.errors import ConfigError, InputError, PolicyRefused

FIELDS = ("%H", "%ae", "%an", "%B")  # as they were written: %aE goes by .mailmap, a file that the team can edit
_ID = re.compile(r"[0-9a-f]{40}|[0-9a-f]{64}")
_BESIDE = re.compile(r"^\s*co-authored-by\s*:(.*)$", re.IGNORECASE | re.MULTILINE)
_ADDRESS = re.compile(r"(.*?)<([^<>]*)>\s*$")
FETCH = "`git fetch --unshallow`; in Jenkins take `shallow clone` and its depth out of the checkout (CloneOption)"


def authors(project: Path, since: str) -> Sequence[Author]:
    """The authors, and who a line Co-authored-by names, of the commits after `since` that change the project's folder.

    Of all such commits where it is empty; a merge counts where it brings the folder something. InputError (4) where
    history is not all there, PolicyRefused (12) where `since` is no part of it.
    """
    _must_be_whole(project, since)
    reach = [f"{since}..HEAD"] if since else ["HEAD"]
    ids = list(dict.fromkeys([*_changing(project, reach), *_merging(project, reach)]))
    return [found for written in _told(project, ids) for found in _of(*written)]


def _must_be_whole(project: Path, since: str) -> None:
    if _git(project, "rev-parse", "--verify", "--quiet", "HEAD^{commit}") is None:
        raise InputError(
            f"who wrote {project.name} is not known: it is no checkout of a commit of git",
            hint="an approval asks whose work it is: build it from a repository, by `checkout scm` in Jenkins",
        )
    if since:
        _must_hold(project, since)
    path = (_git(project, "rev-parse", "--git-path", "shallow") or "").strip()
    shallow = project / path
    if not shallow.is_file():
        return
    ends = set(shallow.read_text().split())
    reached = _must(project, "rev-list", f"{since}..HEAD" if since else "HEAD").split()
    if ends.intersection(reached):
        since_what = f"since {since[:12]}" if since else "since its first commit"
        raise InputError(f"who wrote this {since_what} is not known: the clone is shallow", hint=FETCH)


def _must_hold(project: Path, since: str) -> None:
    if not _ID.fullmatch(since):
        raise InputError(f"{since[:80]!r} is no commit's id", hint="the ledger names it: `mlagent ledger show`")
    if _git(project, "cat-file", "-e", f"{since}^{{commit}}") is None:
        raise InputError(
            f"who wrote this since {since[:12]}, which runs there now, is not known: that commit is not in this clone",
            hint=f"fetch it: {FETCH}; where the branch was rewritten, push the old commits to a branch or a tag",
        )
    if _git(project, "merge-base", "--is-ancestor", since, "HEAD") is None:
        raise PolicyRefused(
            f"{since[:12]}, which runs there now, is no part of this commit's history: who wrote what lies between is"
            " not known",
            hint=f"merge it and build that (`git merge {since[:12]}`); is the clone shallow, or was the branch"
            " rewritten (a forced push)? " + FETCH,
        )


def _changing(project: Path, reach: list[str]) -> Iterator[str]:
    """Commits that change the folder, merges that settle something between their parents among them."""
    yield from _must(project, "rev-list", "--full-history", "--simplify-merges", *reach, "--", ".").split()


def _merging(project: Path, reach: list[str]) -> Iterator[str]:
    """Merges that bring the folder something that it had not on their first parent."""
    merges = _must(project, "rev-list", "--parents", "--min-parents=2", *reach).splitlines()
    pairs = "".join(" ".join(line.split()[:2]) + "\n" for line in merges)
    yield from _must(project, "diff-tree", "--stdin", "-s", "--", ".", given=pairs).split()


def _told(project: Path, ids: list[str]) -> Iterator[list[str]]:
    """The fields of each commit; a text in an odd encoding must not shift them."""
    if not ids:
        return
    form = f"--format=tformat:{'%x00'.join(FIELDS)}"
    walk = ("--no-walk=unsorted", "--stdin", "--encoding=UTF-8", "--no-show-signature", "--no-mailmap", "-s")
    found = _must(project, "log", "-z", form, *walk, given="".join(f"{one}\n" for one in ids)).split("\0")
    if found.pop() or found[:: len(FIELDS)] != ids:
        raise InputError(
            "who wrote this is not known: git tells of other commits than it was asked for, or in another form",
            hint="a commit with a damaged message does this; `git fsck` names it",
        )
    for at in range(0, len(found), len(FIELDS)):
        yield found[at : at + len(FIELDS)]


def _of(commit: str, email: str, name: str, message: str) -> Iterator[Author]:
    yield Author(commit=commit, email=email, name=name)
    for line in _BESIDE.findall(message):
        if words := line.strip():
            named = _ADDRESS.fullmatch(words)
            yield Author(commit=commit, email=(named[2] if named else words).strip(), name=named[1] if named else "")


def _must(project: Path, *arguments: str, given: str = "") -> str:
    found = _run(project, arguments, given)
    if found.returncode:
        said = (found.stderr.strip().splitlines() or ["nothing"])[-1]
        raise InputError(
            f"git {arguments[0]} failed, so that who wrote this is not known: {said}",
            hint="is all of the history there, and may this user read it? " + FETCH,
        )
    return found.stdout


def _git(project: Path, *arguments: str) -> str | None:
    """What it prints, None where it says no."""
    found = _run(project, arguments, "")
    return None if found.returncode else found.stdout


def _run(project: Path, arguments: tuple[str, ...], given: str) -> "subprocess.CompletedProcess[str]":
    command = ["git", "--no-replace-objects", "-C", str(project), *arguments]
    kept = {name: text for name, text in os.environ.items() if not name.startswith("GIT_")}
    try:
        return subprocess.run(
            command,
            input=given,
            capture_output=True,
            check=False,
            encoding="utf-8",
            errors="backslashreplace",
            env=kept | {"GIT_GRAFT_FILE": os.devnull},  # a Jenkinsfile can set these, and a graft hides commits
        )
    except OSError as error:
        raise ConfigError(
            f"git cannot be run ({error.strerror}): who wrote this is not known", hint="install git on this node"
        ) from error
