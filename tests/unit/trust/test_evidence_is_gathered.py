"""What a release has to show is read from its registry, with few questions, and what does not verify is told apart."""

from collections.abc import Sequence
from pathlib import Path

import msgspec
import pytest

from mlagent.adapters.fakes import MemoryStore
from mlagent.adapters.ledgers.objects import ObjectLedger
from mlagent.adapters.memory_signer import MemorySigner
from mlagent.core.digest import Digest
from mlagent.core.oci import Reference, parse
from mlagent.core.ports.ledger import Fact
from mlagent.core.ports.signer import Attached, By, Identity, PublicKey
from mlagent.errors import InfrastructureError, InputError, PolicyRefused
from mlagent.trust import bundle, gathering, keys, origins, provenance, release, verdicts
from mlagent.trust.evidence import Evidence
from mlagent.trust.policy import Identity as Named
from mlagent.trust.policy import Policy
from tests.good_release import IMAGE, OTHER, REPOSITORY, Shop, a_digest, asked, bad, decide


class Counted:
    """A verifier that counts what it is asked: each question is a process of cosign."""

    def __init__(self, real: MemorySigner) -> None:
        self.real, self.asked, self.looked = real, list[str](), 0

    def attached(self, reference: Reference) -> Attached:
        self.looked += 1
        return self.real.attached(reference)

    def signatures(self, reference: Reference, by: By) -> Sequence[Digest]:
        self.asked.append("signature")
        return self.real.signatures(reference, by)

    def attestations(self, reference: Reference, predicate_type: str, by: By) -> Sequence[bytes]:
        self.asked.append(predicate_type)
        return self.real.attestations(reference, predicate_type, by)

    def verify_blob(self, file: Path, signature: bytes, by: By) -> bool:
        self.asked.append("blob")
        return self.real.verify_blob(file, signature, by)


@pytest.fixture
def shop(tmp_path: Path) -> Shop:
    made = Shop(tmp_path)
    made.sign()
    return made


def by(shop: Shop) -> Policy:
    return asked(keys={"release": keys.key(shop.key.read_text())})


def gathered(shop: Shop, policy: Policy | None = None, where: Reference | None = None) -> Evidence:
    return gathering.gather(where or shop.reference, shop.images, shop.signer, policy or by(shop))


def test_a_signed_release_passes_and_four_questions_are_enough(shop: Shop) -> None:
    counted = Counted(shop.signer)
    found = gathering.gather(shop.reference, shop.images, counted, by(shop))
    assert bad(decide(found, by(shop))) == {}
    assert sorted(counted.asked) == sorted(["signature", provenance.TYPE, origins.SBOM, verdicts.TYPE])
    assert counted.looked == 0, "what verifies is enough"


def test_of_several_keys_only_the_one_that_signed_is_asked_about_statements(shop: Shop) -> None:
    stranger = PublicKey(shop.stranger.by()[0])
    policy = asked(
        keys={"old": keys.key(stranger.pem), "release": keys.key(shop.key.read_text())},
        identities={"ci": Named(issuer="https://token.example", subject="risk")},
    )
    counted = Counted(shop.signer)
    found = gathering.gather(shop.reference, shop.images, counted, policy)
    assert bad(decide(found, policy)) == {}
    assert list(found.signed.verified) == ["release"]
    assert len(counted.asked) == 3 + 3
    assert gathering.signers(policy)["ci"] == Identity("https://token.example", "risk")


@pytest.mark.parametrize("kind", [provenance.TYPE, origins.SBOM, verdicts.TYPE])
def test_an_attestation_by_another_key_is_told_from_none(shop: Shop, kind: str) -> None:
    shop.withdraw(kind)
    rows = {provenance.TYPE: "provenance", origins.SBOM: "SBOM", verdicts.TYPE: "verdicts"}
    assert bad(decide(gathered(shop), by(shop)))[rows[kind]] == "none"
    shop.attest(kind, shop.said()[kind], shop.stranger)
    assert bad(decide(gathered(shop), by(shop)))[rows[kind]] == "1 by another key"


def test_a_signature_by_another_key_is_told_from_none(shop: Shop) -> None:
    shop.board.signatures.clear()
    assert bad(decide(gathered(shop), by(shop)))["signature"] == "none"
    shop.stranger.sign(shop.reference)
    assert bad(decide(gathered(shop), by(shop)))["signature"] == "1 by another key"


def test_a_statement_of_another_image_laid_beside_this_one_is_named(shop: Shop) -> None:
    other = msgspec.structs.replace(shop.reference, digest=OTHER)
    shop.withdraw(verdicts.TYPE)
    file = shop.folder / "predicate.json"
    shop.signer.attest(other, verdicts.TYPE, file)
    shop.board.envelopes[f"{REPOSITORY}@{IMAGE}"] += shop.board.envelopes[f"{REPOSITORY}@{OTHER}"]
    assert "of another digest" in bad(decide(gathered(shop), by(shop)))["verdicts"]


