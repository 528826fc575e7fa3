"""The page at every end of a command: its exit code is never another for it, and what is lost is said on the page."""

import json
import shutil
from pathlib import Path

import pytest

from mlagent import catalog
from tests.conftest import Cli

STAGE = "validate-data"


@pytest.fixture
def ran(project: Path, cli: Cli) -> Path:
    """The folder of a run of one stage."""
    ended = cli(STAGE, cwd=project)
    assert ended.returncode == 0, ended.stderr
    (run,) = (project / ".mlagent" / "runs").iterdir()
    assert ended.stdout.splitlines()[-1] == f"report: {run / 'report.html'}"
    return run


def blob(project: Path, run: Path, artifact: str) -> Path:
    record = json.loads((run / "run.json").read_text())
    digest = record["stages"][STAGE]["outputs"][artifact]["digest"].removeprefix("sha256:")
    return Path(project, ".mlagent/store/blobs/sha256", digest[:2], digest[2:])


def test_a_stage_alone_leaves_its_page(ran: Path) -> None:
    shown = (ran / "report.html").read_text()
    assert f"Not all stages have run: 1 of {len(catalog.STAGES)} passed so far, check is next." in shown
    assert "<figcaption>a" in shown


def test_a_refusal_leaves_its_page_too(project: Path, cli: Cli) -> None:
    (project / "schema.yaml").write_text(
        "columns:\n  a: {type: integer, max: 3}\n  b: {type: integer}\n  y: {type: integer}\n"
    )
    ended = cli(STAGE, "--set", "data.schema=schema.yaml", cwd=project)
    assert ended.returncode == 10
    page = Path(ended.stdout.splitlines()[-1].removeprefix("report: "))
    assert "Blocked by validate-data: rows with a out of range 36 is above 0" in page.read_text()


def test_the_hint_of_what_failed_is_kept_for_the_page(project: Path, cli: Cli) -> None:
    (project / "data.csv").write_text("a,b,y\n")
    (project / "mlpipeline.yaml").write_text(
        (project / "mlpipeline.yaml").read_text() + "validate-data:\n  pandera: gone.py:schema\n"
    )
    ended = cli(STAGE, cwd=project)
    assert ended.returncode not in (0, 10)
    hint = json.loads((project / ".mlagent" / "error.json").read_text())["hint"]
    page = Path(ended.stdout.splitlines()[-1].removeprefix("report: ")).read_text()
    assert "Failed in validate-data:" in page
    assert f"What to do: {hint}" in page


def test_a_page_that_cannot_be_written_changes_no_exit_code(ran: Path, project: Path, cli: Cli) -> None:
    (ran / "report.html").unlink()
    (ran / "report.html").mkdir()
    ended = cli(STAGE, cwd=project)
    assert ended.returncode == 0, ended.stderr
    assert "warning: no report was written (IsADirectoryError" in ended.stderr
    assert not list(ran.glob(".report*"))
    asked = cli("report", cwd=project)
    assert asked.returncode == 20
    assert "Is a directory" in asked.stderr


def test_the_same_page_comes_from_the_store_where_the_folder_is_gone(ran: Path, project: Path, cli: Cli) -> None:
    before = (ran / "report.html").read_bytes()
    shutil.rmtree(ran)
    ended = cli("report", cwd=project)
    assert ended.stdout == f"wrote {ran / 'report.html'}\n", ended.stderr
    assert (ran / "report.html").read_bytes() == before


def test_a_file_that_is_not_what_the_record_says_is_not_shown(ran: Path, project: Path, cli: Cli) -> None:
    changed = ran / STAGE / "data-profile.json"
    changed.write_text(changed.read_text().replace('"rows":40', '"rows":41'))
    cli("report", cwd=project)
    assert "40 rows; the plots" in (ran / "report.html").read_text()


def test_a_file_that_is_lost_or_damaged_is_said(ran: Path, project: Path, cli: Cli) -> None:
    stored = blob(project, ran, "data-profile")
    (ran / STAGE / "data-profile.json").unlink()
    stored.chmod(0o600)
    stored.write_bytes(b"{}")
    for said in ("the blob", "does not hold"):  # what was corrupt has been dropped
        ended = cli("report", cwd=project)
        assert ended.returncode == 0, ended.stderr
        page = (ran / "report.html").read_text()
        assert "There is no profile of the rows: data-profile.json cannot be read (" in page, said


def test_another_run_and_another_file_may_be_named(ran: Path, project: Path, cli: Cli, tmp_path: Path) -> None:
    with (project / "data.csv").open("a") as rows:
        rows.write("40,1,0\n")
    assert cli(STAGE, cwd=project).returncode == 0
    ended = cli("report", ran.name, "--out", str(tmp_path / "page.html"), cwd=project)
    assert ended.stdout == f"wrote {tmp_path / 'page.html'}\n"
    assert (tmp_path / "page.html").read_bytes() == (ran / "report.html").read_bytes()


@pytest.mark.parametrize(("args", "says"), [((), "there is no run yet"), (("nothing",), "is not a run's id")])
def test_a_run_that_is_not_there_is_said(project: Path, cli: Cli, args: tuple[str, ...], says: str) -> None:
    ended = cli("report", *args, cwd=project)
    assert ended.returncode == 4
    assert says in ended.stderr


def test_a_secret_is_masked_also_as_html_spells_it(project: Path, cli: Cli) -> None:
    secret = "p<w>&'rd-planted"
    (project / "data.csv").write_text((project / "data.csv").read_text().replace("a,b,y", f'a,"{secret}",y'))
    env = {"MLAGENT_TRACKING_TOKEN": "env:PLANTED", "PLANTED": secret}
    ended = cli(STAGE, cwd=project, env=env)
    page = Path(ended.stdout.splitlines()[-1].removeprefix("report: ")).read_text()
    assert "rd-planted" not in page
    assert "[secret]" in page


@pytest.mark.parametrize("command", ["report", "summary"])
def test_a_folder_that_is_not_there_is_refused_at_once(ran: Path, project: Path, cli: Cli, command: str) -> None:
    ended = cli(command, "--out", "nowhere/page", cwd=project)
    assert ended.returncode == 2
    assert "there is no folder nowhere" in ended.stderr
