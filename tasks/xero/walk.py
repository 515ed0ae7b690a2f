"""The loss-free walk over what changed.

Offset pages over a list that is ordered by change lose rows: a row that changes while it is read moves to
the end, and the first row of the next page slips into the page already read. So this walk asks for page 1
again and again and moves If-Modified-Since forward instead; ids are de-duplicated. Where one second fills a
whole page it has to page on within that second, and does so again until a pass brings nothing that is new.
"""

from collections.abc import Iterator, Mapping
from datetime import datetime, timedelta
from typing import Any

from tasks.xero.client import XeroClient, wire_date
from tasks.xero.endpoints import Endpoint

# If-Modified-Since counts seconds, and nobody documents whether the bound itself is included.
OVERLAP = timedelta(seconds=1)


def changed_since(
    client: XeroClient, endpoint: Endpoint, since: datetime | None, params: Mapping[str, str] | None = None
) -> Iterator[tuple[list[dict[str, Any]], datetime | None]]:
    """Yield pages of rows changed since a moment, with the moment from which the next walk may begin.

    Rows that change again while they are read may come twice, with their newer content.
    """
    seen: dict[str, str] = {}
    number, news = 1, False
    while True:
        page = client.page(endpoint.name, params, number=number, since=since)
        fresh = [row for row in page.rows if seen.get(row[endpoint.id]) != row.get("UpdatedDateUTC", "")]
        seen.update((row[endpoint.id], row.get("UpdatedDateUTC", "")) for row in fresh)
        news = news or bool(fresh)
        start = _start(page.rows) or since
        beyond = start is not None and (since is None or start > since)
        if page.full and not beyond:
            yield fresh, since
            number += 1
        elif number > 1 and news:
            yield fresh, since
            number, news = 1, False
        else:
            yield fresh, start
            if not page.full:
                return
            since, number, news = start, 1, False


def _start(rows: list[dict[str, Any]]) -> datetime | None:
    """The second before the newest change on a page."""
    stamps = [stamp for row in rows if (stamp := wire_date(row.get("UpdatedDateUTC")))]
    return max(stamps).replace(microsecond=0) - OVERLAP if stamps else None
