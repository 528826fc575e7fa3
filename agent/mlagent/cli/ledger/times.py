"""Times as people write them, in the words of the ledger."""

from datetime import UTC, datetime

import click

EXAMPLES = "2026-03-01, 2026-03-01T09:30:00Z or now"


def moment(_ctx: click.Context, _param: click.Parameter, value: str | None) -> str | None:
    """A date (its first moment in UTC), RFC 3339, or `now`, as the ledger's entries have it; a click callback.

    BadParameter refuses what is no time, and what has not come yet.
    """
    if value is None:
        return None
    now = datetime.now(UTC)
    try:
        meant = now if value == "now" else _utc(datetime.fromisoformat(value.upper()))
    except (ValueError, OverflowError) as error:
        message = f"{value!r} is no time; write it as {EXAMPLES}"
        raise click.BadParameter(message) from error
    if meant > now:
        message = f"{value} has not come yet; `now` says how it stands"
        raise click.BadParameter(message)
    return meant.isoformat(timespec="milliseconds")


def shown(time: str) -> str:
    """For people: to the second, without the zone, which the head of the column or the sentence says."""
    return time[:19].replace("T", " ")


def between(earlier: str, later: str) -> str:
    """How long from one entry's time to another's, in the two largest units; a clock that went back gives 0 s."""
    seconds = max(0, int((datetime.fromisoformat(later) - datetime.fromisoformat(earlier)).total_seconds()))
    days, rest = divmod(seconds, 86_400)
    hours, rest = divmod(rest, 3600)
    minutes, seconds = divmod(rest, 60)
    units = [
        f"{count} {unit}" for count, unit in ((days, "d"), (hours, "h"), (minutes, "min"), (seconds, "s")) if count
    ]
    return " ".join(units[:2]) or "0 s"


def _utc(meant: datetime) -> datetime:
    return meant.astimezone(UTC) if meant.tzinfo else meant.replace(tzinfo=UTC)
