"""A path or a URL opens its store; what cannot be opened says why, and no message tells a secret."""

import subprocess
import sys
from pathlib import Path

import pytest

from mlagent import adapters
from mlagent.adapters.stores import open_store, reach
from mlagent.adapters.stores.local import LocalStore
from mlagent.adapters.stores.remote import RemoteStore
from mlagent.config.sections import Keep
from mlagent.core.digest import of_bytes
from mlagent.errors import ConfigError, InfrastructureError


@pytest.mark.parametrize("form", ["{}", "file://{}", "local://{}"])
def test_a_folder_is_a_local_store(tmp_path: Path, form: str) -> None:
    store = open_store(form.format(tmp_path / "a store"))
    assert isinstance(store, LocalStore)
    store.write("lease", b"x")
    assert (tmp_path / "a store" / "named" / "lease").read_bytes() == b"x"


def test_a_folder_may_stand_in_the_home(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    open_store("~/store").write("lease", b"x")
    assert (tmp_path / "store" / "named" / "lease").exists()


def test_a_file_is_no_store(tmp_path: Path) -> None:
    (tmp_path / "model.py").touch()
    with pytest.raises(ConfigError, match=r"store.url: model.py is a file"):
        adapters.store(Keep(url="model.py"), tmp_path, tmp_path / "home")
    with pytest.raises(InfrastructureError) as refused:
        open_store(tmp_path / "model.py").write("lease", b"x")
    assert "a file stands where a folder should be" in refused.value.hint


def test_a_folder_opens_no_remote_library() -> None:
    code = (
        "import sys; from mlagent.adapters.stores import open_store; open_store('x').read('y');"
        "print([name for name in ('fsspec', 's3fs', 'asyncio') if name in sys.modules])"
    )
    found = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert found.stdout.strip() == "[]"


@pytest.mark.parametrize(
    ("package", "url"), [("fsspec", "s3://bucket"), ("s3fs", "s3://bucket"), ("gcsfs", "gs://bucket")]
)
def test_a_package_that_is_not_installed_is_named(package: str, url: str) -> None:
    code = (
        "import sys; sys.modules[sys.argv[1]] = None; from mlagent.adapters.stores import open_store\n"
        "from mlagent.errors import ConfigError\n"
        "try: open_store(sys.argv[2])\n"
        "except ConfigError as error: print(error.message, error.hint)"
    )
    ended = subprocess.run([sys.executable, "-c", code, package, url], capture_output=True, text=True, check=True)
    assert "is not installed here" in ended.stdout
    assert package in ended.stdout
    assert "pip install" in ended.stdout


@pytest.mark.parametrize("url", ["nope://bucket", "s4://user:hunter22@bucket"])
def test_a_url_that_nothing_opens_is_a_matter_of_configuration(url: str) -> None:
    with pytest.raises(ConfigError, match="cannot be opened: Protocol not known") as error:
        open_store(url)
    assert "hunter22" not in str(error.value)


def test_a_store_that_is_not_whole_at_once_is_written_beside(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    store = open_store(f"memory://{tmp_path.name}/x")
    assert isinstance(store, RemoteStore)
    (tmp_path / "source").write_bytes(b"weights")

    def cut(_source: str, path: str) -> None:
        store._files.pipe_file(path, b"wei")
        raise ConnectionResetError(104, "Connection reset by peer")

    with monkeypatch.context() as broken:
        broken.setattr(store._files, "put_file", cut)
        with pytest.raises(InfrastructureError, match="Connection reset"):
            store.put(tmp_path / "source", of_bytes(b"weights"))
    assert store._files.find(store._root) == []
    store.put(tmp_path / "source", of_bytes(b"weights"))
    assert not store.atomic_swap
    assert store._files.find(store._root) == [
        store._at(f"blobs/sha256/{of_bytes(b'weights')[7:9]}/{of_bytes(b'weights')[9:]}")
    ]


def test_no_secret_of_the_options_or_the_url_is_told() -> None:
    options = {
        "key": "AKIA1234",
        "client_kwargs": {"aws_secret_access_key": "AKIA1234/longer", "region_name": "eu-north-1"},
        "endpoint_url": "http://minio.example",
        "anon": False,
        "token": "",
    }
    place = reach.Place.of("sftp://user:hunter22@host/folder?x=1", options)
    told = "eu-north-1 http://minio.example http://me:hunter22@proxy/x AKIA1234/longer AKIA1234\nsecond line"
    assert place.masked(told) == "eu-north-1 http://minio.example http://proxy/x [secret] [secret]"
    assert place.where == "sftp://host/folder"
    assert repr(place) == "Place('sftp://host/folder')"


def test_a_fault_without_words_is_told_by_its_name() -> None:
    place = reach.Place.of("gs://bucket/folder/", {})
    said = "gs://bucket/folder could not be used: TimeoutError: no reason given"
    with pytest.raises(InfrastructureError, match=said), place.reached():
        raise TimeoutError
