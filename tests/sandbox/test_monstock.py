"""Monstock: listings, cursors, accounting links, what people do."""

import base64
from typing import Any

import httpx
import pytest

from deployments.sandbox.monstock.totals import totals
from deployments.sandbox.server import Sandbox

KEY = "11111111-2222-4333-8444-555555555555"
LINK = {
    "provider": "xero",
    "documentType": "invoice",
    "documentId": KEY,
    "documentNumber": "INV-1",
    "status": "draft",
    "currency": "GBP",
    "total": "12.00",
    "amountPaid": "0",
    "amountDue": "12.00",
    "issuedOn": "2026-11-02",
    "dueOn": None,
    "url": "https://go.xero.com/x",
    "syncedAt": "2026-11-23T09:00:00Z",
}


def an_order(number: int, **fields: Any) -> dict[str, Any]:
    return {
        "id": f"o-{number}",
        "reference": f"CO-{number}",
        "orderDate": f"2026-11-{number:02}",
        "updatedAt": f"2026-11-20T10:00:{number // 2:02}Z",  # two and two alike
        "contact": {"id": f"c-{number % 3}", "name": f"Customer {number % 3}"},
        "lines": [{"name": "mug", "quantity": "3", "unitPrice": "3.35", "taxRate": "20"}],
        **fields,
    }


@pytest.fixture
def ten(monstock: httpx.Client, sandbox: Sandbox) -> httpx.Client:
    sandbox.load_orders([an_order(number) for number in range(1, 11)])
    return monstock


def walk(client: httpx.Client, path: str = "/customer-orders", **query: Any) -> list[str]:
    found, cursor = [], {}
    while True:
        page = client.get(path, params={**query, **cursor}).json()
        found += [one["id"] for one in page["data"]]
        if page["nextCursor"] is None:
            return found
        cursor = {"cursor": page["nextCursor"]}


def test_pages_follow_update_time_then_id(ten: httpx.Client) -> None:
    ordered = sorted(range(1, 11), key=lambda n: (n // 2, f"o-{n}"))
    assert walk(ten, limit=3) == [f"o-{n}" for n in ordered]
    assert walk(ten, "/contacts", limit=1) == ["c-1", "c-0", "c-2"]


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ({"updatedSince": "2026-11-20T10:00:04Z"}, {"o-8", "o-9", "o-10"}),
        ({"updatedSince": "2026-11-20T11:00:04+01:00"}, {"o-8", "o-9", "o-10"}),
        ({"updatedBefore": "2026-11-20T10:00:01Z"}, {"o-1"}),
        ({"orderDateFrom": "2026-11-09"}, {"o-9", "o-10"}),
        ({"orderDateTo": "2026-11-02"}, {"o-1", "o-2"}),
        ({"status": "cancelled"}, set()),
    ],
)
def test_filters(ten: httpx.Client, query: dict[str, str], expected: set[str]) -> None:
    assert set(walk(ten, limit=2, **query)) == expected


@pytest.mark.parametrize(
    "query",
    [
        {"limit": "0"},
        {"limit": "251"},
        {"limit": "ten"},
        {"status": "on_hold"},
        {"updatedSince": "2026-11-20T10:00:04"},
        {"updatedSince": "yesterday"},
        {"orderDateFrom": "2026-11-31"},
        {"cursor": "nonsense"},
        {"page": "2"},
    ],
)
def test_queries_that_are_refused(ten: httpx.Client, query: dict[str, str]) -> None:
    ten.event_hooks = {}
    answer = ten.get("/customer-orders", params=query)
    assert answer.status_code == 400
    assert answer.headers["content-type"] == "application/problem+json"
    assert answer.json()["errors"][0]["pointer"] == f"/{next(iter(query))}"


def test_a_cursor_is_good_for_24_hours_and_for_its_own_listing(ten: httpx.Client, sandbox: Sandbox) -> None:
    cursor = ten.get("/customer-orders", params={"limit": 2}).json()["nextCursor"]
    assert len(cursor) <= 1000
    assert ten.get("/customer-orders", params={"cursor": cursor, "status": "draft"}).status_code == 400
    assert ten.get("/supplier-orders", params={"cursor": cursor}).status_code == 400
    sandbox.advance(86_000)
    assert ten.get("/customer-orders", params={"cursor": cursor}).status_code == 200
    sandbox.advance(500)
    assert ten.get("/customer-orders", params={"cursor": cursor}).status_code == 400
    assert base64.urlsafe_b64decode(cursor + "==")


def test_a_row_that_changes_during_the_listing_comes_again(ten: httpx.Client, sandbox: Sandbox) -> None:
    page = ten.get("/customer-orders", params={"limit": 5}).json()
    first = page["data"][0]["id"]
    sandbox.edit("edit", on="monstock", id=first, fields={"externalReference": "new"})
    later = walk(ten, limit=5, cursor=page["nextCursor"])
    assert later[-1] == first
    assert len({one["id"] for one in page["data"]} | set(later)) == 10


def put(client: httpx.Client, link: Any, order: str = "o-1") -> httpx.Response:
    return client.put(f"/customer-orders/{order}/accounting", json=link)


