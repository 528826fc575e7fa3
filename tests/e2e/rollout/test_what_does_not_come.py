"""What must not come to an environment does not: its exit code, its reason, and a cluster in which nothing changed."""

import json
import shutil
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from mlagent.core.ports.ledger import NOTE
from tests.cluster import house
from tests.e2e.rollout import home as homes
from tests.e2e.rollout.bed import MODEL, POLICY, Bed
from tests.e2e.rollout.home import Home
from tests.parts.keys import pair
from tests.parts.registry import PASSWORD

KINDS = "deployments,replicasets,pods,services,configmaps,serviceaccounts,poddisruptionbudgets,networkpolicies,leases"
PLANTED = "planted-token-Zq81xV"
SLOW = {"MLAGENT_STAGING_SOAK_P99_MS": "0.25"}  # no answer is so quick
AT_ONCE = {"MLAGENT_STAGING_SOAK_MINUTES": "0"}


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory, bed: Bed) -> Iterator[Home]:
    """The first release serves in staging, and has soaked there; nothing serves in production."""
    with homes.home(bed, tmp_path_factory.mktemp("home")) as made:
        for environment in ("STAGING", "PRODUCTION"):
            made.env.update({f"MLAGENT_{environment}_REPLICAS": "1", f"MLAGENT_{environment}_SOAK_MINUTES": "0"})
        whole = made.mlagent(made.one, "run", "--until", "soak@staging")
        assert whole.returncode == 0, whole.stdout + whole.stderr
        yield made


@pytest.fixture
def home(served: Home, tmp_path: Path) -> Iterator[Home]:
    """The same for one test, with projects and a store of its own; what it brings to staging is taken back after it."""
    one, two, store = (Path(shutil.copytree(folder, tmp_path / folder.name, symlinks=True)) for folder in served[1:4])
    made = served._replace(one=one, two=two, store=store, env=served.env | {"MLAGENT_STORE_URL": str(store)})
    before, sealed = stands(made), checkpoint(made)
    yield made
    if stands(made) != before:
        ended = made.mlagent(one, "rollback", "--env", "staging", "--to", "1")
        assert ended.returncode == 0, ended.stderr
        house.until(lambda: len(made.pods()) == 1)
        note = f"{NOTE}={sealed}"  # the ledger that the newer one is of goes with the test
        house.admin("annotate", "deployment", MODEL, note, "--overwrite", "--namespace", made.staging)


def checkpoint(home: Home) -> str:
    """Of the ledger, as the Deployment in staging has it."""
    live = house.admin_json("get", "deployment", MODEL, "--namespace", home.staging)
    return str(live["metadata"]["annotations"][NOTE])


def stands(home: Home) -> dict[str, Any]:
    """Each object of both environments as somebody wanted it, without what the cluster itself notes of it meanwhile.

    What is told to go already, such as a pod of the test before, goes by itself.
    """
    found = [
        one
        for namespace in (home.staging, home.production)
        for one in house.admin_json("get", KINDS, "--namespace", namespace)["items"]
    ]
    return {one["metadata"]["uid"]: house.as_wanted(one) for one in found if "deletionTimestamp" not in one["metadata"]}


def refused(home: Home, project: Path, *args: str, code: int, says: str, env: dict[str, str] | None = None) -> str:
    """What it said: the reason, a hint; and nothing is otherwise in the cluster."""
    before = stands(home)
    ended = home.mlagent(project, *args, env=env)
    assert ended.returncode == code, ended.stdout[-2000:] + ended.stderr
    error = ended.stderr[ended.stderr.rindex("Error: ") :]
    assert says in error
    assert "Hint: " in error
    assert stands(home) == before
    return error


def to(environment: str) -> tuple[str, ...]:
    return ("deploy", "--env", environment)


def test_nothing_reaches_production_that_has_not_been_in_staging(home: Home) -> None:
    assert "production takes what came to staging" in refused(
        home, home.two, *to("production"), code=12, says="deploy@staging has not passed"
    )


def test_nothing_that_another_key_has_signed_is_deployed(home: Home, tmp_path: Path) -> None:
    policy = tmp_path / "policy.yaml"
    policy.write_text(POLICY.format(key=pair(tmp_path / "other").public))
    refused(home, home.two, *to("staging"), code=12, says="sign", env={"MLAGENT_POLICY_FILE": str(policy)})


