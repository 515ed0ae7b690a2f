"""What can become of an order, in words that a finance person reads: cause and advice."""

from dataclasses import dataclass
from enum import StrEnum


class OrderState(StrEnum):
    """Where an order stands.

    `pending` was read and waits; `exported` has its document; `held` is what we refuse to send; `rejected`
    is what Xero refused; `before_cutover` is older than the connection's first day; `not_due` has not
    reached its trigger, or was cancelled before it did; `elsewhere` is another connection's; `skipped` is what a
    person took out of the inbox.
    """

    pending = "pending"
    exported = "exported"
    held = "held"
    rejected = "rejected"
    before_cutover = "before_cutover"
    not_due = "not_due"
    elsewhere = "elsewhere"
    skipped = "skipped"


class Cause(StrEnum):
    """Why an order is held, was rejected, or carries a warning."""

    unreadable = "unreadable"
    unknown_status = "unknown status"
    totals_disagree = "totals disagree"
    cent_difference = "cent difference"
    negative_total = "negative total"
    currency = "currency not subscribed"
    tax_unmapped = "tax rate not mapped"
    tax_ambiguous = "tax rules ambiguous"
    tax_mismatch = "tax rate differs in Xero"
    tax_illegal = "tax and account do not go together"
    account_unmapped = "account not mapped"
    account_invalid = "account not usable"
    tracking_missing = "tracking option missing"
    not_representable = "not representable in Xero"
    sent_as_net = "sent as quantity 1 at its net"
    text_cut = "text cut"
    locked = "period locked"
    due_date_missing = "due date missing"
    number_invalid = "number not usable"
    number_missing = "supplier's number missing"
    number_taken = "number taken"
    mark_invalid = "link address not usable"
    contact_archived = "contact archived"
    contact_rejected = "contact rejected"
    contact_name = "contact name adjusted"
    made_by_hand = "perhaps invoiced by hand"
    several_documents = "several documents for one order"
    conflict = "changed in Xero"
    removed = "removed in Xero"
    closed = "document closed for changes"
    cancelled = "cancelled after export"
    returned = "goods returned"
    credit_open = "credit left open"
    left = "no longer this connection's"
    exported_elsewhere = "another connection has it"
    unassigned = "no connection takes it"
    rejected = "rejected by Xero"
    total_differs = "Xero's total differs"
    xero_warning = "warning from Xero"
    unmatched = "no order for it"
    proposed = "perhaps an order's document"
    over_billed = "billed beyond the order"
    not_shown = "not written to Monstock"
    rolled_back = "rolled back"


ADVICE: dict[Cause, str] = {
    Cause.unreadable: "Correct the field in Monstock; the order is read again at its next change.",
    Cause.unknown_status: "Ask for an update of monstock-xero, or change the order's status in Monstock.",
    Cause.totals_disagree: "Correct the lines or the totals of the order in Monstock.",
    Cause.cent_difference: "Nothing to do: the document in Xero is off by the amount named.",
    Cause.negative_total: "Make a credit note in Xero by hand, or correct the order in Monstock.",
    Cause.currency: "Add the currency in Xero (Settings, Currencies), or change the order's currency.",
    Cause.tax_unmapped: "Add a [[connections.NAME.taxes]] rule; `monstock-xero check` suggests it.",
    Cause.tax_ambiguous: "Give one of the rules a country or a code, so that one of them is nearer.",
    Cause.tax_mismatch: "Let the rule name a tax type with this percentage, or correct the rate in Xero.",
    Cause.tax_illegal: "Choose another account or another tax type in the rules.",
    Cause.account_unmapped: "Add the category, or a default, to the rules' accounts.",
    Cause.account_invalid: "Restore the account in Xero, or name another one in the rules.",
    Cause.tracking_missing: "Add the option to the tracking category in Xero, or map it in the rules.",
    Cause.not_representable: 'Correct the line in Monstock, or set unrepresentable = "net" for this kind.',
    Cause.sent_as_net: "Nothing to do: the line's text names the original quantity and price.",
    Cause.text_cut: "Nothing to do: the full text stands in Monstock.",
    Cause.locked: "Change the lock date in Xero, or the billing date in Monstock where there is no document yet.",
    Cause.due_date_missing: "Set a due date, payment terms on the contact in Xero, or due_days in the rules.",
    Cause.number_invalid: "Change the number pattern, or the order's reference in Monstock.",
    Cause.number_missing: "Enter the supplier's own number on the bill in Xero.",
    Cause.number_taken: "Link the order to that document, or change the number pattern.",
    Cause.mark_invalid: 'Change order_url so that it does not contain "xero" for this order.',
    Cause.contact_archived: "Restore the contact in Xero, or merge it into an active one.",
    Cause.contact_rejected: "Correct the contact in Monstock.",
    Cause.contact_name: "Nothing to do, unless the contact should bear its full name in Xero.",
    Cause.made_by_hand: "`monstock-xero link` joins the order to the document; `monstock-xero send` exports it; "
    "`monstock-xero inbox skip` refuses a document that was proposed.",
    Cause.several_documents: "Void or delete all but one of the documents in Xero.",
    Cause.conflict: "`monstock-xero take ORDER theirs` lets the document stand, `take ORDER ours` overwrites it.",
    Cause.removed: "Nothing, if that was meant; else `monstock-xero send` makes the document anew.",
    Cause.closed: "Correct or credit it in Xero by hand; then `monstock-xero take ORDER theirs` lets it stand.",
    Cause.cancelled: "End or credit the document in Xero by hand, or set `cancelled` in the rules.",
    Cause.returned: "Credit the goods in Xero by hand, or set `returns` in the rules.",
    Cause.credit_open: "Refund it in Xero, or set it against another invoice.",
    Cause.left: "Put the order back, or delete, void or credit the document here and export it from the other one.",
    Cause.exported_elsewhere: "Delete or void the document there, then `monstock-xero send` the order here.",
    Cause.unassigned: "Add its channel, warehouse or currency to the order filter of the connection it belongs to.",
    Cause.rejected: "Correct what Xero names, then `monstock-xero inbox retry`.",
    Cause.total_differs: "Compare the document with the order; report the case to monstock-xero.",
    Cause.xero_warning: "Read Xero's text; the document was saved.",
    Cause.unmatched: "`monstock-xero link` joins it to its order; `monstock-xero inbox skip` if it has none.",
    Cause.proposed: "`monstock-xero link` joins the two; `monstock-xero inbox skip` if they do not belong together.",
    Cause.over_billed: "Compare the bills with what was ordered and received; ask the supplier for a credit.",
    Cause.rolled_back: "Nothing, if that was meant; else `monstock-xero inbox retry` sends it again.",
    Cause.not_shown: "Nothing, if it passes by itself; else correct in Monstock what it names.",
}


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing found on one order: a cause, a sentence with the facts, and the field it is about."""

    cause: Cause
    detail: str
    field: str | None = None

    @property
    def advice(self) -> str:
        """What a person can do about it."""
        return ADVICE[self.cause]
