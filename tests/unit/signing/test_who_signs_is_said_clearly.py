"""Keys, services and tags: what is taken, what is refused in words, and what cosign is told of it."""

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from mlagent import adapters
from mlagent.adapters.signing import keys, private
from mlagent.adapters.signing.program import Option, Program
from mlagent.adapters.signing.refusals import refused
from mlagent.config.images import Registry
from mlagent.config.secret import Secret
from mlagent.core.oci import parse
from mlagent.core.ports.signer import Identity, PublicKey
from mlagent.errors import ConfigError, InfrastructureError, MlagentError
from mlagent.stages import sign

IMAGE = parse("registry.example/acme/risk@sha256:" + "1" * 64)
BODY = "eyJrZGYiOnsibmFtZSI6InNjcnlwdCIsInBhcmFtcyI6eyJOIjo2NTUzNiwiciI6\nOCwicCI6MX0sInNhbHQiOiI="
PEM = f"-----BEGIN ENCRYPTED SIGSTORE PRIVATE KEY-----\n{BODY}\n-----END ENCRYPTED SIGSTORE PRIVATE KEY-----\n"
HELP = ["key", "yes", "tlog-upload", "type", "predicate", "registry-cacert", "allow-http-registry"]
HELP += ["insecure-ignore-tlog", "certificate-identity", "certificate-oidc-issuer", "signature"]


class Spy:
    """A cosign that writes down its arguments and environment, and ends as it is told."""

    def __init__(self, folder: Path, *, flags: list[str] | None = None, says: str = "", code: int = 0) -> None:
        self.path, self.args, self.names = folder / "cosign", folder / "args", folder / "env"
        told = "".join(f"    --{one}=:\\n" for one in (HELP if flags is None else flags))
        self.path.write_text(
            f"#!/bin/sh\ncase \"$*\" in *--help*) printf 'Flags:\\n{told}'; exit;; esac\n"
            f'echo "$@" > {self.args}\nenv > {self.names}\ncp -r "$DOCKER_CONFIG" {folder}/login\n'
            f"echo '{says}' >&2\nexit {code}\n"
        )
        self.path.chmod(0o755)

    def signer(self, registry: Registry | None = None, **more: Any) -> Any:
        return adapters.signer(registry or Registry(), self.path.parent, cosign=str(self.path), **{"key": None, **more})

    @property
    def environment(self) -> dict[str, str]:
        lines = [line.partition("=") for line in self.names.read_text().splitlines()]
        return {name: text for name, _, text in lines}


@pytest.fixture
def spy(tmp_path: Path) -> Spy:
    return Spy(tmp_path)


@pytest.fixture
def pem(tmp_path: Path) -> Secret:
    (tmp_path / "cosign.key").write_text(PEM)
    return Secret("file:cosign.key", tmp_path)


