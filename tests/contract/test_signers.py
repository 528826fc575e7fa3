"""Whatever signs does it like this: the fake; the real cosign is held against the same in the e2e tests."""

import pytest

from mlagent.adapters.memory_signer import Board, MemorySigner
from mlagent.core.digest import of_bytes
from mlagent.core.oci import parse
from tests.contract.signers import Ground, Signers


class TestSigners(Signers):
    @pytest.fixture
    def ground(self) -> Ground:
        board, where = Board(), "registry.example/acme/risk@"
        image, another = (parse(where + of_bytes(text)) for text in (b"an image", b"another"))
        return Ground(MemorySigner(board), MemorySigner(board, "stranger"), image, another)