def test_nothing_that_nobody_has_signed_is_deployed(home: Home) -> None:
    elsewhere = {"MLAGENT_REGISTRY_REPOSITORY": f"{home.bed.registry.host}/insurer/unsigned"}
    pushed = home.mlagent(home.two, "run", "--until", "push", env=elsewhere)
    assert pushed.returncode == 0, pushed.stderr
    refused(home, home.two, *to("staging"), code=12, says="sign", env=elsewhere)


def test_nothing_is_deployed_that_was_not_pushed(home: Home) -> None:
    nowhere = {"MLAGENT_REGISTRY_REPOSITORY": "null"}
    refused(home, home.two, *to("staging"), code=12, says="pushed no image", env=nowhere)


def test_nothing_is_deployed_of_a_run_that_skips_a_stage(home: Home) -> None:
    before = stands(home)
    ended = home.mlagent(home.two, "run", "--set", 'stages.skip={"check": "linted elsewhere"}')
    assert ended.returncode == 0, ended.stderr
    assert "nothing is deployed of skipped" in ended.stdout
    assert stands(home) == before


def test_nothing_goes_to_production_that_is_in_no_commit(home: Home) -> None:
    home.env["MLAGENT_REGISTRY_REPOSITORY"] = f"{home.bed.registry.host}/insurer/dirty"  # where it may be signed so
    unverified = {"MLAGENT_POLICY_FILE": "null"}
    (home.two / "README.md").write_text("changed\n")
    ended = home.mlagent(home.two, "run", env=unverified)
    assert ended.returncode == 12, ended.stderr
    assert "nothing was verified: this node has no policy" in ended.stderr
    says = "it was built with changes that are not in commit"
    assert says in ended.stderr
    assert "commit them" in refused(home, home.two, *to("production"), code=12, says=says, env=unverified)
    refused(home, home.two, *to("staging"), code=12, says="with changes not committed")


def test_what_is_older_than_what_was_there_comes_by_rollback_alone(home: Home) -> None:
    home.deploy(home.two)
    house.until(lambda: len(home.pods()) == 1)
    says = "build 2 has been there, and this is build 1"
    assert "`mlagent rollback` only" in refused(home, home.one, *to("staging"), code=12, says=says)


def test_an_environment_that_is_not_set_up_is_named(home: Home) -> None:
    off = {"MLAGENT_STAGING_NAMESPACE": "null"}
    refused(home, home.two, "rollback", "--env", "staging", code=3, says="staging.namespace is not set", env=off)
    shown = home.mlagent(home.two, "status", env=off)
    assert shown.returncode == 0
    assert "staging.namespace is not set" in shown.stdout


def test_a_namespace_that_is_not_the_deployers_is_named(home: Home) -> None:
    other = {"MLAGENT_STAGING_NAMESPACE": "kube-system"}
    error = refused(home, home.two, *to("staging"), code=3, says="in namespace kube-system", env=other)
    assert "mlagent manifests rbac" in error
    assert "staging.kubeconfig" in error


def test_a_context_that_is_not_there_is_named_with_those_that_are(home: Home) -> None:
    other = {"MLAGENT_STAGING_CONTEXT": "elsewhere"}
    assert "parts" in refused(home, home.two, *to("staging"), code=3, says="no context 'elsewhere'", env=other)


def kubeconfig(home: Home, to: Path, *, server: str = "", token: str = "") -> dict[str, str]:
    """The deployer's, changed; the variable that has it read."""
    config = json.loads(Path(home.env["MLAGENT_STAGING_KUBECONFIG"].removeprefix("file:")).read_text())
    config["clusters"][0]["cluster"]["server"] = server or config["clusters"][0]["cluster"]["server"]
    config["users"][0]["user"]["token"] = token or config["users"][0]["user"]["token"]
    to.write_text(json.dumps(config))
    return {"MLAGENT_STAGING_KUBECONFIG": f"file:{to}"}


def test_a_token_that_is_not_known_is_not_told(home: Home, tmp_path: Path) -> None:
    wrong = kubeconfig(home, tmp_path / "wrong", token=PLANTED)
    for args in (to("staging"), ("rollback", "--env", "staging"), ("rollout", "status", "--env", "staging")):
        refused(home, home.two, *args, code=3, says="staging.kubeconfig", env=wrong)
    said = [home.mlagent(home.two, *args, env=wrong) for args in (("status",), to("staging"), ("report",))]
    assert PLANTED not in "".join(one.stdout + one.stderr for one in said)
    written = [path for path in (home.two / ".mlagent").rglob("*") if path.is_file()]
    assert {"error.json", "run.json", "report.html"} <= {path.name for path in written}
    assert [path for path in written if PLANTED.encode() in path.read_bytes()] == []


