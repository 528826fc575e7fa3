"""The real cosign: the contract of all signers, what it is given, and what is said where it cannot do its work."""

import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import msgspec
import pytest

from mlagent.adapters.signing import private
from mlagent.config.images import Registry as Settings
from mlagent.config.secret import Secret
from mlagent.core import oci
from mlagent.core.digest import of_bytes
from mlagent.errors import ConfigError, MlagentError
from mlagent.stages import sign
from tests.contract.image_registries import image as small_image
from tests.contract.signers import Ground, Signers
from tests.e2e.signing.conftest import Signed, cosign, place
from tests.parts.keys import Pair, on_path
from tests.parts.registry import PASSWORD
from tests.parts.registry import registry as run_registry
from tests.signing_house import PATH


class TestCosign(Signers):
    @pytest.fixture(params=["plain", "guarded"])
    def ground(self, request: pytest.FixtureRequest, tmp_path: Path, keys: Pair, others_keys: Pair) -> Iterator[Ground]:
        with run_registry(tmp_path / "registry", tls=request.param == "guarded") as made:
            here, images = place(made, tmp_path), []
            with here.client(oci.parse(f"{made.host}/{PATH}")) as client:
                for text in (b"an image", b"another"):
                    data = small_image(client, PATH, tmp_path, text)
                    images.append(oci.parse(f"{made.host}/{PATH}@{client.put_manifest(PATH, data, oci.MANIFEST)}"))
            yield Ground(here.signer(keys), here.signer(others_keys), *images)


def test_nothing_secret_is_in_any_argument_or_output_and_nothing_is_left_behind(
    signed: Signed, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A cosign that writes down what it is given, then does it."""
    spy, seen = tmp_path / "cosign", tmp_path / "seen"
    spy.write_text(f'#!/bin/sh\necho "$@" >> {seen}.args\nenv | cut -d= -f1 >> {seen}.names\nexec {cosign()} "$@"\n')
    spy.chmod(0o755)
    config = sign.Config(**key(signed), password=Secret(f"file:{signed.keys.password}"))
    monkeypatch.setenv("PLANTED_VARIABLE", "planted")
    monkeypatch.setenv("PATH", on_path(tmp_path / "bin", str(spy)))
    outputs = signed.house.run(config, signed.here.settings)
    left = [outputs.summary, signed.house.log.getvalue(), Path(f"{seen}.args").read_text()]
    left += [path.read_text() for path in signed.house.work.iterdir()]
    body = signed.keys.private.read_text().splitlines()[-2]
    assert not [one for one in left for secret in (signed.keys.spoken, PASSWORD, body) if secret in one]
    names = set(Path(f"{seen}.names").read_text().split())
    assert "PLANTED_VARIABLE" not in names
    assert {"COSIGN_PASSWORD", "DOCKER_CONFIG"} <= names
    assert not list(private.MEMORY.glob(f"mlagent-{os.getpid()}-*"))


TROUBLE: dict[str, tuple[Callable[[Path, Signed], dict[str, Any]], int, str]] = {
    "wrong password": (lambda f, s: {"password": held(f, "not it"), **key(s)}, 3, "the password is wrong"),
    "no password": (lambda _, s: key(s), 3, "the password is wrong"),
    "no key": (lambda f, _: {"key": Secret("file:nothing", f)}, 3, "cannot be read"),
    "the public key": (lambda _, s: {"key": Secret(f"file:{s.keys.public}")}, 3, "the private key is asked for"),
    "half a key": (lambda f, s: {"key": held(f, s.keys.private.read_text()[:300])}, 3, "is damaged"),
    "a damaged key": (
        lambda f, s: {"key": held(f, damaged(s)), "password": held(f, "x")},
        3,
        "cannot be opened|cannot be used",
    ),
    "a service that is away": (lambda *_: {"service": "hashivault://release"}, 3, r"sign\.service .* cannot be used"),
}


@pytest.mark.parametrize("what", TROUBLE)
def test_trouble_is_told_in_words(signed: Signed, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, what: str) -> None:
    made, code, said = TROUBLE[what]
    monkeypatch.setenv("PATH", signed.path)
    with pytest.raises(MlagentError, match=said) as told:
        signed.house.run(sign.Config(**made(tmp_path, signed)), signed.here.settings)
    assert told.value.code == code
    assert told.value.hint
    assert signed.keys.spoken not in told.value.message


def key(signed: Signed) -> dict[str, Any]:
    return {"key": Secret(f"file:{signed.keys.private}")}


def held(folder: Path, text: str) -> Secret:
    path = folder / f"held-{of_bytes(text.encode())[7:20]}"
    path.write_text(text)
    return Secret(f"file:{path}")


def damaged(signed: Signed) -> str:
    lines = signed.keys.private.read_text().splitlines()
    return "\n".join([*lines[:3], lines[3][::-1], *lines[4:]])


def test_a_registry_that_is_away_is_worth_a_retry(signed: Signed) -> None:
    signed.here.registry.stop()
    try:
        ended = signed.verify()
        assert ended.returncode == 20, ended.stdout + ended.stderr
    finally:
        signed.here.registry.start()


def test_a_registry_that_does_not_know_us_is_a_matter_of_configuration(signed: Signed) -> None:
    stranger = signed.here._replace(settings=Settings(ca=str(signed.here.registry.ca)))
    with pytest.raises(ConfigError, match="does not let cosign in"):
        stranger.signer(signed.keys).sign(signed.house.image)
    unsure = signed.here._replace(settings=msgspec.structs.replace(signed.here.settings, ca=None))
    with pytest.raises(ConfigError, match="does not trust the registry's certificate"):
        unsure.signer(signed.keys).sign(signed.house.image)
