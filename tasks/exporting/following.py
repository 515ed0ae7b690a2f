"""What an order that has its document comes to: goods that came back, or an order that was cancelled."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date

from tasks.domain.books import GONE, Books
from tasks.domain.documents import Credit, DocumentType, Draft, DraftLine, LineAmountTypes
from tasks.domain.orders import Kind
from tasks.domain.outcomes import Cause, Finding
from tasks.ledger.claims import REMOVE, Claim, returned
from tasks.ledger.credit_notes import Noted
from tasks.ledger.documents import Link
from tasks.ledger.standing import Unsettled
from tasks.mapping.document import credit_mark
from tasks.mapping.returns import came_back, left, same
from tasks.mapping.rules import Rules
from tasks.xero.client import calendar_date
from tasks.xero.endpoints import Endpoint, endpoint_for
from tasks.xero.wire import read_lines

_CREDITS = {DocumentType.invoice: "ACCRECCREDIT", DocumentType.bill: "ACCPAYCREDIT"}


@dataclass(frozen=True, slots=True)
class Back:
    """What an order's document bears, less what was credited, beyond what the order says: by lines and cents.

    `credit` is the credit note that tells it, None where something else changed as well; `allowed` says that the
    rules want it made.
    """

    told: str
    credit: Credit | None
    allowed: bool


def due(back: Back | None) -> Credit | None:
    """The credit note that is to be made where the document itself cannot follow."""
    return back.credit if back and back.allowed else None


@dataclass(frozen=True, slots=True)
class Ending:
    """An order that was cancelled while its document stands. `noted` are its credit notes so far."""

    claim: Claim
    link: Link
    reference: str
    back: Back | None
    noted: tuple[Noted, ...]
    locked_until: date | None
    ours: bool

    @property
    def type(self) -> DocumentType:
        """What its document is."""
        return DocumentType(self.link.document_type)

    @property
    def endpoint(self) -> Endpoint:
        """Where that stands."""
        return endpoint_for(self.type)


@dataclass(frozen=True, slots=True)
class Follower:
    """Knows the rules and books of now, and what was credited so far."""

    rules: Rules
    digest: str
    books: Books
    noted: Mapping[tuple[Kind, str], Sequence[Noted]] = field(default_factory=dict)

    def notes(self, order: Unsettled) -> tuple[Noted, ...]:
        """An order's credit notes so far."""
        return tuple(self.noted.get((order.kind, order.order_id), ()))

    def back(self, order: Unsettled, link: Link, wanted: Draft | None) -> Back | None:
        """What came back; all that is not credited yet where the order is cancelled (`wanted` None)."""
        kind, type_ = self.rules.of(order.kind), DocumentType(link.document_type)
        if type_ not in _CREDITS:
            return None
        allowed = (kind.cancelled if wanted is None else kind.returns) == "credit"
        try:
            amounts = LineAmountTypes(link.written.get("LineAmountTypes", ""))
            standing = self._standing(order, link)
        except (KeyError, ValueError):
            return Back("its lines bear a tax that the rules and books do not tell", None, allowed)
        found = came_back(standing, wanted.lines if wanted else (), amounts)
        if found is None:
            return None
        notes = self.notes(order)
        role = returned(len(notes) + 1)
        number = f"{link.written.get('InvoiceNumber', '')}-CR{len(notes) + 1}"
        mark = credit_mark(order.order_id, order.reference, self.rules, role, order.generation)
        currency = link.written.get("CurrencyCode", "")
        credit = found.credit(role, _CREDITS[type_], number, mark, currency) if found.is_clear else None
        return Back(found.told, credit, allowed)

    def is_told(self, order: Unsettled, link: Link, wanted: Draft) -> bool:
        """Whether document and credit notes together say what the order says."""
        if not self.notes(order):
            return False
        try:
            return same(self._standing(order, link), wanted.lines)
        except KeyError:
            return False

    def ending(self, order: Unsettled, link: Link) -> Ending:
        """The end of a cancelled order's document."""
        type_ = DocumentType(link.document_type)
        claim = Claim(
            subject=order.kind.value,
            subject_id=order.order_id,
            role=type_.role,
            mark=link.written.get(endpoint_for(type_).mark) or "",
            revision=order.revision,
            rules=self.digest,
            generation=order.generation,
            operation=REMOVE,
        )
        back, notes = self.back(order, link, None), self.notes(order)
        locked = self.locked(calendar_date(link.written, "Date"))
        return Ending(claim, link, order.reference, back, notes, locked, order.decision == "ours")

    def locked(self, *days: date | None) -> date | None:
        """The last locked day, where one of these days lies in a locked period."""
        until = self.books.locked_until
        return until if until and any(day and day <= until for day in days) else None

    def _standing(self, order: Unsettled, link: Link) -> list[DraftLine]:
        """What is invoiced and not credited."""
        rates = self.books.tax_rates
        credited = [line for note in self.notes(order) for line in read_lines(note.written, rates)]
        return left(read_lines(link.written, rates), credited)


def gone(link: Link) -> Finding:
    """What is said of an order that is confirmed while its own document is not alive."""
    if link.written.get("Status") in GONE:
        detail = (
            f"The document was {link.status.lower()} when the order was cancelled; it is confirmed again."
        )
    else:
        detail = "The document was voided or deleted in Xero."
    return Finding(Cause.removed, detail)
