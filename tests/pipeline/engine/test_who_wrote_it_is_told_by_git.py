"""Whose work a project is since a commit: authors and co-authors of what changes its folder, or a refusal."""

import os
import subprocess
from pathlib import Path

import pytest

from mlagent.engine import commits
from mlagent.errors import ConfigError, InputError, PolicyRefused

ME = ["-c", "user.name=Somebody", "-c", "user.email=somebody@example.org", "-c", "commit.gpgsign=false"]
QUIET = {"GIT_CONFIG_GLOBAL": os.devnull, "GIT_CONFIG_SYSTEM": os.devnull}


class Repository:
    """A repository with this project and another one in it."""

    def __init__(self, top: Path) -> None:
        self.top, self.project, self.lines = top, top / "risk", 0
        for folder in (self.project, top / "other"):
            folder.mkdir(parents=True)
        self.git("init", "--quiet", "--initial-branch=main")

    def git(self, *arguments: str, who: str = "somebody", given: bytes = b"") -> str:
        environ = {**os.environ, **QUIET, "GIT_AUTHOR_EMAIL": f"{who}@example.org", "GIT_AUTHOR_NAME": who}
        command = ["git", *ME, "-C", str(self.top), *arguments]
        return (
            subprocess.run(command, env=environ, input=given, capture_output=True, check=True).stdout.decode().strip()
        )

    def commit(self, who: str, file: str = "risk/train.py", message: str = "a change") -> str:
        self.lines += 1
        (self.top / file).write_text(f"{self.lines}\n")
        self.git("add", ".")
        self.git("commit", "--quiet", "-m", message, who=who)
        return self.git("rev-parse", "HEAD")

    def merge(self, who: str, branch: str, *how: str) -> str:
        self.git("merge", "--quiet", "--no-ff", "-m", "merged", *how, branch, who=who)
        return self.git("rev-parse", "HEAD")

    def since(self, commit: str) -> list[str]:
        return sorted({one.email.partition("@")[0] for one in commits.authors(self.project, commit)})


@pytest.fixture
def repository(tmp_path: Path) -> Repository:
    return Repository(tmp_path / "house")


def test_all_who_wrote_since_a_commit_are_named_with_their_commits(repository: Repository) -> None:
    first = repository.commit("ann")
    second, third = repository.commit("bob"), repository.commit("carl")
    found = commits.authors(repository.project, first)
    assert {(one.commit, one.email, one.name) for one in found} == {
        (second, "bob@example.org", "bob"),
        (third, "carl@example.org", "carl"),
    }
    assert repository.since("") == ["ann", "bob", "carl"], "since nothing, all count"
    assert repository.since(third) == [], "a retrain of the same commit has no author"


def test_what_changes_another_project_alone_does_not_count(repository: Repository) -> None:
    first = repository.commit("ann")
    repository.commit("bob", "other/train.py")
    assert repository.since(first) == []


def test_a_co_author_counts_wherever_and_however_a_line_names_them(repository: Repository) -> None:
    first = repository.commit("ann")
    message = (
        "a change\n\nCo-authored-by: Bob <bob@example.org>\nof a squash:\n\n  co-AUTHORED-by:carl@example.org  \r\n"
        "Co-authored-by: Dora <d> <dora@example.org>\nCo-authored-by:\nCo-authored-by: Eve\n\nCo-authored-by is no line"
    )
    commit = repository.commit("ann", message=message)
    found = commits.authors(repository.project, first)
    assert [one.email.partition("@")[0] for one in found] == ["ann", "bob", "carl", "dora", "Eve"]
    assert {one.commit for one in found} == {commit}


def test_the_teams_mailmap_turns_nobody_into_somebody_else(repository: Repository) -> None:
    first = repository.commit("ann")
    repository.commit("ann", ".mailmap", "ours")
    (repository.top / ".mailmap").write_text("Bob <bob@example.org> <ann@example.org>\n")
    repository.commit("ann")
    assert repository.git("log", "-1", "--format=%aE") == "bob@example.org", "git itself goes by it"
    assert repository.since(first) == ["ann"]


def test_a_replaced_commit_is_told_as_it_was(repository: Repository) -> None:
    first = repository.commit("ann")
    second = repository.commit("ann")
    repository.git("commit", "--quiet", "--amend", "--no-edit", "--author=Bob <bob@example.org>")
    third = repository.git("rev-parse", "HEAD")
    repository.git("reset", "--quiet", "--hard", second)
    repository.git("replace", second, third)
    assert repository.git("log", "-1", "--format=%ae") == "bob@example.org", "git itself goes by it"
    assert repository.since(first) == ["ann"]


@pytest.mark.parametrize("by", ["file", "variable", "folder"])
def test_what_the_environment_tells_git_hides_nobody(
    repository: Repository, monkeypatch: pytest.MonkeyPatch, by: str
) -> None:
    first, _, third = repository.commit("ann"), repository.commit("bob"), repository.commit("carl")
    graft = repository.top / (".git/info/grafts" if by == "file" else "grafts")
    graft.parent.mkdir(exist_ok=True)
    graft.write_text(f"{third} {first}\n")
    if by == "variable":
        monkeypatch.setenv("GIT_GRAFT_FILE", str(graft))
    if by == "folder":
        monkeypatch.setenv("GIT_DIR", str(repository.top / ".git"))
        monkeypatch.setenv("GIT_WORK_TREE", "/")
    assert repository.since(first) == ["bob", "carl"]


