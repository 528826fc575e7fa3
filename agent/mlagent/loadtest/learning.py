"""Golden rows of a server whose model we have not: what it answers at rest, it must answer under load."""

from collections.abc import Sequence
from typing import Any

import msgspec

from mlagent.core import interrupt
from mlagent.errors import InputError
from mlagent.loadtest.asking import Asking, NoAnswerError
from mlagent.loadtest.functional import LONGEST, refusal
from mlagent.loadtest.golden import Golden
from mlagent.loadtest.stranger import away

KEPT = ("name", "shape", "data")  # of an output; the rest may differ from answer to answer


def learn(asking: Asking, requests: Sequence[Any]) -> list[Golden]:
    """Ask for each once; InputError (4) where one is refused, or answered by what is no JSON."""
    return [Golden(request=one, answer=_answer(asking, one)) for one in requests]


def _answer(asking: Asking, request: object) -> object:
    interrupt.check()
    try:
        status, body = asking.post(msgspec.json.encode(request))
    except NoAnswerError as error:
        raise away(asking.url, error) from error
    if status // 100 != 2:
        said = refusal(body).error[:LONGEST]
        raise InputError(
            f"the server refused a request at rest with status {status}{f': {said}' if said else ''}",
            hint="--body FILE holds a request that it takes; --token-file FILE its token, where it asks for one",
        )
    return _lasting(body)


def _lasting(body: bytes) -> object:
    """What of an answer the next one must hold: the outputs by the protocol, else the whole document."""
    try:
        found = msgspec.json.decode(body)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        hint = "answers are compared as JSON: ask a route that gives it"
        raise InputError(f"the server's answer is no JSON: {error}", hint=hint) from error
    outputs = found.get("outputs") if isinstance(found, dict) else None
    if not isinstance(outputs, list) or not all(isinstance(one, dict) for one in outputs):
        return found
    return {"outputs": [{name: one[name] for name in KEPT if name in one} for one in outputs]}
