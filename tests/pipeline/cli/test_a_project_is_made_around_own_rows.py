"""`mlagent init NAME --rows FILE --target COLUMN`: what is said of somebody's rows, and what is refused."""

from pathlib import Path
from typing import Any, NamedTuple

import pytest

from mlagent.config.yaml_file import read
from tests.conftest import Cli

ROWS = 300


class Own(NamedTuple):
    """What stands in the column that is to be predicted, by row, and how it is taken."""

    name: str
    value: str
    kind: str


def write(folder: Path, value: str, head: str = "id,age,city,y") -> Path:
    lines = [f"p-{at},{at % 61},{'abc'[at % 3]},{value.format(at % 2, at / 7)}" for at in range(ROWS)]
    path = folder / "my rows.csv"
    path.write_text("\n".join([head, *lines, ""]))
    return path


def made(cli: Cli, folder: Path, path: Path, *more: str) -> Any:
    return cli("init", "mine", "--rows", str(path), "--target", "y", *more, cwd=folder)


@pytest.mark.parametrize(
    "own",
    [Own("classes", "{0}", "classification"), Own("numbers", "{1}", "regression"), Own("far", "{0}77", "regression")],
    ids=lambda own: own.name,
)
def test_the_kind_of_the_target_is_seen_and_every_key_is_right(tmp_path: Path, cli: Cli, own: Own) -> None:
    ended = made(cli, tmp_path, write(tmp_path, own.value))
    assert ended.returncode == 0, ended.stderr
    assert f"{own.kind} of y" in ended.stdout
    assert "left out as names or keys (data.exclude): id" in ended.stdout
    data = read(tmp_path / "mine" / "mlpipeline.yaml").values["data"]
    assert data == {
        "path": "data/my rows.csv",
        "schema": "schema.yaml",
        "target": "y",
        "kind": own.kind,
        "exclude": ["id"],
    }
    assert read(tmp_path / "mine" / "mlpipeline.yaml").values["project"] == {"name": "mine"}
    columns = read(tmp_path / "mine" / "schema.yaml").values["columns"]
    assert set(columns) == {"id", "age", "city", "y"}
    assert [name for name, one in columns.items() if one.get("sensitive")] == ["id"]
    checked = cli("config", "check", cwd=tmp_path / "mine")
    assert checked.returncode == 0, checked.stderr
    ended = cli("run", "--from", "validate-data", "--until", "split", cwd=tmp_path / "mine")
    assert ended.returncode == 0, ended.stderr


def test_classes_that_are_numbered_otherwise_are_doubted(tmp_path: Path, cli: Cli) -> None:
    ended = made(cli, tmp_path, write(tmp_path, "{0}7"))
    assert "regression of y" in ended.stdout
    assert "y holds 2 whole numbers from 7 to 17: to have classes, number from 0" in ended.stdout


def test_no_file_and_no_rows_are_said_to_be_none(tmp_path: Path, cli: Cli) -> None:
    ended = made(cli, tmp_path, tmp_path / "none.csv")
    assert (ended.returncode, f"there is no file {tmp_path / 'none.csv'}" in ended.stderr) == (4, True)
    (tmp_path / "head.csv").write_text("id,y\n")
    ended = made(cli, tmp_path, tmp_path / "head.csv")
    assert (ended.returncode, "head.csv has a heading and no rows" in ended.stderr) == (4, True)


@pytest.mark.parametrize(
    ("value", "begins"),
    [("{0}", "0.0, 1.0 "), ("{0}77", "127.0, 25.0 "), ("5.5", "5.5, 1.0 "), ("-2e5", "-200000.0, 1.0 ")],
)
def test_the_network_begins_where_the_numbers_lie(tmp_path: Path, cli: Cli, value: str, begins: str) -> None:
    assert made(cli, tmp_path, write(tmp_path, value)).returncode == 0
    assert f"\nCENTRE, SPREAD = {begins}" in (tmp_path / "mine" / "model.py").read_text()


@pytest.mark.parametrize(
    ("value", "head", "says"),
    [
        ("yes", "id,age,city,y", "the target 'y' holds text values"),
        ("", "id,age,city,y", "the target 'y' is empty in 300 of 300 rows"),
        ("{0}", "id,age,city,yy", "has no column 'y'; did you mean 'yy'?"),
        ("{0},7", "id,age,city,y", "my rows.csv cannot be read"),
    ],
)
def test_rows_that_cannot_be_taken_are_refused_and_nothing_is_left(
    tmp_path: Path, cli: Cli, value: str, head: str, says: str
) -> None:
    path = write(tmp_path, value, head)
    ended = made(cli, tmp_path, path)
    assert ended.returncode == 4, ended.stderr
    assert says in ended.stderr
    assert "Hint: " in ended.stderr
    assert [one.name for one in tmp_path.iterdir()] == [path.name]


@pytest.mark.parametrize(
    "arguments", [("--rows", "a.csv"), ("--target", "y"), ("--rows", "a.csv", "--target", "y", "--template", "digits")]
)
def test_half_a_question_is_answered_with_the_whole_one(tmp_path: Path, cli: Cli, arguments: tuple[str, ...]) -> None:
    ended = cli("init", "mine", *arguments, cwd=tmp_path)
    assert ended.returncode == 2, ended.stderr
    assert "mlagent init mine --rows FILE.csv --target COLUMN" in ended.stderr
    assert list(tmp_path.iterdir()) == []


def test_the_template_for_own_rows_is_not_offered_without_any(tmp_path: Path, cli: Cli) -> None:
    ended = cli("init", "mine", "--template", "tabular", cwd=tmp_path)
    assert ended.returncode == 2, ended.stderr
    assert "--rows" in ended.stderr
