"""What goes wrong on an image's way into a registry: each with its code, what happened, and what to do."""

import json
import shutil
import subprocess
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.conftest import Cli
from tests.e2e.conftest import image, record, ships, states
from tests.e2e.test_secrets_do_not_leak import PLANTED, Watch, forms
from tests.e2e.wires import between, wire
from tests.parts.registry import PASSWORD, USER, Registry
from tests.parts.registry import registry as run_registry

MEGA = 1 << 20
SLACK = 2 * MEGA  # requests, and TLS's own bytes


@pytest.fixture
def project(shipped: tuple[Path, object], tmp_path: Path) -> Path:
    """A copy of the project whose image was pushed, to be sent elsewhere; `change` says where."""
    return Path(shutil.copytree(shipped[0], tmp_path / "digits"))


@pytest.fixture
def other(tmp_path: Path) -> Iterator[Registry]:
    """A registry of TLS and a password that has nothing yet."""
    with run_registry(tmp_path / "other", tls=True) as made:
        yield made


def change(project: Path, **values: object) -> None:
    """Take other values for keys of the configuration, written section__key."""
    path = project / "mlpipeline.yaml"
    lines = path.read_text().splitlines()
    for name, value in values.items():
        section, _, key = name.partition("__")
        start = lines.index(f"{section}:") + 1
        lines = [line for line in lines if not (line.startswith(f"  {key}: ") and lines.index(line) >= start)]
        lines.insert(start, f"  {key}: {json.dumps(str(value))}")
    path.write_text("\n".join([*lines, ""]))


def to(project: Path, where: Registry) -> None:
    change(project, registry__repository=f"{where.host}/team/digits", registry__ca=where.ca)


def plainly(project: Path, host: str) -> None:
    """A registry that asks for no login."""
    path = project / "mlpipeline.yaml"
    text = path.read_text().partition("\nregistry:")[0]
    path.write_text(f"{text}\nregistry:\n  repository: {host}/team/digits\n")


def told(project: Path) -> dict[str, object]:
    return json.loads((project / ".mlagent/error.json").read_text())  # type: ignore[no-any-return]


def manifest(project: Path) -> bytes:
    run = project / ".mlagent/runs" / str(record(project)["run_id"])
    return (run / "package/manifest.json").read_bytes()


def pushed_bytes(project: Path) -> int:
    """How large the image is in all, without its manifest."""
    found = json.loads(manifest(project))
    return sum(one["size"] for one in (found["config"], *found["layers"]))


