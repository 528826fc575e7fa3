"""Each way in which an image cannot be made: its code, what happened, what to do; and nothing half-made is left."""

import http.server
import json
import re
import shutil
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from mlagent.errors import MlagentError
from mlagent.image import lock
from mlagent.stages import package
from tests.pipeline.image.conftest import Shop
from tests.small_base import make

PACKAGING = re.compile(r"packaging==\S+ \\\n    --hash=sha256:\w+")


def refused(shop: Shop, *asked: str, **settings: Any) -> MlagentError:
    """How the stage ends; it has made no image then."""
    with pytest.raises(MlagentError) as raised:
        shop.run(*asked, **settings)
    assert not (shop.work / "manifest.json").exists()
    assert not list(shop.blobs.home.glob(".making-*"))
    assert raised.value.hint
    return raised.value


def change(shop: Shop, pattern: str, by: str) -> None:
    path = shop.project / "serving.lock"
    text = path.read_text()
    assert re.search(pattern, text)
    path.write_text(re.sub(pattern, by, text, count=1))


def test_a_wheel_whose_digest_is_another_now_names_the_package(locked: Shop) -> None:
    change(locked, r"(packaging==\S+ \\\n    --hash=sha256:)\w+", rf"\g<1>{'0' * 64}")
    error = refused(locked)
    assert error.code == 4
    assert "what the index gives is not what was frozen" in error.message
    assert "packaging" in error.message
    assert "--relock" in error.hint


def test_a_version_that_is_gone_names_the_package(locked: Shop) -> None:
    change(locked, r"packaging==\S+", "packaging==99.99999")
    error = refused(locked)
    assert error.code == 4
    assert "can no longer be installed" in error.message
    assert "packaging==99.99999" in error.message


def test_a_package_without_a_wheel_is_named_when_it_is_in_the_lock(locked: Shop) -> None:
    change(locked, PACKAGING.pattern, f"antlr4-python3-runtime==4.9.3 --hash=sha256:{'0' * 64}")
    error = refused(locked)
    assert error.code == 4
    assert "antlr4-python3-runtime==4.9.3 has no usable wheels" in error.message


def test_a_package_without_a_wheel_is_named_when_it_is_frozen(shop: Shop, tmp_path: Path) -> None:
    folder = tmp_path / "wheelhouse"
    folder.mkdir()
    (folder / "uvloop-0.23.0.tar.gz").write_bytes(b"")
    error = refused(shop, wheelhouse="../../wheelhouse")
    assert error.code == 3
    assert "cannot be frozen" in error.message
    assert not (shop.project / "serving.lock").exists()


def test_a_lock_for_another_platform_is_refused(locked: Shop) -> None:
    error = refused(locked, platform="linux/arm64")
    assert error.code == 3
    assert "serving.lock was frozen for platform linux/amd64, and package.platform is linux/arm64" in error.message


def test_a_line_of_the_lock_that_is_none_is_named(locked: Shop) -> None:
    change(locked, r"packaging==\S+", "packaging")
    error = refused(locked)
    assert error.code == 4
    assert re.match(r"serving.lock:\d+: 'packaging' names no package", error.message)


def test_a_base_by_a_tag_is_refused_with_the_way_to_its_digest(locked: Shop) -> None:
    error = refused(locked, base="python:3.11-slim")
    assert error.code == 3
    assert "python:3.11-slim names no digest" in error.message
    assert "docker://docker.io/library/python:3.11-slim" in error.hint


def test_a_base_that_is_no_reference_is_refused(locked: Shop) -> None:
    assert "is no image reference" in refused(locked, base="Python Three").message


def test_a_base_without_the_python_is_refused_with_what_it_has(locked: Shop, small: Path) -> None:
    shutil.rmtree(small / "base")
    make(small / "base", {"usr/bin/python3.9": b""})
    error = refused(locked)
    assert error.code == 3
    assert "oci:../../base has no Python 3.11: it has /usr/bin/python3.9" in error.message


