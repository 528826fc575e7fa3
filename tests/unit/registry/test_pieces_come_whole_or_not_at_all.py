"""A pull goes on where it was cut, follows a blob to where it is kept, and gives only what the digest says."""

import errno
import os
from pathlib import Path

import pytest

from mlagent.adapters.oci_registry.client import RegistryClient
from mlagent.adapters.oci_registry.refusals import Damaged
from mlagent.core import oci
from mlagent.core.digest import of_bytes
from mlagent.errors import InfrastructureError, InputError
from tests.certificates import Certificates
from tests.registry_server import PASSWORD, USER, Answer, Double, Fault, serving
from tests.unit.registry.conftest import Opened

PATH = "acme/risk"
DATA = os.urandom(3_000_000)
DIGEST = of_bytes(DATA)


@pytest.fixture
def kept(double: Double) -> Double:
    double.blobs[PATH][DIGEST] = DATA
    return double


def pull(client: RegistryClient, to: Path, digest: str = DIGEST, size: int = len(DATA)) -> bytes:
    client.pull(PATH, digest, size, to)
    return to.read_bytes()


def test_a_cut_stream_goes_on(client: RegistryClient, kept: Double, tmp_path: Path) -> None:
    kept.faults += [Fault("GET", "blobs", take=1_200_000), Fault("GET", "blobs", take=500_000)]
    assert pull(client, tmp_path / "piece") == DATA
    ranges = [one.headers.get("range") for one in kept.seen if "blobs" in one.target]
    assert ranges[0] is None
    assert all(one and one != "bytes=0-" for one in ranges[1:])


def test_a_registry_without_ranges_sends_it_anew(client: RegistryClient, kept: Double, tmp_path: Path) -> None:
    kept.knows_ranges = False
    kept.faults.append(Fault("GET", "blobs", take=1_200_000))
    assert pull(client, tmp_path / "piece") == DATA


def test_what_another_process_had_is_not_fetched_again(client: RegistryClient, kept: Double, tmp_path: Path) -> None:
    kept.faults += [Fault("GET", "blobs", take=2_000_000), *(Fault("GET", "blobs", Answer(503)) for _ in range(99))]
    with pytest.raises(InfrastructureError):
        pull(client, tmp_path / "piece")
    assert not (tmp_path / "piece").exists()
    kept.faults.clear()
    assert pull(client, tmp_path / "piece") == DATA
    assert kept.seen[-1].headers["range"] != "bytes=0-"
    assert [one.name for one in tmp_path.iterdir()] == ["piece"]


def test_the_beginning_of_something_else_is_thrown_away(client: RegistryClient, kept: Double, tmp_path: Path) -> None:
    (tmp_path / f".piece.part.{os.getuid()}-0").write_bytes(b"x" * 1000)
    assert pull(client, tmp_path / "piece") == DATA


@pytest.mark.parametrize("wrong", [DATA[:-1] + b"!", DATA + b"more", DATA[:-100]])
def test_other_bytes_than_the_digest_says_are_no_file(
    client: RegistryClient, kept: Double, tmp_path: Path, wrong: bytes
) -> None:
    kept.blobs[PATH][DIGEST] = wrong
    with pytest.raises(Damaged, match=f"{kept.host} gave for .*{DIGEST} bytes with the digest"):
        pull(client, tmp_path / "piece")
    assert list(tmp_path.iterdir()) == []


def test_a_manifest_that_is_another_is_refused(client: RegistryClient, double: Double) -> None:
    double.manifests[PATH][DIGEST] = (b'{"another": 1}', oci.MANIFEST)
    with pytest.raises(Damaged, match="gave for"):
        client.manifest(PATH, DIGEST)


def test_a_tag_whose_digest_is_another_is_refused(client: RegistryClient, double: Double) -> None:
    double.manifests[PATH][DIGEST] = (b'{"another": 1}', oci.MANIFEST)
    double.tags[PATH]["v1"] = DIGEST
    with pytest.raises(Damaged, match="gave for"):
        client.manifest(PATH, "v1")


def test_a_page_is_no_manifest(client: RegistryClient, double: Double) -> None:
    double.faults.append(Fault("GET", "manifests", Answer(200, b"<html>", {"Content-Type": "text/html"})))
    with pytest.raises(InputError, match="does not speak as a registry does"):
        client.manifest(PATH, "v1")


def test_where_a_blob_is_kept_is_not_told_who_asks(open_: Opened, kept: Double, tmp_path: Path) -> None:
    with serving() as storage:
        storage.blobs["any"][DIGEST] = DATA
        kept.elsewhere, kept.login = storage.url, "basic"
        (tmp_path / "password").write_text(PASSWORD)
        client = open_(kept.host, {"DOCKER_CONFIG": str(docker_login(tmp_path, kept.host))})
        assert pull(client, tmp_path / "piece") == DATA
        assert [one.target for one in storage.seen] == [f"/kept/{DIGEST}"]
        assert all("authorization" not in one.headers for one in storage.seen)
        assert any("authorization" in one.headers for one in kept.seen)


def test_nothing_goes_from_tls_to_plain_http(
    open_: Opened, secure: Double, tls: Certificates, double: Double, tmp_path: Path
) -> None:
    secure.blobs[PATH][DIGEST] = DATA
    secure.elsewhere = double.url
    with pytest.raises(InputError, match="sends us on over plain HTTP"):
        pull(open_(secure.host, ca=str(tls.ca)), tmp_path / "piece")
    assert double.seen == []


def test_going_in_circles_ends(client: RegistryClient, kept: Double, tmp_path: Path) -> None:
    here = Answer(307, b"", {"Location": f"{kept.url}/v2/{PATH}/blobs/{DIGEST}"})
    kept.faults += [Fault("GET", "blobs", here)] * 9
    with pytest.raises(InputError, match="from place to place"):
        pull(client, tmp_path / "piece")


def test_a_full_disk_is_named_and_holds_no_part(
    client: RegistryClient, kept: Double, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(_descriptor: int, _data: bytes) -> int:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(os, "write", full)
    with pytest.raises(InfrastructureError, match=r"piece cannot be used: No space left on device") as raised:
        pull(client, tmp_path / "piece")
    assert "make room on that disk" in raised.value.hint
    assert list(tmp_path.iterdir()) == []


def docker_login(folder: Path, host: str) -> Path:
    import base64
    import json

    (folder / "docker").mkdir()
    pair = base64.b64encode(f"{USER}:{PASSWORD}".encode()).decode()
    (folder / "docker" / "config.json").write_text(json.dumps({"auths": {host: {"auth": pair}}}))
    return folder / "docker"
