"""What users and machines do to a run: files that change under it, links, short secrets, closed outputs, and more."""

import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Mapping
from pathlib import Path

import pytest

from mlagent.core.context import Context, Outputs
from mlagent.engine import environment
from mlagent.engine.gc import collect
from mlagent.errors import ConfigError, InputError, TeamCodeError
from tests.conftest import GOOD, Cli
from tests.unit.engine.chain import Knob, calls, copy, run, stage, workspace

MAKER = stage("maker")
TAKER = stage("taker", reads=("maker",))


@pytest.mark.parametrize(("file", "said"), [("code.py", "the sources"), ("data.csv", "the data")])
def test_what_changes_while_a_stage_runs_does_not_spoil_the_store(project: Path, file: str, said: str) -> None:
    (project / "code.py").write_text("A = 1\n")
    before = (project / file).read_text()

    def meddled(config: Knob, inputs: Mapping[str, Path], ctx: Context) -> Outputs:
        if (project / "meddle").exists():
            (project / file).write_text(before + "\n")
        return copy(config, inputs, ctx)

    maker = stage("maker", meddled, sources=("*.py",), facts=("data",), writes=MAKER.writes)
    (project / "meddle").touch()
    with pytest.raises(InputError, match=f"{said} changed while maker ran"):
        run(project, maker)
    (project / "meddle").unlink()
    (project / file).write_text(before)
    assert calls(project) == ["maker"]
    run(project, maker)
    assert calls(project) == ["maker"]


def test_code_behind_a_link_is_code_and_an_environment_is_not(project: Path, tmp_path: Path) -> None:
    (tmp_path / "lib").mkdir()
    (tmp_path / "lib" / "helper.py").write_text("X = 1\n")
    (project / "lib").symlink_to(tmp_path / "lib")
    (tmp_path / "lib" / "again").symlink_to(project)
    (project / "venv" / "lib").mkdir(parents=True)
    (project / "venv" / "pyvenv.cfg").touch()
    maker = stage("maker", sources=("**/*.py", "!tests/**"))
    run(project, maker)
    (project / "venv" / "lib" / "new.py").touch()
    (project / "tests").mkdir()
    (project / "tests" / "test_x.py").touch()
    run(project, maker)
    assert calls(project) == ["maker"]
    (tmp_path / "lib" / "helper.py").write_text("X = 2\n")
    run(project, maker)
    assert calls(project) == ["maker"]


def test_a_file_whose_name_is_no_text_is_a_source_like_others(project: Path) -> None:
    (Path(os.fsdecode(os.fsencode(project) + b"/b\xff.py"))).touch()
    run(project, stage("maker", sources=("*.py",)))
    run(project, stage("maker", sources=("*.py",)))
    assert calls(project) == ["maker"]


def test_what_was_forced_takes_the_place_of_what_was_known(project: Path) -> None:
    outside = project.parent / "outside"

    def floating(config: Knob, inputs: Mapping[str, Path], ctx: Context) -> Outputs:
        (ctx.work / "maker.txt").write_text(outside.read_text())
        return Outputs(summary="made")

    maker = stage("maker", floating, writes=MAKER.writes)
    digests = []
    for text, force in (("one", {}), ("two", {"maker": "nonce"}), ("two", {})):
        outside.write_text(text)
        digests.append(run(project, maker, force=force).run.stages["maker"].outputs["maker"].digest)
    assert digests[0] != digests[1] == digests[2]


def test_a_forced_run_that_was_cut_off_does_not_make_the_good_result_garbage(project: Path) -> None:
    run(project, MAKER, TAKER)
    calls(project)

    def cut(config: Knob, inputs: Mapping[str, Path], ctx: Context) -> Outputs:
        raise TeamCodeError("cut off")

    with pytest.raises(TeamCodeError):
        run(project, stage("maker", cut, writes=MAKER.writes), TAKER, force={"maker": "nonce"})
    space = workspace(project, MAKER, TAKER)
    assert collect(space, 1, delete=True).blobs == 0
    run(project, MAKER, TAKER)
    assert calls(project) == []


def test_gc_leaves_the_runs_of_another_project_alone(project: Path, tmp_path: Path) -> None:
    other = Path(shutil.copytree(project, tmp_path / "other"))
    (other / "mlpipeline.yaml").write_text(GOOD.replace("small", "other"))
    (other / "data.csv").write_text("a,y\n1,0\n")
    sets = {"store.url": str(tmp_path / "shared")}
    theirs = run(other, MAKER, sets={**sets, "maker.knob": 5}).run.run_id
    for knob in (1, 2):
        mine = run(project, MAKER, sets={**sets, "maker.knob": knob}).workspace
    gone = collect(mine, 1, delete=True)
    assert (gone.runs, gone.results, gone.blobs) == (1, 1, 1)
    assert mine.records.load(theirs)
    calls(other)
    run(other, MAKER, sets={**sets, "maker.knob": 5})
    assert calls(other) == []