def test_a_key_goes_by_the_environment_and_nothing_secret_by_an_argument(
    spy: Spy, pem: Secret, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SPOKEN", "open sesame")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "another system's")
    spy.signer(key=pem, password=Secret("env:SPOKEN")).attest(IMAGE, "urn:x", tmp_path / "predicate.json")
    args = spy.args.read_text().split()
    assert args[0] == "attest"
    assert args[-2:] == ["--key=env://SIGNING_KEY", str(IMAGE)]
    assert {"--type=urn:x", "--tlog-upload=false", "--yes=true"} <= set(args)
    assert "open sesame" not in spy.args.read_text()
    assert spy.environment["COSIGN_PASSWORD"] == "open sesame"
    assert spy.environment["SIGNING_KEY"].startswith("-----BEGIN ENCRYPTED")
    assert not {"SPOKEN", "AWS_SECRET_ACCESS_KEY"} & set(spy.environment)


@pytest.mark.parametrize(
    ("service", "passed"),
    [
        ("awskms:///arn:aws:kms:eu-central-1:1:key/2", "AWS_PROFILE"),
        ("gcpkms://projects/p/locations/global/keyRings/r/cryptoKeys/k", "GOOGLE_APPLICATION_CREDENTIALS"),
        ("azurekms://vault.vault.azure.net/key", "AZURE_CLIENT_ID"),
        ("hashivault://release", "VAULT_ADDR"),
        ("k8s://namespace/key", "KUBECONFIG"),
    ],
)
def test_a_service_is_named_as_cosign_names_it_and_sees_its_own_variables(
    spy: Spy, monkeypatch: pytest.MonkeyPatch, service: str, passed: str
) -> None:
    monkeypatch.setenv(passed, "of this node")
    monkeypatch.setenv("OTHER_TOKEN", "another system's")
    spy.signer(**chosen(service=service)).sign(IMAGE)
    assert f"--key={service}" in spy.args.read_text().split()
    assert spy.environment[passed] == "of this node"
    assert not {"OTHER_TOKEN", "COSIGN_PASSWORD", "SIGNING_KEY"} & set(spy.environment)


def test_an_identity_signs_without_a_key_and_into_the_log(spy: Spy, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SIGSTORE_ID_TOKEN", "of this build")
    who = Identity("https://jenkins.example/oidc", "release")
    signer = spy.signer(service="keyless", by=who, transparency_log=True)
    signer.sign(IMAGE)
    args = spy.args.read_text().split()
    assert "--tlog-upload=true" in args
    assert not [one for one in args if one.startswith("--key")]
    assert spy.environment["SIGSTORE_ID_TOKEN"] == "of this build"
    assert signer.by() == who


def test_an_identity_is_verified_by_its_name_and_issuer(tmp_path: Path) -> None:
    spy = Spy(tmp_path, says="Error: no signatures found", code=10)
    verifier = adapters.verifier(Registry(), tmp_path, cosign=str(spy.path), transparency_log=True)
    assert verifier.signatures(IMAGE, Identity("https://issuer.example", "release")) == ()
    args = spy.args.read_text().split()
    assert {"--certificate-identity=release", "--certificate-oidc-issuer=https://issuer.example"} <= set(args)
    assert not [one for one in args if "ignore-tlog" in one]


def test_the_login_lies_in_a_folder_of_its_own_and_only_as_long_as_it_takes(
    spy: Spy, pem: Secret, tmp_path: Path
) -> None:
    (tmp_path / "password").write_text("pass word")
    login = Registry(username="team", password=Secret("file:password", tmp_path), ca="ca.pem", plain_http=True)
    spy.signer(login, key=pem).sign(IMAGE)
    assert '"registry.example": {"auth": "dGVhbTpwYXNzIHdvcmQ="}' in (tmp_path / "login/config.json").read_text()
    assert f"--registry-cacert={tmp_path / 'ca.pem'}" in spy.args.read_text()
    assert "--allow-http-registry=true" in spy.args.read_text()
    assert not Path(spy.environment["DOCKER_CONFIG"]).exists()


def test_folders_of_processes_that_were_killed_are_removed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(private, "MEMORY", tmp_path)
    names = ("mlagent-999999999-abc", "mlagent-notes", f"mlagent-{os.getpid()}-x", "mlagent-999999998-recent")
    for name in names:
        (tmp_path / name).mkdir()
        os.utime(tmp_path / name, None if "recent" in name else (1, 1))
    with private.folder("h", None) as made:
        assert made.stat().st_mode & 0o777 == 0o700
        assert (made / "config.json").stat().st_mode & 0o777 == 0o600
    assert {one.name for one in tmp_path.iterdir()} == set(names[1:])


def test_what_a_cosign_does_not_know_is_left_out_or_named(tmp_path: Path, pem: Secret) -> None:
    later = Spy(tmp_path, flags=[*HELP, "new-bundle-format", "use-signing-config"])
    later.signer(key=pem).sign(IMAGE)
    assert {"--new-bundle-format=false", "--use-signing-config=false"} <= set(later.args.read_text().split())
    earlier = Spy(tmp_path, flags=["key", "yes"])
    os.utime(earlier.path, (1, 1))
    with pytest.raises(ConfigError, match=r"has no --tlog-upload for `cosign sign`") as told:
        earlier.signer(key=pem).sign(IMAGE)
    assert "apt-get install cosign" in told.value.hint


def test_one_that_hangs_is_ended(tmp_path: Path) -> None:
    path = tmp_path / "cosign"
    path.write_text("#!/bin/sh\ncase \"$*\" in *--help*) printf '    --key=:\\n'; exit;; esac\nexec sleep 600\n")
    path.chmod(0o755)
    with pytest.raises(InfrastructureError, match="did not end within"):
        Program(str(path), tmp_path, seconds=0.5).run("sign", [Option("--key", "x")], [], {})


def test_a_secret_in_what_cosign_says_is_masked(tmp_path: Path, pem: Secret) -> None:
    (tmp_path / "spoken").write_text("open sesame")
    spy = Spy(tmp_path, says="Error: no way, open sesame does not open", code=1)
    with pytest.raises(MlagentError, match=r"no way, \[secret\] does not open"):
        spy.signer(key=pem, password=Secret("file:spoken", tmp_path)).sign(IMAGE)


def test_a_key_that_lost_its_line_ends_is_put_right() -> None:
    assert keys.private(PEM.replace("\n", " "), "env:KEY") == PEM
    assert keys.private(PEM.replace("\n", "\r\n"), "env:KEY") == PEM
    assert keys.private(PEM.strip(), "env:KEY") == PEM


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("hunter2", "no PEM text, or not all of it"),
        (PEM[:120], "no PEM text, or not all of it"),
        (PEM.replace("PRIVATE", "PUBLIC"), "is ENCRYPTED SIGSTORE PUBLIC KEY, and the private key"),
        (PEM.replace("eyJ", "e!J"), "no base64"),
    ],
)
def test_what_is_no_private_key_is_refused_and_not_repeated(text: str, said: str) -> None:
    with pytest.raises(ConfigError, match=said) as told:
        keys.private(text, "env:KEY")
    assert "env:KEY" in told.value.message
    assert text.strip()[-20:] not in told.value.message + told.value.hint


