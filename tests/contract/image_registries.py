"""What every registry of images does: held against the fake and a double here, against a real one in the e2e tests."""

import hashlib
import json
import os
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import NamedTuple

import pytest

from mlagent.core import oci
from mlagent.core.digest import of_bytes
from mlagent.core.ports.images import Content, ImageRegistry, Sent
from mlagent.errors import InputError

KIND, OTHERS = "application/vnd.example.one+json", "application/vnd.example.another+json"


class Piece(NamedTuple):
    """A file, and its digest."""

    path: Path
    digest: str
    size: int

    def give(self) -> Path:
        return self.path


def piece(folder: Path, data: bytes) -> Piece:
    path = folder / hashlib.sha256(data).hexdigest()
    path.write_bytes(data)
    return Piece(path, of_bytes(data), len(data))


def manifest_of(config: Piece, *layers: Piece) -> bytes:
    document = {
        "schemaVersion": 2,
        "mediaType": oci.MANIFEST,
        "config": {"mediaType": oci.CONFIG, "digest": config.digest, "size": config.size},
        "layers": [{"mediaType": oci.LAYER, "digest": one.digest, "size": one.size} for one in layers],
    }
    return json.dumps(document, indent=1).encode()


def referring(
    registry: ImageRegistry, path: str, folder: Path, about: bytes, kind: str = KIND, said: str = ""
) -> bytes:
    """Push what a manifest to refer to another takes; that manifest."""
    config = piece(folder, oci.NOTHING)
    registry.push(path, config.digest, config.give)
    document = {
        "schemaVersion": 2,
        "mediaType": oci.MANIFEST,
        "artifactType": kind,
        "config": {"mediaType": oci.EMPTY, "digest": config.digest, "size": config.size},
        "layers": [],
        "subject": {"mediaType": oci.MANIFEST, "digest": of_bytes(about), "size": len(about)},
        "annotations": {"said": said},
    }
    return json.dumps(document, indent=1).encode()


def image(registry: ImageRegistry, path: str, folder: Path, text: bytes = b"a layer") -> bytes:
    """Push a small image; its manifest."""
    config, layer = piece(folder, b'{"architecture":"amd64","os":"linux"}'), piece(folder, text)
    for one in (config, layer):
        registry.push(path, one.digest, one.give)
    return manifest_of(config, layer)


def never() -> Path:
    raise AssertionError("asked for a piece that need not travel")


