"""What goes in decides the image's digest: not the folder, the time, the caches, the environment or the user."""

import gzip
import io
import json
import os
import shutil
import subprocess
import sys
import tarfile
from pathlib import Path

import pytest

from mlagent.adapters.fakes import MemoryStore
from mlagent.core import oci
from mlagent.engine.blobs import NodeBlobs
from mlagent.image import compiled
from tests.pipeline.image.conftest import PLANTED, Shop, manifest_in
from tests.small_base import make

LONG_AGO = 946684800


def files(shop: Shop, layer: oci.Descriptor) -> dict[str, bytes]:
    """What is in a layer."""
    with tarfile.open(fileobj=io.BytesIO(gzip.decompress(shop.piece(layer)))) as tar:
        return {one.name: file.read() for one in tar if (file := tar.extractfile(one))}


def test_in_another_folder_at_another_time_with_empty_caches(
    built: Shop, small: Path, frozen: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    other = Shop(small / "another folder, with a longer name")
    (other.project / "serving.lock").write_text(frozen)
    for path in (small / "base").rglob("*"):
        os.utime(path, (LONG_AGO, LONG_AGO))
    monkeypatch.setenv("UV_CACHE_DIR", str(small / "empty"))
    monkeypatch.setenv("LANG", "tr_TR.UTF-8")
    monkeypatch.setenv("PYTHONHASHSEED", "77")
    before = os.umask(0o077)
    try:
        other.run()
    finally:
        os.umask(before)
    assert other.image() == built.image()
    assert (other.work / "sbom.cdx.json").read_bytes() == (built.work / "sbom.cdx.json").read_bytes()


def test_of_freezing_only_the_lock_and_what_uv_printed_is_left(built: Shop) -> None:
    files = {path.name for path in built.work.iterdir()}
    assert files == {"inputs", "freezing.log", "manifest.json", "sbom.cdx.json", "serving.lock"}
    assert (built.work / "serving.lock").read_bytes() == (built.project / "serving.lock").read_bytes()


def test_a_node_that_built_before_makes_nothing_again(locked: Shop, built: Shop) -> None:
    locked.run()
    assert locked.image() == built.image()
    assert locked.log.lines == []


def test_a_new_model_changes_only_the_models_layer(locked: Shop, built: Shop) -> None:
    locked.model = b"a model that has learnt more"
    before, after = manifest_in(built.work), locked.run()
    assert after.layers[:-1] == before.layers[:-1]
    assert after.layers[-1] != before.layers[-1]
    assert locked.log.lines == []
    assert locked.outputs
    assert set(locked.outputs.blobs) == {after.config.digest, *(layer.digest for layer in after.layers)}


def test_a_layer_that_was_lost_is_made_again(locked: Shop, built: Shop, small: Path) -> None:
    locked.blobs = NodeBlobs(Path(shutil.copytree(built.blobs.home, small / "copy")), MemoryStore())
    lost = manifest_in(built.work).layers[2]
    (small / "copy/blobs/sha256" / lost.digest.partition(":")[2]).unlink()
    locked.run()
    assert locked.image() == built.image()
    assert locked.blobs.has(lost.digest)


def test_the_models_layer_holds_the_model_and_what_callers_send(built: Shop) -> None:
    made = manifest_in(built.work)
    assert files(built, made.layers[-1]) == {"srv/model/model.onnx": b"a model", "srv/model/signature.json": b"{}"}


def test_a_secret_in_the_environment_is_nowhere(built: Shop) -> None:
    pieces = [gzip.decompress(built.piece(layer)) for layer in manifest_in(built.work).layers]
    written = [path.read_bytes() for path in built.folder.rglob("*") if path.is_file()]
    for data in (*pieces, *written, "\n".join(built.log.lines).encode()):
        assert PLANTED.encode() not in data


def test_what_is_installed_can_serve_and_was_compiled_for_its_place(built: Shop, tmp_path: Path) -> None:
    root = tmp_path / "root"
    for layer in manifest_in(built.work).layers:
        with tarfile.open(fileobj=io.BytesIO(gzip.decompress(built.piece(layer)))) as tar:
            tar.extractall(root, filter="data")
    asked = (
        "import json, sys, mlagent, numpy, onnxruntime, uvloop, httptools, msgspec\n"
        "import mlagent.serving.onnx, mlagent.serving.server as server\n"
        "print(json.dumps([numpy.__cached__, onnxruntime.__file__, server.__cached__, mlagent.__file__,"
        " str((numpy.ones((9, 9)) @ numpy.ones(9)).sum())]))"
    )
    told = subprocess.run(
        [sys.executable, "-P", "-s", "-S", "-c", asked],
        env={"PYTHONPATH": f"{root}/opt/mlagent/server:{root}/opt/mlagent/lib", "PYTHONDONTWRITEBYTECODE": "1"},
        check=True,
        capture_output=True,
        text=True,
    )
    *places, total = json.loads(told.stdout)
    assert all(place.startswith(str(root)) for place in places)
    assert b"/opt/mlagent/server/mlagent/serving/server.py" in Path(places[2]).read_bytes()
    assert Path(places[0]).is_file()
    assert float(total) == 81


def test_nothing_that_differs_between_installs_or_that_no_server_opens_is_in_it(built: Shop) -> None:
    made = manifest_in(built.work)
    names = files(built, made.layers[1])
    assert not [name for name in names if name.endswith(("/INSTALLER", "/REQUESTED", "/.lock", ".pyi", ".a", ".h"))]
    assert not [name for name in names if "/tests/" in name or name.startswith("opt/mlagent/lib/bin/")]
    record = next(name for name in names if name.endswith("/RECORD") and "numpy-" in name)
    listed = {line.partition(",")[0] for line in names[record].decode().splitlines()}
    assert {f"opt/mlagent/lib/{name}" for name in listed} <= set(names)
    assert not [name for name in files(built, made.layers[2]) if not name.startswith("opt/mlagent/server/mlagent/")]


def test_bytecode_is_the_same_from_two_folders_and_valid_whatever_the_time(tmp_path: Path) -> None:
    source = Path(json.__file__).parent
    found = []
    for name in ("one", "another and longer"):
        folder = tmp_path / name
        shutil.copytree(source, folder / "json", ignore=shutil.ignore_patterns("__pycache__"))
        assert compiled.compile_all(folder, "/opt/any") >= 5
        found.append({path.name: path.read_bytes() for path in folder.rglob("*.pyc")})
    assert found[0] == found[1]
    assert len(found[0]) >= 5
    assert {data[4:8] for data in found[0].values()} == {b"\x01\x00\x00\x00"}  # by hash, unchecked


def test_a_source_that_does_not_compile_is_left_as_it_is(tmp_path: Path) -> None:
    (tmp_path / "old.py").write_text("print 'as it was'\n")
    (tmp_path / "new.py").write_text("x = 1\n")
    compiled.compile_all(tmp_path, "/opt/any")
    assert [path.name.partition(".")[0] for path in tmp_path.rglob("*.pyc")] == ["new"]


def test_an_image_for_another_machine_and_python_is_frozen_and_laid_out_without_bytecode(tmp_path: Path) -> None:
    make(tmp_path / "base", {"usr/bin/python3.12": b""}, architecture="arm64")
    shop = Shop(tmp_path / "arm")
    made = shop.run(platform="linux/arm64", python="3.12")
    lock = (shop.project / "serving.lock").read_text()
    assert "# platform: linux/arm64\n# python: 3.12\n" in lock
    config = json.loads(shop.piece(made.config))
    assert (config["architecture"], config["config"]["Entrypoint"][0]) == ("arm64", "/usr/bin/python3.12")
    names = files(shop, made.layers[1])
    assert [name for name in names if name.endswith("cpython-312-aarch64-linux-gnu.so")]
    assert not [name for name in names if name.endswith(".pyc") or "x86_64" in name.rpartition("/")[2]]
