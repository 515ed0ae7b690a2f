"""Documents of Xero's as they come, each read alone: one that cannot be read is kept as it came."""

import hashlib
from collections.abc import Iterable, Iterator, Mapping
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import msgspec

from tasks.domain.books import SeenDocument, Unread
from tasks.domain.errors import Unreadable
from tasks.domain.outcomes import Cause, Finding
from tasks.xero.client import calendar_date, wire_date
from tasks.xero.endpoints import (
    CREDIT_NOTES,
    INVOICES,
    OVERPAYMENTS,
    PAYMENTS,
    PREPAYMENTS,
    PURCHASE_ORDERS,
    Endpoint,
)
from tasks.xero.lines import Line, digest, number, taxes

# So much of what a document's lines say is kept, in characters.
TEXT_LIMIT = 4000
ID_LENGTH = 36

PURCHASE_ORDER = "PURCHASEORDER"
TYPES = {
    INVOICES: {"ACCREC", "ACCPAY"},
    PURCHASE_ORDERS: {PURCHASE_ORDER},
    CREDIT_NOTES: {"ACCRECCREDIT", "ACCPAYCREDIT"},
    OVERPAYMENTS: {"RECEIVE-OVERPAYMENT", "SPEND-OVERPAYMENT", "AROVERPAYMENT", "APOVERPAYMENT"},
    PREPAYMENTS: {"RECEIVE-PREPAYMENT", "SPEND-PREPAYMENT", "ARPREPAYMENT", "APPREPAYMENT"},
}
_WRITTEN = (INVOICES, PURCHASE_ORDERS, CREDIT_NOTES)
_STATUSES = {"DRAFT", "SUBMITTED", "AUTHORISED", "PAID", "VOIDED", "DELETED"}
_ORDER_STATUSES = {"DRAFT", "SUBMITTED", "AUTHORISED", "BILLED", "DELETED"}
_json = msgspec.json.Encoder(decimal_format="number")


def read_documents(endpoint: Endpoint, rows: Iterable[Mapping[str, Any]]) -> list[SeenDocument | Unread]:
    """A page of documents; what cannot be read keeps its JSON and says why."""
    return [_read(endpoint, row) for row in rows]


def read_document(endpoint: Endpoint, row: Mapping[str, Any]) -> SeenDocument:
    """An invoice, bill, purchase order, credit note, overpayment or prepayment.

    A field that is not known here is left alone, for Xero adds fields without notice. Raises `Unreadable` for a type or
    status that is not known, and for a field that is no id, amount or date.
    """
    contact = row.get("Contact") or {}
    lines = row.get("LineItems") or []
    type_ = _type(endpoint, row)
    ours = bool(row.get(endpoint.mark))
    total = _amount(row, "Total")
    return SeenDocument(
        id=_id(row, endpoint.id),
        type=type_,
        number=_words(row, endpoint.number) or None,
        reference=_words(row, "Reference") or None,
        mark=_words(row, endpoint.mark) or None,
        contact_id=_words(contact, "ContactID"),
        contact_name=_words(contact, "Name"),
        currency=_words(row, "CurrencyCode"),
        net=_amount(row, "SubTotal"),
        tax=_amount(row, "TotalTax"),
        total=total,
        paid=_amount(row, "AmountPaid") if endpoint is INVOICES else _paid_out(row),
        credited=_amount(row, "AmountCredited"),
        due=_amount(row, "AmountDue" if endpoint is INVOICES else "RemainingCredit"),
        date=_day(row, "Date"),
        due_date=_day(row, "DueDate"),
        paid_on=_day(row, "FullyPaidOnDate"),
        status=_status(endpoint, row),
        sent=bool(row.get("SentToContact")),
        text="" if ours and endpoint is INVOICES else _text(lines),
        line_count=len(lines),
        lines=digest(lines),
        taxes=taxes(row, lines),
        modified=modified(row),
    )


def read_written(row: Mapping[str, Any]) -> SeenDocument | None:
    """A document as an answer or a reading shows it, whatever it is; None where it cannot be read."""
    endpoint = next((one for one in _WRITTEN if one.id in row), None)
    found = _read(endpoint, row) if endpoint else None
    return found if isinstance(found, SeenDocument) else None


def read_targets(
    endpoint: Endpoint, rows: Iterable[Mapping[str, Any]]
) -> tuple[list[tuple[Endpoint, str, str]], list[Unread]]:
    """The documents that payments and credits change (where they are read, id, stamp), and rows that do not tell."""
    found: list[tuple[Endpoint, str, str]] = []
    broken: list[Unread] = []
    for row in rows:
        try:
            found += [(target, id_, modified(row)) for target, id_ in targets(endpoint, row)]
        except (KeyError, TypeError, AttributeError, ValueError, OverflowError) as error:
            broken.append(_unread(endpoint, row, "", _no_record(endpoint, error)))
    return found, broken