@pytest.mark.parametrize("secret", ["done", "maker", "sha256", "1"])
def test_a_secret_that_is_also_a_common_word_leaves_the_record_readable(
    project: Path, monkeypatch: pytest.MonkeyPatch, secret: str
) -> None:
    monkeypatch.setenv("SHORT", secret)
    (project / "mlpipeline.yaml").write_text(GOOD + "tracking:\n  password: env:SHORT\n")
    run(project, MAKER, TAKER)
    again = run(project, MAKER, TAKER)
    assert [one.state for one in again.run.stages.values()] == ["done", "done"]
    assert calls(project) == ["maker", "taker"]


def test_a_store_and_a_secret_are_meant_from_the_project(project: Path, tmp_path: Path, cli: Cli) -> None:
    (project / "pw.txt").write_text("value-of-the-secret")
    (project / "t.sh").write_text("#!/bin/sh\ncat pw.txt\n")
    (project / "t.sh").chmod(0o755)
    text = "store:\n  url: shared\ntracking:\n  password: file:pw.txt\ncheck:\n  lint: []\n  test: [./t.sh]\n"
    (project / "mlpipeline.yaml").write_text(GOOD + text)
    (tmp_path / "elsewhere").mkdir()
    ended = cli("--project", str(project), "run", "--until", "check", cwd=tmp_path / "elsewhere")
    assert ended.returncode == 0, ended.stderr
    assert "[secret]" in ended.stderr
    assert "value-of-the-secret" not in ended.stderr
    assert (project / "shared" / "named" / "runs").is_dir()
    assert list((tmp_path / "elsewhere").iterdir()) == []


@pytest.mark.parametrize(
    ("args", "code", "said"),
    [
        (("run", "--from", "gate", "--until", "train"), 2, "--from gate comes after --until train"),
        (("run", "--until", "check", "--force", "train"), 2, "--force train is outside of what is run"),
        (("plan", "--set", "store.url=s3:/bucket"), 3, "'s3:/bucket' is neither a path nor a URL"),
        (("plan", "--set", "check.timeout_seconds=inf"), 2, "check.timeout_seconds: a number must be finite"),
        (("plan", "--set", "data.path=a\udcff"), 2, "data.path: it holds bytes that are not UTF-8 text"),
    ],
)
def test_what_cannot_be_meant_is_refused(project: Path, cli: Cli, args: tuple[str, ...], code: int, said: str) -> None:
    ended = cli(*args, cwd=project)
    assert ended.returncode == code, ended.stderr
    assert said in ended.stderr


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (GOOD + "train:\n  epochs: !!int abc\n", "mlpipeline.yaml:7: 'abc' is no int"),
        (GOOD + f"train:\n  epochs: {'9' * 5000}\n", "mlpipeline.yaml:7: "),
        (GOOD + "train: " + "[" * 5000 + "\n", "mlpipeline.yaml"),
        (GOOD.replace("data.csv", '"a\\0b.csv"'), "(data.path) cannot be read: "),
    ],
    ids=["a tag that lies", "a huge number", "deep", "a zero byte"],
)
def test_files_that_no_parser_likes_are_refused(project: Path, cli: Cli, text: str, said: str) -> None:
    (project / "mlpipeline.yaml").write_text(text)
    ended = cli("plan", cwd=project)
    assert ended.returncode in (3, 4), ended.stderr
    assert said in ended.stderr


def test_a_pipe_is_no_data(project: Path, cli: Cli) -> None:
    (project / "data.csv").unlink()
    os.mkfifo(project / "data.csv")
    ended = cli("plan", cwd=project)
    assert ended.returncode == 4
    assert "data.csv (data.path) is no file" in ended.stderr


def damage(path: str, data: bytes) -> Callable[[Path], None]:
    def do(home: Path) -> None:
        for one in home.glob(path):
            one.write_bytes(data)

    return do


@pytest.mark.parametrize(
    "broken",
    [
        damage("store/named/results/*/*", b'{"schema_version":1,"outcome":"pass\xff"}'),
        damage("store/named/results/*/*", b'{"outputs":{}}'),
        damage("store/named/results/*/*", b""),
        damage("newest", b"\xff\xfe"),
        damage("newest", b"../../etc"),
        damage("data/known.json", b"\xff"),
    ],
    ids=["no text", "without outputs", "empty", "newest is binary", "newest leads away", "known is binary"],
)
def test_what_can_be_made_again_is(project: Path, broken: Callable[[Path], None]) -> None:
    first = run(project, MAKER, TAKER).run
    broken(project / ".mlagent")
    again = run(project, MAKER, TAKER).run
    assert {name: one.outputs for name, one in again.stages.items()} == {
        name: one.outputs for name, one in first.stages.items()
    }


