"""Two releases of the insurer's model in a real registry, signed, from commits: what the tests of rollouts deploy."""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any, NamedTuple

from tests.cluster import house
from tests.parts.keys import Pair, on_path, pair
from tests.parts.registry import PASSWORD, USER, Registry

MODEL = "insurance-risk"
QUICK = """
package:
  base: oci:{base}
registry:
  repository: {host}/insurer/risk
  username: {user}
  password: env:TEAM_PASSWORD
  ca: {ca}
store:
  url: {store}
serving:
  cpus: 0.2
  memory_mb: 512
sign:
  key: env:PLATFORM_KEY
  password: env:PLATFORM_PASSWORD
"""
POLICY = "keys: {{release: {{file: {key}}}}}\nverdicts: {{load-test: {{accept_expired: true}}}}\n"


class Bed(NamedTuple):
    """Projects in which release one and two were made; what signs them; the environment of the commands."""

    one: Path
    two: Path
    keys: Pair
    policy: Path
    env: dict[str, str]
    registry: Registry

    def mlagent(self, project: Path, *args: str, env: dict[str, str] | None = None) -> subprocess.CompletedProcess[str]:
        """How `mlagent ARGS` ended."""
        return subprocess.run(
            self.command(*args), cwd=project, env=self.env | (env or {}), check=False, capture_output=True, text=True
        )

    def command(self, *args: str) -> list[str]:
        """It as words."""
        return [sys.executable, "-m", "mlagent", "--log", "lines", *args]

    def record(self, project: Path) -> dict[str, Any]:
        """The record of its newest run."""
        home = project / ".mlagent"
        run = home / "runs" / (home / "newest").read_text()
        return json.loads((run / "run.json").read_text())  # type: ignore[no-any-return]

    def image(self, project: Path) -> str:
        """The image that it made, as a pod names it."""
        digest = self.record(project)["stages"]["package"]["outputs"]["image"]["digest"]
        return f"{self.registry.host}/insurer/risk@{digest}"


def make(folder: Path, registry: Registry) -> Bed:
    """Train, try, push and sign both: the second one learns with another seed, and is the later build."""
    made = first(folder, registry, {})
    shutil.copytree(made.one, made.two)
    settings = made.two / "mlpipeline.yaml"
    settings.write_text(settings.read_text().replace("  seed: 1 ", "  seed: 2 "))
    _build(made, made.two)
    return made


def first(folder: Path, registry: Registry, more: dict[str, str]) -> Bed:
    """The first release alone, by commands that are told `more`."""
    made = untrained(folder, registry, more)
    _build(made, made.one)
    return made


def untrained(folder: Path, registry: Registry, more: dict[str, str]) -> Bed:
    """The project of the first release, with nothing run and nothing committed."""
    keys = pair(folder / "keys")
    policy = folder / "policy.yaml"
    policy.write_text(POLICY.format(key=keys.public))
    kept = {name: text for name, text in os.environ.items() if not name.startswith("MLAGENT_")}
    engine = {"DOCKER_HOST": os.environ["MLAGENT_TEST_DOCKER_HOST"], "PATH": on_path(folder / "bin", _cosign())}
    git = {f"GIT_{who}_{what}": f"ann@{what.lower()}" for who in ("AUTHOR", "COMMITTER") for what in ("NAME", "EMAIL")}
    secrets = {
        "TEAM_PASSWORD": PASSWORD,
        "PLATFORM_KEY": keys.private.read_text(),
        "PLATFORM_PASSWORD": keys.spoken,
    }
    made = Bed(folder / "one", folder / "two", keys, policy, kept | engine | git | secrets | more, registry)
    _must(made.mlagent(folder, "init", "one", "--template", MODEL))
    _settings(made.one, folder / "store", registry)
    return made


def _settings(project: Path, store: Path, registry: Registry) -> None:
    path = project / "mlpipeline.yaml"
    more = QUICK.format(
        base=os.environ["MLAGENT_TEST_BASE"], host=registry.host, user=USER, ca=registry.ca, store=store
    )
    calm = "  late_share_max: 1\n  rate_reached_min: 0\n  cpu_share_max: 1\n"
    quick = f"{calm}  duration_seconds: 3\n  requests_min: 100\n  p99_ms: 5000 "
    text = path.read_text().replace("name: one", f"name: {MODEL}").replace("  p99_ms: 50 ", quick)
    path.write_text(text + more)


def _build(bed: Bed, project: Path) -> None:
    """From a commit, in two steps: the first one freezes the serving environment, which belongs to the commit."""
    if not (project / ".git").exists():
        _git(bed, project, "init", "--quiet")
        _must(bed.mlagent(project, "run", "--until", "package"))
    _git(bed, project, "add", "--all")
    _git(bed, project, "commit", "--quiet", "--message", "train")
    _must(bed.mlagent(project, "run", "--until", "release"))


def _git(bed: Bed, project: Path, *args: str) -> None:
    subprocess.run(["git", *args], cwd=project, env=bed.env, check=True, capture_output=True)


def _must(ended: subprocess.CompletedProcess[str]) -> None:
    assert ended.returncode == 0, ended.stdout[-3000:] + ended.stderr[-3000:]


def _cosign() -> str:
    return os.environ["MLAGENT_TEST_COSIGN"]


def pull_secret(namespace: str, registry: Registry) -> str:
    """A Secret by which the namespace's pods pull from the registry; its name."""
    login = ("--docker-server", registry.host, "--docker-username", USER, "--docker-password", PASSWORD)
    house.admin("create", "secret", "docker-registry", "pull", *login, "--namespace", namespace)
    return "pull"
