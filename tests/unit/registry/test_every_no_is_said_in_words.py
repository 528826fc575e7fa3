"""What a registry's no means, which key to look at, and what is worth a retry."""

import socket
from pathlib import Path

import pytest

from mlagent.adapters.oci_registry.refusals import Away, No, Place, by_status
from mlagent.core import oci
from mlagent.errors import ConfigError, InfrastructureError, InputError, MlagentError, PolicyRefused
from tests.certificates import Certificates
from tests.registry_server import Answer, Double, Fault, error
from tests.unit.registry.conftest import Opened, Waits

PATH = "acme/risk"


@pytest.mark.parametrize(
    ("status", "kind", "word"),
    [
        (400, InputError, "its own log"),
        (401, ConfigError, "registry.password"),
        (403, PolicyRefused, "the right to it"),
        (404, ConfigError, "is registry.repository right?"),
        (405, ConfigError, "read-only"),
        (413, ConfigError, "client_max_body_size"),
        (429, Away, "goes on where it stopped"),
        (500, Away, "goes on where it stopped"),
        (503, Away, "goes on where it stopped"),
        (507, InfrastructureError, "no room"),
    ],
)
def test_a_status_has_a_meaning(status: int, kind: type[MlagentError], word: str) -> None:
    place = Place("ghcr.io", who="nobody: none were given")
    told = by_status(place, No("GET /v2/", status, b'{"errors": [{"code": "THAT", "message": "and why"}]}'))
    assert type(told) in (kind, *kind.__subclasses__())
    assert told.message.startswith(f"ghcr.io answered {status} to GET /v2/: THAT: and why")
    assert word in told.hint


@pytest.mark.parametrize("body", [b"", b"[]", b"<html>", b'{"errors": []}', b'{"errors": [7]}', b'{"errors": null}'])
def test_a_no_without_a_reason_is_a_no(body: bytes) -> None:
    assert by_status(Place("ghcr.io"), No("GET /v2/", 404, body)).message == "ghcr.io answered 404 to GET /v2/"


def test_a_yes_to_another_question_is_no_registry() -> None:
    told = by_status(Place("ghcr.io"), No("POST /v2/acme/risk/blobs/uploads/", 200, b"<html>"))
    assert isinstance(told, InputError)
    assert "does not speak as a registry does: it answered 200 to POST /v2/acme" in told.message


def test_a_page_to_log_in_is_no_damaged_manifest(open_: Opened, double: Double) -> None:
    double.faults.append(Fault("GET", "manifests", Answer(200, b"<html>", {"Content-Type": "text/html"})))
    with pytest.raises(InputError, match="does not speak as a registry does: a manifest of the type text/html"):
        open_(double.host).manifest(PATH, f"sha256:{'1' * 64}")


def test_a_base_is_named_by_its_own_keys() -> None:
    place = Place("ghcr.io", keys="package.base_", named="package.base", who="nobody: none were given")
    assert "package.base_username" in by_status(place, No("GET /v2/", 401)).hint
    assert "package.base " in by_status(place, No("GET /v2/", 404)).hint


def test_an_untrusted_certificate_is_named_with_the_key_that_trusts_it(open_: Opened, secure: Double) -> None:
    with pytest.raises(ConfigError, match=r"certificate of .* is not trusted here") as raised:
        open_(secure.host).manifest(PATH, "v1")
    assert "registry.ca" in raised.value.hint
    assert secure.seen == []


def test_a_certificate_of_an_own_authority_is_trusted(open_: Opened, secure: Double, tls: Certificates) -> None:
    assert open_(secure.host, ca=str(tls.ca)).manifest(PATH, "v1") is None
    assert secure.count("GET", "manifests") == 1


def test_a_certificate_of_another_host_is_not_trusted(open_: Opened, secure: Double, tls: Certificates) -> None:
    port = secure.host.rpartition(":")[2]
    with pytest.raises(ConfigError, match=r"not trusted here.*localhost"):
        open_(f"localhost:{port}", ca=str(tls.ca)).manifest(PATH, "v1")


