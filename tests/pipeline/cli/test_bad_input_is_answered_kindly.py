"""Bad configurations and command lines: the exit code, the place, what was probably meant, what to do."""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import NamedTuple

import pytest

from tests.conftest import GOOD, Cli


class Bad(NamedTuple):
    """What is typed or written, and what must be answered."""

    name: str
    args: tuple[str, ...]
    code: int
    says: str
    hint: str
    file: str | None = GOOD
    env: tuple[tuple[str, str], ...] = ()


CHECK = ("config", "check")
TABLE = (
    Bad("no file", CHECK, 3, "there is no mlpipeline.yaml in", "mlagent init", file=None),
    Bad("unknown section", CHECK, 3, "mlpipeline.yaml:6: 'trian' is not a section; did you mean 'train'?", "sections: project", GOOD + "trian: {}\n"),
    Bad("unknown key", CHECK, 3, "mlpipeline.yaml:8: train.epoch is not a key; did you mean 'epochs'?", "keys of train: model, epochs", GOOD + "train:\n  seed: 1\n  epoch: 3\n"),
    Bad("duplicate key", CHECK, 3, "mlpipeline.yaml:8: train.seed stands twice, first on line 7", "keep one", GOOD + "train:\n  seed: 1\n  seed: 2\n"),
    Bad("wrong type", CHECK, 3, "mlpipeline.yaml:7: train.epochs: expected int, got str (got 'ten')", "an integer, at least 1", GOOD + "train:\n  epochs: ten\n"),
    Bad("out of bounds", CHECK, 3, "mlpipeline.yaml:7: gate.accuracy_min: expected float <= 1.0 (got 95)", "at most 1", GOOD + "gate:\n  accuracy_min: 95\n"),
    Bad("text where a list is meant", CHECK, 3, "mlpipeline.yaml:7: check.lint: expected array, got str", "a list of words", GOOD + "check:\n  lint: ruff check\n"),
    Bad("section without indent", CHECK, 3, "mlpipeline.yaml:6: train holds keys, found 3", "indent its keys", GOOD + "train: 3\n"),
    Bad("missing key", CHECK, 3, "data.target is missing", "The column to predict", "project:\n  name: small\ndata:\n  path: d.csv\n"),
    Bad("not YAML", CHECK, 3, "mlpipeline.yaml:3: not YAML", "unclosed quote", "project:\n  name: 'small\n"),
    Bad("a secret in the open", CHECK, 3, "mlpipeline.yaml:7: tracking.token: a secret is given only as a reference", "env:NAME or file:PATH", GOOD + "tracking:\n  token: hunter2hunter2\n"),
    Bad("two values that do not fit", CHECK, 3, "mlpipeline.yaml:3: data: validation (0.5) and test (0.5)", "config explain", GOOD + "  test: 0.5\n  validation: 0.5\n"),
    Bad("bad name", CHECK, 3, "mlpipeline.yaml:2: project.name: expected str matching regex", "Small letters, digits and hyphens", GOOD.replace("small", "My Project")),
    Bad("unknown variable", CHECK, 3, "MLAGENT_TRAIN_EPOCH is no configuration key; did you mean 'MLAGENT_TRAIN_EPOCHS'?", "unset it", env=(("MLAGENT_TRAIN_EPOCH", "3"),)),
    Bad("bad variable", CHECK, 3, "MLAGENT_TRAIN_EPOCHS: train.epochs: expected int >= 1 (got '0')", "at least 1", env=(("MLAGENT_TRAIN_EPOCHS", "0"),)),
    Bad("unclosed quote in a variable", CHECK, 3, "MLAGENT_CHECK_LINT: check.lint: cannot be split into words", "a list of words", env=(("MLAGENT_CHECK_LINT", "ruff 'check"),)),
    Bad("unknown command", ("trian",), 2, "'trian' is not a command; did you mean 'train'?", "--help"),
    Bad("unknown option", ("train", "--epoch", "3"), 2, "No such option", "mlagent train --help"),
    Bad("bad flag", ("train", "--epochs", "many"), 2, "--epochs: train.epochs: expected int, got str (got 'many')", "default 10"),
    Bad("bad --set", ("run", "--set", "train.epochs"), 2, "--set train.epochs: expected KEY=VALUE", "mlagent run --help"),
    Bad("unknown --set", ("run", "--set", "train.epoch=3"), 2, "--set train.epoch: train.epoch is not a key; did you mean 'train.epochs'?", "config explain"),
    Bad("bad template", ("init", "new", "--template", "digit"), 2, "there is no template 'digit'; did you mean 'digits'?", "templates: "),
    Bad("bad project name", ("init", "My Project"), 2, "'My Project' cannot name a project", "risk-model"),
    Bad("name taken", ("init", "taken"), 4, "is already there", "another name"),
    Bad("no run yet", ("show",), 4, "there is no run yet in", "mlagent run"),
    Bad("nothing to stand on", ("gate",), 4, "what split makes is not there for this source, data and configuration", "mlagent plan"),
    Bad("bad run id", ("show", "../../etc"), 4, "'../../etc' is not a run's id (twelve hex digits)", ".mlagent/runs"),
    Bad("unknown run", ("show", "0123456789ab"), 4, "there is no run 0123456789ab", "runs: none"),
    Bad("unknown stage", ("run", "--until", "trian"), 2, "'trian' is not one of 'check', 'validate-data', 'split'", "mlagent run --help"),
    Bad("a store nobody knows", ("plan", "--set", "store.url=s4://bucket"), 3, "s4://bucket", ""),
    Bad("data not there", ("train",), 4, "gone.csv (data.path) cannot be read: No such file", "make_data.py", GOOD.replace("data.csv", "gone.csv")),
    Bad("unknown section to explain", ("config", "explain", "trian"), 2, "'trian' is not a section; did you mean 'train'?", "--help"),
    Bad("not the repository", ("render", "--check"), 4, "is not mlagent's repository", "--root"),
)  # fmt: skip