def chosen(**config: Any) -> dict[str, Any]:
    """As the stage hands them to the door."""
    made = sign.Config(**config)
    return {"key": made.key, "password": made.password, "service": made.service}


KEY = Secret("env:KEY")
WHO = {"identity": "release", "issuer": "https://issuer.example"}


@pytest.mark.parametrize(
    ("config", "said"),
    [
        ({"key": KEY, "service": "awskms://k"}, "two signers"),
        ({"password": KEY}, "give the key, too"),
        ({"service": "file://x"}, "is none: awskms"),
        ({"service": "awskms://a b"}, "is none: awskms"),
        ({"service": "keyless"}, "goes together with identity, issuer and transparency_log"),
        ({"service": "keyless", **WHO}, "goes together with identity, issuer and transparency_log"),
        ({"key": KEY, **WHO}, "goes together with identity, issuer and transparency_log"),
        ({"tag": "v{number}"}, "is no tag"),
        ({"tag": "v {version}"}, "is no tag"),
        ({"tag": ""}, "is no tag"),
        ({"tag": "sha256-{version}"}, "is no tag"),
        ({"tag": "v" * 129}, "is no tag"),
        ({"tag": "{version.__class__}"}, "is no tag"),
    ],
)
def test_a_configuration_that_makes_no_sense_is_refused(config: Mapping[str, Any], said: str) -> None:
    with pytest.raises(ValueError, match=said):
        sign.Config(**config)


def test_a_configuration_that_makes_sense_is_taken() -> None:
    sign.Config(service="keyless", transparency_log=True, **WHO)  # type: ignore[arg-type]
    sign.Config(key=KEY, password=KEY, tag=None)
    sign.Config(service="awskms:///alias/release", tag="{version}.{build}-{commit}")


def test_a_public_key_may_be_given_and_is_looked_at(tmp_path: Path) -> None:
    (tmp_path / "cosign.pub").write_text("-----BEGIN PUBLIC KEY-----\nAAAA\n-----END PUBLIC KEY-----\n")
    found = sign._by(sign.Config(public_key="cosign.pub"), tmp_path)
    assert isinstance(found, PublicKey)
    for name in ("cosign.key", "nothing"):
        (tmp_path / "cosign.key").write_text(PEM)
        with pytest.raises(ConfigError, match=rf"sign\.public_key: {name}"):
            sign._by(sign.Config(public_key=name), tmp_path)


@pytest.mark.parametrize(
    ("said", "code"),
    [
        ("signing [x]: decrypt: encrypted: decryption failed", 3),
        ("reading key: loading URL: unrecognized scheme: hashivault://", 3),
        ("operation error KMS: GetPublicKey: failed to refresh cached credentials", 3),
        ('Get "https://r/v2/": tls: failed to verify certificate: x509: certificate signed by unknown authority', 3),
        ("GET https://r/v2/a/manifests/b: UNAUTHORIZED: authentication required", 3),
        ("PUT https://r/v2/a/manifests/b: DENIED: requested access to the resource is denied", 12),
        ("GET https://r/v2/a: unexpected status code 403 Forbidden", 12),
        ('Get "https://r/v2/": dial tcp 127.0.0.1:9: connect: connection refused', 20),
        ("PUT https://r/v2/: unexpected status code 503 Service Unavailable", 20),
        ("GET https://r/v2/a/manifests/b: MANIFEST_UNKNOWN: manifest unknown", 4),
        ("something that nobody has seen yet", 20),
    ],
)
def test_every_no_of_cosign_has_its_exit_code_and_a_hint(said: str, code: int) -> None:
    error = refused("sign", said, "sign.key (env:KEY)")
    assert error.code == code
    assert error.hint
    assert "{" not in error.message
