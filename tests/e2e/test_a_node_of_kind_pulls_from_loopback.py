"""What tests/parts/kind tells a node's containerd leads through the mirror to registries on this machine's loopback.

The containerd is real and a process of this machine, in the place of the one in a node of kind.
"""

import hashlib
import json
import subprocess
import sys
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.cluster import images
from tests.cluster.house import until
from tests.parts.registry import PASSWORD, USER, Registry, free_port
from tests.parts.registry import registry as run_registry

PARTS = Path(__file__).parents[1] / "parts"
HOSTS = '[host."http://{}"]\ncapabilities = ["pull", "resolve"]\n'  # as tests/parts/kind writes it
ALONE = 'server = "http://127.0.0.2:9"\n'  # in the place of the registry: in a node, its loopback is another


@contextmanager
def process(*command: str | Path) -> Iterator[None]:
    with subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as started:
        try:
            yield
        finally:
            started.terminate()


@pytest.fixture(scope="module")
def mirror() -> Iterator[str]:
    """HOST:PORT of one, at an address that is not the registries'."""
    host = f"127.0.0.2:{free_port()}"
    with process(sys.executable, PARTS / "mirror.py", host):
        until(lambda: status(f"http://{host}/") == 200)
        yield host


def status(url: str) -> int:
    """Of a GET; 0 where nobody answers."""
    try:
        return int(urllib.request.urlopen(url, timeout=5).status)
    except urllib.error.HTTPError as error:
        return error.code
    except OSError:
        return 0


class Node:
    """A containerd, by its own client."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def ctr(self, *args: str) -> subprocess.CompletedProcess[bytes]:
        command = ["ctr", "--address", str(self._folder / "socket"), "--namespace", "k8s.io", *args]
        return subprocess.run(command, check=False, capture_output=True)

    def fetch(self, image: str, *login: str) -> subprocess.CompletedProcess[bytes]:
        """All pieces of an image, as for a pull."""
        return self.ctr("content", "fetch", "--hosts-dir", str(self._folder / "certs.d"), *login, image)

    def piece(self, digest: str) -> bytes:
        """One that it has."""
        return self.ctr("content", "get", digest).stdout


@pytest.fixture
def node(tmp_path: Path, mirror: str) -> Iterator[Node]:
    config = {"version": 2, "root": f"{tmp_path}/root", "state": f"{tmp_path}/state"}
    tables = f'disabled_plugins = ["io.containerd.grpc.v1.cri"]\n[grpc]\naddress = "{tmp_path}/socket"\n'
    lines = [f"{name} = {json.dumps(value)}\n" for name, value in config.items()]
    (tmp_path / "config.toml").write_text("".join(lines) + tables)
    (tmp_path / "certs.d/_default").mkdir(parents=True)
    (tmp_path / "certs.d/_default/hosts.toml").write_text(ALONE + HOSTS.format(mirror))
    with process("containerd", "--config", tmp_path / "config.toml"):
        made = Node(tmp_path)
        until(lambda: made.ctr("version").returncode == 0)
        yield made


@pytest.fixture(scope="module")
def plain(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Registry]:
    with run_registry(tmp_path_factory.mktemp("plain")) as made:
        yield made


def pushed(registry: Registry, folder: Path, base: str) -> tuple[str, str]:
    """How a pod names an image, and the digest of its manifest."""
    image = images.push("serves", folder / "images", Path(base.removeprefix("oci:")), registry)
    return image, image.partition("@")[2]


def whole(node: Node, digest: str) -> bool:
    """Whether it has the manifest and every piece that this names, byte by byte."""
    manifest = node.piece(digest)
    pieces = json.loads(manifest)
    named = [digest, pieces["config"]["digest"], *(one["digest"] for one in pieces["layers"])]
    return len(named) > 2 and all(f"sha256:{hashlib.sha256(node.piece(one)).hexdigest()}" == one for one in named)


def test_from_one_with_a_certificate_of_its_own_and_a_password(
    node: Node, registry: Registry, tmp_path: Path, base: str
) -> None:
    image, digest = pushed(registry, tmp_path, base)
    refused = node.fetch(image)
    assert refused.returncode != 0
    assert b"authoriz" in refused.stderr
    ended = node.fetch(image, "--user", f"{USER}:{PASSWORD}")
    assert ended.returncode == 0, ended.stderr
    assert whole(node, digest)


def test_from_one_without_either(node: Node, plain: Registry, tmp_path: Path, base: str) -> None:
    image, digest = pushed(plain, tmp_path, base)
    ended = node.fetch(image)
    assert ended.returncode == 0, ended.stderr
    assert whole(node, digest)


def test_what_is_not_there_does_not_come(node: Node, plain: Registry) -> None:
    ended = node.fetch(f"{plain.host}/imitations/serves@sha256:{'9' * 64}")
    assert ended.returncode != 0
    assert "/v2/imitations/serves/manifests/sha256:999" in plain.log


def test_nothing_else_is_reached_through_it(mirror: str, plain: Registry) -> None:
    assert status(f"http://{mirror}/v2/?ns={plain.host}") == 200
    assert status(f"http://{mirror}/v2/?ns=registry.example") == 404
    assert status(f"http://{mirror}/debug?ns={plain.host}") == 404
    assert status(f"http://{mirror}/v2/?ns=127.0.0.1:{free_port()}") == 502