def test_the_same_link_again_changes_nothing(ten: httpx.Client, sandbox: Sandbox) -> None:
    first = put(ten, LINK).json()
    assert first["accounting"] == LINK
    sandbox.advance(60)
    assert put(ten, {**LINK, "syncedAt": "2027-01-01T00:00:00Z"}).json() == first
    changed = put(ten, {**LINK, "status": "paid"}).json()
    assert changed["updatedAt"] > first["updatedAt"]
    shorter = {name: value for name, value in LINK.items() if name != "url"}
    assert "url" not in put(ten, shorter).json()["accounting"]  # set as a whole


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("provider", "sage"),
        ("documentType", "receipt"),
        ("documentId", "1"),
        ("documentNumber", "x" * 256),
        ("status", "PAID"),
        ("currency", "gbp"),
        ("total", "1e3"),
        ("total", 12),
        ("amountDue", "1.1234567"),
        ("issuedOn", "2026-02-30"),
        ("url", "no address"),
        ("syncedAt", "2026-11-23"),
        ("syncedAt", None),
        ("madeup", "x"),
    ],
)
def test_links_that_are_refused(ten: httpx.Client, field: str, value: Any) -> None:
    ten.event_hooks = {}
    answer = put(ten, {**LINK, field: value})
    assert answer.status_code == 422
    assert [error["pointer"] for error in answer.json()["errors"]] == [f"/{field}"]
    assert ten.get("/customer-orders/o-1").json()["accounting"] is None


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("GET", "/customer-orders/none", 404),
        ("GET", "/supplier-orders/o-1", 404),
        ("GET", "/nonsense", 404),
        ("PUT", "/customer-orders/none/accounting", 404),
        ("PUT", "/contacts/c-1/accounting", 404),
        ("POST", "/customer-orders", 405),
    ],
)
def test_what_is_not_there(ten: httpx.Client, method: str, path: str, status: int) -> None:
    ten.event_hooks = {}
    answer = ten.request(method, path, json=LINK)
    assert (answer.status_code, answer.json()["status"]) == (status, status)


def test_without_the_key_there_is_nothing(ten: httpx.Client) -> None:
    for key in ("", "Bearer wrong"):
        assert ten.get("/contacts", headers={"authorization": key}).status_code == 401


def test_links_must_be_json(ten: httpx.Client) -> None:
    ten.event_hooks = {}
    path = "/customer-orders/o-1/accounting"
    assert ten.put(path, content=b"{", headers={"content-type": "application/json"}).status_code == 400
    assert ten.put(path, content=b"{}", headers={"content-type": "text/plain"}).status_code == 415


@pytest.mark.parametrize(
    ("action", "expected"),
    [
        ("cancel", {"status": "cancelled"}),
        ("confirm", {"status": "confirmed"}),
        ("fulfil", {"fulfilmentStatus": "done"}),
        ("delete", {"status": "cancelled"}),
    ],
)
def test_what_people_do(ten: httpx.Client, sandbox: Sandbox, action: str, expected: dict[str, str]) -> None:
    sandbox.edit(action, on="monstock", reference="CO-3")
    found = ten.get("/customer-orders/o-3").json()
    assert expected.items() <= found.items()
    assert (found.get("deletedAt") is not None) is (action == "delete")
    assert walk(ten)[-1] == "o-3"


def test_an_order_that_is_erased_is_listed_no_more(ten: httpx.Client, sandbox: Sandbox) -> None:
    sandbox.edit("erase", on="monstock", reference="CO-3")
    assert ten.get("/customer-orders/o-3").status_code == 404
    assert "o-3" not in walk(ten)


def test_a_contacts_edit_reaches_its_orders(ten: httpx.Client, sandbox: Sandbox) -> None:
    sandbox.edit("edit_contact", on="monstock", id="c-1", fields={"name": "New Name"})
    assert ten.get("/contacts/c-1").json()["name"] == "New Name"
    assert ten.get("/customer-orders/o-4").json()["contact"]["name"] == "New Name"


@pytest.mark.parametrize(
    ("inclusive", "currency", "expected"),
    [
        (False, "GBP", ("14.85", "2.97", "17.82")),
        (True, "GBP", ("12.37", "2.48", "14.85")),
        (False, "JPY", ("15", "3", "18")),
    ],
)
def test_totals(inclusive: bool, currency: str, expected: tuple[str, str, str]) -> None:
    order = {
        "currency": currency,
        "pricesIncludeTax": inclusive,
        "lines": [{"quantity": "3", "unitPrice": "3.30", "discountPercent": "0", "taxRate": "20"}],
        "shipping": {"amount": "4.95", "taxRate": "20"},
    }
    assert tuple(totals(order).values()) == expected


def test_many_orders_go_in_fast_and_come_out_whole(monstock: httpx.Client, sandbox: Sandbox) -> None:
    lines = [{"name": "mug", "quantity": "1", "unitPrice": "1", "taxRate": "0"}]
    sandbox.load_orders([{"id": f"n-{n}", "reference": f"N-{n}", "lines": lines} for n in range(2_500)])
    assert len(set(walk(monstock, limit=250))) == 2_500
    assert sandbox.state("monstock")["calls"]["GET /customer-orders"] == 10
