"""Who signs the ledger's checkpoints: a key of the ledger's own, else what signs releases, else nobody."""

import base64
from pathlib import Path
from typing import Any

import pytest

from mlagent import adapters
from mlagent.adapters import sealing
from mlagent.adapters.memory_signer import Board, MemorySigner
from mlagent.config.images import Registry
from mlagent.config.ledger import Ledger
from mlagent.config.secret import Secret
from mlagent.core.digest import of_bytes
from mlagent.core.ports.signer import PublicKey
from mlagent.errors import ConfigError
from mlagent.stages import sign

KEYLESS = {"service": "keyless", "identity": "a@b", "issuer": "https://c", "transparency_log": True}


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> list[dict[str, Any]]:
    """With what a signer was asked for."""
    found: list[dict[str, Any]] = []

    def signer(*_: object, **more: Any) -> MemorySigner:
        found.append(more)
        return MemorySigner(Board())

    monkeypatch.setattr(adapters, "signer", signer)
    monkeypatch.setenv("LEDGER_KEY", "x")
    monkeypatch.setenv("SIGN_KEY", "x")
    return found


def of(ledger: Ledger, section: sign.Config) -> sealing.Sign | None:
    return sealing.sealer(ledger, section, Registry(), Path())


def test_without_a_key_nobody_signs(asked: list[dict[str, Any]]) -> None:
    assert of(Ledger(), sign.Config()) is None
    assert asked == []


def test_the_ledgers_own_key_comes_before_that_of_releases(asked: list[dict[str, Any]]) -> None:
    own, other = Secret("env:LEDGER_KEY"), Secret("env:SIGN_KEY")
    assert of(Ledger(key=own), sign.Config(key=other)) is not None
    assert of(Ledger(), sign.Config(key=other)) is not None
    assert of(Ledger(service="awskms:///x"), sign.Config(key=other)) is not None
    assert [(one["key"], one["service"]) for one in asked] == [(own, None), (other, None), (None, "awskms:///x")]


def test_a_key_of_releases_that_is_not_on_this_node_is_no_error(asked: list[dict[str, Any]]) -> None:
    assert of(Ledger(), sign.Config(key=Secret("env:NOT_THERE"))) is None
    assert of(Ledger(), sign.Config(**KEYLESS)) is None  # type: ignore[arg-type]


def test_a_key_of_the_ledger_that_is_not_on_this_node_is_one() -> None:
    with pytest.raises(ConfigError, match="env:NOT_THERE"):
        of(Ledger(key=Secret("env:NOT_THERE")), sign.Config())


def test_what_is_signed_verifies_by_one_of_the_keys_and_is_named_by_its_fingerprint() -> None:
    signer, other = MemorySigner(Board(), "ours"), MemorySigner(Board(), "theirs")
    signature, key = sealing.by(signer)(b"a checkpoint")
    ours, theirs = signer.by(), other.by()
    assert isinstance(ours, PublicKey)
    assert isinstance(theirs, PublicKey)
    assert key == of_bytes(base64.b64decode("".join(ours.pem.splitlines()[1:-1])))
    good = sealing.verified_by(signer, {"theirs": theirs, "ours": ours})
    assert good(b"a checkpoint", signature)
    assert not good(b"another one", signature)
    assert not sealing.verified_by(signer, {"theirs": theirs})(b"a checkpoint", signature)


def test_without_a_key_to_verify_by_nothing_is_verified() -> None:
    assert sealing.good({}, Registry(), Path()) is None