@pytest.mark.parametrize("text", [None, "no certificate\n", ""])
def test_a_file_that_holds_no_certificates_is_named(
    open_: Opened, secure: Double, tmp_path: Path, text: str | None
) -> None:
    if text is not None:
        (tmp_path / "ours.pem").write_text(text)
    with pytest.raises(ConfigError, match=r"the file of registry\.ca, .*ours\.pem, cannot be used"):
        open_(secure.host, ca="ours.pem").manifest(PATH, "v1")


def test_plain_http_is_spoken_on_this_machine_alone(open_: Opened, double: Double) -> None:
    assert open_(double.host).manifest(PATH, "v1") is None


def test_a_registry_that_lacks_tls_is_named_with_the_key_that_does_without(
    open_: Opened, double: Double, tls: Certificates
) -> None:
    with pytest.raises(ConfigError, match="does not speak TLS") as raised:
        open_(double.host, ca=str(tls.ca)).manifest(PATH, "v1")
    assert "registry.plain_http" in raised.value.hint


def test_plain_http_that_is_asked_for_is_spoken(open_: Opened, double: Double) -> None:
    assert open_(double.host, plain_http=True).manifest(PATH, "v1") is None
    assert [one.target for one in double.seen] == [f"/v2/{PATH}/manifests/v1"]


def test_a_registry_that_is_not_there_is_away_soon(open_: Opened, waits: Waits) -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        host = f"127.0.0.1:{free.getsockname()[1]}"
        with pytest.raises(InfrastructureError, match=f"the registry {host} does not answer.*refused"):
            open_(host).manifest(PATH, "v1")
    assert sum(waits.seconds) < 4


@pytest.mark.parametrize("host", ["registry.invalid", "registry.invalid:5000"])
def test_a_name_that_nobody_knows_is_said(open_: Opened, monkeypatch: pytest.MonkeyPatch, host: str) -> None:
    def unknown(*_: object, **__: object) -> None:
        raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")

    monkeypatch.setattr(socket, "getaddrinfo", unknown)
    with pytest.raises(InfrastructureError, match=f"the name {host} is not known here"):
        open_(host).manifest(PATH, "v1")


@pytest.mark.parametrize("host", ["a..b", f"{'x' * 70}.org", "registry.org:99999"])
def test_a_name_that_cannot_be_one_is_said(open_: Opened, host: str) -> None:
    with pytest.raises(ConfigError, match="is no name of a host"):
        open_(host).manifest(PATH, "v1")


def test_what_failed_once_and_may_be_asked_again_is_asked_again(open_: Opened, double: Double, waits: Waits) -> None:
    double.faults += [Fault("GET", "manifests"), Fault("GET", "manifests", Answer(502))]
    assert open_(double.host).manifest(PATH, "v1") is None
    assert len(waits.seconds) == 2


def test_a_manifest_whose_pieces_are_missing_is_told_as_the_registry_tells_it(open_: Opened, double: Double) -> None:
    double.faults.append(Fault("PUT", "manifests", error(400, "MANIFEST_BLOB_UNKNOWN", "blob unknown to registry")))
    with pytest.raises(InputError, match="MANIFEST_BLOB_UNKNOWN: blob unknown to registry"):
        open_(double.host).put_manifest(PATH, b"{}", oci.MANIFEST)


def test_a_registry_that_deletes_nothing_says_so(open_: Opened, double: Double) -> None:
    double.faults.append(Fault("DELETE", "manifests", error(405, "UNSUPPORTED")))
    with pytest.raises(ConfigError, match="405") as raised:
        open_(double.host).delete(PATH, "sha256:" + "0" * 64)
    assert "delete" in raised.value.hint


def test_tags_that_are_no_list_are_refused(open_: Opened, double: Double) -> None:
    double.faults.append(Fault("GET", "tags", Answer(200, b"<html>")))
    with pytest.raises(InputError, match="does not speak as a registry does"):
        open_(double.host).tags(PATH)
