"""The registry on loopback: by digest, read-only, and gone when the pull is done."""

import urllib.error
import urllib.request
from pathlib import Path

import pytest

from mlagent.adapters import layout_server
from tests import stub_image

NONE = f"sha256:{'0' * 64}"


def asked(url: str, method: str = "GET") -> tuple[int, dict[str, str], bytes]:
    request = urllib.request.Request(f"http://{url}", method=method)
    try:
        with urllib.request.urlopen(request, timeout=10) as answer:
            return answer.status, dict(answer.headers), answer.read()
    except urllib.error.HTTPError as error:
        with error:
            return error.code, dict(error.headers), error.read()


def test_pieces_are_given_by_digest_under_any_name(tmp_path: Path) -> None:
    image = stub_image.make(tmp_path, None, ["serve"])
    with layout_server.serving(image.pieces) as host:
        assert host.startswith("127.0.0.1:")
        assert asked(f"{host}/v2/")[0] == 200
        status, headers, body = asked(f"{host}/v2/a/b/manifests/{image.manifest}")
        assert (status, headers["Docker-Content-Digest"]) == (200, image.manifest)
        assert headers["Content-Type"] == "application/vnd.oci.image.manifest.v1+json"
        assert body == image.file.read_bytes()
        status, headers, body = asked(f"{host}/v2/c/blobs/{image.config}", "HEAD")
        assert (status, body) == (200, b"")
        assert int(headers["Content-Length"]) == image.pieces[image.config].stat().st_size
        assert asked(f"{host}/v2/c/blobs/{image.config}")[2] == image.pieces[image.config].read_bytes()


@pytest.mark.parametrize(
    "path", [f"/v2/a/blobs/{NONE}", "/v2/a/manifests/latest", "/v2/_catalog", "/v2/a/blobs/../../etc/passwd", "/"]
)
def test_nothing_else_is_given(tmp_path: Path, path: str) -> None:
    with layout_server.serving(stub_image.make(tmp_path, None, ["serve"]).pieces) as host:
        assert asked(host + path)[0] == 404
        assert asked(host + path, "HEAD")[0] == 404


@pytest.mark.parametrize("method", ["PUT", "POST", "PATCH", "DELETE"])
def test_nothing_is_taken(tmp_path: Path, method: str) -> None:
    image = stub_image.make(tmp_path, None, ["serve"])
    with layout_server.serving(image.pieces) as host:
        assert asked(f"{host}/v2/a/blobs/{image.config}", method)[0] == 501


def test_it_is_gone_afterwards(tmp_path: Path) -> None:
    with layout_server.serving({}) as host:
        pass
    with pytest.raises(urllib.error.URLError):
        asked(f"{host}/v2/")
