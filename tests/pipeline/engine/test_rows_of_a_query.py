"""Rows of a real database (SQLite): the same rows are the same data; what is refused is said, and no password is."""

import sqlite3
from pathlib import Path

import pytest

from mlagent.adapters.database import rows_of
from mlagent.config.secret import Secret
from mlagent.config.sections import Data
from mlagent.engine.dataset import Dataset
from mlagent.errors import ConfigError, InfrastructureError, InputError
from tests.conftest import GOOD, Cli

QUERY = "SELECT a, b, y FROM rows ORDER BY a"


@pytest.fixture
def database(project: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    path = project / "rows.db"
    with sqlite3.connect(path) as opened:
        opened.execute("CREATE TABLE rows (a INTEGER, b REAL, y INTEGER)")
        opened.executemany("INSERT INTO rows VALUES (?, ?, ?)", [(n, n / 7, n % 2) for n in range(1000)])
    opened.close()
    monkeypatch.setenv("DATABASE", f"sqlite:///{path}")
    return path


def change(database: Path, statement: str) -> None:
    with sqlite3.connect(database) as opened:
        opened.execute(statement)
    opened.close()


def dataset(project: Path, query: str = QUERY) -> Dataset:
    data = Data(database=Secret("env:DATABASE"), query=query, target="y")
    return Dataset(project, data, project / ".mlagent" / "data")


def test_the_same_rows_are_the_same_data(project: Path, database: Path) -> None:
    before = dataset(project).digest()
    assert dataset(project).digest() == before
    change(database, "INSERT INTO rows VALUES (5000, 1.5, 1)")
    after = dataset(project).digest()
    change(database, "DELETE FROM rows WHERE a = 5000")
    assert dataset(project).digest() == before != after


def test_rows_come_in_batches_with_their_types(database: Path) -> None:
    batches = list(rows_of(Secret("env:DATABASE"), QUERY, 300))
    assert [len(rows) for _, rows in batches] == [300, 300, 300, 100]
    assert batches[0][0] == ["a", "b", "y"]
    assert [row for _, rows in batches for row in rows][7] == (7, 1.0, 1)


@pytest.mark.parametrize(
    ("query", "kind", "said"),
    [
        ("SELECT a FROM gone", InfrastructureError, "no such table: gone"),
        ("SELEC a", InfrastructureError, "syntax error"),
        ("DELETE FROM rows", InputError, "data.query gives no rows"),
        ("SELECT a, a FROM rows", InputError, "data.query gives a column twice"),
    ],
)
def test_a_query_that_cannot_be_is_said(
    project: Path, database: Path, query: str, kind: type[Exception], said: str
) -> None:
    with pytest.raises(kind, match=said):
        dataset(project, query).files()
    with sqlite3.connect(database) as opened:
        assert opened.execute("SELECT count(*) FROM rows").fetchone() == (1000,)
    opened.close()


@pytest.mark.parametrize("url", ["nonsense", "nodialect://team:hunter22@host/db"])
def test_a_url_that_is_none_is_refused_without_being_shown(
    project: Path, monkeypatch: pytest.MonkeyPatch, url: str
) -> None:
    monkeypatch.setenv("DATABASE", url)
    with pytest.raises(ConfigError) as refused:
        dataset(project).files()
    assert "hunter22" not in refused.value.message + refused.value.hint
    assert "env:DATABASE" in refused.value.message


def test_a_project_may_learn_from_a_query(project: Path, database: Path, cli: Cli) -> None:
    text = GOOD.replace("  path: data.csv\n", f"  database: env:DATABASE\n  query: {QUERY}\n")
    (project / "mlpipeline.yaml").write_text(text)
    ended = cli("run", "--until", "split", "--set", "check.lint=", "--set", "check.test=", cwd=project)
    assert ended.returncode == 0, ended.stderr
    assert "1000 rows" in ended.stdout
    again = cli("plan", cwd=project)
    assert again.stdout.count("reuse") == 2  # check was run with other settings
    assert not list((project / ".mlagent" / "data").glob("queried-*"))


@pytest.mark.parametrize("text", ["  target: y\n", "  path: x.csv\n  query: SELECT 1\n  target: y\n"])
def test_one_source_is_named(project: Path, cli: Cli, text: str) -> None:
    (project / "mlpipeline.yaml").write_text(f"project:\n  name: small\ndata:\n{text}")
    ended = cli("plan", cwd=project)
    assert ended.returncode == 3
    assert "data: give data.path, or data.database with data.query" in ended.stderr
