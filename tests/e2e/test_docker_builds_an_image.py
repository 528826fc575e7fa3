"""`builder: docker`: a real engine builds from our Dockerfile or the team's, and what it made is taken out of it."""

import importlib.util
import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import docker
import pytest

from mlagent.adapters.engine import holder
from mlagent.adapters.engine.leftovers import IMAGES, LABEL, names
from mlagent.image import assemble, lock
from tests import stub_image
from tests.conftest import Cli
from tests.e2e.conftest import record, states

OWN = """\
ARG BASE
FROM ${BASE}
COPY . /srv/
COPY mlagent/server /opt/mlagent/server
COPY mlagent/model /srv/model
RUN test -f /srv/mlagent/requirements.lock && test -f /srv/note.txt
USER 65532:65532
ENTRYPOINT ["python3", "/srv/stub.py"]
CMD ["serve"]
"""
SECRET = "hunter2-is-no-password"


@pytest.fixture(scope="module")
def client(engine: dict[str, str]) -> Iterator[docker.DockerClient]:
    client = docker.DockerClient(engine["DOCKER_HOST"])
    yield client
    client.close()


@pytest.fixture
def project(digits: Path, base: str) -> Path:
    """The finished project, which wants an image from the engine."""
    return configured(digits, f"base: {base}")


def configured(project: Path, *keys: str, builder: str = "docker") -> Path:
    path = project / "mlpipeline.yaml"
    lines = "".join(f"  {key}\n" for key in (f"builder: {builder}", *keys))
    path.write_text(f"{path.read_text().partition('package:')[0]}\npackage:\n{lines}")
    return project


def manifest(project: Path) -> dict[str, Any]:
    found = project / ".mlagent/runs" / record(project)["run_id"] / "package/manifest.json"
    return dict(json.loads(found.read_bytes()))


def piece(project: Path, digest: str) -> bytes:
    return (project / ".mlagent/images/blobs" / digest.replace(":", "/")).read_bytes()


def left(client: docker.DockerClient) -> list[str]:
    """What processes that ended have left with the engine."""
    containers = client.containers.list(all=True, filters={"label": LABEL}, ignore_removed=True)
    there = [str(one.name) for one in containers] + [one for one in names(client) if IMAGES in one]
    return [one for one in there if holder.gone(one)]


def unnamed(client: docker.DockerClient) -> set[str]:
    """What a build leaves beside its image."""
    return {one["Id"] for one in client.api.images(all=True) if not one.get("RepoTags") and not one.get("RepoDigests")}


def test_the_teams_own_dockerfile_finds_what_it_is_given_and_its_image_is_load_tested(
    project: Path, cli: Cli, engine: dict[str, str], base: str
) -> None:
    own = project / "image"
    own.mkdir()
    (own / "Dockerfile").write_text(OWN)
    (own / "note.txt").write_text("kept")
    (own / ".dockerignore").write_text("*\n!note.txt\n!stub.py\n")
    (own / "stub.py").write_text("print('no server')\n")
    configured(project, f"base: {base}", "dockerfile: image/Dockerfile")
    ended = cli("run", "--until", "load-test", cwd=project, env=engine | {"TEAM_PASSWORD": SECRET})
    assert ended.returncode == 10, ended.stderr
    assert "Step 6/9 : RUN test -f" in ended.stderr
    assert "exit code 0; its last line: no server" in ended.stderr
    assert states(project)["package"] == "done"
    config = json.loads(piece(project, manifest(project)["config"]["digest"]))
    assert config["config"]["Entrypoint"] == ["python3", "/srv/stub.py"]
    layout = Path(base.removeprefix("oci:"))
    [top] = json.loads((layout / "index.json").read_bytes())["manifests"]
    below = json.loads((layout / "blobs" / top["digest"].replace(":", "/")).read_bytes())["layers"]
    assert manifest(project)["layers"][: len(below)] == below  # the base's pieces, as they were
    assert SECRET not in json.dumps(config) + ended.stderr


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("ARG BASE\nFROM ${BASE}\nRUN echo here && false\n", "Step 3/3 : RUN echo here && false"),
        ("ARG BASE\nFROM ${BASE}\nCOPY nothing /\n", "Step 3/3 : COPY nothing /"),
        ("FROM ${BASE} AS\n", "Dockerfile"),
    ],
)
def test_a_step_of_the_teams_that_does_not_work_is_named_and_is_theirs(
    project: Path, cli: Cli, engine: dict[str, str], client: docker.DockerClient, base: str, text: str, said: str
) -> None:
    (project / "image").mkdir()
    (project / "image/Dockerfile").write_text(text)
    configured(project, f"base: {base}", "dockerfile: image/Dockerfile")
    before = unnamed(client)
    ended = cli("run", "--until", "package", cwd=project, env=engine)
    assert ended.returncode == 5, ended.stderr
    assert f"package.dockerfile: {said}" in ended.stderr
    assert (left(client), unnamed(client) - before) == ([], set())


