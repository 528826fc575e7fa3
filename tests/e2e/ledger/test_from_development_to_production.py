"""A release goes from Development to Production by the commands alone: MLflow, PostgreSQL, cosign and cluster are real.

Ledger, tags, aliases and Deployments then tell one story, nothing of it twice, and no password is anywhere in it.
"""

import base64
import json
import subprocess
import time
import urllib.parse
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import pytest
from sqlalchemy import make_url

from mlagent.core import digest
from mlagent.core.ports.ledger import NOTE
from mlagent.ledger import checkpoint
from mlagent.rollout import names
from tests.cluster import house
from tests.e2e.ledger import servers
from tests.e2e.ledger.servers import Mlflow
from tests.e2e.rollout import bed as beds
from tests.e2e.rollout import home as homes
from tests.e2e.rollout.bed import MODEL
from tests.e2e.rollout.home import Home
from tests.parts.registry import PASSWORD, Registry

ENVIRONMENTS = ("staging", "production")
SMALL = {f"MLAGENT_{one.upper()}_REPLICAS": "1" for one in ENVIRONMENTS}
SHORT = {"MLAGENT_TRAIN_EPOCHS": "2"}  # enough for the gate
ASKED = {"JENKINS_URL": "http://jenkins.example/", "reason": "the new tariff"}
WRONG = {"TEAM_MLFLOW": "not-the-passw0rd"}
Ended = subprocess.CompletedProcess[str]


class Way(NamedTuple):
    """A release that went the whole way, and all that was said; `refused` is what a wrong password was answered.

    `unmoved` is how the world stood before and after that.
    """

    home: Home
    mlflow: Mlflow
    database: str
    said: list[str]
    refused: list[Ended]
    unmoved: list[dict[str, Any]]

    def mlagent(self, *args: str, env: dict[str, str] | None = None) -> Ended:
        """How `mlagent ARGS` ended, as the deployer."""
        ended = self.home.mlagent(self.home.one, *args, env=SMALL | (env or {}))
        self.said.append(ended.stdout + ended.stderr)
        return ended

    def done(self, *args: str) -> str:
        """What it printed; it must have come."""
        ended = self.mlagent(*args)
        assert ended.returncode == 0, ended.stdout + ended.stderr
        return ended.stdout

    def rows(self) -> list[str]:
        """The ledger's entries as the database has them."""
        return [
            str(text)
            for (text,) in servers.ask(self.database, "SELECT entry FROM mlagent_ledger_entries ORDER BY number")
        ]

    def kept(self) -> list[str]:
        """All that the database has of the ledger."""
        sealed = servers.ask(self.database, "SELECT checkpoint FROM mlagent_ledger_checkpoints ORDER BY size")
        return [*self.rows(), *(str(text) for (text,) in sealed)]

    def aliases(self) -> dict[str, str]:
        """The model's, by the server's own interface."""
        found = self._ask("registered-models/get", name=MODEL)["registered_model"].get("aliases", [])
        return {one["alias"]: one["version"] for one in found}

    def tags(self) -> dict[str, str]:
        """Those of the version that were written by us, without the prefix."""
        found = self._ask("model-versions/get", name=MODEL, version="1")["model_version"]["tags"]
        return {one["key"].removeprefix("mlagent."): one["value"] for one in found}

    def note(self, environment: str) -> str:
        """The checkpoint on the Deployment."""
        live = house.admin_json("get", "deployment", MODEL, "--namespace", self.home.namespace(environment))
        return str(live["metadata"]["annotations"][NOTE])

    def world(self) -> dict[str, Any]:
        """What a promotion changes, by its name; the note on the newest rollout says when pods were asked last."""
        found: dict[str, Any] = {"ledger": self.kept(), "aliases": self.aliases(), "tags": self.tags()}
        for environment in ENVIRONMENTS:
            live = house.admin_json("get", "deployments", "--namespace", self.home.namespace(environment))["items"]
            found |= {f"{environment}/{one['metadata']['name']}": one["spec"] for one in live}
            for one in live:
                notes = one["metadata"]["annotations"].items()
                found |= {f"{environment}/{name}": text for name, text in notes if name != names.ROLLOUT}
        return found

    def trainings(self, tag: str) -> list[dict[str, Any]]:
        """MLflow's runs of the model's experiment with this tag `mlagent.run`."""
        experiment = self._ask("experiments/get-by-name", experiment_name=MODEL)["experiment"]["experiment_id"]
        body = {"experiment_ids": [experiment], "filter": f"tags.`mlagent.run` = '{tag}'"}
        return self._ask("runs/search", json.dumps(body).encode()).get("runs", [])  # type: ignore[no-any-return]

    def _ask(self, what: str, body: bytes | None = None, **query: str) -> Any:
        url = f"{self.mlflow.url}/api/2.0/mlflow/{what}?{urllib.parse.urlencode(query)}"
        login = base64.b64encode(f"{self.mlflow.user}:{self.mlflow.password}".encode()).decode()
        headers = {"authorization": f"Basic {login}", "content-type": "application/json"}
        with urllib.request.urlopen(urllib.request.Request(url, body, headers)) as answer:
            return json.load(answer)


