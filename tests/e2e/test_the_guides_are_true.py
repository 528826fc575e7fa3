"""first-hour.md and bring-your-model.md, word by word: every command block is run in order, where the page stands."""

import os
import re
import signal
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.e2e.conftest import Demo, clean_environment, free_port, states, wait_until_it_answers

DOCS = Path(__file__).parents[2] / "agent" / "docs"
BLOCK = re.compile(r"^```(\w+)(?: (\S+))?\n(.*?)^```$", re.MULTILINE | re.DOTALL)


class Reader:
    """Does what the page says, in the folder where it has come to."""

    def __init__(self, page: str, folder: Path, bin_: Path) -> None:
        self.blocks = BLOCK.findall((DOCS / page).read_text())
        self.folder, self.said = folder, ""
        self._env = clean_environment() | {"PATH": f"{bin_}{os.pathsep}{os.environ['PATH']}"}

    def type(self, lines: str, expect: int = 0) -> None:
        """Run lines in a shell; what they printed is kept, and the folder in which they ended."""
        script = f"set -e\ntrap 'pwd >&3' EXIT\n{lines}"
        where, told = os.pipe()
        with os.fdopen(where) as ended_in:
            ended = subprocess.run(
                ["bash", "-c", f"exec 3>&{told}\n{script}"],
                cwd=self.folder,
                env=self._env,
                capture_output=True,
                text=True,
                check=False,
                pass_fds=(told,),
            )
            os.close(told)
            self.folder = Path(ended_in.read().strip())
        self.said += ended.stdout + ended.stderr
        assert ended.returncode == expect, (lines, ended.stdout[-2000:], ended.stderr[-3000:])

    def start(self, line: str) -> subprocess.Popen[bytes]:
        """Start what the page leaves running in a terminal of its own."""
        return subprocess.Popen(line.split(), cwd=self.folder, env=self._env, stdout=subprocess.DEVNULL)


@pytest.fixture
def port() -> int:
    return free_port()


@pytest.fixture
def running() -> Iterator[list[subprocess.Popen[bytes]]]:
    """Servers that a page starts; each ends well on Ctrl-C."""
    started: list[subprocess.Popen[bytes]] = []
    yield started
    for one in started:
        one.send_signal(signal.SIGINT)
        assert one.wait(30) == 0


def test_the_first_hour(demo: Demo, port: int, running: list[subprocess.Popen[bytes]]) -> None:
    reader = Reader("first-hour.md", demo.folder, demo.bin)
    for kind, note, block in reader.blocks:
        if kind == "yaml":
            config = reader.folder / "mlpipeline.yaml"
            config.write_text(re.sub(r"^gate:.*\n(  .*\n)+", block, config.read_text(), flags=re.MULTILINE))
        elif block.startswith("mlagent serve"):
            running.append(reader.start(block.replace("8000", str(port))))
            wait_until_it_answers(f"http://127.0.0.1:{port}/v2/health/ready", running[-1])
        else:  # what `make demo` does was seen when the fixture did it
            lines = block.replace("make demo\n", "").replace("8000", str(port))
            reader.type(lines, int(note.removeprefix("expect=") or 0))
    assert re.search(r"^Error: gate: roc_auc 0\.\d+ is below 0\.9 ", reader.said, re.MULTILINE)
    plan = re.split(r"^stage +state +reason$", reader.said, flags=re.MULTILINE)[-1]
    assert re.search(r"^train +reuse ", plan, re.MULTILINE)
    assert re.search(r"^gate +run ", plan, re.MULTILINE)
    assert set(states(reader.folder).values()) == {"done", "off"}
    assert '{"name":"cancer"' in reader.said
    assert "unchanged\n" in reader.said  # after an answer of curl, which ends without a new line


def test_a_model_of_ones_own(demo: Demo, tmp_path: Path) -> None:
    reader = Reader("bring-your-model.md", tmp_path, demo.bin)
    rows = (
        "from sklearn.datasets import load_breast_cancer as b; b(as_frame=True).frame.to_csv('rows.csv', index=False)"
    )
    reader.type(f'python -c "{rows}"\nmlagent init mine --rows rows.csv --target target\ncd mine')
    for kind, note, block in reader.blocks:
        if kind == "python":
            (reader.folder / note).write_text(block)
        else:
            reader.type(block)
    assert states(reader.folder)["gate"] == "done"
