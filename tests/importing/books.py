"""Many documents in Xero's sandbox, and what the ledger knows of them."""

import json
from collections.abc import Callable
from typing import Any

import httpx
from sqlalchemy import select

from deployments.sandbox.server import Sandbox
from tasks.connections.connection import Connection
from tasks.ledger.schema import documents
from tasks.xero.reading import modified

FIELDS = {
    "Type": "ACCREC",
    "Date": "2026-10-01",
    "DueDate": "2026-10-31",
    "Status": "AUTHORISED",
    "LineItems": [
        {"Description": "Mug", "Quantity": 3, "UnitAmount": 12.5, "AccountCode": "200", "TaxType": "OUTPUT2"}
    ],
}


def invoice(sandbox: Sandbox, number: str, **fields: Any) -> dict[str, Any]:
    """An invoice that a person made."""
    given = FIELDS | {"InvoiceNumber": number, "Contact": {"Name": "Acme"}} | fields
    return dict(sandbox.edit("create", kind="invoice", fields=given))


def fill(sandbox: Sandbox, number: int, **how: Any) -> None:
    """So many more invoices."""
    invoice(sandbox, "INV")
    sandbox.edit("copy", number="INV", times=number - 1, **how)


def mirrored(connection: Connection) -> dict[str, str]:
    """Each document's stamp, as the ledger has it."""
    with connection.database.engine.connect() as tx:
        return {row.document_id: row.modified for row in tx.execute(select(documents))}


def standing(connection: Connection, number: str) -> Any:
    """A document's row."""
    with connection.database.engine.connect() as tx:
        return tx.execute(select(documents).where(documents.c.number == number)).one()


def in_xero(connection: Connection) -> dict[str, str]:
    """Each invoice's stamp, as Xero has it."""
    found, number, full = {}, 1, True
    while full:
        page = connection.xero.page("Invoices", {"order": "InvoiceID"}, number=number)
        found |= {row["InvoiceID"]: modified(row) for row in page.rows}
        number, full = number + 1, page.full
    return found


def at_each_page(connection: Connection, do: Callable[[int], None]) -> None:
    """Something happens in Xero between any two pages of invoices that are read."""
    pages = 0

    def hook(response: httpx.Response) -> None:
        nonlocal pages
        if response.request.method == "GET" and response.request.url.path.endswith("/Invoices"):
            pages += 1
            do(pages)

    hooks = connection.xero.http._client.event_hooks
    hooks["response"].append(hook)
    connection.xero.http._client.event_hooks = hooks


def accounted(connection: Connection, credit_note_id: str, amount: str) -> None:
    """A part of a credit note is paid out, as a person does in Xero."""
    payment = {
        "CreditNote": {"CreditNoteID": credit_note_id},
        "Account": {"Code": "090"},
        "Amount": amount,
        "Date": "2026-10-05",
    }
    body = json.dumps({"Payments": [payment]}).encode()
    connection.xero.http.write("PUT", "Payments", body, headers={"xero-tenant-id": connection.xero.tenant_id})
