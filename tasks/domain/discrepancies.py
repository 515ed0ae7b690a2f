"""In what ways the two sides can differ, what would end each of it, and what becomes of it from night to night."""

from dataclasses import dataclass
from enum import StrEnum


class Repair(StrEnum):
    """The step that would end a discrepancy."""

    export = "export"
    import_ = "import"
    update = "update"
    void = "void"
    link = "link"
    credit = "credit"
    person = "a person must decide"


class Life(StrEnum):
    """Where a discrepancy stands.

    `open` was found for the first time, or says something else than before, and was not told yet; `seen` was told by a
    night before; `accepted` is known and quiet, for a reason; `repaired` was ended by a repair of the night that told
    so, `gone` by people or by another run, one that died among them.
    """

    open = "open"
    seen = "seen"
    accepted = "accepted"
    repaired = "repaired"
    gone = "gone"

    @property
    def ended(self) -> bool:
        """Whether the two sides agree again."""
        return self in {Life.repaired, Life.gone}


class Mode(StrEnum):
    """What a reconciliation may repair.

    `safe` loses nothing and touches no approved amount; `all` is everything that needs no person.
    """

    none = "none"
    safe = "safe"
    all = "all"


class DiscrepancyKind(StrEnum):
    """One way in which the two sides differ, named by what people see."""

    # An order without its document, or a document that does not follow its order.
    not_exported = "not exported"
    held = "held"
    rejected = "rejected by Xero"
    answer_lost = "answer lost"
    missing = "document missing"
    removed = "document removed"
    not_followed = "order changed"
    not_ended = "order cancelled"
    not_listed = "order not listed"
    # A document that was changed in Xero since our last write.
    number = "number"
    reference = "reference"
    contact = "contact"
    currency = "currency"
    date = "date"
    due_date = "due date"
    line_count = "line count"
    gross = "gross amount"
    tax = "tax"
    net = "net amount"
    lines = "lines"
    # The order's own amount beside its documents'.
    amount = "order amount"
    # What Monstock shows of a document beside what Xero says.
    not_shown = "not shown"
    paid = "paid amount"
    credited = "credited amount"
    due = "amount due"
    status = "status"
    link = "link"
    # Documents beside each other, and those without an order.
    several = "several documents"
    duplicate = "duplicate"
    orphan = "our document without order"
    unmatched = "document without order"
    proposed = "match proposed"
    unreadable = "unreadable"
    # Documents that come to rest where they should not.
    stuck = "stuck in draft"
    locked = "locked period"
    over_billed = "billed beyond the order"
    credit_open = "credit left open"


@dataclass(frozen=True, slots=True)
class Meaning:
    """A kind in a sentence for people, with the repair that ends it where nothing on the spot says otherwise."""

    sentence: str
    repair: Repair
    advice: str


# Which do not say that order and document differ in an amount, a date or a tax type, or that one of them is missing:
# they explain no control total.
_UNCOUNTED = (
    *("number", "reference", "contact", "due_date", "not_shown", "paid", "credited", "due"),
    *("status", "link", "stuck", "locked", "over_billed", "credit_open"),
)
COUNTING = frozenset(kind for kind in DiscrepancyKind if kind.name not in _UNCOUNTED)
"""The kinds that explain why the sums of both sides differ."""

