"""How long a person, or a pipeline step, waits before mlagent has even begun."""

import sys
import tempfile
from pathlib import Path

from tests.bench.compare import compare

HELLO = "import click\n@click.command()\ndef main():\n    click.echo('hello')\nmain()\n"
GOAL = 1.8


def run() -> str:
    """`mlagent --help` against a bare click hello-world."""
    with tempfile.TemporaryDirectory() as folder:
        hello = Path(folder) / "hello.py"
        hello.write_text(HELLO)
        mlagent = Path(sys.executable).with_name("mlagent")
        found = compare([sys.executable, str(mlagent), "--help"], [sys.executable, str(hello)])
    return f"mlagent --help / click hello-world: {found}; goal: at most {GOAL}"
