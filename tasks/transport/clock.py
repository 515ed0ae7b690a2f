"""What time it is where the far side is."""

from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime

import httpx


class FarClock:
    """Now by the far side's clock, as the Date header of its last answer showed it; ours until the first one."""

    def __init__(self) -> None:
        self.offset = 0.0

    def see(self, headers: httpx.Headers) -> None:
        """Take the time from an answer's headers, where it stands there."""
        if (date := date_of(headers)) is not None:
            self.offset = (date - datetime.now(UTC)).total_seconds()

    def now(self) -> datetime:
        """Now, UTC."""
        return datetime.now(UTC) + timedelta(seconds=self.offset)


def date_of(headers: httpx.Headers) -> datetime | None:
    """The Date header; None where it is missing or no date."""
    try:
        return parsedate_to_datetime(headers["Date"]).astimezone(UTC)
    except (KeyError, ValueError):
        return None
