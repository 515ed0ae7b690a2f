"""Dates as Xero writes and reads them."""

import re
from datetime import UTC, date, datetime, timedelta
from email.utils import parsedate_to_datetime
from typing import Any
from zoneinfo import ZoneInfo

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_WIRE = re.compile(r"/Date\((-?\d+)([+-]\d{4})?\)/")
ZONES = {
    "GMTSTANDARDTIME": "Europe/London",
    "NEWZEALANDSTANDARDTIME": "Pacific/Auckland",
    "ROMANCESTANDARDTIME": "Europe/Paris",
    "EASTERNSTANDARDTIME": "America/New_York",
    "UTC": "UTC",
}


def tick(millis: int) -> int:
    """The stamp as the database keeps it: milliseconds end in 0, 3 or 7."""
    tens, last = divmod(millis, 10)
    return tens * 10 + (0, 0, 3, 3, 3, 7, 7, 7, 7, 7)[last]


def stamp(millis: int) -> str:
    """A UTC stamp on the wire."""
    return f"/Date({millis}+0000)/"


def at(millis: int) -> datetime:
    """The moment of a stamp."""
    return _EPOCH + timedelta(milliseconds=millis)


def event(millis: int) -> str:
    """A UTC stamp as webhooks write it: without zone."""
    return at(millis).replace(tzinfo=None).isoformat(timespec="milliseconds")


def day(text: str) -> str:
    """A calendar date on the wire."""
    return stamp((date.fromisoformat(text) - _EPOCH.date()).days * 86_400_000)


def local(millis: int, zone: str) -> str:
    """Organisation-local time labelled +0000, as inside purchase orders."""
    offset = at(millis).astimezone(zone_of(zone)).utcoffset() or timedelta()
    return stamp(millis + int(offset.total_seconds() * 1000))


def zone_of(name: str) -> ZoneInfo:
    """An organisation's Timezone as a zone."""
    return ZoneInfo(ZONES.get(name, "UTC"))


def read_day(value: Any) -> str:
    """A date in a body: YYYY-MM-DD, with or without a time, or /Date(ms)/. ValueError if unreadable."""
    text = str(value)
    if match := _WIRE.fullmatch(text):
        return at(int(match[1])).date().isoformat()
    if not re.fullmatch(r"\d{4}-\d\d-\d\d(T[\d:.]+(Z|[+-]\d\d:\d\d)?)?", text):
        raise ValueError(f"not a date: {text}")
    return date.fromisoformat(text[:10]).isoformat()


def read_moment(text: str) -> int:
    """If-Modified-Since in milliseconds, cut to the second. ISO with or without zone, or RFC 1123."""
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        moment = parsedate_to_datetime(text)
    moment = moment.replace(tzinfo=moment.tzinfo or UTC)
    return int((moment - _EPOCH).total_seconds()) * 1000


def words(text: str) -> str:
    """A date in a message: 31 March 2026."""
    return f"{date.fromisoformat(text):%-d %B %Y}"