def test_without_an_engine_it_is_infrastructure_that_is_missing(project: Path, cli: Cli, tmp_path: Path) -> None:
    ended = cli("run", "--until", "package", cwd=project, env={"DOCKER_HOST": f"unix://{tmp_path}/none.sock"})
    assert ended.returncode == 20
    assert "no container engine answers" in ended.stderr


def test_our_own_dockerfile_makes_an_image_that_passes_its_load_test(
    project: Path, cli: Cli, engine: dict[str, str], client: docker.DockerClient, base: str, tmp_path: Path
) -> None:
    layout = with_pip(Path(base.removeprefix("oci:")), tmp_path)
    wheelhouse = tmp_path / "wheelhouse"
    configured(project, f"base: oci:{layout}", builder="daemonless")
    frozen = cli("run", "--until", "package", cwd=project, env=engine)  # makes the lock
    assert frozen.returncode == 0, frozen.stderr
    found = lock.load(project / "serving.lock", "serving.lock")
    plain = [f"{one.name}=={one.version}" for one in found.requirements]
    options = [
        "--no-deps",
        "--only-binary",
        ":all:",
        "--quiet",
        "--disable-pip-version-check",
        "--dest",
        str(wheelhouse),
    ]
    subprocess.run([sys.executable, "-m", "pip", "download", *options, *plain], check=True)
    configured(project, f"base: oci:{layout}", f"wheelhouse: {wheelhouse}")
    before = unnamed(client)
    ended = cli("run", "--until", "load-test", cwd=project, env=engine)
    assert ended.returncode == 0, ended.stderr
    assert states(project)["load-test"] == "done"
    config = json.loads(piece(project, manifest(project)["config"]["digest"]))["config"]
    wanted = assemble.settings("python3", "digits")
    assert {name: config[name] for name in wanted} == wanted
    assert {f"{name}={value}" for name, value in assemble.ENVIRONMENT.items()} <= set(config["Env"])
    assert set(config["ExposedPorts"]) == {"8000/tcp", "8001/tcp"}
    assert manifest(project)["annotations"] == config["Labels"]
    assert (left(client), unnamed(client) - before) == ([], set())


def with_pip(base: Path, folder: Path) -> Path:
    """The base with pip in it, as the official Python image has it."""
    found = importlib.util.find_spec("pip")
    assert found
    pip = Path(str(found.origin)).parent
    sources = [path for path in pip.rglob("*") if path.is_file() and path.suffix != ".pyc"]
    where = "usr/lib/python3/dist-packages/pip"
    files = {f"{where}/{path.relative_to(pip)}": path.read_bytes() for path in sources}
    image = stub_image.layered(folder / "pieces", base, files, {"Env": ["PATH=/usr/local/bin:/usr/bin:/bin"]})
    return stub_image.as_layout(image, folder / "layout")
