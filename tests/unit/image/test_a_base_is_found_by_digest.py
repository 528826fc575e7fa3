"""A base is named by digest, verified piece by piece, fits the platform, and has the Python that is asked for."""

import json
from collections.abc import Callable
from contextlib import nullcontext
from functools import partial
from pathlib import Path

import pytest

from mlagent.adapters.fakes import MemoryStore
from mlagent.adapters.memory_images import MemoryImages
from mlagent.core import oci
from mlagent.engine.blobs import NodeBlobs
from mlagent.errors import ConfigError, InputError
from mlagent.image import base, layout
from mlagent.image.base import Base, Wanted
from tests import small_base
from tests.small_base import FILES, make


class Silent:
    """A log for nobody."""

    def info(self, event: str, **_: object) -> None: ...
    def warning(self, event: str, **_: object) -> None: ...
    def progress(self, event: str, done: int, of: int, **_: object) -> None: ...
    def underway(self, event: str, done: float, of: int, **_: object) -> None: ...
    def output(self, line: str) -> None: ...


def found(root: Path, name: str = "oci:base", platform: str = "linux/amd64", pieces: str = "pieces") -> Base:
    source, wanted = layout.wanted(name, root, platform)
    return base.find(wanted, lambda: nullcontext(source), NodeBlobs(root / pieces, MemoryStore()), Silent())


def test_a_folder_is_looked_into(tmp_path: Path) -> None:
    digest = make(tmp_path / "base")
    seen = found(tmp_path)
    assert seen.digest == digest
    assert seen.inside.python("3.11", "oci:base") == "/usr/bin/python3.11"
    assert seen.inside.system == ("debian", "12")
    assert [(one.name, one.version, one.source) for one in seen.inside.packages] == [
        ("libc6", "2.36-9+deb12u10", "glibc"),
        ("python3", "3.11.2-1+b1", ""),
    ]


def test_it_is_looked_into_once(tmp_path: Path) -> None:
    make(tmp_path / "base")
    first = found(tmp_path)
    for path in (tmp_path / "base/blobs/sha256").iterdir():
        path.unlink()
    assert found(tmp_path) == first


def test_a_digest_chooses_among_several_and_kinds_of_docker_are_called_as_oci_calls_them(tmp_path: Path) -> None:
    one = small_base.image(tmp_path / "base")
    other = small_base.image(tmp_path / "base", FILES | {"etc/other": b""}, docker=True)
    small_base.index(tmp_path / "base", one, other)
    seen = found(tmp_path, f"oci:base@{other['digest']}")
    assert seen.digest == other["digest"]
    assert {layer.descriptor.media_type for layer in seen.layers} == {oci.LAYER}


def test_of_several_platforms_that_of_the_image_is_taken(tmp_path: Path) -> None:
    made = {kind: small_base.image(tmp_path / "base", architecture=kind) for kind in ("amd64", "arm64")}
    listed = [one | {"platform": {"os": "linux", "architecture": kind}} for kind, one in made.items()]
    unknown = {"platform": {"os": "unknown", "architecture": "unknown"}}  # what BuildKit adds
    small_base.index(tmp_path / "base", *listed, listed[0] | unknown)
    for kind in made:
        assert found(tmp_path, platform=f"linux/{kind}").digest == made[kind]["digest"]


def test_a_lower_python_that_was_taken_away_again_is_not_there(tmp_path: Path) -> None:
    make(tmp_path / "base", FILES | {"usr/local/bin/python3.12": b""}, {"usr/local/bin/.wh.python3.12": b""})
    assert found(tmp_path).inside.pythons == ("/usr/bin/python3.11",)
    make(tmp_path / "base", {"usr/bin/python3.9": b""}, {"usr/bin/.wh..wh..opq": b""}, FILES)
    assert found(tmp_path).inside.pythons == ("/usr/bin/python3.11",)


def test_the_python_of_the_official_image_comes_before_the_systems(tmp_path: Path) -> None:
    make(tmp_path / "base", FILES, {"./usr/local/bin/python3.11": b""})
    assert found(tmp_path).inside.python("3.11", "b") == "/usr/local/bin/python3.11"


MUSL = {"usr/bin/python3.11": b"", "lib/apk/db/installed": b"P:musl\nV:1.2.5\nA:x86_64\n\nP:busybox\nV:1\n"}
OLD = FILES | {"var/lib/dpkg/status": small_base.STATUS.replace("2.36", "2.24").encode()}


@pytest.mark.parametrize(
    ("files", "said"),
    [
        ({"usr/bin/python3.9": b""}, "has no Python 3.11: it has /usr/bin/python3.9"),
        ({"etc/hosts": b""}, "has no Python 3.11: there is no Python in it"),
        (MUSL, "has the C library musl"),
        (OLD, "has the C library glibc 2.24"),
    ],
)
def test_a_base_that_cannot_serve_is_refused(tmp_path: Path, files: dict[str, bytes], said: str) -> None:
    make(tmp_path / "base", files)
    with pytest.raises(ConfigError, match=said):
        found(tmp_path).inside.python("3.11", "oci:base")


