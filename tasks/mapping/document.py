"""An order becomes a draft document, or is held with every reason at once."""

from dataclasses import dataclass
from datetime import date
from urllib.parse import quote

from tasks.domain.books import Books, XeroContact
from tasks.domain.documents import DocumentType, Draft, LineAmountTypes
from tasks.domain.orders import Contact, Kind, Order
from tasks.domain.outcomes import Cause, Finding, OrderState
from tasks.mapping.contacts import Directory, clean_name, fitted, match
from tasks.mapping.due import due_by_terms
from tasks.mapping.findings import Findings
from tasks.mapping.lines import LineMapper
from tasks.mapping.rules import KindRules, Rules
from tasks.mapping.totals import compare, predict

TEXT_LIMIT = 255


@dataclass(frozen=True, slots=True)
class Held:
    """An order that must not be sent, with all that was found on it."""

    order: Order
    findings: tuple[Finding, ...]


def standing(order: Order, rules: Rules) -> OrderState:
    """Whether an order is due for export: pending, not_due, before_cutover, or held for an unknown status."""
    if order.status not in {"draft", "confirmed", "cancelled"} or order.fulfilment not in {
        "none",
        "partial",
        "done",
    }:
        return OrderState.held
    if order.status != "confirmed":
        return OrderState.not_due
    if order.order_date < rules.export_from:
        return OrderState.before_cutover
    if rules.of(order.kind).trigger == "fulfilled" and order.fulfilment != "done":
        return OrderState.not_due
    return OrderState.pending


def draft(
    order: Order, rules: Rules, books: Books, directory: Directory, generation: int = 1
) -> Draft | Held:
    """Map an order and check it against everything that Xero would refuse (preflight).

    A later generation is a document made anew; it shows in its mark and, but for a bill, in its
    number, which are taken otherwise.
    """
    findings = Findings()
    kind = rules.of(order.kind)
    contact = match(order.contact, directory, rules.prefix, findings)
    if contact is None:
        _check_new_contact(order.contact, directory, findings)
    before = len(findings.holds)
    lines = LineMapper(order, rules, books, findings).lines()
    amounts = LineAmountTypes.inclusive if order.prices_include_tax else LineAmountTypes.exclusive
    total = predict(lines, amounts)
    if len(findings.holds) == before:
        compare(order, total, findings)
    _check_currency(order, books, findings)
    _check_lock(order, books, findings)
    number = _number(order, rules, generation, findings)
    made = Draft(
        kind=order.kind,
        order_id=order.id,
        order_reference=order.reference,
        revision=order.revision,
        type=kind.document,
        number=number,
        mark=_mark(order, rules, generation, findings),
        contact=order.contact,
        date=order.document_date,
        due_date=_due_date(order, kind, contact, findings),
        delivery_date=order.expected_delivery_date if kind.document is DocumentType.purchase_order else None,
        currency=order.currency,
        line_amount_types=amounts,
        lines=lines,
        status=kind.status,
        total=total,
        reference=_reference(order, kind, findings),
        warnings=tuple(findings.warnings),
    )
    return Held(order, tuple(findings.holds)) if findings.holds else made


def number_for(order: Order, rules: Rules) -> str:
    """The document's number by the pattern; a supplier's bill bears the supplier's own number."""
    external, year = order.external_reference, order.document_date.year
    return number_from(order.reference, external, order.id, year, rules, order.kind)


def number_from(
    reference: str, external: str | None, order_id: str, year: int, rules: Rules, of_kind: Kind
) -> str:
    """The same from an order's facts; `external` is the customer's or supplier's own number."""
    kind = rules.of(of_kind)
    if kind.document is DocumentType.bill and external:
        return external
    return kind.number.format(
        prefix=rules.prefix, reference=reference, external=external or reference, id=order_id, year=year
    )


