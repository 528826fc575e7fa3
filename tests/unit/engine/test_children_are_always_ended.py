"""Children see no secret, are streamed and masked, and never outlive the one that started them."""

import json
import os
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest

from mlagent.config.secret import Secret
from mlagent.core import interrupt
from mlagent.engine.child import LocalChildren
from mlagent.errors import ConfigError, InfrastructureError, InputError, Interrupted, TeamCodeError

SECRET = "value-that-was-planted"
DONE = "open(request['output'] + '/result.json', 'w').close(); "


class Lines:
    """A Log that keeps what it is told."""

    def __init__(self) -> None:
        self.lines: list[str] = []

    def output(self, line: str) -> None:
        self.lines.append(line)

    def info(self, event: str, **_fields: object) -> None: ...

    def warning(self, event: str, **_fields: object) -> None: ...

    def progress(self, event: str, done: int, of: int, **_fields: object) -> None: ...

    def underway(self, event: str, done: float, of: int, **_fields: object) -> None: ...


@pytest.fixture
def log() -> Lines:
    return Lines()


@pytest.fixture
def children(tmp_path: Path, log: Lines, monkeypatch: pytest.MonkeyPatch) -> LocalChildren:
    monkeypatch.setenv("PLANTED", SECRET)
    monkeypatch.setenv("MLAGENT_TRAIN_EPOCHS", "3")
    return LocalChildren(tmp_path, [Secret("env:PLANTED")], log)


def execute(children: LocalChildren, code: str, kept: Path, **options: Any) -> int:
    return children.execute(
        [sys.executable, "-c", code], seconds=options.get("seconds", 30), env=options.get("env", {}), kept=kept
    )


def gone(pid: int) -> bool:
    """Whether a process ends within five seconds: a kill takes effect a moment after it is sent."""
    end = time.monotonic() + 5
    while alive(pid) and time.monotonic() < end:
        time.sleep(0.01)
    return not alive(pid)


def alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return "Z" not in Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]


def test_output_is_streamed_kept_and_its_status_given_back(children: LocalChildren, log: Lines, tmp_path: Path) -> None:
    assert execute(children, "print('one'); print('two'); raise SystemExit(7)", tmp_path / "k") == 7
    assert log.lines == ["one", "two"]
    assert (tmp_path / "k").read_text() == "one\ntwo\n"


def test_a_child_sees_neither_secrets_nor_settings(children: LocalChildren, log: Lines, tmp_path: Path) -> None:
    code = "import os; print(sorted(n for n in os.environ if n in ('PLANTED', 'PATH') or n[:8] == 'MLAGENT_'))"
    execute(children, code, tmp_path / "k")
    assert log.lines == ["['PATH']"]


def test_a_secret_that_a_child_finds_by_itself_is_masked_in_what_is_kept(
    children: LocalChildren, tmp_path: Path
) -> None:
    execute(children, f"print('found {SECRET}')", tmp_path / "k")
    assert (tmp_path / "k").read_text() == "found [secret]\n"


def test_a_command_that_hangs_is_ended_with_all_it_started(children: LocalChildren, log: Lines, tmp_path: Path) -> None:
    command = ["sh", "-c", "sleep 60 & echo $!; wait"]  # it says so at once, even where the machine is busy
    with pytest.raises(TeamCodeError, match="took longer than 1 seconds and was ended") as ended:
        children.execute(command, seconds=1, env={}, kept=tmp_path / "k")
    assert "check.timeout_seconds" in ended.value.hint
    assert gone(int(log.lines[0]))


def test_what_a_finished_child_left_running_is_ended(children: LocalChildren, log: Lines, tmp_path: Path) -> None:
    code = (
        "import subprocess, sys; p = subprocess.Popen([sys.executable, '-c', 'import time; time.sleep(60)'],"
        "stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL); print(p.pid)"
    )
    assert execute(children, code, tmp_path / "k") == 0
    assert gone(int(log.lines[0]))


def test_a_program_that_is_not_there_is_a_matter_of_configuration(children: LocalChildren, tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="there is no program 'no-such-linter'"):
        children.execute(["no-such-linter"], seconds=1, env={}, kept=tmp_path / "k")


def module(folder: Path, code: str) -> str:
    (folder / "childmodule.py").write_text(f"import json, os, sys\nrequest = json.load(open(sys.argv[1]))\n{code}")
    return "childmodule"


def test_a_program_is_given_its_request_and_polled_meanwhile(children: LocalChildren, tmp_path: Path) -> None:
    name = module(tmp_path, DONE + "import time; time.sleep(0.5); print(request['a'], request['output'])")
    polls: list[int] = []
    children.run(name, {"a": 1}, tmp_path, lambda: polls.append(1))
    assert (tmp_path / "output.log").read_text() == f"1 {tmp_path}\n"
    assert polls


