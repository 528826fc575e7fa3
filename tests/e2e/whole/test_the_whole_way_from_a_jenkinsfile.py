"""A Jenkinsfile of one line takes a commit to production: all is real but Jenkins, which is the harness and a double.

Two people approve over REST while no node is held; the next build is rejected the same way, and nothing moves.
"""

import base64
import json
import os
import subprocess
import sys
import urllib.parse
import urllib.request
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any, NamedTuple

import pytest
from sqlalchemy import make_url

from mlagent.trust.approval import document
from tests.cluster import house
from tests.cluster.house import until
from tests.cluster.load import loading
from tests.e2e.ledger import servers
from tests.e2e.rollout.bed import MODEL
from tests.e2e.whole import scene as scenes
from tests.e2e.whole.courier import Courier, building
from tests.e2e.whole.scene import Scene
from tests.parts.registry import PASSWORD, Registry

WHY = "the tariff of autumn"


class Way(NamedTuple):
    """The build that came to its end, the image that it made, and what the two people were shown."""

    scene: Scene
    end: Mapping[str, Any]
    courier: Courier
    image: str
    shown: Sequence[str]

    def facts(self) -> list[dict[str, Any]]:
        """The ledger's, the oldest first."""
        told = json.loads(self.scene.done("ledger", "show", "--json", "--limit", "1000"))
        return [one["fact"] for one in told]


@contextmanager
def used(scene: Scene, courier: Courier, environment: str) -> Iterator[None]:
    """Callers ask the model in an environment for as long as it soaks there."""
    courier.done(f"deploy --env {environment}")
    url = f"{house.node_port(MODEL, scene.home.namespace(environment))}/predict"
    with loading(url, scene.folder / f"{environment}.json", rate=20, connections=2, body=scenes.golden(scene)):
        courier.done(f"soak --env {environment}")
        yield


def answered(scene: Scene, courier: Courier, name: str, who: str, *answer: str) -> str:
    """Wait until the build asks, see what it asks, and answer over REST as this person; what was shown."""
    until(lambda: name in scene.person(who, "list").stdout or courier.over, seconds=300)
    assert not courier.over, courier.log[-6000:]
    shown = scene.person(who, "show", name)
    ended = scene.person(who, answer[0], name, *answer[1:])
    assert ended.returncode == 0, ended.stdout + ended.stderr
    return shown.stdout


@pytest.fixture(scope="module")
def scene(tmp_path_factory: pytest.TempPathFactory, registry: Registry) -> Iterator[Scene]:
    folder = tmp_path_factory.mktemp("whole")
    with servers.mlflow(folder) as mlflow, scenes.scene(folder, registry, mlflow) as made:
        yield made


@pytest.fixture(scope="module")
def way(scene: Scene) -> Way:
    with building(scene.job, 1, scene.harness) as courier:
        with used(scene, courier, "staging"):
            pass
        shown = [
            answered(scene, courier, "1/ApproveProduction1", "ann", "approve", "--comment", WHY),
            answered(scene, courier, "1/ApproveProduction2", "bob", "approve"),
        ]
        with used(scene, courier, "production"):
            pass
        end = courier.ended()
    return Way(scene, end, courier, scene.home.bed.image(scene.workspace("vault")), shown)


@pytest.fixture(scope="module")
def rejected(way: Way) -> Mapping[str, Any]:
    """How the next build ended: of another model, which soaked in staging, and which bob does not want."""
    settings = way.scene.project / "mlpipeline.yaml"
    settings.write_text(settings.read_text().replace("  seed: 1 ", "  seed: 2 "))
    way.scene.commit("learn with another seed")
    with building(way.scene.job, 2, way.scene.harness) as courier:
        with used(way.scene, courier, "staging"):
            pass
        answered(way.scene, courier, "2/ApproveProduction1", "bob", "reject")
        return courier.ended()


def test_the_build_is_green_and_says_how_long_each_stage_took(way: Way, capsys: pytest.CaptureFixture[str]) -> None:
    assert way.end["result"] == "SUCCESS", way.courier.log
    assert f"{MODEL} v1" in way.end["description"]
    seconds: dict[str, float] = {}
    for one in way.end["times"]:
        seconds[one["stage"]] = seconds.get(one["stage"], 0) + one["seconds"]
    assert list(seconds) == [one["stage"] for one in json.loads(way.scene.done("plan", "--json"))["stages"]]
    times = [one["at"] for one in way.courier.events if "at" in one]
    seconds |= {"all stages": sum(seconds.values()), "the whole build": (times[-1] - times[0]) / 1000}
    rows = [f"{name:20s}{took:7.1f} s" for name, took in seconds.items()]
    with capsys.disabled():
        sys.stdout.write("\n".join(["", "from mlPipeline() to production, wall time by stage:", *rows, ""]))


