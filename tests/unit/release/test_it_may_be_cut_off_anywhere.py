"""The stage ends before or after any call of the registry: the next attempt leaves one record beside the image."""

import itertools
from pathlib import Path
from typing import Any

import pytest

from mlagent.adapters.memory_images import MemoryImages
from mlagent.stages import release
from tests.release_house import ReleaseHouse
from tests.signing_house import PATH


class CutError(BaseException):
    """As a kill does, it passes every handler."""


class Failing:
    """A registry of which one call ends whoever asks, before it did anything or when it is done."""

    def __init__(self, images: MemoryImages, at: int, *, after: bool) -> None:
        self._images, self._at, self._after, self.calls = images, at, after, itertools.count()

    def __getattr__(self, name: str) -> Any:
        def call(*args: Any) -> Any:
            cut = next(self.calls) == self._at
            if cut and not self._after:
                raise CutError
            found = getattr(self._images, name)(*args)
            if cut:
                raise CutError
            return found

        return call


CALLS = 7  # is the image there, who refers to it, four pieces, the manifest


@pytest.mark.parametrize("after", [False, True])
@pytest.mark.parametrize("at", range(CALLS))
def test_the_next_attempt_leaves_one(tmp_path: Path, at: int, after: bool) -> None:
    images, house = MemoryImages(), ReleaseHouse(tmp_path / "house")
    house.house.push(images)
    with pytest.raises(CutError):
        house.attach(Failing(images, at, after=after))
    first = house.record
    was_there = at == CALLS - 1 and after
    assert house.attach(images) is not was_there
    assert house.record == first
    assert len(images.referrers(PATH, house.house.digest, release.KIND)) == 1


def test_no_call_was_forgotten(tmp_path: Path) -> None:
    images, house = MemoryImages(), ReleaseHouse(tmp_path / "house")
    house.house.push(images)
    counting = Failing(images, -1, after=False)
    assert house.attach(counting)
    assert next(counting.calls) == CALLS
