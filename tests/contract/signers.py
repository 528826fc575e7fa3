"""What every signer does: held against the fake here, against the real cosign in the e2e tests."""

import base64
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from mlagent.core.oci import Reference
from mlagent.core.ports.signer import Attached, Signer
from mlagent.errors import MlagentError
from mlagent.trust import statement

TYPE, OTHER_TYPE = "urn:mlagent:test:v1", "urn:mlagent:another:v1"
ODD = {"text": 'é "<&>" \\ \u2028 🔏', "list": [1, [], {}], "null": None, "number": 0.25, "small": 1e-7, "yes": True}


class Ground(NamedTuple):
    """Two signers with keys of their own beside one image, and another image in the same repository."""

    signer: Signer
    stranger: Signer
    image: Reference
    another: Reference


def predicate(folder: Path, value: object) -> Path:
    path = folder / "predicate.json"
    path.write_text(json.dumps(value))
    return path


def said(envelopes: Any) -> list[Any]:
    """The predicates in envelopes."""
    return [statement.parse(statement.opened(one)).predicate for one in envelopes]


class Signers:
    """The tests; whoever holds signers against them gives the fixture `ground`."""

    def test_an_image_of_which_nothing_is_said_has_nothing(self, ground: Ground) -> None:
        signer, image = ground.signer, ground.image
        assert signer.attached(image) == Attached()
        assert tuple(signer.signatures(image, signer.by())) == ()
        assert tuple(signer.attestations(image, TYPE, signer.by())) == ()

    def test_a_signature_verifies_by_its_key_and_by_no_other(self, ground: Ground) -> None:
        signer, image = ground.signer, ground.image
        signer.sign(image)
        assert tuple(signer.signatures(image, signer.by())) == (image.digest,)
        assert tuple(signer.signatures(image, ground.stranger.by())) == ()
        assert tuple(signer.signatures(ground.another, signer.by())) == ()
        assert signer.attached(image).signatures == 1

    def test_signing_again_is_signing_once(self, ground: Ground) -> None:
        signer, image = ground.signer, ground.image
        for _ in range(3):
            signer.sign(image)
        assert tuple(signer.signatures(image, signer.by())) == (image.digest,)

    def test_two_signers_leave_each_others_signature(self, ground: Ground) -> None:
        ground.signer.sign(ground.image)
        ground.stranger.sign(ground.image)
        assert ground.signer.attached(ground.image).signatures == 2
        for one in (ground.signer, ground.stranger):
            assert tuple(ground.signer.signatures(ground.image, one.by())) == (ground.image.digest,)

    def test_a_statement_is_had_back_as_it_was_said(self, ground: Ground, tmp_path: Path) -> None:
        signer, image = ground.signer, ground.image
        signer.attest(image, TYPE, predicate(tmp_path, ODD))
        (envelope,) = signer.attestations(image, TYPE, signer.by())
        found = statement.parse(statement.opened(envelope))
        assert found.predicate == ODD
        assert found.predicate_type == TYPE
        assert found.about() == {image.digest}

    def test_statements_are_had_by_type_and_key(self, ground: Ground, tmp_path: Path) -> None:
        signer, stranger, image = ground.signer, ground.stranger, ground.image
        signer.attest(image, TYPE, predicate(tmp_path, {"by": "us"}))
        stranger.attest(image, TYPE, predicate(tmp_path, {"by": "them"}))
        signer.attest(image, OTHER_TYPE, predicate(tmp_path, {"of": "another type"}))
        assert said(signer.attestations(image, TYPE, signer.by())) == [{"by": "us"}]
        assert said(signer.attestations(image, TYPE, stranger.by())) == [{"by": "them"}]
        assert said(stranger.attestations(image, OTHER_TYPE, signer.by())) == [{"of": "another type"}]
        assert tuple(signer.attestations(image, OTHER_TYPE, stranger.by())) == ()
        assert tuple(signer.attestations(ground.another, TYPE, signer.by())) == ()
        assert len(signer.attached(image).envelopes) == 3

    def test_a_second_statement_stands_beside_the_first(self, ground: Ground, tmp_path: Path) -> None:
        signer, image = ground.signer, ground.image
        for number in (1, 2):
            signer.attest(image, TYPE, predicate(tmp_path, {"n": number}))
        assert sorted(one["n"] for one in said(signer.attestations(image, TYPE, signer.by()))) == [1, 2]

    def test_what_is_withdrawn_is_gone_and_nothing_else(self, ground: Ground, tmp_path: Path) -> None:
        signer, stranger, image = ground.signer, ground.stranger, ground.image
        signer.attest(image, TYPE, predicate(tmp_path, {"n": 1}))
        stranger.attest(image, TYPE, predicate(tmp_path, {"n": 1}))
        (old,) = signer.attestations(image, TYPE, signer.by())
        signer.attest(image, TYPE, predicate(tmp_path, {"n": 2}))
        signer.withdraw(image, [old])
        assert said(signer.attestations(image, TYPE, signer.by())) == [{"n": 2}]
        assert said(signer.attestations(image, TYPE, stranger.by())) == [{"n": 1}]
        signer.withdraw(image, [old])
        assert len(signer.attached(image).envelopes) == 2
        signer.attest(image, TYPE, predicate(tmp_path, {"n": 3}))
        assert sorted(one["n"] for one in said(signer.attestations(image, TYPE, signer.by()))) == [2, 3]

    def test_what_was_never_there_is_withdrawn_without_a_word(self, ground: Ground) -> None:
        ground.signer.withdraw(ground.image, [b"{}", b"no envelope"])
        assert ground.signer.attached(ground.image) == Attached()

    def test_a_files_signature_is_of_its_bytes_and_its_key(self, ground: Ground, tmp_path: Path) -> None:
        file, changed = tmp_path / "model.onnx", tmp_path / "changed"
        file.write_bytes(b"a model")
        changed.write_bytes(b"a model.")
        signature = ground.signer.sign_blob(file)
        assert base64.b64decode(signature, validate=True)
        assert ground.stranger.verify_blob(file, signature, ground.signer.by())
        assert not ground.signer.verify_blob(changed, signature, ground.signer.by())
        assert not ground.signer.verify_blob(file, signature, ground.stranger.by())

    @pytest.mark.parametrize("signature", [b"", b"AAAA", b"no base64!", b"\xff\x00"])
    def test_what_is_no_signature_verifies_nothing(self, ground: Ground, tmp_path: Path, signature: bytes) -> None:
        file = tmp_path / "model.onnx"
        file.write_bytes(b"a model")
        assert not ground.signer.verify_blob(file, signature, ground.signer.by())


def raised(call: Callable[[], object]) -> MlagentError:
    """The error that a call ends with."""
    with pytest.raises(MlagentError) as told:
        call()
    return told.value