@pytest.mark.parametrize("bad", TABLE, ids=[bad.name for bad in TABLE])
def test_bad_input(bad: Bad, project: Path, cli: Cli) -> None:
    (project / "taken").mkdir()
    (project / "mlpipeline.yaml").unlink()
    if bad.file is not None:
        (project / "mlpipeline.yaml").write_text(bad.file)
    before = sorted(path for path in project.rglob("*"))
    ended = cli(*bad.args, cwd=project, env=dict(bad.env))
    assert ended.returncode == bad.code, ended.stderr
    error, _, hint = ended.stderr.partition("\nHint: ")
    assert bad.says in error, ended.stderr
    assert bad.hint in hint, ended.stderr
    assert "Traceback" not in ended.stderr
    assert "hunter2hunter2" not in ended.stderr + ended.stdout
    kept = project / ".mlagent" / "error.json"
    left = [
        path for path in project.rglob("*") if path not in before and project / ".mlagent" not in [path, *path.parents]
    ]
    assert left == []
    if kept.exists():
        assert json.loads(kept.read_text())["exit_code"] == bad.code


def test_error_json_holds_what_was_printed_and_goes_when_it_is_mended(project: Path, cli: Cli) -> None:
    (project / "mlpipeline.yaml").write_text(GOOD + "train:\n  epoch: 3\n")
    ended = cli("train", cwd=project)
    kept = json.loads((project / ".mlagent" / "error.json").read_text())
    assert kept["message"] in ended.stderr
    assert kept["hint"] in ended.stderr
    assert (kept["exit_code"], kept["category"], kept["retryable"]) == (3, "configuration", False)
    (project / "mlpipeline.yaml").write_text(GOOD)
    assert cli("config", "check", cwd=project).returncode == 0
    assert not (project / ".mlagent" / "error.json").exists()


def test_a_reader_that_goes_away_is_no_bug(project: Path, cli: Cli) -> None:
    reading, writing = os.pipe()
    os.close(reading)
    command = [sys.executable, "-m", "mlagent", "config", "explain"]
    ended = subprocess.run(command, cwd=project, stdout=writing, stderr=subprocess.PIPE, text=True, check=False)
    os.close(writing)
    assert (ended.returncode, ended.stderr) == (141, "")