@pytest.fixture(scope="module")
def way(tmp_path_factory: pytest.TempPathFactory, registry: Registry, mlflow: Mlflow) -> Iterator[Way]:
    """Trained once, with MLflow and PostgreSQL from the beginning; a wrong password is tried before production."""
    folder = tmp_path_factory.mktemp("way")
    with servers.database() as database:
        told = mlflow.env | {"MLAGENT_LEDGER_DATABASE": "env:TEAM_LEDGER", "TEAM_LEDGER": database} | SHORT
        bed = beds.first(folder, registry, told)
        with homes.of(bed, bed.one, bed.one, folder / "store", folder) as home:
            made = Way(home, mlflow, database, [], [], [])
            made.done("deploy", "--env", "staging")
            _soak(made, "staging")
            made.unmoved.append(made.world())
            made.refused.append(made.mlagent("deploy", "--env", "production", env=WRONG))
            made.unmoved.append(made.world())
            with_reason = made.mlagent("deploy", "--env", "production", env=ASKED)
            assert with_reason.returncode == 0, with_reason.stdout + with_reason.stderr
            yield made


@pytest.fixture(scope="module")
def told(way: Way) -> list[dict[str, Any]]:
    """The model's entries as the command shows them, the oldest first."""
    return json.loads(way.done("ledger", "show", "--json", "--limit", "1000"))  # type: ignore[no-any-return]


def promoted(told: list[dict[str, Any]]) -> dict[str, dict[str, Any]]:
    """The entry of the promotion, by environment."""
    return {one["fact"]["environment"]: one for one in told if one["fact"]["what"] == "promoted"}


def release(way: Way) -> str:
    """The digest of the image."""
    return way.home.bed.image(way.home.one).partition("@")[2]


def _soak(way: Way, environment: str) -> None:
    """Asked until it is over."""
    end = time.monotonic() + 60
    while (ended := way.mlagent("soak", "--env", environment)).returncode == 21:
        assert time.monotonic() < end, ended.stderr
        time.sleep(1)
    assert ended.returncode == 0, ended.stdout + ended.stderr


def test_the_aliases_of_all_three_point_at_it(way: Way) -> None:
    assert way.aliases() == {"development": "1", "staging": "1", "production": "1"}


def test_the_moves_are_written_down_in_order_and_rest_on_what_is_kept(way: Way, told: list[dict[str, Any]]) -> None:
    record = way.home.bed.record(way.home.one)
    moves = [one["fact"] for one in told if one["fact"]["what"] in ("deployed", "promoted")]
    assert [(one["environment"], one["what"]) for one in moves] == [
        (environment, what) for environment in ENVIRONMENTS for what in ("deployed", "promoted")
    ]
    for one in moves:
        assert (one["model"], one["release"], one["build"], one["run"]) == (MODEL, release(way), 1, record["run_id"])
    for one in (moves[1], moves[3]):
        assert one["details"]["version"] == "1"
        assert one["details"]["onnx"] == record["stages"]["export"]["outputs"]["onnx"]["digest"]
        assert one["details"]["record"] == record["stages"]["release"]["outputs"]["release"]["digest"]
        assert one["details"]["record"] in one["holds"]


def test_the_release_record_leads_to_the_run_that_trained_it_in_mlflow(way: Way) -> None:
    record = way.home.one / ".mlagent/runs" / way.home.bed.record(way.home.one)["run_id"] / "release/release.json"
    said = json.loads(record.read_text())["mlflow"]
    (run,) = way.trainings(said["trained_by"])
    assert run["info"]["status"] == "FINISHED"
    assert any(one["key"] == "train_loss" for one in run["data"]["metrics"])
    assert said["version"] == 1


def test_why_it_was_promoted_is_what_jenkins_was_asked_for(way: Way) -> None:
    assert "promoted: the new tariff" in way.done("ledger", "at", "now", "--env", "production")


def test_beside_the_moves_it_tells_of_the_data_and_of_every_verdict_once(told: list[dict[str, Any]]) -> None:
    facts = [one["fact"] for one in told]
    stages = [one["details"]["stage"] for one in facts if one["what"] == "verdict"]
    assert sorted(set(stages)) == sorted(stages)
    assert {"validate-data", "gate", "load-test", "soak@staging"} <= set(stages)
    kinds = [one["what"] for one in facts]
    assert kinds.count("data-accepted") == 1
    assert kinds.index("data-accepted") < kinds.index("deployed")