def targets(endpoint: Endpoint, row: Mapping[str, Any]) -> Iterator[tuple[Endpoint, str]]:
    """The documents that a payment or a credit changes, by where they are read."""
    for name, target in (("Invoice", INVOICES), ("CreditNote", CREDIT_NOTES)):
        if endpoint is PAYMENTS and (found := (row.get(name) or {}).get(target.id)):
            yield target, found
    for allocation in row.get("Allocations") or []:
        if found := (allocation.get("Invoice") or {}).get(INVOICES.id):
            yield INVOICES, found


def modified(row: Mapping[str, Any]) -> str:
    """Xero's stamp of a row as text that sorts by time; empty where it has none."""
    return stamp(wire_date(row.get("UpdatedDateUTC")))


def stamp(moment: datetime | None) -> str:
    """A moment as text that sorts by time."""
    return moment.astimezone(UTC).isoformat(timespec="milliseconds") if moment else ""


def _read(endpoint: Endpoint, row: Mapping[str, Any]) -> SeenDocument | Unread:
    try:
        return read_document(endpoint, row)
    except Unreadable as error:
        field, sentence = error.field, str(error)
    except (KeyError, TypeError, AttributeError, ValueError, OverflowError) as error:
        field, sentence = "", _no_record(endpoint, error)
    return _unread(endpoint, row, field, sentence)


def _no_record(endpoint: Endpoint, error: Exception) -> str:
    return f"It is no {endpoint.name} record as Xero describes it: {error!r:.120}."


def _unread(endpoint: Endpoint, row: Any, field: str, sentence: str) -> Unread:
    raw = _json.encode(row)
    given = row.get(endpoint.id) if isinstance(row, Mapping) else None
    usable = isinstance(given, str) and 0 < len(given) <= ID_LENGTH
    name = str(given) if usable else hashlib.sha256(raw).hexdigest()[:ID_LENGTH]
    told = {key: value for key, value in row.items() if isinstance(value, str)} if usable else {}
    return Unread(
        id=name,
        type=told.get("Type") or endpoint.name.upper(),
        number=told.get(endpoint.number),
        mark=told.get(endpoint.mark),
        status=told.get("Status", ""),
        modified=_modified_or_none(row),
        raw=raw,
        finding=Finding(Cause.unreadable, sentence, field or None),
    )


def _modified_or_none(row: Any) -> str:
    try:
        return modified(row)
    except (ValueError, OverflowError, TypeError, AttributeError):
        return ""


def _type(endpoint: Endpoint, row: Mapping[str, Any]) -> str:
    if endpoint is PURCHASE_ORDERS:
        return PURCHASE_ORDER
    return _known("Type", row.get("Type"), TYPES[endpoint])


def _status(endpoint: Endpoint, row: Mapping[str, Any]) -> str:
    return _known("Status", row.get("Status"), _ORDER_STATUSES if endpoint is PURCHASE_ORDERS else _STATUSES)


def _known(field: str, value: Any, known: set[str]) -> str:
    if value not in known:
        raise Unreadable(field, f'{field} "{value}" is not known here; known are {", ".join(sorted(known))}.')
    return str(value)


def _paid_out(row: Mapping[str, Any]) -> Decimal:
    """What was refunded of a credit."""
    return sum((_amount(payment, "Amount") for payment in row.get("Payments") or []), Decimal(0))


def _id(row: Mapping[str, Any], name: str) -> str:
    found = row.get(name)
    if not (isinstance(found, str) and 0 < len(found) <= ID_LENGTH):
        raise Unreadable(name, f"{name} is no id: {found!r:.60}.")
    return found


def _words(row: Mapping[str, Any], name: str) -> str:
    found = row.get(name)
    if found is not None and not isinstance(found, str):
        raise Unreadable(name, f"{name} is no text: {found!r:.60}.")
    return found or ""


def _amount(row: Mapping[str, Any], name: str) -> Decimal:
    return number(row.get(name), name)


def _day(row: Mapping[str, Any], name: str) -> Any:
    try:
        return calendar_date(row, name)
    except (ValueError, OverflowError, TypeError):
        raise Unreadable(name, f"{name} is no date: {row.get(name)!r:.40}.") from None


def _text(lines: Iterable[Line]) -> str:
    said = (line.get("Description") for line in lines)
    return "\n".join(text for text in said if text)[:TEXT_LIMIT]