def mark_for(order_id: str, reference: str, rules: Rules, kind: Kind, generation: int = 1) -> str:
    """How we know our own document again: the order's address, or on purchase orders a bracketed id.

    Purchase orders have no Url field; their Reference bears the order's number and, in brackets, its id.
    """
    if rules.of(kind).document is DocumentType.purchase_order:
        later = f"/{generation}" if generation > 1 else ""
        return f"{reference} [{rules.prefix}{order_id}{later}]"
    parts = {"id": quote(order_id, safe=""), "reference": quote(reference, safe="")}
    address = rules.order_url.format(kind=f"{kind}-orders", **parts)
    return f"{address}#{generation}" if generation > 1 else address


def credit_mark(order_id: str, reference: str, rules: Rules, role: str, generation: int = 1) -> str:
    """How we know a credit note again: the order's number and, in brackets, its id and which return it is."""
    later = f"/{generation}" if generation > 1 else ""
    return f"{reference} [{rules.prefix}{order_id}{later} {role}]"


def _check_new_contact(contact: Contact, directory: Directory, findings: Findings) -> None:
    """What will be adjusted on a contact that is yet to be made."""
    if not clean_name(contact.name, findings):
        findings.hold(Cause.contact_rejected, "The contact has no name.", "contact.name")
    fitted(contact, findings)
    directory.announce(contact, findings)


def _number(order: Order, rules: Rules, generation: int, findings: Findings) -> str:
    number = number_for(order, rules)
    bill = rules.of(order.kind).document is DocumentType.bill
    if generation > 1 and not bill:
        number = f"{number}-{generation}"
    if bill and not order.external_reference:
        findings.warn(
            Cause.number_missing,
            f"The order names no number of the supplier's; the bill bears {number}.",
            "externalReference",
        )
    if not bill and not (number.isascii() and number.isprintable()):
        findings.hold(Cause.number_invalid, f'Number "{number}" has characters beyond ASCII.', "reference")
    if not bill and "," in number:
        findings.hold(Cause.number_invalid, f'Number "{number}" contains a comma.', "reference")
    if len(number) > TEXT_LIMIT:
        findings.hold(
            Cause.number_invalid, f'Number "{number[:40]}…" is longer than {TEXT_LIMIT}.', "reference"
        )
    return number


def _mark(order: Order, rules: Rules, generation: int, findings: Findings) -> str:
    mark = mark_for(order.id, order.reference, rules, order.kind, generation)
    if "xero" in mark.lower() and mark.startswith("http"):
        findings.hold(Cause.mark_invalid, f'The address {mark} contains "xero".', "reference")
    return mark


def _reference(order: Order, kind: KindRules, findings: Findings) -> str | None:
    """The customer's own number on an invoice; bills have no reference, purchase orders bear the mark there."""
    if kind.document is not DocumentType.invoice or not order.external_reference:
        return None
    return findings.cut(order.external_reference, TEXT_LIMIT, "externalReference")


def _check_currency(order: Order, books: Books, findings: Findings) -> None:
    if order.currency not in books.currencies:
        findings.hold(
            Cause.currency, f"{books.tenant_name} is not subscribed to currency {order.currency}.", "currency"
        )


def _check_lock(order: Order, books: Books, findings: Findings) -> None:
    locked = books.locked_until
    if locked and order.document_date <= locked:
        findings.hold(
            Cause.locked,
            f"The document date {order.document_date} lies in a period locked until {locked}.",
            "billingDate" if order.billing_date else "orderDate",
        )


def _due_date(order: Order, kind: KindRules, contact: XeroContact | None, findings: Findings) -> date | None:
    """The order's own date, else the contact's terms, else the rule's days."""
    if kind.document is DocumentType.purchase_order:
        return None
    terms = contact and (contact.sales_terms if order.kind is Kind.customer else contact.bill_terms)
    due = order.due_date or (due_by_terms(order.document_date, terms) if terms else None)
    if due is None and kind.due_days is not None:
        due = date.fromordinal(order.document_date.toordinal() + kind.due_days)
    if due is None and kind.status == "AUTHORISED":
        findings.hold(
            Cause.due_date_missing,
            "An approved document needs a due date; the order, the contact and the rules give none.",
            "dueDate",
        )
    return due
