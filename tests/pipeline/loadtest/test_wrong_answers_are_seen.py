"""Servers that are fast and wrong: at rest, now and then, or only when several ask at once."""

import threading
import time
from collections.abc import Iterator
from typing import TYPE_CHECKING

import pytest

from mlagent.loadtest import functional
from mlagent.loadtest.answers import Wrong
from mlagent.loadtest.request import Target
from tests.pipeline.loadtest.conftest import RIGHT, ROWS, Site, right

if TYPE_CHECKING:
    from tests.pipeline.loadtest.conftest import Meter

WRONG = b'{"rows":[{"prediction":0.6}]}'


def at_rest(url: str, *, real: bool = True) -> Wrong | None:
    return functional.check(Target(name="site", url=url), ROWS, tolerance=1e-4, timeout_seconds=0.5, real=real)


class Swapping(Site):
    """A server that holds a request back until another comes, and then answers each with the other's answer."""

    def __init__(self) -> None:
        """Nobody waits yet; the number of answers that were swapped."""
        self.swapped, self._waiting = 0, list[tuple[bytes, threading.Event, list[bytes]]]()
        super().__init__()

    def answer(self, body: bytes) -> tuple[int, bytes]:
        """Another's answer if another comes within a moment."""
        own, met, given = right(body), threading.Event(), list[bytes]()
        with self._lock:
            if self._waiting:
                theirs, waited, hand = self._waiting.pop()
                hand.append(own)
                waited.set()
                self.swapped += 2 * (theirs != own)
                return 200, theirs
            self._waiting.append((own, met, given))
        met.wait(0.02)
        with self._lock:
            self._waiting = [one for one in self._waiting if one[1] is not met]
        return 200, given[0] if given else own


@pytest.fixture
def swapping() -> Iterator[Swapping]:
    """Give such a server."""
    site = Swapping()
    yield site
    site.close()


def test_each_golden_row_is_asked_for_once_in_order(site: Site) -> None:
    assert at_rest(site.url) is None
    assert site.bodies == [one.body for one in ROWS]
    assert site.connections == 1


def test_a_wrong_answer_at_rest_is_named_with_its_row_and_ends_the_asking(site: Site) -> None:
    site.behave = lambda _: (200, WRONG)
    found = at_rest(site.url)
    assert found == Wrong(row=0, field="prediction", says="prediction is expected to be 0.5, and 0.6 came back")
    assert len(site.bodies) == 1


def test_a_refusal_of_a_made_up_row_is_told_in_the_servers_words(site: Site) -> None:
    site.behave = lambda _: (500, b'{"error":"the model answered with NaN"}')
    found = at_rest(site.url, real=False)
    assert found == Wrong(row=0, field="", says="it was refused with status 500: the model answered with NaN")


def test_a_refusal_of_a_real_row_names_the_fields_and_none_of_their_values(site: Site) -> None:
    refusal = b'{"error":"x","errors":[{"row":0,"field":"VehAge","message":"\'very secret\' is no number"}]}'
    site.behave = lambda number: (200, None) if number == 1 else (400, refusal)
    found = at_rest(site.url)
    assert found == Wrong(row=1, field="VehAge", says="it was refused with status 400 because of VehAge")


@pytest.mark.parametrize("body", [b"", b"<html>", b'{"errors":"\xff"}'])
def test_an_error_at_rest_is_told_whatever_its_body_is(site: Site, body: bytes) -> None:
    site.behave = lambda _: (500, body)
    assert at_rest(site.url) == Wrong(row=0, field="", says="it was refused with status 500")


def test_a_server_that_hangs_at_rest_or_is_gone_gave_no_answer(site: Site) -> None:
    def hang(_number: int) -> tuple[int, None]:
        time.sleep(1)
        return 200, None

    site.behave = hang
    found = at_rest(site.url)
    assert found is not None
    assert found.says == "no answer came: timed out"
    site.close()
    found = at_rest(site.url)
    assert found is not None
    assert "no answer came: " in found.says


def test_one_row_that_is_answered_wrongly_is_caught_under_load(meter: "Meter", site: Site) -> None:
    site.behave = lambda number: (200, None if b'"row":1' in site.bodies[number - 1] else WRONG)
    found, result = meter.run(site.url, warmup_seconds=0.5)
    asked = sum(b'"row":2' in body for body in site.bodies)
    assert asked == found["wrong"].sum() == result.wrong > 30
    assert result.first_wrong == Wrong(
        row=1, field="prediction", says="prediction is expected to be 1, and 0.6 came back"
    )
    assert result.errors == 0


def test_answers_that_are_swapped_when_two_ask_at_once_are_caught_under_load_alone(
    meter: "Meter", swapping: Swapping
) -> None:
    assert at_rest(swapping.url) is None
    found, result = meter.run(swapping.url)
    assert result.wrong == found["wrong"].sum() == swapping.swapped > 0
    assert result.first_wrong is not None
    assert "is expected to be" in result.first_wrong.says


def test_a_server_that_fails_sometimes_has_errors_and_no_wrong_answers(meter: "Meter", site: Site) -> None:
    site.behave = lambda number: (200, None) if number % 10 else (500, WRONG)
    found, result = meter.run(site.url)
    assert result.errors == (found["status"] == 500).sum() == len(site.bodies) // 10
    assert result.wrong == 0


def test_the_answer_to_another_row_is_wrong_however_often_it_was_right_elsewhere(meter: "Meter", site: Site) -> None:
    site.behave = lambda _: (200, RIGHT[0])
    found, result = meter.run(site.url)
    assert result.wrong == found["wrong"].sum() == sum(b'"row":2' in body for body in site.bodies)


def test_a_body_that_is_never_twice_the_same_is_right_if_its_numbers_are(meter: "Meter", site: Site) -> None:
    site.behave = lambda number: (200, right(site.bodies[number - 1]).replace(b"{", b'{"id":%d,' % number, 1))
    _, result = meter.run(site.url)
    assert (result.errors, result.wrong) == (0, 0)
