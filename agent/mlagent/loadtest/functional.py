"""Asks for each golden row once, one after another: what is wrong at rest needs no load to be seen."""

import http.client
from collections.abc import Sequence
from urllib.parse import urlsplit

import msgspec

from mlagent.core import interrupt
from mlagent.loadtest.answers import Examiner, Wrong
from mlagent.loadtest.golden import Golden

PATH = "/predict"
LONGEST = 300
_HEADERS = {"Content-Type": "application/json"}


def check(url: str, golden: Sequence[Golden], *, tolerance: float, timeout_seconds: float, real: bool) -> Wrong | None:
    """The first golden row that `POST /predict` on `url` does not answer as expected; None where all are right.

    Where the rows are `real`, a refusal is told by its fields alone, for the server's sentence may repeat a value.
    """
    parts = urlsplit(url)
    connection = http.client.HTTPConnection(parts.hostname or "", parts.port, timeout=timeout_seconds)
    examine = Examiner(golden, tolerance)
    try:
        asked = (_ask(connection, number, one, examine, real=real) for number, one in enumerate(golden))
        return next((wrong for wrong in asked if wrong), None)
    finally:
        connection.close()


def _ask(
    connection: http.client.HTTPConnection, number: int, one: Golden, examine: Examiner, *, real: bool
) -> Wrong | None:
    interrupt.check()
    try:
        connection.request("POST", PATH, one.body, _HEADERS)
        answer = connection.getresponse()
        body = answer.read()
    except (OSError, http.client.HTTPException) as error:
        return Wrong(row=number, field="", says=f"no answer came: {str(error) or type(error).__name__}")
    if answer.status // 100 == 2:
        return examine(number, body)
    return _refused(number, answer.status, body, real=real)


def _refused(number: int, status: int, body: bytes, *, real: bool) -> Wrong:
    try:
        said = msgspec.json.decode(body, type=_Refusal)
    except (msgspec.DecodeError, UnicodeDecodeError):
        said = _Refusal()
    fields = [one.field for one in said.errors]
    reason = f": {said.error[:LONGEST]}" if said.error and not real else ""
    if real and fields:
        reason = f" because of {', '.join(dict.fromkeys(fields))}"
    return Wrong(row=number, field=fields[0] if fields else "", says=f"it was refused with status {status}{reason}")


class _Fault(msgspec.Struct, frozen=True):
    field: str = ""


class _Refusal(msgspec.Struct, frozen=True):
    error: str = ""
    errors: list[_Fault] = []
