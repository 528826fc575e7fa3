"""A planted secret, a team's code that prints all it finds, a real MLflow server; then we look everywhere."""

import base64
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Self

import pytest
from mlflow import MlflowClient

from mlagent import catalog
from mlagent.cli.group import BESIDE
from tests.conftest import Cli
from tests.e2e.conftest import free_port, tracking_server

PLANTED = "s3cr3t/plantéd+value"
FILED = "another-secret-in-a-file"
NOSY = """
import os, pathlib
print(dict(os.environ))
for name in ("self", os.getppid()):
    print(pathlib.Path(f"/proc/{name}/environ").read_bytes())
"""


@pytest.fixture(scope="module")
def mlflow_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A real tracking server on loopback."""
    with tracking_server(tmp_path_factory.mktemp("server"), free_port()) as url:
        yield url


class Watch:
    """Reads the argument lists of all processes again and again, and keeps those that hold a secret."""

    def __init__(self) -> None:
        self.caught: set[bytes] = set()
        self.looks = 0
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._look)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        self._thread.join()

    def _look(self) -> None:
        while not self._stop.wait(0.02):
            self.looks += 1
            for path in Path("/proc").glob("[0-9]*/cmdline"):
                try:
                    line = path.read_bytes()
                except OSError:
                    continue
                if any(form in line for form in forms()):
                    self.caught.add(line)


def forms() -> list[bytes]:
    values = [PLANTED.encode(), FILED.encode()]
    return values + [base64.b64encode(value).rstrip(b"=") for value in values] + [repr(PLANTED.encode()).encode()[2:-1]]


TAKEN = "a port that is taken"
COMMANDS: dict[str, list[list[str]]] = {
    "check": [["check"]],
    "validate-data": [["validate-data"]],
    "split": [["split"]],
    "train": [["train"], ["--log", "json", "train", "--epochs", "1"]],
    "export": [["export"]],
    "evaluate": [["--log", "lines", "evaluate"]],
    "gate": [["gate"], ["gate", "--accuracy-min", "1"]],
    "register": [["register"]],
    "load-test": [["load-test", "--duration-seconds", "1", "--requests-min", "10"]],
    "package": [["package"]],
    "push": [["push"]],
    "sign": [["sign"]],
    "release": [["release"]],
    "approve": [["approve", "--env", "staging"]],
    "approvals": [["approvals", "list"], ["approvals", "show", "--json"]],
    "deploy": [["deploy", "--env", "staging"], ["deploy", "--env", "production", "--dry-run"]],
    "soak": [["soak", "--env", "staging"]],
    "status": [["status"], ["status", "--json"]],
    "rollback": [["rollback", "--env", "production"]],
    "rollout": [["rollout", "status", "--env", "staging"]],
    "manifests": [["manifests", "render", "--env", "staging"], ["manifests", "rbac", "--env", "staging"]],
    "run": [
        ["run", "--set", "load-test.duration_seconds=1", "--set", "load-test.requests_min=10"],
        ["--log", "text", "run", "--force", "train", "--set", "tracking.uri=http://127.0.0.1:9"],
    ],
    "plan": [["plan"], ["plan", "--json"]],
    "show": [["show"], ["show", "--json"]],
    "report": [["report"], ["report", "--out", "page.html"]],
    "evidence": [["evidence"], ["evidence", "--out", "pack.zip"]],
    "promote": [["promote", "--env", "staging"]],
    "ledger": [["ledger", "show"], ["ledger", "verify", "--json"], ["ledger", "checkpoint"], ["ledger", "reconcile"]],
    "load-worker": [["load-worker", "--master", "127.0.0.1:9", "--wait-seconds", "1"]],
    "serve": [["serve", "--port", TAKEN]],
    "jenkins": [["jenkins", "status"], ["jenkins", "trigger"]],
    "summary": [["summary"], ["summary", "--out", "summary.md"]],
    "gc": [["gc"], ["gc", "--keep", "1", "--delete"]],
    "data": [["data", "changed"], ["data", "changed", "--json"], ["data", "schema", "infer", "data/digits.csv"],
             ["data", "profile", "data/digits.csv"]],
    "config": [["config", "explain"], ["config", "explain", "--json"], ["config", "check"], ["config", "schema"],
               ["config", "secrets"]],
    "init": [["init", "another", "--no-data"]],
    "doctor": [["doctor"], ["doctor", "--json"]],
    "policy": [["policy", "explain"]],
    "verify": [["verify", f"127.0.0.1:9/team/digits@sha256:{'0' * 64}", "--json"]],
    "render": [["render", "--check"]],
}  # fmt: skip
CLUSTERED = ("approve", "deploy", "soak", "status", "rollback", "rollout", "manifests")
KEYED = ("evidence", "promote", "ledger")  # the secret is no private key, either
CLUSTER = {
    f"MLAGENT_{environment}_{key}": value
    for environment in ("STAGING", "PRODUCTION")
    for key, value in (("NAMESPACE", "risk"), ("KUBECONFIG", "env:PLANTED"))
}  # the secret is no kubeconfig: what is said of it must not show it


def test_no_command_leaves_a_secret_anywhere(fresh: Path, cli: Cli, mlflow_server: str) -> None:
    assert set(COMMANDS) == {stage.verb for stage in catalog.STAGES} | set(BESIDE)
    filed = fresh.parent / "filed"
    filed.write_text(FILED + "\n")
    settings = fresh / "mlpipeline.yaml"
    tracking = f"tracking:\n  uri: {mlflow_server}\n  token: env:PLANTED\n  username: team\n  password: file:{filed}\n"
    jenkins = "jenkins: {url: http://127.0.0.1:9, user: team, token: env:PLANTED, patience_seconds: 0}\n"
    more = "approvals: {user: team, token: env:PLANTED, webhook: env:PLANTED}\n"
    more += "sign: {key: env:PLANTED}\ncheck:\n  lint: []\n"
    settings.write_text(settings.read_text() + tracking + jenkins + more)
    (fresh / "model.py").write_text((fresh / "model.py").read_text() + NOSY)
    said = []
    with Watch() as watch:
        for args in (line for lines in COMMANDS.values() for line in lines):
            args = [mlflow_server.rpartition(":")[2] if one == TAKEN else one for one in args]  # noqa: PLW2901
            clustered = args[0] in CLUSTERED
            ended = cli(*args, cwd=fresh, env={"PLANTED": PLANTED, **(CLUSTER if clustered else {})})
            said.append(ended)
            fine = {0, 4} if args[0] == "render" else {0, 3, 12} if clustered or args[0] in KEYED else {0, 10, 11, 20}
            assert ended.returncode in fine, (args, ended.stderr)
    text = "".join(one.stdout + one.stderr for one in said).encode()
    kept = {path: path.read_bytes() for path in fresh.rglob("*") if path.is_file()}
    assert watch.looks > 100
    assert watch.caught == set()
    assert b"[secret]" in text, "the nosy code found nothing: this test proves nothing"
    for form in forms():
        assert form not in text
        assert [path for path, data in kept.items() if form in data] == []
    client = MlflowClient(mlflow_server)
    tracked = client.search_runs([one.experiment_id for one in client.search_experiments()])
    assert len([run for run in tracked if "mlagent.run" in run.data.tags]) == 2
    assert [one.tags["mlagent.build"] for one in client.search_model_versions("name='digits'")]
    assert PLANTED not in str([run.to_dictionary() for run in tracked])


def test_a_bug_in_mlagent_shows_its_traceback_without_secrets(fresh: Path, cli: Cli) -> None:
    settings = fresh / "mlpipeline.yaml"
    settings.write_text(settings.read_text() + "tracking:\n  token: env:PLANTED\n")
    code = (
        "from mlagent import catalog; import msgspec, os\n"
        "def run(config, inputs, ctx): raise RuntimeError('it was ' + os.environ['PLANTED'])\n"
        "broken = msgspec.structs.replace(catalog.STAGES[0], run=run)\n"
        "catalog.STAGES = (broken, *catalog.STAGES[1:])\n"
        "from mlagent.cli import main; main(['check'])"
    )
    ended = subprocess.run(
        [sys.executable, "-c", code],
        cwd=fresh,
        env={"PLANTED": PLANTED, "PATH": "/usr/bin:/bin"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert ended.returncode == 70
    assert "Traceback" in ended.stderr
    assert "RuntimeError: it was [secret]" in ended.stderr
    assert PLANTED not in ended.stderr + ended.stdout
    assert [path for path in fresh.rglob("*") if path.is_file() and PLANTED.encode() in path.read_bytes()] == []
