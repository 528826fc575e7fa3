"""Asks for each golden row once, one after another: what is wrong at rest needs no load to be seen."""

from collections.abc import Sequence

import msgspec

from mlagent.core import interrupt
from mlagent.loadtest.answers import Examiner, Wrong
from mlagent.loadtest.asking import Asking, NoAnswerError
from mlagent.loadtest.golden import Golden
from mlagent.loadtest.request import Target

PATH = "/predict"
LONGEST = 300


def check(
    target: Target, golden: Sequence[Golden], *, tolerance: float, timeout_seconds: float, real: bool
) -> Wrong | None:
    """The first golden row that the target does not answer as expected; None where all are right.

    Where the rows are `real`, a refusal is told by its fields alone, for the server's sentence may repeat a value.
    """
    examine = Examiner(golden, tolerance)
    with Asking(target, timeout_seconds) as asking:
        asked = (_ask(asking, number, one, examine, real=real) for number, one in enumerate(golden))
        return next((wrong for wrong in asked if wrong), None)


def _ask(asking: Asking, number: int, one: Golden, examine: Examiner, *, real: bool) -> Wrong | None:
    interrupt.check()
    try:
        status, body = asking.post(one.body)
    except NoAnswerError as error:
        return Wrong(row=number, field="", says=f"no answer came: {error}")
    if status // 100 == 2:
        return examine(number, body)
    return _refused(number, status, body, real=real)


def _refused(number: int, status: int, body: bytes, *, real: bool) -> Wrong:
    said = refusal(body)
    fields = [one.field for one in said.errors]
    reason = f": {said.error[:LONGEST]}" if said.error and not real else ""
    if real and fields:
        reason = f" because of {', '.join(dict.fromkeys(fields))}"
    return Wrong(row=number, field=fields[0] if fields else "", says=f"it was refused with status {status}{reason}")


class Fault(msgspec.Struct, frozen=True):
    """A field of a row that was refused."""

    field: str = ""


class Refusal(msgspec.Struct, frozen=True):
    """What a server says where it refuses."""

    error: str = ""
    errors: list[Fault] = []


def refusal(body: bytes) -> Refusal:
    """Read it; an empty one where it says nothing that is known."""
    try:
        return msgspec.json.decode(body, type=Refusal)
    except (msgspec.DecodeError, UnicodeDecodeError):
        return Refusal()