_EDITED = "`monstock-xero take ORDER theirs` lets the document stand, `take ORDER ours` overwrites it."
_IMPORT = "The import writes it to Monstock; if it stays, the inbox says why."
MEANINGS: dict[DiscrepancyKind, Meaning] = {
    DiscrepancyKind.not_exported: Meaning(
        "The order is due and has no document in Xero.", Repair.export, "The export makes it."
    ),
    DiscrepancyKind.held: Meaning(
        "We refuse to send the order as it is.", Repair.person, "Do what the inbox advises for it."
    ),
    DiscrepancyKind.rejected: Meaning(
        "Xero refused the order.", Repair.person, "Correct what Xero names, then `monstock-xero inbox retry`."
    ),
    DiscrepancyKind.answer_lost: Meaning(
        "A document was sent and Xero's answer never came.",
        Repair.export,
        "The export finds out and goes on.",
    ),
    DiscrepancyKind.missing: Meaning(
        "The document that the ledger knows is not in Xero.",
        Repair.person,
        "Check that the organisation is the right one; `monstock-xero send` makes the document anew.",
    ),
    DiscrepancyKind.removed: Meaning(
        "The document was voided or deleted in Xero, and its order stands.",
        Repair.person,
        "Nothing, if that was meant: accept it; else `monstock-xero send` makes the document anew.",
    ),
    DiscrepancyKind.not_followed: Meaning(
        "The order changed after its document was written.", Repair.update, "The export brings it up to date."
    ),
    DiscrepancyKind.not_ended: Meaning(
        "The order was cancelled and its document stands.", Repair.void, "The export deletes or voids it."
    ),
    DiscrepancyKind.not_listed: Meaning(
        "Monstock does not know the order any more.",
        Repair.person,
        "Find out who removed the order; then void or keep its document, or `monstock-xero inbox skip` the order.",
    ),
    DiscrepancyKind.number: Meaning("The number was changed in Xero.", Repair.person, _EDITED),
    DiscrepancyKind.reference: Meaning("The reference was changed in Xero.", Repair.person, _EDITED),
    DiscrepancyKind.contact: Meaning("The contact was changed in Xero.", Repair.person, _EDITED),
    DiscrepancyKind.currency: Meaning("The currency was changed in Xero.", Repair.person, _EDITED),
    DiscrepancyKind.date: Meaning("The date was changed in Xero.", Repair.person, _EDITED),
    DiscrepancyKind.due_date: Meaning("The due date was changed in Xero.", Repair.person, _EDITED),
    DiscrepancyKind.line_count: Meaning("Lines were added or removed in Xero.", Repair.person, _EDITED),
    DiscrepancyKind.gross: Meaning("The total was changed in Xero.", Repair.person, _EDITED),
    DiscrepancyKind.tax: Meaning("The tax was changed in Xero.", Repair.person, _EDITED),
    DiscrepancyKind.net: Meaning("The net amount was changed in Xero.", Repair.person, _EDITED),
    DiscrepancyKind.lines: Meaning(
        "Lines were changed in Xero, the totals were not.",
        Repair.person,
        "Compare them with the order's: whether text, account, item, quantity, price or tracking was changed, the "
        f"ledger cannot tell. {_EDITED}",
    ),
    DiscrepancyKind.amount: Meaning(
        "The order and its documents differ in amount or tax type, though neither changed since our last write.",
        Repair.person,
        "Compare the two; accept it, if that is how it is meant.",
    ),
    DiscrepancyKind.not_shown: Meaning(
        "The order's document does not show in Monstock.", Repair.import_, _IMPORT
    ),
    DiscrepancyKind.paid: Meaning("Monstock shows another paid amount.", Repair.import_, _IMPORT),
    DiscrepancyKind.credited: Meaning("Monstock shows another credited amount.", Repair.import_, _IMPORT),
    DiscrepancyKind.due: Meaning("Monstock shows another amount due.", Repair.import_, _IMPORT),
    DiscrepancyKind.status: Meaning("Monstock shows another status.", Repair.import_, _IMPORT),
    DiscrepancyKind.link: Meaning(
        "Monstock shows another document, number, total or date.", Repair.import_, _IMPORT
    ),
    DiscrepancyKind.several: Meaning(
        "More than one living document stands for the order.",
        Repair.person,
        "Void or delete all but one of them in Xero.",
    ),
    DiscrepancyKind.duplicate: Meaning(
        "A document of no order equals another one: contact, date, total, reference; of a bill its number.",
        Repair.person,
        "Void or delete one of the two in Xero, or accept it.",
    ),
    DiscrepancyKind.orphan: Meaning(
        "A document bears our mark, and its order is not known.",
        Repair.person,
        "Find the order: `monstock-xero link` joins the two; else void the document in Xero.",
    ),
    DiscrepancyKind.unmatched: Meaning(
        "A document of Xero's belongs to no order.",
        Repair.person,
        "`monstock-xero link` joins it to its order; `monstock-xero inbox skip` if it has none.",
    ),
    DiscrepancyKind.proposed: Meaning(
        "A document is perhaps an order's.",
        Repair.link,
        "`monstock-xero link` joins the two; `monstock-xero inbox skip` if they do not belong together.",
    ),
    DiscrepancyKind.unreadable: Meaning(
        "A document cannot be read, and so not compared.",
        Repair.person,
        "Ask for an update of monstock-xero, or correct the document in Xero.",
    ),
    DiscrepancyKind.stuck: Meaning(
        "The document waits as a draft for long.", Repair.person, "Approve it in Xero, or delete it."
    ),
    DiscrepancyKind.locked: Meaning(
        "The document is not approved and lies in a locked period.",
        Repair.person,
        "Change its date or the lock date in Xero.",
    ),
    DiscrepancyKind.over_billed: Meaning(
        "Bills exceed what was ordered or received, or are in another currency.",
        Repair.person,
        "Compare the bills with what was ordered and received; ask the supplier for a credit.",
    ),
    DiscrepancyKind.credit_open: Meaning(
        "A credit note of ours is not allocated.",
        Repair.person,
        "Refund it in Xero, or set it against another invoice.",
    ),
}
