"""Xero's wire format: what we send for a document or contact, and what we read of the organisation's books."""

from collections.abc import Iterable, Mapping
from decimal import Decimal
from typing import Any

import msgspec

from tasks.domain.books import Account, Books, PaymentTerms, TaxRate, XeroContact
from tasks.domain.documents import Credit, DocumentType, Draft, DraftLine
from tasks.domain.orders import Address, Contact
from tasks.xero.client import wire_date

_json = msgspec.json.Encoder(decimal_format="number")

_CLASSES = {
    "CanApplyToAssets": "ASSET",
    "CanApplyToEquity": "EQUITY",
    "CanApplyToExpenses": "EXPENSE",
    "CanApplyToLiabilities": "LIABILITY",
    "CanApplyToRevenue": "REVENUE",
}


def body(endpoint: str, elements: Iterable[Mapping[str, Any]]) -> bytes:
    """The JSON of a write."""
    return _json.encode({endpoint: list(elements)})


def document_element(draft: Draft, contact_id: str) -> dict[str, Any]:
    """A document as Xero takes it: fields left out rather than null, only the ContactID of its contact."""
    element: dict[str, Any] = {
        "Contact": {"ContactID": contact_id},
        "Date": draft.date.isoformat(),
        "LineAmountTypes": draft.line_amount_types.value,
        "CurrencyCode": draft.currency,
        "Status": draft.status,
        "LineItems": [_line_element(line) for line in draft.lines],
    }
    if draft.type is DocumentType.purchase_order:
        element |= {"PurchaseOrderNumber": draft.number, "Reference": draft.mark}
        if draft.delivery_date:
            element["DeliveryDate"] = draft.delivery_date.isoformat()
        return element
    element |= {
        "Type": "ACCREC" if draft.type is DocumentType.invoice else "ACCPAY",
        "InvoiceNumber": draft.number,
        "Url": draft.mark,
    }
    if draft.due_date:
        element["DueDate"] = draft.due_date.isoformat()
    if draft.reference:
        element["Reference"] = draft.reference
    return element


def credit_element(credit: Credit, contact_id: str) -> dict[str, Any]:
    """A credit note as Xero takes it, approved. It is dated by Xero: today, in the organisation's own zone."""
    return {
        "Type": credit.type,
        "CreditNoteNumber": credit.number,
        "Reference": credit.mark,
        "Contact": {"ContactID": contact_id},
        "LineAmountTypes": credit.line_amount_types.value,
        "CurrencyCode": credit.currency,
        "Status": "AUTHORISED",
        "LineItems": [_line_element(line) for line in credit.lines],
    }


def read_lines(row: Mapping[str, Any], rates: Mapping[str, TaxRate]) -> tuple[DraftLine, ...]:
    """A document's lines as they stand. Raises `KeyError` for a tax type that the books do not know."""
    return tuple(
        DraftLine(
            description=line.get("Description", ""),
            quantity=decimal(line.get("Quantity")),
            unit_amount=decimal(line.get("UnitAmount")),
            account_code=line.get("AccountCode", ""),
            tax_type=line["TaxType"],
            tax_rate=rates[line["TaxType"]].rate,
            discount_rate=decimal(line.get("DiscountRate")) or None,
            item_code=line.get("ItemCode") or None,
            tracking=tuple((t["Name"], t["Option"]) for t in line.get("Tracking") or []),
        )
        for line in row.get("LineItems") or []
    )


def contact_element(contact: Contact, name: str, number: str) -> dict[str, Any]:
    """A new contact, of which everything fits Xero's limits already."""
    element: dict[str, Any] = {"Name": name, "ContactNumber": number}
    if contact.email:
        element["EmailAddress"] = contact.email
    if contact.vat_number:
        element["TaxNumber"] = contact.vat_number
    if contact.phone:
        element["Phones"] = [{"PhoneType": "DEFAULT", "PhoneNumber": contact.phone}]
    address = contact.address or Address()
    parts = {
        "AddressLine1": address.line1,
        "AddressLine2": address.line2,
        "City": address.city,
        "Region": address.region,
        "PostalCode": address.postal_code,
        "Country": contact.country_code,
    }
    known = {name: text for name, text in parts.items() if text}
    if known:
        element["Addresses"] = [{"AddressType": "STREET", **known}]
    return element


