"""The image that serves in production, by the ledger and the store; what keeps it from being asked is a note."""

from pathlib import Path
from types import SimpleNamespace
from typing import cast

import pytest

from mlagent.adapters.ledgers.lines import LineLedger
from mlagent.core.context import Context
from mlagent.core.ports.ledger import Fact
from mlagent.core.ports.store import MissingBlob
from mlagent.stages.load_test import beside
from mlagent.stages.load_test.settings import Config
from tests import stub_image

OURS = "sha256:" + "1" * 64


class Kept:
    """Of the Blobs port what is asked: the pieces of one image, but for those that are lost."""

    def __init__(self, image: stub_image.Image) -> None:
        """All are here."""
        self.files = {**image.pieces, image.manifest: image.file}

    def path(self, digest: str) -> Path:
        """Where one is."""
        if digest not in self.files:
            raise MissingBlob(f"{digest} is not in the store", hint="")
        return self.files[digest]


class House:
    """A ledger, a store, and a run with an image."""

    def __init__(self, root: Path) -> None:
        """Nothing is in production."""
        self.image = stub_image.make(root / "image", None, ["serve"])
        self.ledger, self.kept = LineLedger(root / "ledger.jsonl", lambda _: None), Kept(self.image)

    def promote(self, release: str, environment: str = "production", **details: str) -> None:
        """A release comes to an environment."""
        fact = Fact(
            what="promoted", model="toy", who="us", time="2026-01-01T00:00:00.000+00:00", release=release,
            environment=environment, build=1, details=details,
        )  # fmt: skip
        self.ledger.append(fact)

    def said(self) -> str:
        """Why there is none to be asked."""
        sections = {"project": SimpleNamespace(name="toy")}
        ctx = SimpleNamespace(ledger=self.ledger, blobs=self.kept, sections=sections, digests={"image": OURS})
        with beside.champion(Config(), {"image": Path("x")}, cast("Context", ctx), []) as champion:
            assert champion.target is None
            return champion.note.removeprefix(beside.ALONE)


@pytest.fixture
def house(tmp_path: Path) -> House:
    return House(tmp_path)


def test_nothing_in_production_is_nothing_to_compare_with(house: House) -> None:
    house.promote(house.image.manifest, "staging")
    assert house.said() == "nothing is in production"


def test_no_image_is_its_own_reference(house: House) -> None:
    house.promote(OURS)
    assert house.said() == "this very image is in production"


def test_a_model_that_was_promoted_without_an_image_has_none(house: House) -> None:
    house.promote(house.image.manifest, onnx=house.image.manifest)
    assert house.said().endswith("is a model without an image")


@pytest.mark.parametrize("lost", ["manifest", "config"])
def test_an_image_of_which_a_piece_is_lost_is_not_kept(house: House, lost: str) -> None:
    house.promote(house.image.manifest)
    del house.kept.files[getattr(house.image, lost)]
    assert "is not kept in this store" in house.said()
