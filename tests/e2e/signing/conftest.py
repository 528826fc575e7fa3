"""A release signed by the real cosign in a real registry, and a folder in which the platform verifies it."""

import json
import os
import subprocess
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from mlagent import adapters
from mlagent.adapters.oci_registry import opened
from mlagent.adapters.oci_registry.client import RegistryClient
from mlagent.config.images import Registry as Settings
from mlagent.config.secret import Secret
from mlagent.core.digest import canonical_json
from mlagent.core.oci import Reference
from mlagent.core.ports.signer import Signer
from tests.conftest import Cli
from tests.parts.keys import Pair, on_path, pair
from tests.parts.registry import PASSWORD, USER, Registry
from tests.parts.registry import registry as run_registry
from tests.signing_house import PATH, House, statements

POLICY = """\
keys:
  release: {{file: {key}}}
builders: ["https://jenkins.example/"]
verdicts:
  data: {{max_age_days: 3650}}
  split: {{max_age_days: 3650}}
  parity: {{max_age_days: 3650}}
  gate: {{max_age_days: 3650}}
  load-test: {{max_age_days: 3650, accept_expired: true}}
environments:
  staging: {{}}
  production: {{verdicts: {{gate: {{max_age_days: 0.001}}}}}}
"""
PROJECT = """\
project: {{name: risk}}
data: {{path: data.csv, target: y}}
registry:
  repository: {host}/{path}
  username: {user}
  password: env:TEAM_PASSWORD
  ca: {ca}
"""


def cosign() -> str:
    """The program that `tests/parts/with` found."""
    return os.environ["MLAGENT_TEST_COSIGN"]


@pytest.fixture(scope="session")
def keys(tmp_path_factory: pytest.TempPathFactory) -> Pair:
    return pair(tmp_path_factory.mktemp("keys"))


@pytest.fixture(scope="session")
def others_keys(tmp_path_factory: pytest.TempPathFactory) -> Pair:
    return pair(tmp_path_factory.mktemp("keys"), "others")


class Place(NamedTuple):
    """A registry, how it is asked, and who signs there."""

    registry: Registry
    settings: Settings
    folder: Path

    def signer(self, keys: Pair) -> Signer:
        key, password = Secret(f"file:{keys.private}"), Secret(f"file:{keys.password}")
        return adapters.signer(self.settings, self.folder, key=key, password=password, cosign=cosign())

    def client(self, where: Reference) -> RegistryClient:
        return opened(where, self.settings, self.folder)


def place(registry: Registry, folder: Path) -> Place:
    (folder / "password").write_text(PASSWORD)
    login = {"username": USER, "password": Secret("file:password", folder), "ca": str(registry.ca)}
    return Place(registry, Settings(**(login if registry.tls else {})), folder)  # type: ignore[arg-type]


class Signed(NamedTuple):
    """The public key is all that the folder has of the signer."""

    house: House
    here: Place
    keys: Pair
    folder: Path
    cli: Cli

    @property
    def signer(self) -> Signer:
        return self.here.signer(self.keys)

    @property
    def path(self) -> str:
        """A search path with cosign on it."""
        return on_path(self.folder / "bin", cosign())

    def verify(self, *args: str, image: str = "") -> subprocess.CompletedProcess[str]:
        command = ("verify", image or str(self.house.image), "--policy", "policy.yaml", *args)
        return self.cli(*command, cwd=self.folder, env={"TEAM_PASSWORD": PASSWORD, "PATH": self.path})

    def refused(self, *args: str, image: str = "") -> dict[str, str]:
        """The rows that are no pass, and what was found there; the command ends with 12."""
        ended = self.verify(*args, "--json", image=image)
        assert ended.returncode == 12, ended.stdout + ended.stderr
        rows = json.loads(ended.stdout.splitlines()[0])["findings"]
        bad = {one["what"]: one["found"] for one in rows if one["outcome"] != "pass"}
        assert all(f"{what}: {found}" in ended.stderr for what, found in bad.items())
        return bad

    def restate(self, kind: str, predicate: object) -> None:
        """By the right key: take away what it said of this type, and say this."""
        image, signer = self.house.image, self.signer
        signer.withdraw(image, signer.attestations(image, kind, signer.by()))
        file = self.folder / "predicate.json"
        file.write_bytes(canonical_json(predicate))
        signer.attest(image, kind, file)

    def said(self, kind: str) -> Any:
        (envelope,) = self.signer.attestations(self.house.image, kind, self.signer.by())
        return statements([envelope])[0].predicate

    def counted(self) -> dict[str, int]:
        """Statements beside the image by type, whoever made them."""
        there = self.signer.attached(self.house.image)
        return Counter(one.predicate_type for one in statements(there.envelopes))

    def another(self, folder: Path, *, sign: bool = False) -> House:
        """Another image in the same repository, signed too or not, without a tag."""
        other = House(folder, self.house.host, b"another model")
        with self.here.client(other.image) as client:
            other.push(client)
            if sign:
                other.to(client, self.signer, None)
        return other


@contextmanager
def in_a_registry(folder: Path, keys: Pair, cli: Cli) -> Iterator[Signed]:
    """Not signed yet."""
    with run_registry(folder / "registry", tls=True) as made:
        here, house, platform = place(made, folder), House(folder / "house", made.host), folder / "platform"
        with here.client(house.image) as client:
            house.push(client)
        platform.mkdir()
        (platform / "policy.yaml").write_text(POLICY.format(key=keys.public))
        text = PROJECT.format(host=made.host, path=PATH, user=USER, ca=made.ca)
        (platform / "mlpipeline.yaml").write_text(text)
        yield Signed(house, here, keys, platform, cli)


def sign(pushed: Signed) -> Signed:
    with pushed.here.client(pushed.house.image) as client:
        pushed.house.to(client, pushed.signer)
    return pushed


@pytest.fixture
def pushed(tmp_path: Path, keys: Pair, cli: Cli) -> Iterator[Signed]:
    """Not signed yet."""
    with in_a_registry(tmp_path, keys, cli) as made:
        yield made


@pytest.fixture
def signed(pushed: Signed) -> Signed:
    return sign(pushed)
