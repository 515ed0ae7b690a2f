"""What stands in Xero, read over its own API."""

from collections import Counter
from collections.abc import Iterator, Sequence
from datetime import date, timedelta
from typing import Any

import httpx

from deployments.sandbox.server import Sandbox

TENANT = "5a9d0b0e-0000-4000-8000-000000000001"
_ALIVE = {"DRAFT", "SUBMITTED", "AUTHORISED", "PAID"}


def token(xero_url: str) -> dict[str, Any]:
    """A token of the sandbox's app, as the identity service answers it."""
    form = {
        "grant_type": "client_credentials",
        "client_id": "sandbox-client",
        "client_secret": "sandbox-secret",
    }
    answer = httpx.post(f"{xero_url}/connect/token", data=form, trust_env=False)
    found: dict[str, Any] = answer.raise_for_status().json()
    return found


def rows(xero_url: str, plural: str, **query: str) -> Iterator[dict[str, Any]]:
    """Every row of a listing, lines included, by id."""
    headers = {
        "Authorization": f"Bearer {token(xero_url)['access_token']}",
        "Accept": "application/json",
        "xero-tenant-id": TENANT,
    }
    key = f"{plural.removesuffix('s')}ID"
    with httpx.Client(headers=headers, timeout=120, trust_env=False) as http:
        number, full = 0, True
        while full:
            number += 1
            params = {"page": str(number), "pageSize": "1000", "order": key, **query}
            page = (
                http.get(f"{xero_url}/api.xro/2.0/{plural}", params=params).raise_for_status().json()[plural]
            )
            yield from page
            full = len(page) == 1000


def count(sandbox: Sandbox, orders: range, days: Sequence[date] = ()) -> tuple[int, int, int]:
    """Documents that live in Xero; those beyond one an order; orders without any.

    More than 100,000 are listed day by day, for Xero refuses longer listings.
    """
    made = Counter(
        row["Url"].rsplit("/", 1)[1] for row in _invoices(sandbox, days) if row["Status"] in _ALIVE
    )
    wanted = {f"co-{number}" for number in orders}
    twice = sum(times - 1 for times in made.values()) + sum(1 for order in made if order not in wanted)
    return made.total(), twice, len(wanted - set(made))


def _invoices(sandbox: Sandbox, days: Sequence[date]) -> Iterator[dict[str, Any]]:
    if not days:
        yield from rows(sandbox.xero_url, "Invoices", summaryOnly="true")
    for day in days:
        then = day + timedelta(days=1)
        bounds = f"Date>={_day(day)} AND Date<{_day(then)}"
        yield from rows(sandbox.xero_url, "Invoices", summaryOnly="true", where=bounds)


def _day(day: date) -> str:
    return f"DateTime({day.year},{day.month},{day.day})"
