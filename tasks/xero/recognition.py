"""What Xero's rows mean for the claims of a write: ours or not, as we asked or not."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from tasks.domain.errors import ServerFault
from tasks.domain.money import plain
from tasks.domain.outcomes import Cause, Finding
from tasks.ledger.claims import CREATE, REMOVE, UPDATE, Claim, Outcome, Settlement
from tasks.ledger.settlement import document_id
from tasks.xero.client import calendar_date
from tasks.xero.endpoints import Endpoint
from tasks.xero.wire import decimal, messages

NO_ID = "00000000-0000-0000-0000-000000000000"
_NUMBER_TAKEN = (
    "must be unique",
    "already assigned",
    "number is already",
    "already exists",
    "already been used",
    "deleted purchaseorders",
)
_STATUS_CHANGED = ("not of valid status for modification", "status change is invalid")
_GONE = {"VOIDED", "DELETED", "ARCHIVED"}


def released(claim: Claim) -> Settlement:
    """Nothing stands in Xero, and the claim is free again."""
    return Settlement(claim, Outcome.released)


def bears(row: Mapping[str, Any], claim: Claim, endpoint: Endpoint) -> bool:
    """Whether a row is our own work. A supplier's credit that kept no reference is known by its number."""
    mark = row.get(endpoint.mark)
    if not mark and row.get("Type") == "ACCPAYCREDIT":
        return bool(claim.number) and row.get(endpoint.number) == claim.number
    return bool(mark == claim.mark)


def shows(row: Mapping[str, Any], asked: Mapping[str, Any]) -> bool:
    """Whether a document of Xero's says everything that was asked for, and its lines no more than that."""
    return all(_says(row, name, value) for name, value in asked.items())


def keeps_more(line: Mapping[str, Any], asked: Mapping[str, Any]) -> bool:
    """Whether a line of Xero's bears something that was not asked for: what is left out stays there."""
    return any(line.get(name) and name not in asked for name in ("DiscountRate", "ItemCode", "Tracking"))


def _says(row: Mapping[str, Any], name: str, asked: Any) -> bool:
    value = row.get(name)
    if isinstance(asked, Mapping):
        return isinstance(value, Mapping) and shows(value, asked)
    if isinstance(asked, list):
        value = value or []
        pairs = list(zip(value, asked, strict=False))
        return len(value) == len(asked) and all(shows(*pair) and not keeps_more(*pair) for pair in pairs)
    if name.endswith("Date"):
        day = calendar_date(row, name)
        return day is not None and day.isoformat() == asked
    if isinstance(asked, str):
        return (value or "") == asked
    return decimal(value) == decimal(asked)


def seen(
    claim: Claim, rows: Sequence[Mapping[str, Any]], element: Mapping[str, Any], endpoint: Endpoint
) -> Settlement:
    """What a reading back found. An update that cannot be seen is free: the next one compares before it writes."""
    if claim.operation == CREATE:
        return recognised(claim, rows, element)
    done = [row for row in rows if row[endpoint.id] == element[endpoint.id] and shows(row, element)]
    return Settlement(claim, Outcome.written, done[0]) if done else released(claim)


def recognised(
    claim: Claim, rows: Sequence[Mapping[str, Any]], element: Mapping[str, Any] | None
) -> Settlement:
    """What documents that bear our mark mean for a claim; `element` is what we asked for, where known."""
    alive = [row for row in rows if row.get("Status", row.get("ContactStatus")) not in _GONE]
    if len(alive) > 1:
        ids = ", ".join(document_id(row) for row in alive)
        finding = Finding(Cause.several_documents, f"{len(alive)} documents bear this order's mark: {ids}.")
        return Settlement(claim, Outcome.several, alive[0], (finding,))
    if alive:
        row = alive[0]
        differing = _differences(claim, row, element)
        if differing:
            finding = Finding(Cause.conflict, f"Our document was changed in Xero: {'; '.join(differing)}.")
            return Settlement(claim, Outcome.conflict, row, (finding,))
        return Settlement(claim, Outcome.adopted, row)
    if rows:
        row = rows[-1]
        number = next((row[name] for name in ("InvoiceNumber", "CreditNoteNumber") if row.get(name)), "")
        finding = Finding(Cause.removed, f"Our document {number} is {row.get('Status')}.")
        return Settlement(claim, Outcome.removed, row, (finding,))
    return released(claim)


def _differences(claim: Claim, row: Mapping[str, Any], element: Mapping[str, Any] | None) -> list[str]:
    """Where a document no longer says what we asked for: total, currency, contact."""
    found = []
    if claim.total is not None and decimal(row.get("Total")) != decimal(claim.total):
        found.append(f"total {plain(decimal(row.get('Total')))} instead of {claim.total}")
    if element and "CurrencyCode" in element and row.get("CurrencyCode") != element["CurrencyCode"]:
        found.append(f"currency {row.get('CurrencyCode')} instead of {element['CurrencyCode']}")
    wanted = (element or {}).get("Contact", {}).get("ContactID")
    if wanted and (row.get("Contact") or {}).get("ContactID") != wanted:
        found.append("another contact")
    return found


def by_answer(claim: Claim, row: Mapping[str, Any], endpoint: Endpoint) -> Settlement:
    """One element's answer. Nothing of an ERROR element or under a zero id is taken for a document.

    A change that Xero refuses for the document's status is free again: that is not the one which was read before.
    """
    texts = tuple(messages(row))
    status = row.get("StatusAttributeString", "OK")
    if status == "ERROR" or row.get(endpoint.id, NO_ID) == NO_ID:
        found = tuple(Finding(Cause.rejected, text) for text in texts or ("Xero gives no reason.",))
        stale = claim.operation in {UPDATE, REMOVE} and _told(texts, _STATUS_CHANGED)
        return Settlement(claim, Outcome.released if stale else Outcome.rejected, None, found, row)
    found = tuple(Finding(Cause.xero_warning, text) for text in texts) if status == "WARNING" else ()
    if claim.total is not None and decimal(row.get("Total")) != decimal(claim.total):
        detail = f"Xero's total is {plain(decimal(row.get('Total')))}, {claim.total} was predicted."
        found += (Finding(Cause.total_differs, detail, "totals.gross"),)
    return Settlement(claim, Outcome.written, row, found)


def matched(
    rows: Sequence[Mapping[str, Any]], claims: Sequence[Claim], endpoint: Endpoint
) -> list[Mapping[str, Any]]:
    """The answer's rows in the order of the claims: by mark where each bears its own, else as they stand."""
    by_mark = {row.get(endpoint.mark): row for row in rows}
    if all(claim.mark in by_mark for claim in claims):
        return [by_mark[claim.mark] for claim in claims]
    if len(rows) != len(claims):
        raise ServerFault(f"Xero answered {len(rows)} elements for {len(claims)}.")
    return list(rows)


def says_taken(settlement: Settlement) -> bool:
    """Whether Xero refused something because its number, or its name, is in use."""
    return _told((finding.detail for finding in settlement.findings), _NUMBER_TAKEN)


def _told(texts: Iterable[str], parts: Sequence[str]) -> bool:
    """Whether one of Xero's texts has one of these in it."""
    return any(part in text.lower() for text in texts for part in parts)
