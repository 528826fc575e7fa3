"""From a trained model to an image in a registry: built, tried in the container and pushed, and then really run."""

import json
import os
import shutil
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import docker
import pytest

from tests.conftest import Cli
from tests.e2e.conftest import image, record, ship, ships, states, unhurried
from tests.parts.registry import PASSWORD, USER, Registry

ENVIRONMENTS = tuple(f"{verb}@{one}" for one in ("staging", "production") for verb in ("approve", "deploy", "soak"))
Shipped = tuple[Path, subprocess.CompletedProcess[str]]


@pytest.fixture(scope="module")
def insured(
    tmp_path_factory: pytest.TempPathFactory, base: str, registry: Registry, shipping: dict[str, str]
) -> Shipped:
    """The insurer's template, new, taken through every stage at once."""
    parent = tmp_path_factory.mktemp("insured")
    env = {name: value for name, value in os.environ.items() if not name.startswith("MLAGENT_")}
    command = [sys.executable, "-m", "mlagent", "init", "risk", "--template", "insurance-risk"]
    subprocess.run(command, cwd=parent, env=env, check=True, capture_output=True)
    project = ships(unhurried(parent / "risk"), base, registry, "insurer/risk/model")
    return project, ship(project, shipping)


@pytest.fixture(params=["digits", "insurance-risk"])
def any_shipped(request: pytest.FixtureRequest) -> Shipped:
    """Each template in turn."""
    return request.getfixturevalue("shipped" if request.param == "digits" else "insured")  # type: ignore[no-any-return]


def test_one_run_builds_the_image_tries_it_in_a_container_and_pushes_it(
    any_shipped: Shipped, registry: Registry
) -> None:
    project, ended = any_shipped
    assert ended.returncode == 0, ended.stderr
    ran = states(project)
    assert {name for name, state in ran.items() if state != "done"} == {"sign", *ENVIRONMENTS}, "no key, no namespace"
    assert [name for name in ran if "@" not in name][-5:] == ["package", "load-test", "push", "sign", "release"]
    assert registry.has(repository(project), image(project))


def test_the_verdict_names_the_manifest_and_the_configuration_that_were_tried(any_shipped: Shipped) -> None:
    project, _ = any_shipped
    (judged,) = record(project)["stages"]["load-test"]["verdicts"]
    assert judged["outcome"] == "pass"
    named = json.dumps(judged)
    assert image(project) in named
    assert manifest(project)["config"]["digest"] in named


def test_skopeo_finds_it_by_digest_and_it_says_what_it_is(any_shipped: Shipped, registry: Registry) -> None:
    project, _ = any_shipped
    where = f"docker://{registry.host}/{repository(project)}@{image(project)}"
    asked = subprocess.run(
        ["skopeo", "inspect", "--no-tags", *registry.skopeo(), where], check=True, capture_output=True, text=True
    )
    seen = json.loads(asked.stdout)
    assert seen["Digest"] == image(project)
    assert registry.tags(repository(project)) == [image(project).replace(":", "-")], "only what refers to it"
    assert (seen["Os"], seen["Architecture"]) == ("linux", "amd64")
    assert seen["Layers"] == [layer["digest"] for layer in manifest(project)["layers"]]


def test_docker_pulls_it_by_digest_and_runs_it_and_it_answers_a_golden_row(
    any_shipped: Shipped, registry: Registry, engine: dict[str, str]
) -> None:
    project, _ = any_shipped
    run = project / ".mlagent/runs" / record(project)["run_id"]
    golden = json.loads((run / "load-test/golden.jsonl").read_text().splitlines()[0])
    name = f"{registry.host}/{repository(project)}@{image(project)}"
    with running(engine, name) as url:
        body = json.dumps({"rows": [golden["row"]]}).encode()
        with urllib.request.urlopen(urllib.request.Request(f"{url}/predict", body), timeout=30) as answered:
            (told,) = json.loads(answered.read())["rows"]
    for field, expected in golden["expected"].items():
        assert told[field] == pytest.approx(expected, abs=1e-4)


def test_the_next_run_makes_no_image_and_finds_this_one_in_the_registry(
    any_shipped: Shipped, tmp_path: Path, cli: Cli, shipping: dict[str, str], registry: Registry
) -> None:
    project = Path(shutil.copytree(any_shipped[0], tmp_path / "again"))
    (project / "README.md").write_text("What no image depends on.\n")
    planned = cli("plan", cwd=project, env=shipping)
    assert {line.split()[0]: line.split()[1] for line in planned.stdout.splitlines()}["package"] == "reuse"
    before = len(registry.log)
    ended = cli("run", cwd=project, env=shipping)
    assert ended.returncode == 0, ended.stderr
    stages = record(project)["stages"]
    ran = {name for name, one in stages.items() if one["attempt"] == record(project)["attempt"]}
    assert ran == {"register", "push", "release", "sign", *ENVIRONMENTS}, "three ask each time, the rest is off"
    assert image(project) == image(any_shipped[0])
    assert "was there already" in stages["push"]["summary"]
    assert "was attached already" in stages["release"]["summary"]
    asked = registry.log[before:]
    assert "http.request.method=GET" in asked
    assert "http.request.method=POST" not in asked
    assert "http.request.method=PUT" not in asked


def test_the_wish_for_what_the_image_holds_is_answered_by_its_bill_of_materials(any_shipped: Shipped) -> None:
    project, _ = any_shipped
    run = project / ".mlagent/runs" / record(project)["run_id"]
    bill = json.loads((run / "package/sbom.cdx.json").read_text())
    assert bill["bomFormat"] == "CycloneDX"
    held = {one["name"] for one in bill["components"]}
    assert {"onnxruntime", "numpy", "uvloop", "libc6", "ca-certificates"} <= held


def repository(project: Path) -> str:
    return str(record(project)["config"]["registry"]["repository"]).partition("/")[2]


def manifest(project: Path) -> dict[str, Any]:
    run = project / ".mlagent/runs" / record(project)["run_id"]
    return json.loads((run / "package/manifest.json").read_text())  # type: ignore[no-any-return]


@contextmanager
def running(engine: dict[str, str], name: str) -> Iterator[str]:
    """The image pulled by a name with its digest, and run as people would; gone afterwards."""
    client = docker.DockerClient(base_url=engine["DOCKER_HOST"])
    try:
        pulled = client.images.pull(name, auth_config={"username": USER, "password": PASSWORD})
        assert name in pulled.attrs["RepoDigests"]
        made = client.containers.run(pulled.id, detach=True, read_only=True, ports={"8000": ("127.0.0.1", 0)})
        try:
            yield ready(made)
        finally:
            made.remove(force=True)
            client.images.remove(name)
    finally:
        client.close()


def ready(container: Any) -> str:
    """Where it answers, once the image's own health check says so, which Docker asks only every half a minute."""
    healthy = container.image.attrs["Config"]["Healthcheck"]["Test"][1:]
    end = time.monotonic() + 120
    while container.exec_run(healthy).exit_code:
        assert time.monotonic() < end, container.logs().decode()
        time.sleep(0.2)
        container.reload()
        assert container.attrs["State"]["Status"] in ("created", "running"), container.logs().decode()
    container.reload()
    return f"http://127.0.0.1:{container.ports['8000/tcp'][0]['HostPort']}"
