"""How an entry follows the one before: the same bytes, and the same refusals, wherever the ledger is kept."""

from datetime import UTC, datetime, timedelta

import msgspec

from mlagent.core import digest
from mlagent.core.ports.ledger import Entry, Fact, Head
from mlagent.errors import Held, InfrastructureError, InputError

BEHIND = timedelta(minutes=1)  # so far may the clocks of two machines be apart


class _Time(msgspec.Struct, frozen=True):
    time: str


class _Timed(msgspec.Struct, frozen=True):
    fact: _Time


def entry_after(head: Head, fact: Fact, newest: str) -> tuple[Entry, bytes]:
    """The entry that follows the head, and its bytes; `newest` is the latest time in the ledger, empty for none.

    InfrastructureError (20) where this machine's clock is behind the ledger, InputError (4) for a fact that nobody
    could read again.
    """
    entry = Entry(number=head.number + 1, previous=head.digest, fact=fact)
    data = digest.canonical_json(entry)
    if b"\\u0000" in data or not _reads(data, entry):
        raise InputError(
            f"the fact ({fact.what} of {fact.model!r} by {fact.who!r}) cannot be kept: not all of it is text",
            hint="its names and reasons must be Unicode without NUL: which of them came from a file or a program?",
        )
    _refuse_the_past(fact.time, newest)
    return entry, data


def bound(until: str) -> str:
    """The time after which no entry says `until` or earlier any more: clocks may be so far apart."""
    return (_moment(until) + BEHIND).astimezone(UTC).isoformat(timespec="milliseconds")


def is_about(fact: Fact, model: str, environment: str | None, until: str) -> bool:
    """Whether it is what was asked for; an empty `until` is no limit."""
    return fact.model == model and environment in (None, fact.environment) and fact.time <= (until or fact.time)


def time_of(data: bytes) -> str:
    """When the fact of an entry happened; empty where it does not say: who looks for faults names it."""
    try:
        return msgspec.json.decode(data, type=_Timed).fact.time
    except ValueError:
        return ""


def too_busy() -> Held:
    """What ends a writer who was slower than others every time."""
    return Held("others wrote to the ledger faster, every time", hint="give the same command again")


def _reads(data: bytes, entry: Entry) -> bool:
    try:
        return msgspec.json.decode(data, type=Entry) == entry
    except ValueError:
        return False


def _refuse_the_past(time: str, newest: str) -> None:
    if time >= newest:
        return
    behind = _moment(newest) - _moment(time)
    if behind > BEHIND:
        raise InfrastructureError(
            f"this machine's clock is behind the ledger by {_words(behind)}: it says {time}, the newest entry {newest}",
            hint="set the clock by NTP, then give the same command again; if it is right, another machine's was ahead",
        )


def _moment(time: str) -> datetime:
    try:
        moment = datetime.fromisoformat(time)
    except ValueError:
        moment = None
    if moment is None or moment.tzinfo is None:
        raise InputError(f"{time!r} is no time of a ledger", hint="it is RFC 3339: 2026-03-01T00:00:00+00:00")
    return moment


def _words(span: timedelta) -> str:
    seconds = round(span.total_seconds())
    for unit, size in (("days", 86_400), ("hours", 3_600), ("minutes", 60)):
        if seconds >= 2 * size:
            return f"{seconds // size} {unit}"
    return f"{seconds} seconds"
