"""The server against its own OpenAPI document, by a tester that tries to prove one of them wrong."""

import subprocess
from pathlib import Path

from tests.e2e.serving.conftest import TOKEN, Server

# All checks are on. A request may set its own deadline, down to a microsecond: 504 is then what it asked for.
CONFIG = """
[checks.not_a_server_error]
expected-statuses = ["2xx", "3xx", "4xx", "504"]
"""


def test_what_the_document_says_is_what_the_server_does(server: Server, tools: Path, tmp_path: Path) -> None:
    (tmp_path / "schemathesis.toml").write_text(CONFIG)
    command = [
        *(str(tools / "schemathesis"), "--config-file", str(tmp_path / "schemathesis.toml"), "run"),
        *(f"{server.url}/openapi.json", "--checks", "all", "--max-examples", "100", "--seed", "1"),
        *("--header", f"Authorization: Bearer {TOKEN}", "--continue-on-failure", "--generation-database", "none"),
    ]
    ended = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False, timeout=300)
    assert ended.returncode == 0, ended.stdout + ended.stderr
    assert "No issues found" in ended.stdout, ended.stdout