def test_a_cluster_that_is_away_is_worth_another_try(home: Home, tmp_path: Path) -> None:
    away = kubeconfig(home, tmp_path / "away", server="https://127.0.0.1:9")
    away |= {"MLAGENT_STAGING_PATIENCE_SECONDS": "1"}
    refused(home, home.two, *to("staging"), code=20, says="127.0.0.1:9", env=away)
    refused(home, home.two, "rollback", "--env", "staging", code=20, says="127.0.0.1:9", env=away)
    shown = home.mlagent(home.two, "status", env=away)
    assert shown.returncode == 0
    assert "away: " in shown.stdout


def ask(home: Home, times: int) -> None:
    """Golden rows, as fast as they are answered."""
    body, url = home.body().encode(), home.url()
    for _ in range(times):
        request = urllib.request.Request(url, body, {"content-type": "application/json"})
        with urllib.request.urlopen(request, timeout=10) as answer:
            assert answer.status == 200


def test_few_requests_say_nothing_of_a_release(home: Home) -> None:
    few = AT_ONCE | {"MLAGENT_STAGING_SOAK_REQUESTS_MIN": "1000"}
    refused(home, home.one, "soak", "--env", "staging", code=11, says="1000 are asked for", env=few)


def test_a_release_that_soaks_badly_makes_way_and_does_not_come_again(home: Home) -> None:
    home.deploy(home.two)
    house.until(lambda: len(home.pods()) == 1)
    ask(home, 60)
    ended = home.mlagent(home.two, "soak", "--env", "staging", env=SLOW)
    house.until(lambda: len(home.pods()) == 1)
    assert ended.returncode == 30, ended.stdout + ended.stderr
    assert "insurance-risk version 2" in ended.stderr
    assert "p99 latency" in ended.stderr
    assert "insurance-risk version 1" in ended.stderr
    refused(home, home.two, *to("staging"), code=12, says="was rolled back there", env=SLOW)
    refused(home, home.two, *to("production"), code=12, says="deploy@staging has not passed")


def test_what_would_change_is_shown_and_nothing_is_changed(home: Home) -> None:
    before, digest = stands(home), home.bed.image(home.two).partition("@")[2]
    for how in ("--diff", "--dry-run"):
        ended = home.mlagent(home.two, *to("staging"), how)
        assert ended.returncode == 0, ended.stderr
        assert [line for line in ended.stdout.splitlines() if line.startswith("+") and digest in line]
        assert "looked at and good" in ended.stderr or how == "--diff"
    assert stands(home) == before
    assert "is as insurance-risk version 1" in home.mlagent(home.one, *to("staging"), "--diff").stdout


def test_what_is_rendered_is_taken_by_the_api_server(home: Home) -> None:
    before = stands(home)
    for what in ("render", "rbac"):
        printed = home.mlagent(home.two, "manifests", what, "--env", "staging")
        assert printed.returncode == 0, printed.stderr
        text = printed.stdout
        if "policy/v1" not in house.admin("api-versions").split():
            text = text.replace("policy/v1\n", "policy/v1beta1\n")  # of the tests' own old server
        taken = house.admin("apply", "--dry-run=server", "--namespace", home.staging, "--filename", "-", stdin=text)
        assert taken.count("(server dry run)") == printed.stdout.count("apiVersion: ") > 2
    assert stands(home) == before


def test_no_secret_is_told_or_kept(home: Home) -> None:
    deployer = json.loads(Path(home.env["MLAGENT_STAGING_KUBECONFIG"].removeprefix("file:")).read_text())
    secrets = [deployer["users"][0]["user"]["token"], PASSWORD, home.bed.keys.spoken]
    secrets += home.bed.keys.private.read_text().splitlines()[1:-1]
    kinds = KINDS.replace("serviceaccounts,", "")
    told = house.admin("get", kinds, "--namespace", home.staging, "--output", "json").encode()
    told += home.mlagent(home.one, "status", "--json").stdout.encode()
    kept = [path for path in (home.one / ".mlagent", home.store) for path in path.rglob("*") if path.is_file()]
    assert len(kept) > 20
    for found in (told, *(path.read_bytes() for path in kept)):
        assert [one for one in secrets if one.encode() in found] == []
