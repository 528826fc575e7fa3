"""The stage `sign`: what it writes, what it leaves, what it takes back, and that the tag comes last."""

import json
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

import pytest

from mlagent.adapters.memory_images import MemoryImages
from mlagent.adapters.memory_signer import Board, MemorySigner
from mlagent.core.digest import Digest
from mlagent.core.oci import Reference
from mlagent.core.ports.images import Content
from mlagent.core.ports.signer import By, PublicKey
from mlagent.errors import ConfigError, PolicyRefused
from mlagent.stages import sign
from mlagent.trust import origins, provenance, release, statement, verdicts
from tests.good_release import ORIGIN, a_digest, done, judged
from tests.signing_house import ONNX, PATH, SIGNATURE, House, from_elsewhere, statements

KINDS = (provenance.TYPE, origins.SBOM, verdicts.TYPE)
ALL = ["signature", "provenance", "SBOM", "verdicts"]


@pytest.fixture
def images() -> MemoryImages:
    return MemoryImages()


@pytest.fixture
def house(tmp_path: Path, images: MemoryImages) -> House:
    made = House(tmp_path / "house", "registry.example")
    made.push(images)
    return made


@pytest.fixture
def board() -> Board:
    return Board()


@pytest.fixture
def signer(board: Board) -> MemorySigner:
    return MemorySigner(board)


def counted(house: House, signer: MemorySigner) -> dict[str, int]:
    """How many statements of each type this signer has there."""
    return {kind: len(signer.attestations(house.image, kind, signer.by())) for kind in KINDS}


def test_a_release_gets_a_signature_and_three_statements_and_its_tag(
    house: House, images: MemoryImages, signer: MemorySigner
) -> None:
    signed = house.to(images, signer)
    assert signed.written == [*ALL, "tag v3"]
    assert signer.signatures(house.image, signer.by()) == (house.digest,)
    assert counted(house, signer) == dict.fromkeys(KINDS, 1)
    assert images.manifest(PATH, "v3") == images.manifest(PATH, house.digest)
    assert images.tags(PATH) == ["v3"]


def test_what_is_stated_is_what_the_run_did(house: House, images: MemoryImages, signer: MemorySigner) -> None:
    house.to(images, signer)
    said = {kind: statements(signer.attestations(house.image, kind, signer.by()))[0] for kind in KINDS}
    assert {one.about() for one in said.values()} == {frozenset({house.digest})}
    built = provenance.parse(said[provenance.TYPE].predicate)
    assert built.builder == ORIGIN.builder
    assert built.internal.stages["package"].outputs["image"] == house.digest
    assert "push" not in built.internal.stages
    judged_ = verdicts.parse(said[verdicts.TYPE].predicate).verdicts
    assert [one.verdict.subject for one in judged_] == ["data", "split", "parity", "gate", "load-test"]
    assert said[origins.SBOM].predicate == house.bill


def test_a_rerun_adds_nothing(house: House, images: MemoryImages, signer: MemorySigner, board: Board) -> None:
    house.to(images, signer)
    before = list(board.envelopes[str(house.image)])
    house.origin = from_elsewhere(house.origin, url="https://jenkins.example/job/risk/8/", begun="2026-07-02T00:00:00Z")
    house.chain = tuple(
        done("push", {"pushed": a_digest("another")}) if one.stage == "push" else one for one in house.chain
    )
    house.chain += (done("sign", {"signed": a_digest("signed")}),)
    assert house.to(images, signer).written == []
    assert board.envelopes[str(house.image)] == before


def test_what_says_something_else_now_takes_the_place_of_what_was_said(
    house: House, images: MemoryImages, signer: MemorySigner
) -> None:
    house.to(images, signer)
    house.origin = from_elsewhere(house.origin, commit="f" * 40, build=8)
    late = judged("load-test", {"image": house.digest, "onnx": ONNX}, value=0.75)
    house.chain = tuple(done("load-test", None, late) if one.stage == "load-test" else one for one in house.chain)
    assert house.to(images, signer).written == ["provenance", "verdicts"]
    assert counted(house, signer) == dict.fromkeys(KINDS, 1)
    (found,) = statements(signer.attestations(house.image, provenance.TYPE, signer.by()))
    assert provenance.parse(found.predicate).internal.build == 8


def test_what_others_attested_stays(
    house: House, images: MemoryImages, signer: MemorySigner, board: Board, tmp_path: Path
) -> None:
    stranger = MemorySigner(board, "stranger")
    (tmp_path / "theirs").write_text('{"theirs": true}')
    for kind in KINDS:
        stranger.attest(house.image, kind, tmp_path / "theirs")
    house.to(images, signer)
    house.origin = from_elsewhere(house.origin, build=8)
    house.to(images, signer)
    for kind in KINDS:
        assert [one.predicate for one in statements(stranger.attestations(house.image, kind, stranger.by()))] == [
            {"theirs": True}
        ]


def test_what_stands_there_twice_is_left_once(
    house: House, images: MemoryImages, signer: MemorySigner, board: Board
) -> None:
    house.to(images, signer)
    file = house.work / "verdicts.json"
    file.write_text(json.dumps({"verdicts": []}))
    signer.attest(house.image, verdicts.TYPE, file)
    assert house.to(images, signer).written == []
    assert counted(house, signer) == dict.fromkeys(KINDS, 1)


def test_what_is_no_statement_of_ours_is_replaced(
    house: House, images: MemoryImages, signer: MemorySigner, tmp_path: Path
) -> None:
    (tmp_path / "odd").write_text('{"runDetails": 7}')
    signer.attest(house.image, provenance.TYPE, tmp_path / "odd")
    assert house.to(images, signer).written == [*ALL, "tag v3"]
    assert counted(house, signer) == dict.fromkeys(KINDS, 1)