def piece(root: Path, kind: str) -> Path:
    """The file of the configuration, or of the first layer."""
    listed = json.loads((root / "base/index.json").read_text())["manifests"][0]
    manifest = json.loads((root / "base/blobs/sha256" / listed["digest"][7:]).read_text())
    named = {"manifest": listed, "config": manifest["config"], "layer": manifest["layers"][0]}[kind]
    return root / "base/blobs/sha256" / str(named["digest"])[7:]


@pytest.mark.parametrize("kind", ["manifest", "config", "layer"])
@pytest.mark.parametrize(
    ("spoil", "said"),
    [
        (lambda path: path.write_bytes(path.read_bytes() + b" "), "is corrupt"),
        (lambda path: path.unlink(), "is gone|lacks its piece"),
    ],
)
def test_a_piece_that_is_corrupt_or_gone_is_named(
    tmp_path: Path, kind: str, spoil: Callable[[Path], object], said: str
) -> None:
    make(tmp_path / "base")
    broken = piece(tmp_path, kind)
    spoil(broken)
    with pytest.raises(InputError, match=said) as raised:
        found(tmp_path)
    assert broken.name in raised.value.message
    assert not list((tmp_path / "pieces").glob("bases/*"))


def test_an_at_in_a_folders_name_is_no_digest(tmp_path: Path) -> None:
    digest = make(tmp_path / "job@2" / "base")
    assert found(tmp_path, "oci:job@2/base").digest == digest
    assert found(tmp_path, f"oci:job@2/base@{digest}").digest == digest


def test_what_is_no_manifest_or_no_digest_is_refused(tmp_path: Path) -> None:
    make(tmp_path / "base")
    for path in (tmp_path / "base/blobs/sha256").iterdir():
        data = path.read_bytes()
        if data[:1] != b"{":
            with pytest.raises(InputError, match="is no image that can be read"):
                found(tmp_path, f"oci:base@sha256:{path.name}")
    with pytest.raises(ConfigError, match="ends in no digest"):
        found(tmp_path, "oci:base@sha256:../../index.json")


def test_another_platform_is_refused_with_what_there_is(tmp_path: Path) -> None:
    make(tmp_path / "base", architecture="arm64")
    with pytest.raises(ConfigError, match="is not for linux/amd64: it has linux/arm64"):
        found(tmp_path)


def test_an_index_without_the_platform_is_refused_with_what_there_is(tmp_path: Path) -> None:
    made = small_base.image(tmp_path / "base")
    kinds = [{"platform": {"os": "linux", "architecture": kind}} for kind in ("arm64", "s390x")]
    small_base.index(tmp_path / "base", *(made | kind for kind in kinds))
    with pytest.raises(ConfigError, match="it has linux/arm64, linux/s390x"):
        found(tmp_path)


@pytest.mark.parametrize("index", ["", "[]", '{"schemaVersion": 2}', "\xff"])
def test_an_index_that_cannot_be_read_is_refused(tmp_path: Path, index: str) -> None:
    make(tmp_path / "base")
    (tmp_path / "base/index.json").write_text(index, encoding="latin-1")
    with pytest.raises(InputError, match=r"oci:base: index.json cannot be read"):
        found(tmp_path)


def test_a_folder_that_is_no_layout_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="oci:nothing is no image layout"):
        found(tmp_path, "oci:nothing")


def test_a_layer_that_is_not_what_the_configuration_says_is_refused(tmp_path: Path) -> None:
    one = small_base.image(tmp_path / "base")
    other = small_base.image(tmp_path / "base", {"etc/else": b""})
    read = [json.loads((tmp_path / "base/blobs/sha256" / made["digest"][7:]).read_text()) for made in (one, other)]
    crossed = read[0] | {"layers": read[1]["layers"]}
    kept = small_base.keep(tmp_path / "base", json.dumps(crossed).encode(), oci.MANIFEST)
    small_base.index(tmp_path / "base", kept)
    with pytest.raises(InputError, match="is not what its configuration says"):
        found(tmp_path)


def test_a_registry_is_asked_by_digest_and_a_base_that_is_gone_is_said(tmp_path: Path) -> None:
    digest = make(tmp_path / "base")
    registry = MemoryImages()
    name = f"example.org/base@{digest}"
    wanted = Wanted(name, "base", digest, "linux/amd64")
    blobs = NodeBlobs(tmp_path / "pieces", MemoryStore())
    with pytest.raises(InputError, match=f"package.base {name} is gone"):
        base.find(wanted, lambda: nullcontext(registry), blobs, Silent())
    for path in (tmp_path / "base/blobs/sha256").iterdir():
        registry.push("base", f"sha256:{path.name}", partial(Path, path))
    registry.put_manifest("base", (tmp_path / "base/blobs/sha256" / digest[7:]).read_bytes(), oci.MANIFEST)
    assert base.find(wanted, lambda: nullcontext(registry), blobs, Silent()) == found(tmp_path)