def read_contact(row: Mapping[str, Any]) -> XeroContact:
    """A contact of a listing."""
    terms = row.get("PaymentTerms") or {}
    return XeroContact(
        id=row["ContactID"],
        name=row.get("Name", ""),
        status=row.get("ContactStatus", "ACTIVE"),
        number=row.get("ContactNumber") or None,
        merged_to=row.get("MergedToContactID"),
        sales_terms=_terms(terms.get("Sales")),
        bill_terms=_terms(terms.get("Bills")),
    )


def read_books(
    organisation: Mapping[str, Any],
    accounts: Iterable[Mapping[str, Any]],
    tax_rates: Iterable[Mapping[str, Any]],
    currencies: Iterable[Mapping[str, Any]],
    tracking: Iterable[Mapping[str, Any]],
    items: Iterable[Mapping[str, Any]],
) -> Books:
    """The organisation's reference data from its six lists."""
    period, year = (wire_date(organisation.get(n)) for n in ("PeriodLockDate", "EndOfYearLockDate"))
    return Books(
        tenant_name=organisation["Name"],
        short_code=organisation.get("ShortCode"),
        timezone=organisation.get("Timezone", "UTC"),
        base_currency=organisation.get("BaseCurrency", ""),
        accounts={a["Code"]: _account(a) for a in accounts if a.get("Code")},
        tax_rates={t["TaxType"]: _tax_rate(t) for t in tax_rates if t.get("TaxType")},
        currencies=frozenset([c["Code"] for c in currencies] + [organisation.get("BaseCurrency", "")]) - {""},
        tracking={
            t["Name"]: frozenset(
                o["Name"] for o in t.get("Options", []) if o.get("Status", "ACTIVE") == "ACTIVE"
            )
            for t in tracking
            if t.get("Status", "ACTIVE") == "ACTIVE"
        },
        items=frozenset(i["Code"] for i in items),
        period_lock_date=period.date() if period else None,
        end_of_year_lock_date=year.date() if year else None,
    )


def messages(row: Mapping[str, Any]) -> list[str]:
    """All of Xero's texts on an element: its own, its lines' and its contact's, under either name."""
    parts = [row, row.get("Contact") or {}, *(row.get("LineItems") or [])]
    found = [
        text
        for part in parts
        for name in ("ValidationErrors", "Warnings")
        for entry in part.get(name) or []
        if (text := entry.get("Message") or entry.get("Description"))
    ]
    return list(dict.fromkeys(found))


def decimal(value: object) -> Decimal:
    """An amount of Xero's; absent ones are 0."""
    return Decimal(str(value or 0))


def _line_element(line: DraftLine) -> dict[str, Any]:
    element: dict[str, Any] = {
        "Description": line.description,
        "Quantity": _number(line.quantity),
        "UnitAmount": _number(line.unit_amount),
        "AccountCode": line.account_code,
        "TaxType": line.tax_type,
    }
    if line.discount_rate:
        element["DiscountRate"] = _number(line.discount_rate)
    if line.item_code:
        element["ItemCode"] = line.item_code
    if line.tracking:
        element["Tracking"] = [{"Name": name, "Option": option} for name, option in line.tracking]
    return element


def _number(value: Decimal) -> Decimal:
    """Without an exponent, which JSON allows and some readers do not."""
    return Decimal(f"{value:f}")


def _account(row: Mapping[str, Any]) -> Account:
    return Account(
        code=row["Code"],
        name=row.get("Name", ""),
        type=row.get("Type", ""),
        account_class=row.get("Class", ""),
        status=row.get("Status", ""),
        system=row.get("SystemAccount") or None,
    )


def _tax_rate(row: Mapping[str, Any]) -> TaxRate:
    return TaxRate(
        tax_type=row["TaxType"],
        name=row.get("Name", ""),
        rate=decimal(row.get("EffectiveRate")),
        status=row.get("Status", "ACTIVE"),
        account_classes=frozenset(c for flag, c in _CLASSES.items() if row.get(flag)),
        compound=any(part.get("IsCompound") for part in row.get("TaxComponents") or []),
    )


def _terms(row: Mapping[str, Any] | None) -> PaymentTerms | None:
    return PaymentTerms(int(row.get("Day") or 0), row["Type"]) if row and row.get("Type") else None
