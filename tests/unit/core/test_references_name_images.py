"""References are read as Docker reads them."""

import pytest

from mlagent.core import oci

DIGEST = "sha256:" + "ab" * 32


@pytest.mark.parametrize(
    ("text", "host", "path", "tag", "digest"),
    [
        ("python", "docker.io", "library/python", None, None),
        ("python:3.11-slim", "docker.io", "library/python", "3.11-slim", None),
        (f"python:3.11@{DIGEST}", "docker.io", "library/python", "3.11", DIGEST),
        ("acme/risk", "docker.io", "acme/risk", None, None),
        ("index.docker.io/acme/risk", "docker.io", "acme/risk", None, None),
        ("ghcr.io/acme/risk", "ghcr.io", "acme/risk", None, None),
        ("localhost/risk", "localhost", "risk", None, None),
        ("localhost:5000/a/b:v1", "localhost:5000", "a/b", "v1", None),
        ("127.0.0.1:5000/risk", "127.0.0.1:5000", "risk", None, None),
        ("[::1]:5000/risk", "[::1]:5000", "risk", None, None),
        ("Registry.Example/risk", "Registry.Example", "risk", None, None),
    ],
)
def test_a_reference_is_read_part_by_part(text: str, host: str, path: str, tag: str | None, digest: str | None) -> None:
    assert oci.parse(text) == oci.Reference(host=host, path=path, tag=tag, digest=digest)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "Acme/risk",
        "ghcr.io/Acme/risk",
        "ghcr.io/",
        "a b",
        f"risk@{DIGEST[:-1]}",
        "risk@md5:00",
        "https://ghcr.io/a",
    ],
)
def test_what_is_no_reference_is_refused_by_name(text: str) -> None:
    with pytest.raises(ValueError, match="is no image reference"):
        oci.parse(text)


@pytest.mark.parametrize(
    ("text", "ours"),
    [
        ("127.0.0.1:5000/a", True),
        ("localhost/a", True),
        ("[::1]:80/a", True),
        ("127.0.0.1.example.org/a", False),
        ("ghcr.io/a", False),
    ],
)
def test_loopback_is_told_from_the_network(text: str, ours: bool) -> None:
    assert oci.parse(text).loopback is ours


def test_a_reference_is_written_as_it_was_read() -> None:
    for text in (f"ghcr.io/acme/risk:v1@{DIGEST}", "localhost:5000/risk"):
        assert str(oci.parse(text)) == text