def test_a_merge_counts_where_it_brings_the_folder_something(repository: Repository) -> None:
    first = repository.commit("ann")
    repository.git("checkout", "--quiet", "-b", "feature")
    repository.commit("bob")
    repository.git("checkout", "--quiet", "main")
    repository.merge("merger", "feature")
    assert repository.since(first) == ["bob", "merger"]


def test_a_merge_of_another_projects_branch_does_not_count(repository: Repository) -> None:
    first = repository.commit("ann")
    repository.git("checkout", "--quiet", "-b", "theirs")
    repository.commit("carl", "other/train.py")
    repository.git("checkout", "--quiet", "main")
    repository.commit("bob")
    repository.merge("merger", "theirs")
    assert repository.since(first) == ["bob"], "though its other parent has an older folder"


def test_a_merge_that_throws_away_what_is_in_production_counts(repository: Repository) -> None:
    first = repository.commit("ann")
    production = repository.commit("bob")
    repository.git("checkout", "--quiet", "-b", "old", first)
    repository.commit("carl", "other/train.py")
    repository.merge("undoer", production, "--strategy=ours")
    assert repository.since(production) == ["undoer"], "it takes the folder back to what it was before"


def test_a_change_that_only_a_merge_makes_counts(repository: Repository) -> None:
    first = repository.commit("ann")
    repository.git("checkout", "--quiet", "-b", "theirs")
    repository.commit("carl", "other/train.py")
    repository.git("checkout", "--quiet", "main")
    repository.git("merge", "--quiet", "--no-ff", "--no-commit", "theirs")
    repository.commit("smuggler")
    assert repository.since(first) == ["smuggler"]


def test_names_of_any_letters_and_no_e_mail_at_all_are_told(repository: Repository) -> None:
    first = repository.commit("ann")
    tree = repository.git("rev-parse", "HEAD^{tree}")
    (repository.project / "more.py").write_text("1\n")
    repository.git("add", ".")
    tree = repository.git("write-tree")
    text = (
        f"tree {tree}\nparent {first}\nauthor \xe9\x01 <> 1 +0000\ncommitter x <x> 1 +0000\nencoding UTF-7\n\n+AAA-x\n"
    )
    raw = text.encode("latin-1")
    commit = repository.git("hash-object", "-t", "commit", "-w", "--literally", "--stdin", given=raw)
    repository.git("reset", "--quiet", "--hard", commit)
    (found,) = commits.authors(repository.project, first)
    assert (found.commit, found.email) == (commit, "")


def shallow(repository: Repository, folder: Path, depth: int) -> Path:
    address = f"file://{repository.top}"
    command = ["git", "clone", "--quiet", f"--depth={depth}", address, str(folder)]
    subprocess.run(command, env={**os.environ, **QUIET}, check=True, capture_output=True)
    return folder / "risk"


def test_a_clone_that_is_too_shallow_is_refused_and_the_cure_is_said(repository: Repository, tmp_path: Path) -> None:
    repository.commit("ann")
    middle = repository.commit("bob")
    last = repository.commit("carl")
    project = shallow(repository, tmp_path / "clone", 2)
    with pytest.raises(InputError, match="the clone is shallow") as refused:
        commits.authors(project, "")
    assert "git fetch --unshallow" in refused.value.hint
    assert "shallow clone" in refused.value.hint
    assert [one.email for one in commits.authors(project, middle)] == ["carl@example.org"], "what is asked is all there"
    with pytest.raises(InputError, match=f"{middle[:12]}, which runs there now, is not known: that commit is not in"):
        commits.authors(shallow(repository, tmp_path / "one", 1), middle)
    assert commits.authors(project, last) == []


def test_a_side_branch_that_a_shallow_clone_cuts_is_not_overlooked(repository: Repository, tmp_path: Path) -> None:
    repository.commit("ann")
    repository.git("checkout", "--quiet", "-b", "feature")
    for _ in range(3):
        repository.commit("bob")
    repository.git("checkout", "--quiet", "main")
    production = repository.commit("carl", "risk/other.py")
    repository.merge("merger", "feature")
    assert repository.since(production) == ["bob", "merger"]
    with pytest.raises(InputError, match="the clone is shallow"):
        commits.authors(shallow(repository, tmp_path / "clone", 2), production)


def test_a_rewritten_history_is_refused_since_what_lies_between_is_not_known(repository: Repository) -> None:
    repository.commit("ann")
    production = repository.commit("ann")
    repository.git("commit", "--quiet", "--amend", "-m", "the same, rewritten", who="bob")
    with pytest.raises(PolicyRefused, match="is no part of this commit's history") as refused:
        commits.authors(repository.project, production)
    assert f"git merge {production[:12]}" in refused.value.hint


@pytest.mark.parametrize("since", ["--output=stolen", "main", "HEAD~1", "abc", "a" * 40 + "\n"])
def test_what_is_no_commits_id_never_reaches_git(repository: Repository, since: str) -> None:
    repository.commit("ann")
    with pytest.raises(InputError, match="is no commit's id"):
        commits.authors(repository.project, since)


def test_without_a_commit_and_without_git_nobody_is_guessed(
    repository: Repository, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.raises(InputError, match="it is no checkout of a commit of git"):
        commits.authors(repository.project, "")
    monkeypatch.setenv("GIT_CEILING_DIRECTORIES", str(tmp_path))
    (tmp_path / "plain").mkdir()
    with pytest.raises(InputError, match="it is no checkout of a commit of git"):
        commits.authors(tmp_path / "plain", "")
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(ConfigError, match="git cannot be run"):
        commits.authors(repository.project, "")
