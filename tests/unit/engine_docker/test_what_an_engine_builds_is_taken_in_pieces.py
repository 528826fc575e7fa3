"""The context that an engine is given, and the pieces of what it built."""

import gzip
import json
import shutil
from pathlib import Path
from typing import Any

import pytest

from mlagent.core.digest import of_bytes
from mlagent.core.ports.engine import BuildFailed
from mlagent.errors import ConfigError, InfrastructureError, TeamCodeError
from mlagent.image import assemble, dockerfile, exported
from mlagent.image.dockerfile import OURS
from mlagent.image.lock import Lock, Requirement
from tests import stub_image

ROOT = Path(__file__).parents[3]


class Folder:
    """Of the Blobs port, what is asked here."""

    home: Path

    def __init__(self, home: Path) -> None:
        self.home = home
        home.mkdir()

    def has(self, digest: str) -> bool:
        return (self.home / digest).is_file()

    def add(self, file: Path, digest: str) -> Path:
        return Path(shutil.move(file, self.home / digest))

    def path(self, digest: str) -> Path:
        return self.home / digest


def locked(*hashes: str) -> Lock:
    return Lock("linux/amd64", "3.11", ("numpy",), (Requirement("numpy", "2.0", hashes),))


def files(folder: Path) -> set[str]:
    return {str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file()}


@pytest.fixture
def given(tmp_path: Path) -> tuple[Path, Path]:
    (tmp_path / "onnx").write_bytes(b"model")
    (tmp_path / "signature").write_bytes(b"{}")
    (tmp_path / "onnx").chmod(0o600)
    return tmp_path / "onnx", tmp_path / "signature"


def test_the_dockerfile_for_people_is_the_one_that_ships() -> None:
    assert (ROOT / "docker/serving/Dockerfile").read_bytes() == OURS.read_bytes()


def test_our_dockerfile_sets_what_the_daemonless_builder_sets() -> None:
    text = OURS.read_text().replace("\\\n", "")
    assert all(f"{name}={value}" in text for name, value in assemble.ENVIRONMENT.items())
    settings = assemble.settings("python3", "model")
    assert json.dumps(settings["Entrypoint"]) in text
    assert json.dumps(settings["Cmd"]) in " ".join(text.split()).replace("[ ", "[")
    assert json.dumps(settings["Healthcheck"]["Test"][1:]) in text
    assert f"USER {settings['User']}" in text


def test_ours_gets_the_projects_command_and_labels_and_files_that_anybody_may_read(
    tmp_path: Path, given: tuple[Path, Path]
) -> None:
    recipe = dockerfile.recipe(tmp_path, None)
    assert recipe.wants_base
    wheels = tmp_path / "wheels"
    wheels.mkdir()
    (wheels / "numpy-2.0.whl").write_bytes(b"wanted")
    (wheels / "other-1.0.whl").write_bytes(b"not wanted")
    lock = locked(of_bytes(b"wanted"))
    dockerfile.lay_out(tmp_path / "c", recipe, lock, given, wheels, dockerfile.ending(["--name", "risk"], {"a.b": "c"}))
    found = files(tmp_path / "c")
    assert {
        "Dockerfile",
        "mlagent/requirements.lock",
        "mlagent/model/model.onnx",
        "mlagent/wheels/numpy-2.0.whl",
    } <= found
    assert "mlagent/wheels/other-1.0.whl" not in found
    assert "mlagent/server/mlagent/serving/__main__.py" in found
    assert (tmp_path / "c/Dockerfile").read_text().endswith('CMD ["--name", "risk"]\nLABEL a.b="c"\n')
    modes = {path.stat().st_mode & 0o777 for path in (tmp_path / "c/mlagent").rglob("*")}
    assert modes == {0o755, 0o644}


def test_the_teams_folder_is_the_context_without_what_mlagent_and_git_keep(
    tmp_path: Path, given: tuple[Path, Path]
) -> None:
    project = tmp_path / "project"
    for name in ("Dockerfile", "kept.txt", ".mlagent/store/x", ".git/config", ".dockerignore"):
        (project / name).parent.mkdir(parents=True, exist_ok=True)
        (project / name).write_text("FROM x\n" if name == "Dockerfile" else "*\n")
    recipe = dockerfile.recipe(project, "Dockerfile")
    assert (recipe.own, recipe.wants_base) == (True, False)
    dockerfile.lay_out(tmp_path / "c", recipe, locked(), given, None, "not for the team's")
    assert {one for one in files(tmp_path / "c") if not one.startswith("mlagent/")} == {
        "Dockerfile",
        "kept.txt",
        ".dockerignore",
    }
    assert (tmp_path / "c/.dockerignore").read_text() == "*\n\n!mlagent\n"
    assert (tmp_path / "c/Dockerfile").read_text() == "FROM x\n"


def test_a_dockerfile_that_is_not_there_or_has_no_room_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="there is no file Dockerfile"):
        dockerfile.recipe(tmp_path, "Dockerfile")
    (tmp_path / "Dockerfile").touch()
    (tmp_path / "mlagent").mkdir()
    with pytest.raises(ConfigError, match="there is already a mlagent/"):
        dockerfile.recipe(tmp_path, "Dockerfile")


def test_a_step_that_fails_is_the_teams_in_the_teams_file_alone(tmp_path: Path) -> None:
    (tmp_path / "Dockerfile").touch()
    error = BuildFailed("Step 2/3 : RUN false")
    theirs, ours = (dockerfile.recipe(tmp_path, named).failed(error) for named in ("Dockerfile", None))
    assert (type(theirs), type(ours)) == (TeamCodeError, InfrastructureError)
    assert "package.wheelhouse" in ours.hint


def built(tmp_path: Path, layers: list[bytes], ids: list[str], architecture: str = "amd64") -> tuple[Path, list[Path]]:
    config = tmp_path / "config.json"
    told = {"os": "linux", "architecture": architecture, "rootfs": {"type": "layers", "diff_ids": ids}}
    config.write_text(json.dumps(told))
    tars = [tmp_path / f"layer-{number}.tar" for number in range(len(layers))]
    for tar, data in zip(tars, layers, strict=True):
        tar.write_bytes(data)
    return config, tars


@pytest.mark.parametrize("packed", [False, True])
def test_layers_are_packed_where_the_engine_gives_them_unpacked(tmp_path: Path, packed: bool) -> None:
    raw = stub_image._packed({"srv/a": b"a" * 4000})
    config, tars = built(tmp_path, [gzip.compress(raw) if packed else raw], [of_bytes(raw)])
    before, blobs = config.read_bytes(), Folder(tmp_path / "blobs")
    made = exported.take(config, tars, None, {"a": "b"}, "linux/amd64", blobs)
    manifest: dict[str, Any] = json.loads(made.manifest)
    assert manifest["annotations"] == {"a": "b"}
    assert blobs.path(manifest["config"]["digest"]).read_bytes() == before
    [layer] = manifest["layers"]
    assert gzip.decompress(blobs.path(layer["digest"]).read_bytes()) == raw
    assert layer["size"] == blobs.path(layer["digest"]).stat().st_size
    assert made.image.digest == of_bytes(before)


def test_an_image_of_another_platform_is_refused(tmp_path: Path) -> None:
    config, tars = built(tmp_path, [], [], architecture="arm64")
    with pytest.raises(ConfigError, match="built an image for linux/arm64"):
        exported.take(config, tars, None, {}, "linux/amd64", Folder(tmp_path / "blobs"))
