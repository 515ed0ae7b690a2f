"""The client against the sandbox over HTTP."""

from datetime import date
from decimal import Decimal
from pathlib import Path

import httpx
import pytest
import yaml
from openapi_schema_validator import OAS31Validator
from referencing import Registry
from referencing.jsonschema import DRAFT202012

from deployments import sandbox as stand_in
from deployments.sandbox.server import Sandbox
from tasks.domain.errors import CallError
from tasks.domain.orders import Kind
from tasks.monstock import wire
from tasks.monstock.client import MonstockClient, OrderPage
from tasks.transport.http import Http
from tests.monstock.given import FULL
from tests.support import Connect, order


def references(page: OrderPage) -> list[str]:
    return [record.reference for record in page.records]


def test_a_listing_is_read_page_by_page_to_its_end(sandbox: Sandbox, connect: Connect) -> None:
    client = connect().monstock
    sandbox.load_orders([order(n) for n in range(1, 502)] + [order(1, kind="supplier")])
    pages = [client.orders(Kind.customer)]
    while pages[-1].cursor:
        pages.append(client.orders(Kind.customer, cursor=pages[-1].cursor))
    assert [len(page.records) for page in pages] == [250, 250, 1]
    assert len({reference for page in pages for reference in references(page)}) == 501
    assert references(client.orders(Kind.supplier)) == ["SO-2026-00001"]
    assert client.http.calls == {"GET customer-orders": 3, "GET supplier-orders": 1}


def test_both_dates_of_a_window_are_included(sandbox: Sandbox, connect: Connect) -> None:
    sandbox.load_orders([order(day, orderDate=f"2026-10-{day:02}") for day in range(1, 6)])
    page = connect().monstock.orders(Kind.customer, date_from=date(2026, 10, 2), date_to=date(2026, 10, 4))
    assert references(page) == ["CO-2026-00002", "CO-2026-00003", "CO-2026-00004"]


def test_a_page_says_where_a_later_listing_may_begin(sandbox: Sandbox, connect: Connect) -> None:
    client = connect().monstock
    sandbox.load_orders([order(1)])
    first = client.orders(Kind.customer)
    sandbox.advance(60)
    sandbox.load_orders([order(2)])
    later = client.orders(Kind.customer, updated_since=first.position)
    assert references(later) == ["CO-2026-00001", "CO-2026-00002"]
    assert (later.position or "") > (first.position or "~")
    assert client.orders(Kind.supplier).position is None


def test_a_garbled_time_never_becomes_the_cursor() -> None:
    good, bad = wire.record(FULL, Kind.customer), wire.record({**FULL, "updatedAt": "zzz"}, Kind.customer)
    assert OrderPage((good, bad), None).position == "2026-10-01T10:00:00.123000Z"
    assert OrderPage((bad,), None).position is None


def test_what_the_sandbox_sends_keeps_the_contract_and_is_read(sandbox: Sandbox, connect: Connect) -> None:
    sandbox.load_orders([{k: v for k, v in FULL.items() if k not in {"createdAt", "updatedAt"}}])
    [sent] = connect().monstock.http.read("customer-orders").data["data"]
    contract = yaml.safe_load((Path(stand_in.__file__).parent / "monstock" / "openapi.yaml").read_text())
    registry = Registry().with_resource("urn:monstock", DRAFT202012.create_resource(contract))
    OAS31Validator({"$ref": "urn:monstock#/components/schemas/Order"}, registry=registry).validate(sent)
    taken = wire.record(sent, Kind.customer)
    assert wire.order(taken.payload, taken.revision).totals.gross == Decimal("46.44")


@pytest.mark.parametrize(
    "page", [{"orders": []}, [], {"data": {}, "nextCursor": None}, {"data": []}], ids=repr
)
def test_an_answer_that_is_no_page_is_an_error_and_no_empty_page(
    page: object,
) -> None:
    far = httpx.MockTransport(lambda _: httpx.Response(200, json=page))
    with pytest.raises(CallError, match="no page of orders"):
        MonstockClient(Http("http://monstock.example/v1", transport=far)).orders(Kind.customer)
