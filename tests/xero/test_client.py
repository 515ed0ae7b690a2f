"""The client's calls: what Xero needs on each, and what its dates mean."""

from datetime import UTC, date, datetime, timedelta, timezone
from typing import Any

import httpx
import pytest

from deployments.sandbox.server import Sandbox
from tasks.domain.errors import NotFound, WrongOrganisation
from tasks.xero.client import XeroClient, calendar_date, wire_date
from tasks.xero.endpoints import CONTACTS, INVOICES, PURCHASE_ORDERS, Endpoint
from tests.support import Connect
from tests.transport.far_side import FarSide


def client(*answers: Any) -> tuple[XeroClient, FarSide]:
    far = FarSide(*(httpx.Response(200, json=answer) for answer in answers))
    return XeroClient(far.http(), "tenant-1"), far


def query(far: FarSide, number: int = -1) -> dict[str, str]:
    return dict(far.seen[number].url.params)


def test_every_call_names_the_organisation() -> None:
    xero, far = client({"Accounts": [], "Invoices": [], "Organisations": [{}]})
    xero.listing("Accounts")
    xero.page("Invoices")
    xero.one(INVOICES, "1")
    xero.organisation()
    xero.send("PUT", INVOICES, b"{}", "key", lambda: None)
    assert [request.headers["xero-tenant-id"] for request in far.seen] == ["tenant-1"] * 5


def test_a_page_asks_for_a_thousand_rows_and_the_moment_in_utc_to_the_second() -> None:
    xero, far = client({"Invoices": []})
    since = datetime(2026, 10, 1, 14, 0, 5, 999_000, timezone(timedelta(hours=2)))
    xero.page("Invoices", {"order": "InvoiceID"}, number=3, since=since)
    assert query(far) == {"page": "3", "pageSize": "1000", "order": "InvoiceID"}
    assert far.seen[0].headers["if-modified-since"] == "2026-10-01T12:00:05"
    xero.page("Invoices")
    assert "if-modified-since" not in far.seen[1].headers


@pytest.mark.parametrize(
    ("rows", "granted", "full"),
    [(1000, None, True), (999, None, False), (100, 100, True), (99, 100, False), (0, 100, False)],
)
def test_a_page_is_full_by_the_size_that_xero_grants(rows: int, granted: int | None, full: bool) -> None:
    pagination = {"pagination": {"page": 1, "pageSize": granted}} if granted else {}
    xero, _ = client({"Contacts": [{"n": n} for n in range(rows)], **pagination})
    page = xero.page("Contacts")
    assert (len(page.rows), page.full) == (rows, full)


def test_many_values_go_forty_a_call() -> None:
    xero, far = client({"Invoices": [{"a": 1}]})
    ids = [f"id-{n}" for n in range(81)]
    assert len(xero.by_values("Invoices", "IDs", ids, {"unitdp": "4"})) == 3
    assert [len(query(far, n)["IDs"].split(",")) for n in range(3)] == [40, 40, 1]
    assert ",".join(query(far, n)["IDs"] for n in range(3)).split(",") == ids
    assert query(far)["unitdp"] == "4"


def test_long_numbers_go_as_many_as_an_address_holds() -> None:
    xero, far = client({"Invoices": []})
    numbers = [f"{'N' * 200}{n}" for n in range(20)]
    xero.by_values("Invoices", "InvoiceNumbers", numbers)
    asked = [query(far, n)["InvoiceNumbers"].split(",") for n in range(3)]
    assert [len(part) for part in asked] == [7, 7, 6]
    assert [number for part in asked for number in part] == numbers


def test_no_values_cost_no_call() -> None:
    xero, far = client({})
    assert xero.by_values("Invoices", "IDs", []) == []
    assert far.seen == []


@pytest.mark.parametrize(
    ("endpoint", "params"),
    [
        (INVOICES, {"summarizeErrors": "false", "unitdp": "4"}),
        (PURCHASE_ORDERS, {"summarizeErrors": "false"}),
        (CONTACTS, {"summarizeErrors": "false"}),
    ],
)
def test_a_write_is_answered_element_by_element_under_its_key(
    endpoint: Endpoint, params: dict[str, str]
) -> None:
    xero, far = client({})
    asked: list[str] = []
    xero.send("PUT", endpoint, b'{"x": 1}', "key-1", lambda: asked.append("leave"))
    [request] = far.seen
    assert (request.method, request.url.path, query(far)) == ("PUT", f"/api/v1/{endpoint.name}", params)
    assert (request.headers["idempotency-key"], request.content) == ("key-1", b'{"x": 1}')
    assert asked == ["leave"]


def test_a_number_is_quoted_in_an_address() -> None:
    xero, far = client({"PurchaseOrders": []})
    xero.one(PURCHASE_ORDERS, "PO 1/2?#ä")
    assert far.seen[0].url.raw_path.decode().endswith("/PurchaseOrders/PO%201%2F2%3F%23%C3%A4")


@pytest.mark.parametrize("rows", [[], [{"Name": "A"}, {"Name": "B"}]])
def test_it_is_one_organisation_or_none(rows: list[Any]) -> None:
    with pytest.raises(WrongOrganisation):
        client({"Organisations": rows})[0].organisation()


def test_the_sandbox_answers_them_all(sandbox: Sandbox, connect: Connect) -> None:
    xero = connect().xero
    made = sandbox.edit("create", kind="contact", fields={"Name": "Ada", "ContactNumber": "MS-1"})
    assert xero.organisation()["Name"] == "Sandbox Trading Ltd"
    assert "200" in {row["Code"] for row in xero.listing("Accounts")}
    assert [row["Name"] for row in xero.page("Contacts").rows] == ["Ada"]
    assert [row["Name"] for row in xero.one(CONTACTS, "MS-1")] == ["Ada"]
    assert [row["Name"] for row in xero.by_values("Contacts", "IDs", [made["ContactID"]])] == ["Ada"]
    with pytest.raises(NotFound):
        xero.one(INVOICES, "INV-404")
    assert xero.http.calls.total() == sandbox.state()["calls"]["total"] == 6


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("/Date(1789344000000+0000)/", datetime(2026, 9, 14, tzinfo=UTC)),
        ("/Date(1789344000123+1300)/", datetime(2026, 9, 14, 0, 0, 0, 123_000, UTC)),
        ("/Date(1789344000000)/", datetime(2026, 9, 14, tzinfo=UTC)),
        ("/Date(-86400000+0000)/", datetime(1969, 12, 31, tzinfo=UTC)),
        ("2026-09-14T00:00:00", datetime(2026, 9, 14, tzinfo=UTC)),
        ("2026-09-14T00:00:00Z", datetime(2026, 9, 14, tzinfo=UTC)),
        ("2026-09-14", datetime(2026, 9, 14, tzinfo=UTC)),
        ("", None),
        (None, None),
    ],
)
def test_a_dates_milliseconds_are_utc_already(text: str | None, expected: datetime | None) -> None:
    assert wire_date(text) == expected


@pytest.mark.parametrize(
    ("row", "expected"),
    [
        ({"DateString": "2026-09-14T00:00:00", "Date": "/Date(0+0000)/"}, date(2026, 9, 14)),
        ({"Date": "/Date(1789344000000+0000)/"}, date(2026, 9, 14)),
        ({}, None),
    ],
)
def test_a_documents_date_is_read_from_its_text_first(row: dict[str, str], expected: date | None) -> None:
    assert calendar_date(row, "Date") == expected