def test_every_pod_in_production_serves_it_and_mlflow_points_at_it(way: Way) -> None:
    rows = {one["environment"]: one for one in json.loads(way.scene.done("status", "--json"))}
    for environment in ("staging", "production"):
        assert (rows[environment]["state"], rows[environment]["version"]) == ("serving", "1")
        assert rows[environment]["digest"] == way.image.rpartition("@")[2]
    url = f"{way.scene.mlflow.url}/api/2.0/mlflow/registered-models/get?{urllib.parse.urlencode({'name': MODEL})}"
    login = base64.b64encode(f"{way.scene.mlflow.user}:{way.scene.mlflow.password}".encode()).decode()
    with urllib.request.urlopen(urllib.request.Request(url, headers={"authorization": f"Basic {login}"})) as answer:
        aliases = {one["alias"]: one["version"] for one in json.load(answer)["registered_model"]["aliases"]}
    assert aliases == {"development": "1", "staging": "1", "production": "1"}


def test_people_saw_what_they_decided_and_no_node_waited_for_them(way: Way) -> None:
    for text in way.shown:
        for word in (way.image.rpartition("@")[2], "version 1", "ROC AUC", "soak@staging pass", "report.html", "eve"):
            assert word in text
    assert "approval 1 of 2" in way.shown[0]
    assert "approval 2 of 2" in way.shown[1]
    assert way.end["asked"] == [None, None]


def test_the_ledger_says_who_approved_on_what_evidence_before_it_came(way: Way) -> None:
    told = [one for one in way.facts() if one["environment"] == "production"]
    kinds = [one["what"] for one in told if one["what"] != "verdict"]
    assert kinds == ["approved", "approved", "deployed", "promoted"]
    ann, bob = (one for one in told if one["what"] == "approved")
    assert (ann["who"], ann["details"]["comment"], ann["details"]["which"]) == ("ann", WHY, "1 of 2")
    assert (bob["who"], bob["details"]["which"], bob["details"]["confirmed"]) == ("bob", "2 of 2", "jenkins")
    assert ann["release"] == bob["release"] == way.image.rpartition("@")[2]
    assert ann["details"]["evidence"] == bob["details"]["evidence"]
    assert ann["details"]["where"] == f"{way.scene.double.url}/job/{scenes.JOB}/1/"
    assert "eve" in ann["details"]["responsible"]
    printed = way.scene.done("ledger", "at", "now", "--env", "production")
    assert "ann" in printed
    assert "bob" in printed
    assert "whole: " in way.scene.done("ledger", "verify")


def test_the_image_shows_both_approvals_to_mlagent_and_to_cosign(way: Way) -> None:
    assert "by ann, bob" in way.scene.done("verify", way.image, "--env", "production")
    bed = way.scene.home.bed
    ca, key = f"--registry-cacert={bed.registry.ca}", f"--key={bed.keys.public}"
    asked = ["verify-attestation", ca, key, "--insecure-ignore-tlog=true", "--type", document.TYPE, way.image]
    login = bed.env | {"DOCKER_CONFIG": str(_login(way.scene))}
    ended = subprocess.run(
        [os.environ["MLAGENT_TEST_COSIGN"], *asked], env=login, capture_output=True, text=True, check=False
    )
    assert ended.returncode == 0, ended.stderr
    said = [json.loads(base64.b64decode(json.loads(line)["payload"])) for line in ended.stdout.splitlines()]
    assert {one["predicate"]["decision"]["who"] for one in said} == {"ann", "bob"}


def _login(scene: Scene) -> Any:
    folder = scene.folder / "docker"
    folder.mkdir(exist_ok=True)
    told = base64.b64encode(f"team:{PASSWORD}".encode()).decode()
    (folder / "config.json").write_text(json.dumps({"auths": {scene.home.bed.registry.host: {"auth": told}}}))
    return folder


def test_a_build_that_is_rejected_fails_and_what_serves_goes_on(way: Way, rejected: Mapping[str, Any]) -> None:
    assert rejected["result"] == "FAILURE"
    assert "ERROR: approve@production: bob rejected insurance-risk version 2" in rejected["said"]
    assert "(12)" in rejected["said"]
    last = way.facts()
    assert [one["what"] for one in last if one["environment"] == "production"].count("promoted") == 1
    (no,) = (one for one in last if one["what"] == "rejected")
    assert (no["who"], no["environment"]) == ("bob", "production")
    assert "nobody" in no["details"]["confirmed"]
    rows = {one["environment"]: one for one in json.loads(way.scene.done("status", "--json"))}
    assert {name: (one["state"], one["version"]) for name, one in rows.items()} == {
        "staging": ("serving", "2"),
        "production": ("serving", "1"),
    }


def test_no_secret_stands_in_a_log_an_argument_or_what_was_kept(way: Way, rejected: Mapping[str, Any]) -> None:
    database = str(make_url(way.scene.database).password)
    tokens = [way.scene.tokens[one] for one in ("ann", "bob")]
    lines = [max(one.splitlines(), key=len).strip() for one in way.scene.job.secrets.values()]
    secrets = [database, PASSWORD, *tokens, *lines]
    assert min(map(len, secrets)) > 5
    said = [json.dumps(way.courier.events), json.dumps(dict(rejected)), json.dumps(way.facts()), *way.shown]
    for secret in secrets:
        assert not [text[:80] for text in said if secret in text]
        for top in (way.scene.folder / "jenkins", way.scene.folder / "store", way.scene.project):
            for file in (one for one in top.rglob("*") if one.is_file()):
                assert secret.encode() not in file.read_bytes(), file
