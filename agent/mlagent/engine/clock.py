"""The one place the engine reads the time of day."""

from datetime import UTC, datetime


def now() -> str:
    """RFC 3339 in UTC, to the millisecond; texts compare as times do."""
    return datetime.now(UTC).isoformat(timespec="milliseconds")
