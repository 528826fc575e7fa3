"""Against a real registry: the contract of all registries, and what happens when it goes down, lies or says no."""

import os
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from mlagent.adapters.oci_registry import opened
from mlagent.adapters.oci_registry.client import RegistryClient
from mlagent.adapters.oci_registry.patience import Pause, sleep
from mlagent.adapters.oci_registry.refusals import Damaged
from mlagent.config.images import Registry as Settings
from mlagent.config.secret import Secret
from mlagent.core import oci
from mlagent.core.digest import of_bytes
from mlagent.core.ports.images import ImageRegistry, Sent
from mlagent.errors import ConfigError
from tests.conftest import Cli
from tests.contract.image_registries import ImageRegistries, Piece, image, piece
from tests.parts.registry import PASSWORD, USER, Registry
from tests.parts.registry import registry as run_registry
from tests.parts.relay import relay

PATH = "acme/risk"
SIZE = 30_000_000
Connect = Callable[..., RegistryClient]


@pytest.fixture
def plain(tmp_path: Path) -> Iterator[Registry]:
    """One that lets anybody in."""
    with run_registry(tmp_path / "plain") as made:
        yield made


@pytest.fixture
def guarded(tmp_path: Path) -> Iterator[Registry]:
    """One that wants TLS and a password."""
    with run_registry(tmp_path / "guarded", tls=True) as made:
        yield made


@pytest.fixture
def connect(tmp_path: Path) -> Iterator[Connect]:
    """Connects to a host, with the password that a registry with TLS takes, unless other settings are given."""
    with ExitStack() as stack:

        def client(made: Registry, host: str = "", pause: Pause = sleep, **settings: object) -> RegistryClient:
            (tmp_path / "password").write_text(PASSWORD)
            usual = {"username": USER, "password": Secret("file:password", tmp_path), "ca": str(made.ca)}
            chosen = Settings(**{**(usual if made.tls else {}), **settings})  # type: ignore[arg-type]
            where = oci.parse(f"{host or made.host}/{PATH}")
            return stack.enter_context(opened(where, chosen, tmp_path, environ={"HOME": str(tmp_path)}, pause=pause))

        yield client


class TestRealRegistries(ImageRegistries):
    @pytest.fixture(params=["plain", "guarded"])
    def registry(self, request: pytest.FixtureRequest, connect: Connect) -> ImageRegistry:
        return connect(request.getfixturevalue(request.param))


@pytest.fixture
def large(tmp_path: Path) -> Piece:
    return piece(tmp_path, os.urandom(SIZE))


def test_an_upload_goes_on_after_the_registry_was_killed_and_started_again(
    guarded: Registry, connect: Connect, large: Piece
) -> None:
    waited: list[float] = []

    def down(done: int, _of: int) -> None:
        if done == 16 << 20:  # two chunks of four
            guarded.stop()

    def pause(seconds: float) -> None:
        waited.append(seconds)
        if len(waited) == 3:
            guarded.start()

    sent = connect(guarded, pause=pause).push(PATH, large.digest, large.give, progress=down)
    assert sent == Sent(SIZE, "uploaded")
    assert len(waited) == 3
    assert guarded.log.count('"POST /v2/') == 1
    assert connect(guarded).size(PATH, large.digest) == SIZE


def test_a_connection_that_breaks_within_a_chunk_costs_no_more_than_this_piece(
    plain: Registry, connect: Connect, large: Piece
) -> None:
    with relay(plain.port, to=12_000_000) as host:
        sent = connect(plain, host, pause=lambda _: None).push(PATH, large.digest, large.give)
    assert sent.how == "uploaded"
    assert SIZE <= sent.bytes < 2 * SIZE
    assert connect(plain).size(PATH, large.digest) == SIZE


def test_a_pull_goes_on_after_its_connection_broke(
    plain: Registry, connect: Connect, large: Piece, tmp_path: Path
) -> None:
    connect(plain).push(PATH, large.digest, large.give)
    with relay(plain.port, back=10_000_000) as host:
        connect(plain, host, pause=lambda _: None).pull(PATH, large.digest, SIZE, tmp_path / "back")
    assert (tmp_path / "back").read_bytes() == large.path.read_bytes()
    assert "http.response.status=206" in plain.log


def test_a_wrong_password_is_a_matter_of_configuration(guarded: Registry, connect: Connect, tmp_path: Path) -> None:
    (tmp_path / "wrong").write_text("planted-secret")
    client = connect(guarded, password=Secret("file:wrong", tmp_path))
    with pytest.raises(ConfigError, match=r"does not take the credentials of registry\.password \(file:wrong") as told:
        client.manifest(PATH, "v1")
    assert "planted-secret" not in str(told.value)


def test_an_untrusted_certificate_is_a_matter_of_configuration(guarded: Registry, connect: Connect) -> None:
    with pytest.raises(ConfigError, match="is not trusted here") as told:
        connect(guarded, ca=None).manifest(PATH, "v1")
    assert "registry.ca" in told.value.hint


def test_a_registry_whose_storage_lies_is_found_out(plain: Registry, connect: Connect, tmp_path: Path) -> None:
    client = connect(plain)
    data = image(client, PATH, tmp_path)
    client.put_manifest(PATH, data, oci.MANIFEST)
    name = of_bytes(data).partition(":")[2]
    kept = plain.folder / "data/docker/registry/v2/blobs/sha256" / name[:2] / name / "data"
    kept.write_bytes(data.replace(b"amd64", b"arm64").replace(b" ", b"\t", 1))
    with pytest.raises(Damaged, match="bytes with the digest"):
        client.manifest(PATH, of_bytes(data))


def test_the_doctor_fails_a_registry_that_anybody_may_push_to(
    plain: Registry, guarded: Registry, project: Path, cli: Cli
) -> None:
    path, text = project / "mlpipeline.yaml", (project / "mlpipeline.yaml").read_text()
    path.write_text(f"{text}registry:\n  repository: {plain.host}/{PATH}\n")
    ended = cli("doctor", "--only", "registry", cwd=project)
    assert ended.returncode == 3
    assert f"may push to {PATH}" in ended.stdout
    path.write_text(f"{text}registry:\n  repository: {guarded.host}/{PATH}\n  ca: {guarded.ca}\n")
    ended = cli("doctor", "--only", "registry", cwd=project)
    assert ended.returncode == 0
    assert "refuses a push without credentials" in ended.stdout