def test_what_is_no_statement_beside_an_image_changes_nothing(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    shop.board.signatures.clear()
    shop.board.envelopes[f"{REPOSITORY}@{IMAGE}"].append(b"\xff nonsense")
    monkeypatch.setattr(shop.signer, "attestations", lambda *_given: ())
    assert "by another key" in bad(decide(gathered(shop), by(shop)))["provenance"]


def test_without_a_key_everything_is_shown_as_not_verified(shop: Shop) -> None:
    policy = asked(keys={})
    rows = bad(decide(gathered(shop, policy), policy))
    assert "--key FILE" in rows["signature"]
    assert rows["provenance"] == "1 by another key"


def test_a_tag_is_resolved_and_one_that_was_moved_is_refused(shop: Shop) -> None:
    tagged = parse(f"{REPOSITORY}:v7")
    assert gathered(shop, where=tagged).digest == IMAGE
    both = msgspec.structs.replace(shop.reference, tag="v7")
    assert decide(gathered(shop, where=both), by(shop)).passed
    shop.images.put_manifest(shop.reference.path, b'{"layers":[]}', "m", "v7")
    assert "it was moved" in bad(decide(gathered(shop, where=both), by(shop)))["tag v7"]


def test_a_tag_that_is_not_there_names_no_image(shop: Shop) -> None:
    for name in ("v8", "latest"):
        where = parse(REPOSITORY if name == "latest" else f"{REPOSITORY}:{name}")
        with pytest.raises(InputError, match=f"has no tag {name}"):
            gathered(shop, where=where)


def test_an_image_that_is_not_there_is_a_row_and_one_for_several_platforms_an_error(shop: Shop) -> None:
    elsewhere = msgspec.structs.replace(shop.reference, digest=OTHER)
    assert bad(decide(gathered(shop, where=elsewhere), by(shop)))["image"] == "no such image"
    index = shop.images.put_manifest(shop.reference.path, b'{"schemaVersion":2,"manifests":[]}', "m")
    with pytest.raises(InputError, match="no image of one platform"):
        gathered(shop, where=msgspec.structs.replace(shop.reference, digest=index))


def test_an_older_build_than_the_environment_has_reached_is_superseded(shop: Shop) -> None:
    ledger = ObjectLedger(MemoryStore())
    promoted = Fact(what="promoted", model="risk", who="jane", time="t", release=OTHER, environment="prod", build=7)
    ledger.append(promoted)
    now = gathering.of_environment(gathered(shop), ledger, "risk", "prod")
    assert decide(now, by(shop)).passed
    ledger.append(msgspec.structs.replace(promoted, build=8))
    ledger.append(msgspec.structs.replace(promoted, build=99, environment="staging"))
    now = gathering.of_environment(gathered(shop), ledger, "risk", "prod")
    assert bad(decide(now, by(shop))) == {"build": "7: superseded"}
    assert "model" in bad(decide(gathering.of_environment(gathered(shop), ledger, "pricing", "prod"), by(shop)))


def test_a_registry_that_is_away_is_no_finding(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    def away(*_given: object) -> Sequence[bytes]:
        raise InfrastructureError("away")

    monkeypatch.setattr(shop.signer, "attestations", away)
    with pytest.raises(InfrastructureError, match="away"):
        gathered(shop)


@pytest.fixture
def folder(shop: Shop) -> Path:
    """A model's files with the statement that `sign` leaves over them."""
    made = shop.folder / "bundle"
    made.mkdir()
    for name in release.FILES:
        (made / name).write_text(name)
    files = {name: a_digest(name) for name in release.FILES}
    (made / release.FILE).write_bytes(release.write(files, IMAGE, REPOSITORY))
    (made / release.SIGNATURE).write_bytes(shop.signer.sign_blob(made / release.FILE))
    return made


def test_a_models_files_are_held_against_what_was_signed(shop: Shop, folder: Path) -> None:
    found = bundle.verify(folder, shop.signer, gathering.signers(by(shop)))
    assert (found.release, set(found.files), found.by) == (IMAGE, set(release.FILES), "release")


@pytest.mark.parametrize(
    ("name", "data", "said"),
    [
        ("model.onnx", b"another", "model.onnx is sha256:"),
        ("model.onnx", None, "model.onnx is missing"),
        ("signature.json", b"another", "signature.json is sha256:"),
        (release.FILE, b"{}", "model.intoto.json is not signed by release"),
        (release.SIGNATURE, b"AAAA", "model.intoto.json is not signed by release"),
    ],
)
def test_a_file_that_is_another_is_named(shop: Shop, folder: Path, name: str, data: bytes | None, said: str) -> None:
    (folder / name).unlink() if data is None else (folder / name).write_bytes(data)
    with pytest.raises(PolicyRefused, match=said):
        bundle.verify(folder, shop.signer, gathering.signers(by(shop)))


def test_a_statement_names_no_file_elsewhere_and_leaves_none_of_the_model_out(shop: Shop, folder: Path) -> None:
    (folder / release.FILE).write_bytes(release.write({"../release.pub": OTHER}, IMAGE, ""))
    (folder / release.SIGNATURE).write_bytes(shop.signer.sign_blob(folder / release.FILE))
    with pytest.raises(PolicyRefused) as refused:
        bundle.verify(folder, shop.signer, gathering.signers(by(shop)))
    for said in ("model.onnx was not signed", "signature.json was not signed", "../release.pub is missing"):
        assert said in refused.value.message


def test_without_its_statement_a_folder_shows_nothing(shop: Shop, tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"model\.intoto\.json cannot be read"):
        bundle.verify(tmp_path, shop.signer, gathering.signers(by(shop)))


def test_without_a_key_nothing_is_signed(shop: Shop, folder: Path) -> None:
    with pytest.raises(PolicyRefused, match="none was named"):
        bundle.verify(folder, shop.signer, {})