class Watched(MemoryImages):
    """Knows when a tag was set, and what was there then."""

    def __init__(self, board: Board) -> None:
        super().__init__()
        self.board, self.seen = board, list[Counter[str]]()

    def put_manifest(self, path: str, data: bytes, media_type: str, tag: str | None = None) -> Digest:
        if tag:
            beside = [one for some in self.board.envelopes.values() for one in some]
            self.seen.append(Counter(one.predicate_type for one in statements(beside)))
        return super().put_manifest(path, data, media_type, tag)


def test_the_tag_comes_when_all_else_is_there(house: House, board: Board, signer: MemorySigner) -> None:
    images = Watched(board)
    house.push(images)
    house.to(images, signer)
    assert images.seen == [Counter(dict.fromkeys(KINDS, 1))]


class Forgetful(MemorySigner):
    """Takes a statement of one type and does not keep it."""

    kind = ""

    def attest(self, reference: Reference, predicate_type: str, predicate: Path) -> None:
        if predicate_type != self.kind:
            super().attest(reference, predicate_type, predicate)


@pytest.mark.parametrize(("kind", "named"), list(zip(KINDS, ("provenance", "SBOM", "verdicts"), strict=True)))
def test_what_does_not_come_back_is_refused_by_name_and_not_tagged(
    house: House, images: MemoryImages, board: Board, kind: str, named: str
) -> None:
    signer = Forgetful(board)
    signer.kind = kind
    with pytest.raises(PolicyRefused, match=f"{named}: none"):
        house.to(images, signer)
    assert images.tags(PATH) == []


class Unsigned(MemorySigner):
    """Its signatures do not verify by its key."""

    def signatures(self, reference: Reference, by: By) -> Sequence[Digest]:
        assert by != PublicKey("")
        return super().signatures(reference, PublicKey(""))


def test_a_signature_that_does_not_verify_is_refused_and_not_tagged(
    house: House, images: MemoryImages, board: Board
) -> None:
    with pytest.raises(PolicyRefused, match="signature: 1 by another key"):
        house.to(images, Unsigned(board))
    assert images.tags(PATH) == []


def test_a_verdict_that_is_no_pass_is_not_released(house: House, images: MemoryImages, signer: MemorySigner) -> None:
    bad = judged("gate", {}, value=0.1)
    house.chain = tuple(done("gate", None, bad) if one.stage == "gate" else one for one in house.chain)
    with pytest.raises(PolicyRefused, match="verdict gate: fail"):
        house.to(images, signer)
    assert images.tags(PATH) == []


def test_the_models_files_are_signed_for_this_release(house: House, images: MemoryImages, signer: MemorySigner) -> None:
    house.to(images, signer)
    said, bundle = release.read((house.work / release.FILE).read_bytes())
    assert {one.name: f"sha256:{one.digest['sha256']}" for one in said.subject} == {
        "model.onnx": ONNX,
        "signature.json": SIGNATURE,
    }
    assert bundle.release == house.digest
    signature = (house.work / release.SIGNATURE).read_bytes()
    assert signer.verify_blob(house.work / release.FILE, signature, signer.by())


def test_a_tag_moves_to_the_image_that_was_signed_last(
    house: House, images: MemoryImages, signer: MemorySigner, tmp_path: Path
) -> None:
    house.to(images, signer)
    later = House(tmp_path / "later", "registry.example", b"another server")
    later.push(images)
    assert later.to(images, signer).written == [*ALL, "tag v3"]
    assert images.manifest(PATH, "v3") == Content(later.manifest, "application/vnd.oci.image.manifest.v1+json")


@pytest.mark.parametrize(
    ("pattern", "tag"),
    [("v{version}", "v3"), ("{version}-{build}", "3-7"), ("r.{commit}", "r.0123456789ab"), ("release", "release")],
)
def test_a_tag_is_made_of_version_build_and_commit(
    house: House, images: MemoryImages, signer: MemorySigner, pattern: str, tag: str
) -> None:
    assert house.to(images, signer, pattern).tag == tag
    assert images.tags(PATH) == [tag]


def test_a_tag_of_what_is_not_known_is_a_matter_of_configuration(
    house: House, images: MemoryImages, signer: MemorySigner
) -> None:
    house.labels = {"build": "7"}
    with pytest.raises(ConfigError, match=r"sign\.tag 'r-\{commit\}' cannot be filled"):
        house.to(images, signer, "r-{commit}")
    assert signer.attached(house.image).signatures == 0


def test_without_a_tag_there_is_none(house: House, images: MemoryImages, signer: MemorySigner) -> None:
    assert house.to(images, signer, None).written == ALL
    assert images.tags(PATH) == []


def test_nothing_is_signed_where_nothing_was_pushed(house: House) -> None:
    assert house.run(sign.Config(), pushed=None).summary == "nothing is signed: no image was pushed"
    assert list(house.work.iterdir()) == []


def test_numbers_that_another_language_writes_otherwise_are_the_same(
    house: House, images: MemoryImages, signer: MemorySigner, board: Board
) -> None:
    """Go writes 1.0 as 1."""
    house.to(images, signer)
    (kept,) = signer.attestations(house.image, verdicts.TYPE, signer.by())
    said = statements([kept])[0].predicate
    assert b"1.0" in statement.opened(kept)
    whole = json.loads(
        json.dumps(said), parse_float=lambda text: int(float(text)) if text.endswith(".0") else float(text)
    )
    signer.withdraw(house.image, [kept])
    (house.folder / "as-go").write_text(json.dumps(whole))
    signer.attest(house.image, verdicts.TYPE, house.folder / "as-go")
    assert house.to(images, signer).written == []
