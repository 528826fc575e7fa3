"""A team's repository and its job, and all that a release meets on its way to production: real, but for Jenkins."""

import json
import os
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import NamedTuple

from tests import jenkins_double
from tests.e2e.conftest import VENV
from tests.e2e.ledger import servers
from tests.e2e.ledger.servers import Mlflow
from tests.e2e.rollout import bed as beds
from tests.e2e.rollout import home as homes
from tests.e2e.rollout.home import Home
from tests.e2e.whole.courier import Job
from tests.jenkins_double import Double
from tests.parts.registry import PASSWORD, Registry

JENKINSFILE = "mlPipeline(agents: [any: 'build', trusted: 'vault'])"
JOB = "insurance-risk"
READER = "carol"  # by whom mlagent asks Jenkins; she approves nothing
EPOCHS = 3  # enough for the gate
SETTINGS = """
tracking: {{uri: "{uri}", username: {user}, password: env:TEAM_MLFLOW}}
ledger: {{database: env:TEAM_LEDGER}}
approvals: {{user: {reader}, token: env:READER_TOKEN}}
staging: {{namespace: {staging}, kubeconfig: env:STAGING_KUBECONFIG, replicas: 1, {both}}}
production: {{namespace: {production}, kubeconfig: env:PRODUCTION_KUBECONFIG, replicas: 2, {both}}}
"""
SOAK = 'pull_secret: pull, service: NodePort, surge: "1", settle_seconds: 0, soak_minutes: 0.2, soak_requests_min: 100'
POLICY = """
authors: {{eve: [eve@example.org]}}
environments:
  staging: {{}}
  production:
    approvals: {{approvers: [ann, bob], count: 2, hours: 1, controller: "{controller}"}}
"""
AUTHOR = {f"GIT_{who}_EMAIL": "eve@example.org" for who in ("AUTHOR", "COMMITTER")}


class Scene(NamedTuple):
    """The repository and its job; `home` is the cluster's part of it."""

    folder: Path
    home: Home
    mlflow: Mlflow
    database: str
    double: Double
    job: Job

    @property
    def project(self) -> Path:
        """The repository, as the team has it."""
        return self.home.one

    def commit(self, message: str) -> str:
        """All that is in the folder, as eve; the commit."""
        for command in (["add", "--all"], ["commit", "--quiet", "--message", message]):
            subprocess.run(["git", *command], cwd=self.project, env=self._env, check=True)
        return subprocess.run(
            ["git", "rev-parse", "HEAD"], cwd=self.project, check=True, capture_output=True, text=True
        ).stdout.strip()

    @property
    def _env(self) -> dict[str, str]:
        return self.home.bed.env | AUTHOR

    def workspace(self, node: str) -> Path:
        """Where the job is on a node."""
        return Path(self.job.home) / "workspaces" / node / "job"

    def command(self, *args: str, env: dict[str, str] | None = None) -> subprocess.CompletedProcess[str]:
        """How `mlagent ARGS` ended in the repository, by somebody who has all that the job has, and `env`."""
        told = self.job.environment | self.job.secrets | (env or {})
        return self.home.bed.mlagent(self.project, *args, env=told)

    def done(self, *args: str, env: dict[str, str] | None = None) -> str:
        """What it printed; it must have worked."""
        ended = self.command(*args, env=env)
        assert ended.returncode == 0, ended.stdout + ended.stderr
        return ended.stdout

    def person(self, name: str, *args: str) -> subprocess.CompletedProcess[str]:
        """How `mlagent approvals ARGS` ended for a person: over REST, with that person's own token and nothing else."""
        token = f"{name.upper()}_TOKEN"
        told = {"MLAGENT_JENKINS_URL": self.double.url, "MLAGENT_JENKINS_JOB": JOB}
        told |= {"MLAGENT_JENKINS_USER": name, "MLAGENT_JENKINS_TOKEN": f"env:{token}", token: self.tokens[name]}
        kept = {key: text for key, text in os.environ.items() if not key.startswith("MLAGENT_")}
        command = self.home.bed.command("approvals", *args)
        return subprocess.run(
            command, cwd=self.project, env=kept | told, capture_output=True, text=True, check=False, timeout=120
        )

    @property
    def harness(self) -> dict[str, str]:
        """The environment of the harness itself, which every `sh` inherits: nothing that a node is not to have."""
        kept = {name: text for name, text in os.environ.items() if not name.startswith(("MLAGENT_", "PYTEST_"))}
        return kept | {"MLAGENT_TEST_BIN": str(VENV / "bin")}

    @property
    def tokens(self) -> dict[str, str]:
        """By whom each is."""
        return jenkins_double.TOKENS