class ImageRegistries:
    """The tests; whoever holds a registry against them gives the fixture `registry`."""

    def test_a_piece_is_read_back_as_it_was_pushed(self, registry: ImageRegistry, tmp_path: Path) -> None:
        one = piece(tmp_path, b"some bytes")
        assert registry.size("acme/risk", one.digest) is None
        assert registry.push("acme/risk", one.digest, one.give) == Sent(10, "uploaded")
        assert registry.size("acme/risk", one.digest) == 10
        registry.pull("acme/risk", one.digest, 10, tmp_path / "back")
        assert (tmp_path / "back").read_bytes() == b"some bytes"

    def test_a_piece_that_is_there_does_not_travel(self, registry: ImageRegistry, tmp_path: Path) -> None:
        one = piece(tmp_path, b"some bytes")
        registry.push("acme/risk", one.digest, one.give)
        assert registry.push("acme/risk", one.digest, never) == Sent(0, "there")

    def test_another_repository_lends_a_piece(self, registry: ImageRegistry, tmp_path: Path) -> None:
        one = piece(tmp_path, b"some bytes")
        registry.push("library/python", one.digest, one.give)
        lenders = ("nobody/here", "library/python")
        assert registry.push("acme/risk", one.digest, never, lenders) == Sent(0, "mounted")
        assert registry.size("acme/risk", one.digest) == 10

    def test_a_piece_that_nobody_lends_travels(self, registry: ImageRegistry, tmp_path: Path) -> None:
        one = piece(tmp_path, b"some bytes")
        assert registry.push("acme/risk", one.digest, one.give, ("acme/risk", "nobody/here")) == Sent(10, "uploaded")

    def test_a_large_piece_goes_and_comes_and_tells_how_far_it_is(
        self, registry: ImageRegistry, tmp_path: Path
    ) -> None:
        one = piece(tmp_path, os.urandom(9_000_000))
        told: list[tuple[int, int]] = []
        moved = registry.push("acme/risk", one.digest, one.give, progress=lambda done, of: told.append((done, of)))
        assert moved == Sent(9_000_000, "uploaded")
        assert told[-1] == (9_000_000, 9_000_000)
        registry.pull("acme/risk", one.digest, one.size, tmp_path / "back", lambda done, of: told.append((done, of)))
        assert told[-1] == (9_000_000, 9_000_000)
        assert (tmp_path / "back").read_bytes() == one.path.read_bytes()

    def test_several_pieces_may_travel_at_once(self, registry: ImageRegistry, tmp_path: Path) -> None:
        pieces = [piece(tmp_path, os.urandom(3000)) for _ in range(12)]
        with ThreadPoolExecutor(6) as pool:
            sent = list(pool.map(lambda one: registry.push("acme/risk", one.digest, one.give), pieces))
        assert sent == [Sent(3000, "uploaded")] * 12
        assert [registry.size("acme/risk", one.digest) for one in pieces] == [3000] * 12

    def test_a_piece_that_is_not_there_is_no_file(self, registry: ImageRegistry, tmp_path: Path) -> None:
        with pytest.raises(InputError, match="does not have"):
            registry.pull("acme/risk", of_bytes(b"lost"), 4, tmp_path / "back")
        assert not (tmp_path / "back").exists()

    def test_a_manifest_is_had_by_digest_byte_by_byte(self, registry: ImageRegistry, tmp_path: Path) -> None:
        data = image(registry, "acme/risk", tmp_path)
        assert registry.manifest("acme/risk", of_bytes(data)) is None
        assert registry.put_manifest("acme/risk", data, oci.MANIFEST) == of_bytes(data)
        assert registry.manifest("acme/risk", of_bytes(data)) == Content(data, oci.MANIFEST)
        assert registry.put_manifest("acme/risk", data, oci.MANIFEST) == of_bytes(data)

    def test_a_manifest_without_a_tag_gets_none(self, registry: ImageRegistry, tmp_path: Path) -> None:
        registry.put_manifest("acme/risk", image(registry, "acme/risk", tmp_path), oci.MANIFEST)
        assert registry.tags("acme/risk") == []

    def test_tags_name_manifests_and_move(self, registry: ImageRegistry, tmp_path: Path) -> None:
        assert registry.tags("acme/risk") == []
        first, second = (image(registry, "acme/risk", tmp_path, text) for text in (b"one", b"two"))
        for tag in ("v1", "v2", "v3", "latest"):
            registry.put_manifest("acme/risk", first, oci.MANIFEST, tag)
        registry.put_manifest("acme/risk", second, oci.MANIFEST, "latest")
        assert registry.tags("acme/risk") == ["latest", "v1", "v2", "v3"]
        assert registry.manifest("acme/risk", "v1") == Content(first, oci.MANIFEST)
        assert registry.manifest("acme/risk", "latest") == Content(second, oci.MANIFEST)
        assert registry.manifest("acme/risk", "v9") is None

    def test_a_manifest_whose_pieces_are_missing_is_refused(self, registry: ImageRegistry, tmp_path: Path) -> None:
        data = manifest_of(piece(tmp_path, b"{}"), piece(tmp_path, b"nobody pushed this"))
        with pytest.raises(InputError):
            registry.put_manifest("acme/risk", data, oci.MANIFEST)
        assert registry.manifest("acme/risk", of_bytes(data)) is None

    def test_a_deleted_manifest_is_gone(self, registry: ImageRegistry, tmp_path: Path) -> None:
        data = image(registry, "acme/risk", tmp_path)
        registry.put_manifest("acme/risk", data, oci.MANIFEST, "v1")
        registry.delete("acme/risk", of_bytes(data))
        assert registry.manifest("acme/risk", of_bytes(data)) is None
        registry.delete("acme/risk", of_bytes(data))

    def test_what_refers_to_a_manifest_is_listed_by_kind_and_twice_is_once(
        self, registry: ImageRegistry, tmp_path: Path
    ) -> None:
        about, other = (image(registry, "acme/risk", tmp_path, text) for text in (b"one", b"two"))
        for one in (about, other):
            registry.put_manifest("acme/risk", one, oci.MANIFEST)
        assert registry.referrers("acme/risk", of_bytes(about)) == []
        first = referring(registry, "acme/risk", tmp_path, about, said="first")
        second = referring(registry, "acme/risk", tmp_path, about, said="second")
        strange = referring(registry, "acme/risk", tmp_path, about, OTHERS)
        for one in (first, strange, second, first):
            assert registry.refer("acme/risk", one) == of_bytes(one)
        found = registry.referrers("acme/risk", of_bytes(about))
        assert sorted(one.digest for one in found) == sorted(map(of_bytes, (first, second, strange)))
        (theirs,) = registry.referrers("acme/risk", of_bytes(about), OTHERS)
        assert (theirs.digest, theirs.media_type, theirs.size) == (of_bytes(strange), oci.MANIFEST, len(strange))
        by_text = {one.annotations["said"] for one in registry.referrers("acme/risk", of_bytes(about), KIND)}
        assert by_text == {"first", "second"}
        assert registry.manifest("acme/risk", of_bytes(first)) == Content(first, oci.MANIFEST)
        assert registry.referrers("acme/risk", of_bytes(other)) == []
