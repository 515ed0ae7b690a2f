"""The judge does complain."""

import asyncio
from typing import Any

import httpx
import pytest

from tests.sandbox.judge import Judge

XERO = "http://x/api.xro/2.0"
GOOD = {"Invoices": [{"Type": "ACCREC", "LineItems": [{"UnitAmount": 1.5}]}]}


def judged(
    method: str, url: str, body: Any = None, answer: Any = None, status: int = 200, **headers: str
) -> list[str]:
    judge = Judge("accounting", "identity", "monstock")
    transport = httpx.MockTransport(
        lambda request: httpx.Response(status, json={} if answer is None else answer)
    )
    with httpx.Client(transport=transport, event_hooks=judge.hooks()) as client:
        client.request(method, url, json=body, headers=headers)
    assert judge.judged == 1
    return judge.complaints


@pytest.mark.parametrize(
    ("call", "complaint"),
    [
        (("GET", f"{XERO}/Nonsense"), "no such operation"),
        (("PATCH", f"{XERO}/Invoices"), "no such operation"),
        (("GET", f"{XERO}/Invoices?limit=5"), "no such parameter"),
        (("GET", f"{XERO}/Invoices?page=one"), "is not of type 'integer'"),
        (("GET", f"{XERO}/PurchaseOrders?where=1"), "no such parameter"),
        (("GET", f"{XERO}/PurchaseOrders?Status=MADEUP"), "is not one of"),
        (("PUT", f"{XERO}/Invoices", {"Invoices": [{"Type": "SALE"}]}), "is not one of"),
        (("PUT", f"{XERO}/Invoices", {"Invoices": [{"Madeup": 1}]}), "Invoices/0/Madeup: no such field"),
        (("PUT", f"{XERO}/Invoices", {"Invoices": [{"LineItems": [{"Price": 1}]}]}), "Price: no such field"),
        (("PUT", f"{XERO}/Invoices", {"Invoices": [{"LineItems": [{"UnitAmount": "x"}]}]}), "is not of type"),
        (("PUT", f"{XERO}/Invoices", {"Invoices": [{"InvoiceNumber": "x" * 256}]}), "is too long"),
        (("GET", f"{XERO}/Invoices", None, {"Invoices": [{"Status": "MADEUP"}]}), "answer Invoices/0/Status"),
        (("GET", f"{XERO}/Invoices", None, {"Invoices": [{"Total": "x"}]}), "answer Invoices/0/Total"),
        (("GET", "http://m/v1/customer-orders", None, {"data": []}), "'nextCursor' is a required property"),
        (("GET", "http://m/v1/contacts/1", None, {"id": 1, "name": "x"}), "answer id"),
        (("PUT", "http://m/v1/customer-orders/1/accounting", {"provider": "sage"}), "'xero' was expected"),
    ],
)
def test_it_complains(call: tuple[Any, ...], complaint: str) -> None:
    found = judged(*call)
    assert any(complaint in one for one in found), found


def test_it_lets_good_calls_pass() -> None:
    assert judged("PUT", f"{XERO}/Invoices?summarizeErrors=false&unitdp=4", GOOD, GOOD) == []
    assert judged("GET", f"{XERO}/Invoices?Statuses=DRAFT%2CPAID&page=1", None, GOOD) == []
    assert judged("GET", "http://x/Connections", None, []) == []


def test_an_idempotency_key_is_for_writes() -> None:
    headers = {"Idempotency-Key": "k"}
    assert any("takes none" in one for one in judged("GET", f"{XERO}/Invoices", **headers))
    assert judged("PUT", f"{XERO}/Invoices", GOOD, GOOD, **headers) == []


def test_it_watches_async_clients() -> None:
    async def call(judge: Judge) -> None:
        transport = httpx.MockTransport(lambda request: httpx.Response(200, json={}))
        async with httpx.AsyncClient(transport=transport, event_hooks=judge.async_hooks()) as client:
            await client.get(f"{XERO}/Invoices?limit=5")

    judge = Judge.xero()
    asyncio.run(call(judge))
    assert len(judge.complaints) == 1


def test_verdict() -> None:
    judge = Judge.xero()
    judge.verdict()
    judge.complaints.append("something")
    with pytest.raises(AssertionError, match="something"):
        judge.verdict()