@contextmanager
def scene(folder: Path, registry: Registry, mlflow: Mlflow) -> Iterator[Scene]:
    """A committed project of which nothing has been built yet, and all it needs; gone after the block."""
    bed = beds.untrained(folder, registry, AUTHOR)
    _freeze(bed, folder)
    with ExitStack() as opened:
        database = opened.enter_context(servers.database())
        double = opened.enter_context(jenkins_double.serving())
        double.harness = True
        home = opened.enter_context(homes.of(bed, bed.one, bed.one, folder / "store", folder))
        job = _job(folder, home, mlflow, database, double)
        made = Scene(folder, home, mlflow, database, double, job)
        _write(made)
        made.commit("train")
        yield made


def _freeze(bed: beds.Bed, folder: Path) -> None:
    """The serving environment is frozen by a run that is thrown away, as a team does it once on a desk."""
    ignored = bed.one / ".gitignore"
    ignored.write_text(ignored.read_text().replace("data/\n", ""))  # its rows come with the repository
    subprocess.run(["git", "init", "--quiet", "--initial-branch", "main"], cwd=bed.one, check=True)
    settings = bed.one / "mlpipeline.yaml"
    settings.write_text(settings.read_text().replace("  epochs: 6\n", f"  epochs: {EPOCHS}\n"))
    ended = bed.mlagent(bed.one, "run", "--until", "package", env={"MLAGENT_STORE_URL": str(folder / "desk")})
    assert ended.returncode == 0, ended.stdout + ended.stderr
    for thrown in (bed.one / ".mlagent", folder / "desk"):
        shutil.rmtree(thrown)


def _write(made: Scene) -> None:
    told = {"uri": made.mlflow.url, "user": made.mlflow.user, "both": SOAK, "reader": READER}
    told |= {"staging": made.home.staging, "production": made.home.production}
    settings, policy = made.project / "mlpipeline.yaml", made.home.bed.policy
    settings.write_text(settings.read_text() + SETTINGS.format(**told))
    policy.write_text(policy.read_text() + POLICY.format(controller=made.double.url))
    (made.project / "Jenkinsfile").write_text(f"@Library('mlpipeline') _\n{JENKINSFILE}\n")


def _job(folder: Path, home: Home, mlflow: Mlflow, database: str, double: Double) -> Job:
    kubeconfigs = {
        f"{one}_KUBECONFIG": Path(home.env[f"MLAGENT_{one}_KUBECONFIG"].removeprefix("file:")).read_text()
        for one in ("STAGING", "PRODUCTION")
    }
    bed = home.bed
    return Job(
        home=str(folder / "jenkins"),
        origin=str(bed.one),
        jenkinsfile=JENKINSFILE,
        environment={
            "MLAGENT_POLICY_FILE": str(bed.policy),
            "DOCKER_HOST": bed.env["DOCKER_HOST"],
            "PATH": f"{VENV / 'bin'}:{bed.env['PATH']}",
            "KUBECONFIG": os.devnull,
        },
        secrets={
            "TEAM_PASSWORD": PASSWORD,
            "TEAM_MLFLOW": mlflow.password,
            "TEAM_LEDGER": database,
            "PLATFORM_KEY": bed.keys.private.read_text(),
            "PLATFORM_PASSWORD": bed.keys.spoken,
            "READER_TOKEN": jenkins_double.TOKENS[READER],
            **kubeconfigs,
        },
        controller={"url": double.url, "job": JOB, "causes": [{"_class": STARTED, "userId": "eve"}]},
    )


STARTED = "hudson.model.Cause$UserIdCause"


def golden(made: Scene) -> str:
    """A request that the model answers: a row on which it was tried."""
    found = sorted(Path(made.job.home).glob("workspaces/*/**/load-test/golden.jsonl"))
    return json.dumps({"rows": [json.loads(found[-1].read_text().splitlines()[0])["row"]]})