def test_an_index_that_is_away_is_worth_a_retry(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("UV_DEFAULT_INDEX", "http://joe:secret-of-joe@127.0.0.1:1/simple")
    monkeypatch.setenv("UV_HTTP_RETRIES", "0")
    monkeypatch.setenv("UV_NO_CACHE", "1")
    error = refused(shop)
    assert error.code == 20
    assert "the package index is away" in error.message
    assert "wheelhouse" in error.hint
    assert "secret-of-joe" not in error.message + "\n".join(shop.log.lines)


class Locked(http.server.BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        self.send_response(401)
        self.end_headers()

    def log_request(self, code: int | str = "-", size: int | str = "-") -> None:
        pass


@pytest.fixture
def locked_index() -> Iterator[str]:
    """An index that lets nobody in."""
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Locked) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.02,))
        thread.start()
        yield f"http://127.0.0.1:{server.server_address[1]}/simple"
        server.shutdown()
        thread.join()


def test_an_index_that_lets_nobody_in_is_a_matter_of_setting_up(
    shop: Shop, locked_index: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("UV_DEFAULT_INDEX", locked_index.replace("//", "//joe:secret-of-joe@"))
    monkeypatch.setenv("UV_NO_CACHE", "1")
    error = refused(shop)
    assert error.code == 3
    assert "lets nobody in" in error.message
    assert "secret-of-joe" not in error.message + "\n".join(shop.log.lines)


def test_a_wheelhouse_that_is_no_folder_is_refused(shop: Shop) -> None:
    assert "package.wheelhouse is no folder" in refused(shop, wheelhouse="nowhere").message


def test_a_lock_is_renewed_when_that_is_asked_and_what_changed_is_said(locked: Shop, frozen: str) -> None:
    change(locked, r"packaging==\S+", "packaging==24.0")
    locked.run("relock")
    assert (locked.project / "serving.lock").read_text() == frozen
    assert locked.outputs
    assert re.search(r"serving.lock: packaging 24.0 -> \S+: commit it", locked.outputs.summary)
    locked.run("relock")
    assert "serving.lock is as it was" in locked.outputs.summary


def test_a_lock_that_cannot_be_read_is_renewed_too(locked: Shop, frozen: str) -> None:
    change(locked, r"packaging==\S+", "<<<<<<< ours")
    locked.run("relock")
    assert (locked.project / "serving.lock").read_text() == frozen


def test_a_file_that_is_not_ours_is_never_written_over(shop: Shop) -> None:
    (shop.project / "uv.lock").write_text("version = 1\n")
    error = refused(shop, lock="uv.lock")
    assert error.code == 3
    assert "uv.lock was not made by mlagent, and is left as it is" in error.message
    assert (shop.project / "uv.lock").read_text() == "version = 1\n"


@pytest.mark.parametrize(("lock", "said"), [(".", "is a folder"), ("gone/any.lock", "a folder that is not there")])
def test_a_lock_where_no_file_can_be_is_refused(shop: Shop, lock: str, said: str) -> None:
    error = refused(shop, lock=lock)
    assert error.code == 3
    assert said in error.message


def test_what_a_project_overrides_for_training_does_not_touch_what_is_locked(
    small: Path, frozen: str, built: Shop
) -> None:
    empty = Shop(small / "one", small / "node")
    (empty.project / "serving.lock").write_text(frozen)
    bound = '[tool.uv]\nconstraint-dependencies = ["packaging<24"]\noverride-dependencies = ["packaging==23.0"]\n'
    (empty.project / "pyproject.toml").write_text(bound)
    empty.run()
    assert empty.image() == built.image()


def test_half_of_a_login_and_a_dockerfile_that_nobody_builds_are_refused() -> None:
    with pytest.raises(ValueError, match="base_username and base_password go together"):
        package.Config(base_username="ci")
    with pytest.raises(ValueError, match="is for `builder: docker`"):
        package.Config(dockerfile="Dockerfile")


def test_a_wheelhouse_takes_the_place_of_an_index(shop: Shop, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = tmp_path / "wheelhouse"
    wheels = [sys.executable, "-m", "pip", "download", "--quiet", "--only-binary", ":all:", "--dest", str(folder)]
    subprocess.run([*wheels, *lock.needed()], check=True, capture_output=True)
    monkeypatch.setenv("UV_OFFLINE", "1")
    monkeypatch.setenv("UV_NO_CACHE", "1")
    made = shop.run(wheelhouse=str(folder))
    assert len(made.layers) == 4
    bill = json.loads((shop.work / "sbom.cdx.json").read_text())
    assert {"numpy", "libc6", "risk"} <= {one["name"] for one in bill["components"]}
