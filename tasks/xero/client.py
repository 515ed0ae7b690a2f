"""Calls to Xero's accounting API: paths, parameters, headers and dates as Xero wants them."""

import re
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from functools import lru_cache
from typing import Any
from urllib.parse import quote

from tasks.domain.errors import WrongOrganisation
from tasks.transport.http import Answer, Http
from tasks.xero.endpoints import Endpoint

PAGE_SIZE = 1000
IDS_A_CALL = 40
CHARACTERS_A_CALL = IDS_A_CALL * 36
DOCUMENTS_A_CALL = 50
BYTES_A_CALL = 3_500_000

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class Page:
    """One page of a listing; `full`, by the size that Xero granted, says that more may follow.

    `begun` is when it was asked for, by `time.monotonic()`.
    """

    rows: list[dict[str, Any]]
    full: bool
    begun: float = 0.0


class XeroClient:
    """One organisation's accounting API. Never shows its tokens; counts its calls in `http.calls`."""

    def __init__(self, http: Http, tenant_id: str) -> None:
        self.http = http
        self.tenant_id = tenant_id
        self._tenant = {"xero-tenant-id": tenant_id}

    def listing(self, endpoint: str) -> list[dict[str, Any]]:
        """A list that Xero does not page: accounts, tax rates, tracking, currencies, items."""
        return list(self.http.read(endpoint, headers=self._tenant).data[endpoint])

    def page(
        self,
        endpoint: str,
        params: Mapping[str, str] | None = None,
        *,
        number: int = 1,
        since: datetime | None = None,
    ) -> Page:
        """A page of 1,000 rows; `since` becomes If-Modified-Since, to the second."""
        asked = {"page": str(number), "pageSize": str(PAGE_SIZE), **(params or {})}
        headers = dict(self._tenant)
        if since is not None:
            headers["If-Modified-Since"] = since.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S")
        begun = time.monotonic()
        data = self.http.read(endpoint, asked, headers).data
        rows = list(data.get(endpoint, []))
        return Page(rows, len(rows) >= data.get("pagination", {}).get("pageSize", PAGE_SIZE), begun)

    def one(self, endpoint: Endpoint, identifier: str) -> list[dict[str, Any]]:
        """A single row by its id or number. Raises `NotFound`."""
        path = f"{endpoint.name}/{quote(identifier, safe='')}"
        return list(self.http.read(path, endpoint.exact, self._tenant).data.get(endpoint.name, []))

    def by_values(
        self, endpoint: str, parameter: str, values: Sequence[str], params: Mapping[str, str] | None = None
    ) -> list[dict[str, Any]]:
        """Rows by a comma list (IDs, InvoiceNumbers), as many a call as an address takes: 40 ids."""
        found: list[dict[str, Any]] = []
        for chunk in _lists(values):
            found += self.page(endpoint, {parameter: chunk, **(params or {})}).rows
        return found

    def send(
        self,
        method: str,
        endpoint: Endpoint,
        body: bytes,
        key: str,
        before_send: Callable[[], None],
        meanwhile: Callable[[], None] | None = None,
        path: str | None = None,
    ) -> Answer:
        """Send a stored request under its idempotency key, to its endpoint or to a `path` below it.

        Each element is answered for itself.
        """
        params = {"summarizeErrors": "false", **endpoint.exact}
        headers = {**self._tenant, "Idempotency-Key": key}
        return self.http.write(method, path or endpoint.name, body, params, headers, before_send, meanwhile)

    def organisation(self) -> dict[str, Any]:
        """The live organisation's own record."""
        rows = self.http.read("Organisation", headers=self._tenant).data["Organisations"]
        if len(rows) != 1:
            raise WrongOrganisation(f"Xero answered with {len(rows)} organisations instead of one.")
        return dict(rows[0])


def _lists(values: Iterable[str]) -> Iterator[str]:
    """Comma lists of at most 40 values and about as many characters as 40 ids have."""
    waiting: list[str] = []
    for value in values:
        if len(waiting) == IDS_A_CALL or sum(map(len, waiting)) + len(value) > CHARACTERS_A_CALL:
            yield ",".join(waiting)
            waiting = []
        waiting.append(value)
    if waiting:
        yield ",".join(waiting)


def wire_date(value: str | None) -> datetime | None:
    """Read a date of Xero's: "/Date(ms+0000)/" (milliseconds are UTC already) or ISO text."""
    if not value:
        return None
    if found := re.fullmatch(r"/Date\((-?\d+)([+-]\d{4})?\)/", value):
        return _EPOCH + timedelta(milliseconds=int(found[1]))
    parsed = datetime.fromisoformat(value)
    return parsed if parsed.tzinfo else parsed.replace(tzinfo=UTC)


def calendar_date(row: Mapping[str, Any], name: str) -> date | None:
    """A document's date: from DateString where Xero sends it, else from Date."""
    return _day(row.get(f"{name}String") or row.get(name))


@lru_cache(10_000)
def _day(text: str | None) -> date | None:
    """Remembered, for many documents bear one date."""
    found = wire_date(text)
    return found.date() if found else None
