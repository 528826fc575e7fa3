"""A stage that writes a file which is a fact of its own: its result is kept by what the file is when it is done."""

from collections.abc import Mapping
from pathlib import Path

import pytest

from mlagent.core.context import Context, Outputs
from mlagent.core.digest import of_file
from mlagent.engine import world
from tests.unit.engine.chain import Knob, calls, run, stage

FILE = "any.lock"


@pytest.fixture(autouse=True)
def fact(monkeypatch: pytest.MonkeyPatch) -> None:
    """The file's digest is a fact of the world."""

    def image(project: Path, _settings: object) -> dict[str, str]:
        path = project / FILE
        return {"lock": of_file(path) if path.is_file() else ""}

    monkeypatch.setattr(world, "image", image)


def freeze(config: Knob, inputs: Mapping[str, Path], ctx: Context) -> Outputs:
    """Write the file where it is not there, or where it is to be renewed."""
    path = ctx.project / FILE
    with (ctx.project / "calls").open("a") as written:
        written.write("freezer\n")
    if not path.is_file() or (ctx.project / "renew").is_file():
        path.write_text(f"frozen {(ctx.project / 'renew').is_file()}")
    return Outputs(summary=path.read_text(), facts={"lock": of_file(path)})


FREEZER = stage("freezer", freeze, facts=("lock",))


def test_the_next_run_reuses_what_the_first_made_with_the_file_that_it_wrote(project: Path) -> None:
    run(project, FREEZER)
    assert calls(project) == ["freezer"]
    run(project, FREEZER)
    assert calls(project) == []


def test_without_the_file_it_is_written_again(project: Path) -> None:
    run(project, FREEZER)
    (project / FILE).unlink()
    run(project, FREEZER)
    assert (project / FILE).is_file()


def test_what_was_made_by_force_with_another_file_is_not_taken_for_what_the_old_one_gives(project: Path) -> None:
    first = run(project, FREEZER)
    old = (project / FILE).read_text()
    (project / "renew").write_text("")
    second = run(project, FREEZER, force={"freezer": "now"})
    assert second.run.stages["freezer"].summary == "frozen True"
    (project / "renew").unlink()
    (project / FILE).write_text(old)
    again = run(project, FREEZER)
    assert again.run.stages["freezer"].summary == first.run.stages["freezer"].summary == "frozen False"
