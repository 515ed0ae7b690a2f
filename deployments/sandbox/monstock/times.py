"""Times as Monstock writes them: RFC 3339 in UTC with a trailing Z."""

import re
from datetime import UTC, date, datetime

_TIME = re.compile(r"\d{4}-\d\d-\d\d[Tt]\d\d:\d\d:\d\d(\.\d+)?([Zz]|[+-]\d\d:\d\d)")


def stamp(at: datetime) -> str:
    """`at` in milliseconds."""
    return at.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def micros(text: str) -> int:
    """An RFC 3339 time as microseconds since 1970; ValueError if it is none."""
    if not _TIME.fullmatch(text):
        raise ValueError(f"not an RFC 3339 time with a zone: {text}")
    since = datetime.fromisoformat(text.upper()) - datetime(1970, 1, 1, tzinfo=UTC)
    return (since.days * 86_400 + since.seconds) * 1_000_000 + since.microseconds


def calendar(text: str) -> str:
    """A calendar date, checked; ValueError if it is none."""
    if not re.fullmatch(r"\d{4}-\d\d-\d\d", text):
        raise ValueError(f"not a date: {text}")
    return date.fromisoformat(text).isoformat()
