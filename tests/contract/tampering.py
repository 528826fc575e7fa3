"""What was done to a ledger past it is named, wherever it is kept."""

from collections.abc import Callable

import pytest

from mlagent.core.ports.ledger import entries
from mlagent.errors import InputError
from mlagent.ledger.chain import faults
from tests.contract.ledgers import Place, Tamperer, fact


def edit(there: Tamperer) -> None:
    there.write(2, there.data(2).replace("Änn".encode(), b"bob"))


def reorder(there: Tamperer) -> None:
    second, third = there.data(2), there.data(3)
    there.write(2, third)
    there.write(3, second)


def spoil(there: Tamperer) -> None:
    there.write(2, there.data(2).replace(b'"number":2', b'"number":"two"'))


class Tampering:
    """Whoever holds ledgers against it gives the fixture `place`."""

    @pytest.mark.parametrize(
        ("tamper", "said"),
        [
            (edit, "entry 3 does not follow from the one before"),
            (reorder, "entry 2 stands after entry 3: the order was changed"),
            (lambda there: there.remove(2), "entry 2 is missing"),
            (spoil, "entry 2 of the ledger cannot be read"),
        ],
        ids=["edited", "reordered", "removed", "damaged"],
    )
    def test_what_was_tampered_with_is_named(self, place: Place, tamper: Callable[[Tamperer], None], said: str) -> None:
        for build in (1, 2, 3, 4):
            place.opened().append(fact(build))
        tamper(place.tamperer)
        found = faults(place.opened().kept())
        assert found
        assert said in found[0]

    def test_an_entry_that_cannot_be_read_is_no_silent_gap(self, place: Place) -> None:
        place.opened().append(fact())
        place.opened().append(fact())
        spoil(place.tamperer)
        with pytest.raises(InputError, match="entry 2 of the ledger cannot be read"):
            list(entries(place.opened()))

    def test_what_cannot_be_read_does_not_keep_others_from_adding(self, place: Place) -> None:
        place.opened().append(fact())
        place.opened().append(fact())
        spoil(place.tamperer)
        assert place.opened().append(fact()).number == 3