def test_a_damaged_record_says_which_file_it_is(project: Path) -> None:
    one = run(project, MAKER)
    damage("store/named/runs/*", b'{"run_id": "\xff"}')(project / ".mlagent")
    with pytest.raises(InputError, match=rf"named/runs/{one.run.run_id} in the store\) is damaged"):
        one.workspace.records.load(one.run.run_id)


@pytest.mark.parametrize("redirect", ["2>&-", "2>/dev/full", ">&-"])
def test_closed_and_full_outputs_do_not_stop_a_run(project: Path, redirect: str) -> None:
    (project / "mlpipeline.yaml").write_text(GOOD + "check:\n  lint: [echo, hello]\n  test: [echo, hello]\n")
    command = f"{sys.executable} -m mlagent run --until check {redirect}"
    ended = subprocess.run(["sh", "-c", command], cwd=project, capture_output=True, text=True, check=False)
    assert ended.returncode == 0, ended.stdout + ended.stderr


@pytest.mark.parametrize("name", ["with space", "it's", 'a"b', "é %s"])
def test_a_project_may_lie_anywhere(project: Path, tmp_path: Path, cli: Cli, name: str) -> None:
    moved = Path(shutil.copytree(project, tmp_path / name / "p"))
    (moved / "test_one.py").write_text("def test_one():\n    assert True\n")
    ended = cli("run", "--until", "check", "--set", "check.lint=", cwd=moved)
    assert ended.returncode == 0, ended.stderr
    (report,) = moved.glob(".mlagent/runs/*/check/junit-test.xml")
    assert "test_one" in report.read_text()


@pytest.mark.parametrize(
    ("script", "said"),
    [("echo no first line\n", "cannot be run: Exec format error"), ("#!/nowhere/sh\n", "cannot be run")],
)
def test_a_script_that_cannot_be_run_is_named(project: Path, cli: Cli, script: str, said: str) -> None:
    (project / "t.sh").write_text(script)
    (project / "t.sh").chmod(0o755)
    ended = cli("run", "--until", "check", "--set", "check.lint=", "--set", "check.test=./t.sh", cwd=project)
    assert ended.returncode == 3, ended.stderr
    assert said in ended.stderr


def test_a_line_without_end_is_taken_in_pieces(project: Path, cli: Cli) -> None:
    (project / "t.py").write_text("import sys\nfor _ in range(300): sys.stdout.write('x' * 1_000_000)\n")
    test = f"check.test={sys.executable} t.py"
    code = (
        "import re, sys; from mlagent.cli import main\n"
        "try: main(sys.argv[1:])\n"
        "finally: print('peak', int(re.search(r'VmHWM:\\s+(\\d+)', open('/proc/self/status').read())[1]) // 1024)"
    )
    command = [sys.executable, "-c", code, "run", "--until", "check", "--set", "check.lint=", "--set", test]
    ended = subprocess.run(command, cwd=project, capture_output=True, text=True, check=False)
    assert ended.returncode == 0, ended.stderr[-2000:]
    assert int(ended.stdout.rpartition("peak")[2]) < 150  # MB, for 300 MB that were printed


@pytest.mark.parametrize(
    ("files", "change"),
    [
        ({"requirements.txt": "-r base.txt\n", "base.txt": "a==1\n"}, "base.txt"),
        ({"requirements.txt": "a\n-c pins/all.txt\n", "pins/all.txt": "a==1\n"}, "pins/all.txt"),
        (
            {"requirements.txt": "-r one.txt\n", "one.txt": "-r requirements.txt\n-r two.txt\n", "two.txt": "a\n"},
            "two.txt",
        ),
        ({"requirements.txt": "./lib\n", "lib/setup.py": "x"}, "lib/setup.py"),
        ({"requirements.txt": "--editable=./lib # ours\n", "lib/m.py": "x"}, "lib/m.py"),
    ],
)
def test_a_pin_that_changes_in_a_file_referred_to_is_seen(tmp_path: Path, files: dict[str, str], change: str) -> None:
    for name, text in files.items():
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text(text)
    before = environment.digest_of(tmp_path)
    assert environment.digest_of(tmp_path) == before
    (tmp_path / change).write_text(files[change] + "b\n")
    assert environment.digest_of(tmp_path) != before


@pytest.mark.parametrize("text", ["dependencies = [1]", "dependencies = 3", 'dependencies = "tinypkg"'])
def test_dependencies_that_are_no_list_of_texts_are_refused(tmp_path: Path, text: str) -> None:
    (tmp_path / "pyproject.toml").write_text(f"[project]\nname = 'p'\n{text}\n")
    with pytest.raises(ConfigError, match=r"project\.dependencies is no list of texts"):
        environment.declared(tmp_path)
