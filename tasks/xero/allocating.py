"""Allocations: they have no name of their own, so what stands is seen on the credit note and nowhere else."""

from collections.abc import Mapping, Sequence
from typing import Any

from tasks.domain.errors import NotFound, Refused, ServerFault
from tasks.domain.outcomes import Cause, Finding
from tasks.ledger.claims import Claim, Outcome, Settlement
from tasks.xero.client import XeroClient, calendar_date
from tasks.xero.endpoints import CREDIT_NOTES
from tasks.xero.recognition import released
from tasks.xero.wire import decimal, messages


def allocation_element(note: Mapping[str, Any], invoice_id: str, amount: Any) -> dict[str, Any]:
    """So much of a credit note, set against an invoice on the day of the note."""
    day = calendar_date(note, "Date")
    if day is None:
        raise ServerFault(f"Credit note {note.get('CreditNoteNumber')} has no date.")
    return {"Amount": amount, "Invoice": {"InvoiceID": invoice_id}, "Date": day.isoformat()}


def allocations(note: Mapping[str, Any], invoice_id: str) -> list[Mapping[str, Any]]:
    """What of a credit note is set against an invoice already."""
    return [
        one
        for one in note.get("Allocations") or []
        if (one.get("Invoice") or {}).get("InvoiceID") == invoice_id and not one.get("IsDeleted")
    ]


def read_note(client: XeroClient, identifier: str) -> list[dict[str, Any]]:
    """A credit note by its id or number, in a list; an empty one where Xero has none."""
    try:
        return client.one(CREDIT_NOTES, identifier)
    except (NotFound, Refused):
        return []


def by_allocation(claim: Claim, rows: Sequence[Mapping[str, Any]]) -> Settlement:
    """What Xero's answer to an allocation means. Raises `ServerFault` where it answers no single one."""
    if len(rows) != 1:
        raise ServerFault(f"Xero answered {len(rows)} allocations for one.")
    (row,) = rows
    if row.get("StatusAttributeString") == "ERROR" or row.get("ValidationErrors"):
        found = tuple(Finding(Cause.rejected, text) for text in messages(row) or ["Xero gives no reason."])
        return Settlement(claim, Outcome.rejected, None, found, row)
    return Settlement(claim, Outcome.written, answer=row)


def read_allocation(client: XeroClient, claim: Claim, element: Mapping[str, Any]) -> Settlement:
    """Whether an allocation that nobody answered stands: its credit note is read, before it is sent again."""
    for note in read_note(client, claim.mark):
        for one in allocations(note, element["Invoice"]["InvoiceID"]):
            if decimal(one.get("Amount")) == decimal(element["Amount"]):
                return Settlement(claim, Outcome.adopted, answer=one)
    return released(claim)