def test_the_tags_of_the_version_name_the_entries_that_brought_it_there(way: Way, told: list[dict[str, Any]]) -> None:
    tags, by_number = way.tags(), {json.loads(row)["number"]: row for row in way.rows()}
    last = promoted(told)["production"]["fact"]
    assert [tags[one] for one in ("stage", "release", "record")] == [
        "Production",
        release(way),
        last["details"]["record"],
    ]
    for environment, entry in promoted(told).items():
        stamp = f"{entry['number']} {digest.of_bytes(by_number[entry['number']].encode())}"
        assert tags[f"ledger.{environment}"] == stamp


def test_one_checkpoint_lies_in_the_ledger_the_tag_and_on_the_deployment(way: Way, told: list[dict[str, Any]]) -> None:
    tagged, number = way.tags()["ledger.checkpoint"], promoted(told)["production"]["number"]
    assert tagged == way.note("production")
    assert {tagged, way.note("staging")} <= set(way.kept())
    assert checkpoint.read(tagged.encode()).checkpoint.size == number
    assert checkpoint.read(way.note("staging").encode()).checkpoint.size == promoted(told)["staging"]["number"]


def test_the_checkpoint_is_good_by_openssl_and_the_public_key_alone(way: Way, tmp_path: Path) -> None:
    sealed = checkpoint.read(way.tags()["ledger.checkpoint"].encode())
    (tmp_path / "said").write_bytes(checkpoint.signed(sealed.checkpoint))
    (tmp_path / "signature").write_bytes(base64.b64decode(sealed.signature))
    verify = ["openssl", "dgst", "-sha256", "-verify", str(way.home.bed.keys.public), "-signature", "signature", "said"]
    assert subprocess.run(verify, cwd=tmp_path, check=True, capture_output=True, text=True).stdout == "Verified OK\n"


def test_the_ledger_verifies_by_the_key_of_the_policy(way: Way) -> None:
    printed = way.done("ledger", "verify")
    entries = len(way.rows())
    assert f"whole: {entries} entries, " in printed
    assert "signatures by key release of" in printed
    assert "note:" not in printed
    said = json.loads(way.done("ledger", "verify", "--json", "--key", str(way.home.bed.keys.public)))
    assert (said["size"], said["whole"], said["faults"], said["notes"]) == (entries, True, [], [])
    assert said["head"] == digest.of_bytes(way.rows()[-1].encode())


def test_it_answers_what_is_in_production_now_and_on_what_evidence(way: Way, told: list[dict[str, Any]]) -> None:
    record = way.home.bed.record(way.home.one)
    printed = way.done("ledger", "at", "now", "--env", "production")
    assert f"{MODEL} version 1" in printed.splitlines()[0]
    for word in (release(way), f"run {record['run_id']}", record["commit"], "no later move", "gate pass"):
        assert word in printed
    said = json.loads(way.done("ledger", "at", "now", "--env", "production", "--json"))
    assert said["entry"] == promoted(told)["production"]


def test_nothing_differs_between_ledger_mlflow_and_cluster(way: Way) -> None:
    said = json.loads(way.done("ledger", "reconcile", "--json"))
    assert said == {"findings": [], "acknowledged": {}, "notes": []}


def test_status_says_the_same_of_both_environments(way: Way) -> None:
    rows = json.loads(way.done("status", "--json"))
    assert [(one["environment"], one["state"], one["version"], one["digest"], one["build"]) for one in rows] == [
        (environment, "serving", "1", release(way), 1) for environment in ENVIRONMENTS
    ]


def test_the_same_promotion_again_changes_nothing(way: Way) -> None:
    before = way.world()
    way.done("deploy", "--env", "production")
    after = way.world()
    assert {name: text for name, text in after.items() if before.get(name) != text} == {}
    assert after.keys() == before.keys()


def test_a_wrong_password_of_mlflow_is_named_and_nothing_is_written(way: Way) -> None:
    (refused,) = way.refused
    assert refused.returncode in (3, 20), refused.stdout + refused.stderr
    assert way.mlflow.url in refused.stderr
    assert "credentials" in refused.stderr
    assert WRONG["TEAM_MLFLOW"] not in refused.stdout + refused.stderr
    before, after = way.unmoved
    assert before == after
    assert not [name for name in after if name.startswith("production")]


def test_no_password_stands_in_what_was_said_kept_or_written_down(way: Way) -> None:
    written = str(make_url(way.database).password)
    secrets = [one.encode() for one in (written, way.mlflow.password, PASSWORD, way.home.bed.keys.spoken)]
    assert min(map(len, secrets)) > 5
    texts = [one.encode() for one in (*way.said, *way.kept(), *way.tags().values(), *map(way.note, ENVIRONMENTS))]
    files = [file for top in (way.home.one, way.home.store) for file in top.rglob("*") if file.is_file()]
    assert files
    for secret in secrets:
        assert not [text for text in texts if secret in text]
        assert not [file for file in files if secret in file.read_bytes()]
