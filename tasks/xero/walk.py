"""The loss-free walk over what changed.

Offset pages over a list that is ordered by change lose rows: a row that changes while it is read moves to
the end, and the first row of the next page slips into the page already read. So this walk asks for page 1
again and again and moves If-Modified-Since forward instead; ids are de-duplicated. Where one second fills a
whole page it has to page on within that second, and does so again until a pass brings nothing that is new.
"""

from collections.abc import Iterator, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from contextvars import copy_context
from datetime import UTC, datetime, timedelta
from typing import Any

from tasks.xero.client import Page, XeroClient, wire_date
from tasks.xero.endpoints import Endpoint

# If-Modified-Since counts seconds, and nobody documents whether the bound itself is included.
OVERLAP = timedelta(seconds=1)
# So many rows are remembered before those that cannot come again are forgotten.
REMEMBERED = 10_000
# Whoever walks waits for one page at a time.
_AHEAD = ThreadPoolExecutor(max_workers=4, thread_name_prefix="next-page")
_EVER = datetime.max.replace(tzinfo=UTC)


class Walk:
    """A walk over what changed since a moment, page by page.

    `since` is where it has come to: from there another walk may begin. Rows that change again while they are read may
    come twice, with their newer content. While a page is worked on, the next one is on its way.
    """

    def __init__(
        self, endpoint: Endpoint, since: datetime | None, params: Mapping[str, str] | None = None
    ) -> None:
        self.endpoint = endpoint
        self.since = since
        self.done = False
        self.begun = 0.0
        self._ahead: Future[Page] | None = None
        self._params = params
        self._seen: dict[str, str] = {}
        self._number = 1
        self._news = False

    def step(self, client: XeroClient) -> list[dict[str, Any]]:
        """Read the next page, and return the rows that are new. A page that fails may be asked for again.

        `begun` says when the page was asked for, by `time.monotonic()`.
        """
        page = self._page(client)
        self.begun = page.begun
        stamps = [_key(row, self.endpoint.id) for row in page.rows]
        fresh = [
            row for row, (id_, stamp) in zip(page.rows, stamps, strict=True) if self._seen.get(id_) != stamp
        ]
        start = _start(page.rows) or self.since
        beyond = start is not None and (self.since is None or start > self.since)
        self._news = self._news or bool(fresh)
        if page.full and not beyond:
            self._number += 1
        elif self._number > 1 and self._news:
            self._number, self._news = 1, False
        else:
            self.since, self._number, self._news = start, 1, False
            self.done = not page.full
            self._forget()
        self._seen.update(stamps)
        if not self.done:
            self._ahead = _AHEAD.submit(copy_context().run, self._ask, client, self._number, self.since)
        return fresh

    def _page(self, client: XeroClient) -> Page:
        ahead, self._ahead = self._ahead, None
        return ahead.result() if ahead else self._ask(client, self._number, self.since)

    def _ask(self, client: XeroClient, number: int, since: datetime | None) -> Page:
        return client.page(self.endpoint.name, self._params, number=number, since=since)

    def _forget(self) -> None:
        """What lies before the new beginning comes no more."""
        if self.since and len(self._seen) > REMEMBERED:
            kept = (
                (id_, stamp) for id_, stamp in self._seen.items() if (_stamp(stamp) or _EVER) >= self.since
            )
            self._seen = dict(kept)


def changed_since(
    client: XeroClient, endpoint: Endpoint, since: datetime | None, params: Mapping[str, str] | None = None
) -> Iterator[tuple[list[dict[str, Any]], datetime | None]]:
    """Yield pages of rows changed since a moment, with the moment from which the next walk may begin."""
    walk = Walk(endpoint, since, params)
    while not walk.done:
        yield walk.step(client), walk.since


def _key(row: Any, id_: str) -> tuple[str, str]:
    """What a row is known by, and its stamp. One that is no row at all is known by what it says."""
    if not isinstance(row, dict) or not row.get(id_):
        return repr(row), ""
    return str(row[id_]), str(row.get("UpdatedDateUTC", ""))


def _start(rows: list[Any]) -> datetime | None:
    """The second before the newest change on a page."""
    stamps = [stamp for row in rows if isinstance(row, dict) and (stamp := _stamp(row.get("UpdatedDateUTC")))]
    return max(stamps).replace(microsecond=0) - OVERLAP if stamps else None


def _stamp(text: Any) -> datetime | None:
    """A stamp that can be read; the row of one that cannot is held by whoever reads it."""
    try:
        return wire_date(text)
    except (ValueError, OverflowError, TypeError):
        return None
