"""What differs between a document as we wrote it, as it stands in Xero, and as the order has it now, field by field."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from tasks.domain.documents import Draft
from tasks.domain.money import plain
from tasks.domain.outcomes import Cause, Finding
from tasks.xero.client import calendar_date
from tasks.xero.lines import FIELDS, said
from tasks.xero.wire import decimal, document_element

# A document's status is not among them: that it was approved or paid is no change of what it says.
_PLAIN = ("CurrencyCode", "LineAmountTypes", "Reference", "InvoiceNumber", "PurchaseOrderNumber", "Url")
_DATES = ("Date", "DueDate", "DeliveryDate")
SHOWN = 12


@dataclass(frozen=True, slots=True)
class Facts:
    """What a document says: its fields in its own words, its lines each for itself, and who it is for.

    `known` are the names that its contact goes by, for people to read.
    """

    fields: Mapping[str, str]
    lines: Sequence[Mapping[str, str]]
    total: str
    known: Mapping[str, str]

    def at(self, name: str) -> str:
        """A field as people read it."""
        if name == "LineItems":
            return "; ".join(map(_line_told, self.lines)) or "nothing"
        if name == "Total":
            return self.total
        if name.startswith("LineItems["):
            place, _, field = name.removeprefix("LineItems[").partition("].")
            return (
                self.lines[int(place)].get(field) or "nothing" if int(place) < len(self.lines) else "nothing"
            )
        value = self.fields.get(name, "")
        return self.known.get(value, value) or "nothing"


def facts(document: Mapping[str, Any]) -> Facts:
    """What a document in Xero's words says."""
    contact = document.get("Contact") or {}
    fields = {name: str(document.get(name) or "") for name in _PLAIN}
    fields |= {name: f"{calendar_date(document, name) or ''}" for name in _DATES}
    fields["Contact"] = contact.get("ContactID", "")
    lines = [dict(zip(FIELDS, said(line), strict=True)) for line in document.get("LineItems") or []]
    return Facts(
        fields,
        lines,
        plain(decimal(document.get("Total"))),
        {fields["Contact"]: contact.get("Name") or fields["Contact"]},
    )


def facts_of(draft: Draft, contact_id: str) -> Facts:
    """What an order's document would say now."""
    element = document_element(draft, contact_id)
    named = {**element, "Contact": {"ContactID": contact_id, "Name": draft.contact.name}}
    return facts({**named, "Total": draft.total.gross})


def differing(one: Facts, other: Facts) -> list[str]:
    """The fields in which two documents differ; lines one by one where there are as many of them."""
    found = [name for name in other.fields if one.fields.get(name, "") != other.fields[name]]
    if len(one.lines) != len(other.lines):
        found.append("LineItems")
    else:
        for place, (a, b) in enumerate(zip(one.lines, other.lines, strict=True)):
            found += [f"LineItems[{place}].{name}" for name in a if a[name] != b[name]]
    if one.total != other.total:
        found.append("Total")
    return found


def edits(written: Mapping[str, Any], row: Mapping[str, Any]) -> list[str]:
    """The fields that somebody changed in Xero since our last write; its total follows from them."""
    names = differing(facts(written), facts(row))
    return [] if names == ["Total"] else names


def conflict(
    written: Mapping[str, Any], row: Mapping[str, Any], ours: Facts | None, names: Sequence[str]
) -> tuple[Finding, ...]:
    """The three versions of each field that somebody changed; `ours` is None where the order is cancelled."""
    wrote, theirs = facts(written), facts(row)
    return tuple(
        Finding(
            Cause.conflict,
            f"{name}: we wrote {wrote.at(name)}, Xero has {theirs.at(name)}, "
            + (f"the order says {ours.at(name)}." if ours else "the order is cancelled."),
            name,
        )
        for name in names
    )


def beside(row: Mapping[str, Any], ours: Facts) -> str:
    """What differs between the document in Xero and the order, in one sentence without its end."""
    theirs = facts(row)
    names = differing(theirs, ours)
    parts = [f"{name} {theirs.at(name)} -> {ours.at(name)}" for name in names if name != "Total"]
    more = [f"and {len(parts) - SHOWN} more"] if len(parts) > SHOWN else []
    total = [f"Total {theirs.total} in Xero, {ours.total} on the order"] if "Total" in names else []
    return "; ".join([*total, *parts[:SHOWN], *more])


def _line_told(line: Mapping[str, str]) -> str:
    discount = f" less {line['DiscountRate']} %" if line["DiscountRate"] != "0" else ""
    return f"{line['Quantity']} x {line['Description']} at {line['UnitAmount']}{discount}"