def test_a_registry_that_is_away_for_a_while_in_mid_upload_gets_every_byte_once(
    project: Path, cli: Cli, engine: dict[str, str], tmp_path: Path
) -> None:
    size = pushed_bytes(project)
    with run_registry(tmp_path / "plain") as plain, between(plain.host) as way:
        plainly(project, way.host)

        def away() -> None:
            way.wait(size // 2)
            with way.shut():
                plain.stop()
                time.sleep(1)
                plain.start()

        trouble = threading.Thread(target=away)
        trouble.start()
        ended = cli("run", "--until", "push", cwd=project, env=engine)
        trouble.join()
        assert ended.returncode == 0, ended.stderr
        assert "trying again for up to" in ended.stderr
        assert plain.has("team/digits", image(project))
        assert way.sent == size + len(manifest(project))


def test_a_registry_that_is_killed_within_a_chunk_gets_anew_only_what_it_has_lost(
    project: Path, cli: Cli, shipping: dict[str, str], other: Registry
) -> None:
    size, killed = pushed_bytes(project), threading.Event()

    def kill() -> None:
        other.stop()
        killed.set()

    def back() -> None:
        assert killed.wait(120)
        time.sleep(1)
        other.start()

    with wire(other.port) as way:
        change(project, registry__repository=f"{way.host}/team/digits", registry__ca=other.ca)
        way.when(size // 2, kill)
        trouble = threading.Thread(target=back)
        trouble.start()
        ended = cli("run", "--until", "push", cwd=project, env=shipping)
        trouble.join()
    assert ended.returncode == 0, ended.stderr
    assert other.has("team/digits", image(project))
    assert size <= way.sent <= size + size // 2 + SLACK, f"{way.sent} bytes went for an image of {size}"


def test_a_wrong_password_is_told_with_whose_it_is_and_is_shown_nowhere(
    project: Path, cli: Cli, engine: dict[str, str], other: Registry
) -> None:
    to(project, other)
    ended = cli("run", "--until", "push", cwd=project, env=engine | {"TEAM_PASSWORD": "not-the-team's"})
    assert ended.returncode == 3, ended.stderr
    assert "does not take the credentials of" in ended.stderr
    assert USER in ended.stderr
    assert "not-the-team's" not in ended.stderr + ended.stdout
    assert states(project)["push"] == "failed"


def test_a_certificate_that_nobody_vouches_for_is_not_spoken_to(
    project: Path, cli: Cli, shipping: dict[str, str], other: Registry, registry: Registry
) -> None:
    to(project, other)
    change(project, registry__ca=registry.ca)
    ended = cli("run", "--until", "push", cwd=project, env=shipping)
    assert ended.returncode == 3, ended.stderr
    assert f"the certificate of {other.host} is not trusted here" in ended.stderr
    assert "registry.ca" in str(told(project)["hint"])
    assert "POST" not in other.log


def test_a_registry_that_gives_back_another_image_has_not_taken_this_one(
    project: Path, cli: Cli, engine: dict[str, str], tmp_path: Path
) -> None:
    with (
        run_registry(tmp_path / "plain") as plain,
        between(plain.host, lambda path, body: body + b" " if "/manifests/" in path else body) as way,
    ):
        plainly(project, way.host)
        ended = cli("run", "--until", "push", cwd=project, env=engine)
    assert ended.returncode == 4, ended.stderr
    assert image(project) in str(told(project)["message"])
    assert "bytes with the digest" in str(told(project)["message"])
    assert "nothing of it is used" in str(told(project)["hint"])


def test_a_base_of_a_registry_is_built_on_and_lent_and_missed_when_it_is_gone(
    project: Path, cli: Cli, shipping: dict[str, str], other: Registry, base: str
) -> None:
    where = f"{other.host}/bases/debian"
    options = other.skopeo(cert="--dest-cert-dir", creds="--dest-creds")
    subprocess.run(["skopeo", "copy", "--quiet", *options, base, f"docker://{where}:plain"], check=True)
    layout = json.loads((Path(base.removeprefix("oci:")) / "index.json").read_text())
    digest = layout["manifests"][0]["digest"]
    login = {"base_username": USER, "base_password": "env:TEAM_PASSWORD", "base_ca": other.ca}
    keys = {f"package__{name}": value for name, value in login.items()}
    to(project, other)
    change(project, package__base=f"{where}@{digest}", **keys)
    ended = cli("run", "--until", "push", cwd=project, env=shipping)
    assert ended.returncode == 0, ended.stderr
    assert "1 lent by the base's repository" in record(project)["stages"]["push"]["summary"]
    change(project, package__base=f"{where}@sha256:{'1' * 64}")
    ended = cli("run", "--until", "push", cwd=project, env=shipping)
    assert ended.returncode == 4, ended.stderr
    assert "package.base" in ended.stderr
    assert states(project)["package"] == "failed"


def test_a_full_disk_is_told_and_leaves_no_half_an_image(
    project: Path, cli: Cli, shipping: dict[str, str], tmp_path: Path
) -> None:
    with small_disk(tmp_path / "small", 16 * MEGA) as small:
        change(project, package__cache=small)
        ended = cli("run", "--force", "package", "--until", "package", cwd=project, env=shipping)
        left = [path for path in small.rglob("*") if path.is_file() and path.stat().st_size > MEGA]
    assert ended.returncode == 20, ended.stderr
    assert "No space left on device" in str(told(project)["message"])
    assert "make room" in str(told(project)["hint"])
    assert left == []
    change(project, package__cache=tmp_path / "large")
    assert cli("run", "--until", "package", cwd=project, env=shipping).returncode == 0


@contextmanager
def small_disk(at: Path, size: int) -> Iterator[Path]:
    at.mkdir()
    subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={size}", "none", str(at)], check=True)
    try:
        yield at
    finally:
        subprocess.run(["umount", str(at)], check=True)


def test_a_secret_of_the_environment_is_in_no_layer_label_log_or_argument(
    fresh: Path, cli: Cli, base: str, tmp_path: Path, engine: dict[str, str]
) -> None:
    with run_registry(tmp_path / "secretive", tls=True) as secretive:
        ships(fresh, base, secretive, "team/digits")
        env = engine | {"TEAM_PASSWORD": PASSWORD, "PLANTED": PLANTED, "REGISTRY_PASSWORD": PLANTED}
        with Watch() as watch:
            ended = cli("run", cwd=fresh, env=env)
        assert ended.returncode == 0, ended.stderr
    assert watch.looks > 100
    assert watch.caught == set()
    out = tmp_path / "unpacked"
    layers = unpacked(fresh, out)
    assert layers > 3
    hidden = [*forms(), PASSWORD.encode()]
    kept = [path for where in (fresh, out) for path in where.rglob("*") if path.is_file() and not path.is_symlink()]
    for form in hidden:
        assert form not in (ended.stdout + ended.stderr).encode()
        assert [path for path in kept if form in path.read_bytes()] == []


def unpacked(project: Path, to: Path) -> int:
    """All layers of the image, the base's too, one over the other, as far as they are plain files; how many."""
    layers = json.loads(manifest(project))["layers"]
    to.mkdir()
    for layer in layers:
        name = layer["digest"].partition(":")[2]
        (found, *_) = (path for path in (project / ".mlagent").rglob(name) if path.is_file())
        subprocess.run(["tar", "-C", str(to), "--no-same-owner", "-xzf", str(found)], check=True)
    return len(layers)
