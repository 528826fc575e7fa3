"""A signed release, a policy that asks people before production, and a controller (a double) where they are asked."""

import json
import shutil
import subprocess
import urllib.request
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from mlagent.adapters.ledgers.objects import ObjectLedger
from mlagent.adapters.stores import open_store
from mlagent.core.ports.ledger import Fact, entries
from tests.e2e.rollout import home as homes
from tests.e2e.rollout.bed import Bed
from tests.jenkins_double import TOKENS, Double

JOB, READER = "models/risk", "ada"
RULES: Mapping[str, Any] = {
    "approvers": ["ann", "bob"],
    "count": 1,
    "hours": 24,
    "override": ["root"],
    "robots": ["carol"],
}
Ended = subprocess.CompletedProcess[str]


class Answer(NamedTuple):
    """What the build passes on."""

    outcome: str = "approved"
    by: str = ""
    comment: str = ""

    @property
    def env(self) -> dict[str, str]:
        """As the courier does."""
        return {
            "MLPIPELINE_ANSWER": self.outcome,
            "MLPIPELINE_ANSWERED_BY": self.by,
            "MLPIPELINE_COMMENT": self.comment,
        }


class Office(NamedTuple):
    """The release and its store, which a test has for itself; `said` is all that was printed."""

    bed: Bed
    project: Path
    store: Path
    folder: Path
    double: Double
    policy: Path
    said: list[str]

    def rules(self, **changes: Any) -> None:
        """Write the policy: who has to agree, and whose e-mails are whose."""
        authors = changes.pop("authors", {"dev": ["ann@email"]})
        rules = {"controller": f"{self.double.url}/", **RULES, **changes}
        environments = {"staging": {}, "production": {"approvals": rules}}
        text = self.bed.policy.read_text()
        self.policy.write_text(f"{text}authors: {json.dumps(authors)}\nenvironments: {json.dumps(environments)}\n")

    def mlagent(self, *args: str, env: Mapping[str, str] | None = None) -> Ended:
        """How `mlagent ARGS` ended, on the node where no team code runs."""
        told = {
            "MLAGENT_STORE_URL": str(self.store),
            "MLAGENT_POLICY_FILE": str(self.policy),
            "MLAGENT_PRODUCTION_APPROVAL": "true",
            "MLAGENT_APPROVALS_USER": READER,
            "MLAGENT_APPROVALS_TOKEN": "env:READER_TOKEN",
            "READER_TOKEN": TOKENS[READER],
        }
        told = self.bed.env | {name: text for name, text in (told | dict(env or {})).items() if text}
        command = self.bed.command(*args)
        ended = subprocess.run(command, cwd=self.project, env=told, check=False, capture_output=True, text=True)
        self.said.append(ended.stdout + ended.stderr)
        return ended

    def refused(self, ended: Ended, code: int, *words: str) -> None:
        """It ended so, named this, and promoted nothing."""
        assert ended.returncode == code, ended.stdout + ended.stderr
        for word in words:
            assert word in ended.stderr, ended.stderr
        assert not [one for one in self.facts("promoted") if one.environment == "production"]

    def facts(self, *whats: str) -> list[Fact]:
        """The ledger's, the oldest first."""
        found = (one.fact for one in entries(ObjectLedger(open_store(self.store))))
        return [one for one in found if not whats or one.what in whats]

    def commit(self) -> str:
        """What the project stands at."""
        return subprocess.run(
            ["git", "rev-parse", "HEAD"], cwd=self.project, check=True, capture_output=True, text=True
        ).stdout.strip()

    def build(self, number: int, causes: Sequence[Any] = ("scm",), commit: str = "") -> "Build":
        """One that runs in Jenkins."""
        made = Build(self, number)
        made.post("begin", causes=list(causes), commit=commit or self.commit())
        return made


class Build(NamedTuple):
    """A build of the job."""

    office: Office
    number: int

    @property
    def env(self) -> dict[str, str]:
        """As Jenkins sets it."""
        page = f"{self.office.double.url}/job/{JOB.replace('/', '/job/')}/{self.number}/"
        told = {"JENKINS_URL": f"{self.office.double.url}/", "BUILD_URL": page, "JOB_NAME": JOB}
        return told | {"BUILD_NUMBER": str(self.number)}

    def post(self, what: str, **told: Any) -> Any:
        """Tell the double of it."""
        at = f"{self.office.double.url}/harness/job/{JOB.replace('/', '/job/')}/{self.number}/{what}"
        request = urllib.request.Request(at, json.dumps(told).encode(), {"content-type": "application/json"})
        with urllib.request.urlopen(request) as answer:
            return json.load(answer)

    def approve(self, answer: Answer | None = None, env: Mapping[str, str] | None = None) -> Ended:
        """How `mlagent approve --env production` ended here."""
        said = {"MLPIPELINE_SAID": str(self.office.folder / "said.json")}
        told = self.env | said | (answer.env if answer else {}) | dict(env or {})
        return self.office.mlagent("approve", "--env", "production", env=told)

    def ask(self) -> dict[str, Any]:
        """It asks, and the input is there; what the courier was told."""
        ended = self.approve()
        assert ended.returncode == 21, ended.stdout + ended.stderr
        told: dict[str, Any] = json.loads((self.office.folder / "said.json").read_text())["ask"]
        opened = {key: told[key] for key in ("id", "message", "ok", "submitter")}
        self.post("input", parameters=["comment"], **opened)
        return told

    def person(self, who: str, *args: str) -> Ended:
        """How `mlagent approvals ARGS` ended for somebody elsewhere."""
        told = {"MLAGENT_JENKINS_URL": self.office.double.url, "MLAGENT_JENKINS_USER": who}
        told |= {"MLAGENT_JENKINS_TOKEN": "env:MINE", "MINE": TOKENS[who]}
        elsewhere = self.office.folder / who
        elsewhere.mkdir(exist_ok=True)
        ended = self.office.bed.mlagent(elsewhere, "approvals", *args, "--job", JOB, env=told)
        self.office.said.append(ended.stdout + ended.stderr)
        return ended

    def approved(self, who: str = "ann", comment: str = "") -> Ended:
        """Ask, have this person approve over REST, and read it back."""
        told = self.ask()
        assert self.person(who, "approve", f"{self.number}/{told['id']}", "--comment", comment).returncode == 0
        return self.approve(Answer(by=who, comment=comment))

    def promote(self) -> Ended:
        """How the promotion to production ended here."""
        return self.office.mlagent("promote", "--env", "production", env=self.env)


def office(bed: Bed, staged: Path, folder: Path, double: Double) -> Office:
    """A copy of the release that was promoted to staging (`staged` has its project and store)."""
    project, store = (homes._copy(staged / one, folder / one) for one in ("project", "store"))
    shutil.copy(bed.policy, folder / "policy.yaml")
    made = Office(bed, project, store, folder, double, folder / "policy.yaml", [])
    made.rules()
    return made