@pytest.mark.parametrize(
    ("category", "kind"),
    [
        ("team-code", TeamCodeError),
        ("input", InputError),
        ("configuration", ConfigError),
        ("infrastructure", InfrastructureError),
    ],
)
def test_the_error_a_program_leaves_is_raised_here(
    children: LocalChildren, tmp_path: Path, category: str, kind: type[Exception]
) -> None:
    said = {"category": category, "message": "no build_model", "hint": "write one"}
    name = module(tmp_path, f"open(request['output'] + '/error.json', 'w').write({json.dumps(said)!r}); sys.exit(5)")
    with pytest.raises(kind, match="no build_model"):
        children.run(name, {}, tmp_path, lambda: None)


@pytest.mark.parametrize(
    ("code", "said"),
    [
        ("os.kill(os.getpid(), 9)", "was ended by SIGKILL, most often because memory ran out"),
        ("os.abort()", "was ended by SIGABRT"),
        ("os._exit(0)", "ended with status 0 before it was done"),
    ],
)
def test_a_program_that_does_not_end_by_itself_is_told_apart(
    children: LocalChildren, tmp_path: Path, code: str, said: str
) -> None:
    with pytest.raises(TeamCodeError, match=said):
        children.run(module(tmp_path, code), {}, tmp_path, lambda: None)


def test_a_server_lives_as_long_as_the_block(children: LocalChildren, tmp_path: Path) -> None:
    (tmp_path / "childserver.py").write_text(
        "import json, os, sys, time\n"
        "path = sys.argv[sys.argv.index('--ready-file') + 1]\n"
        "open(path + '.new', 'w').write(json.dumps({'url': f'http://pid/{os.getpid()}'}))\n"
        "os.rename(path + '.new', path)\n"
        "time.sleep(60)\n"
    )
    with children.serve("childserver", [], tmp_path / "ready.json") as url:
        pid = int(url.rpartition("/")[2])
        assert alive(pid)
    assert gone(pid)


def test_a_server_that_ends_while_it_is_used_is_infrastructure(children: LocalChildren, tmp_path: Path) -> None:
    (tmp_path / "childserver.py").write_text(
        "import os, sys, time\n"
        "path = sys.argv[sys.argv.index('--ready-file') + 1]\n"
        "open(path + '.new', 'w').write('{\"url\": \"http://u\"}')\n"
        "os.rename(path + '.new', path)\n"
        "while not os.path.exists('used'): time.sleep(0.02)\n"
    )

    def use() -> None:
        with children.serve("childserver", [], tmp_path / "ready.json"):
            (tmp_path / "used").touch()
            time.sleep(1)

    with pytest.raises(InfrastructureError, match="childserver ended while it was in use"):
        use()


def test_a_server_that_does_not_start_is_infrastructure(children: LocalChildren, tmp_path: Path) -> None:
    (tmp_path / "childserver.py").write_text("raise SystemExit('port taken')")
    with (
        pytest.raises(InfrastructureError, match="childserver ended before it answered"),
        children.serve("childserver", [], tmp_path / "ready.json"),
    ):
        pytest.fail("the block must not be entered")


def test_children_die_with_an_mlagent_that_is_killed(tmp_path: Path) -> None:
    (tmp_path / "childserver.py").write_text(
        "import os, time; open('pid', 'w').write(str(os.getpid())); time.sleep(60)"
    )
    code = (
        "from pathlib import Path; from mlagent.config.redact import Redactor\n"
        "from mlagent.engine.log import open_log\n"
        "from mlagent.engine.child import LocalChildren\n"
        "with LocalChildren(Path(), [], open_log('lines', Redactor())).serve('childserver', [], Path('ready')): pass"
    )
    parent = subprocess.Popen([sys.executable, "-c", code], cwd=tmp_path)
    end = time.monotonic() + 30
    while not ((tmp_path / "pid").exists() and (tmp_path / "pid").read_text()):
        assert time.monotonic() < end
        time.sleep(0.02)
    parent.kill()
    parent.wait()
    assert gone(int((tmp_path / "pid").read_text()))


def test_a_ready_file_left_by_a_killed_server_is_not_believed(children: LocalChildren, tmp_path: Path) -> None:
    (tmp_path / "ready.json").write_text('{"url": "http://127.0.0.1:1"}')
    (tmp_path / "childserver.py").write_text("raise SystemExit(1)")
    with pytest.raises(InfrastructureError), children.serve("childserver", [], tmp_path / "ready.json"):
        pytest.fail("the block must not be entered")


def test_a_signal_whose_exception_was_lost_in_a_finalizer_still_stops_the_work(
    children: LocalChildren, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(interrupt, "_arrived", [15])
    with pytest.raises(Interrupted) as stopped:
        children.execute(["sleep", "60"], seconds=60, env={}, kept=tmp_path / "log")
    assert stopped.value.signal_number == 15
