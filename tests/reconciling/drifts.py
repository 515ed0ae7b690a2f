"""Seeded drifts: every way in which two sides that agreed come to differ, over real HTTP, with where it must be found.

`stage` makes both sides agree on all orders of all cases, `seed` makes them differ. Each drift has `n` orders of its
own, of a contact of their own: none is by accident another's duplicate or proposal.
"""

import datetime as dt
from collections.abc import Sequence

import time_machine

from deployments.sandbox.server import Sandbox
from tasks.connections.connection import Connection
from tasks.domain.discrepancies import DiscrepancyKind as K
from tasks.domain.discrepancies import Mode
from tests.exporting.driver import export
from tests.importing.driver import import_
from tests.reconciling.cases import Case, Drift, Order, Quiet, Seeded, Stage
from tests.reconciling.doings import (
    after,
    ago,
    all_of,
    another_contact,
    bill,
    billed_twice,
    billed_whole,
    cent_off,
    close_period,
    credit_note_left,
    dearer,
    each,
    edited,
    found_by_hand,
    in_monstock,
    in_turn,
    in_xero,
    likely_bill,
    lines,
    more,
    newly_confirmed,
    nothing,
    overwritten,
    refused,
    relined,
    sale,
    second_of_ours,
    take_theirs,
    twin,
    unanswered,
    unknown_mark,
    unknown_marked_order,
    unreadable_own,
    unreadable_sale,
)
from tests.support import Connect, line
from tests.xero.desk import another, impatient

OLD = 20  # days that a draft waits for its approval
CUTOVER, LOCKED = 200, 70
# So many orders a run: the driver plans a thousand.
CHUNK = 800


def nightly(connect: Connect) -> Connection:
    """The one connection of all drifts: invoices are approved as they are made, purchase orders are drafts."""
    first_day = dt.datetime.now(dt.UTC).date() - dt.timedelta(days=CUTOVER)
    rules = {
        "export_from = 2026-01-01": f"export_from = {first_day}",
        'status = "DRAFT"                      # or': 'status = "AUTHORISED"\nreturns = "credit" # or',
    }
    return impatient(connect(rules))


RETURNED = relined(quantity="2")

DRIFTS: tuple[Drift, ...] = (
    # An order without its document, or a document that does not follow its order. Those that take a run of ours
    # come first: a later run would see the lost answer through.
    Drift(
        "rejected",
        "Xero refuses the invoice for a reason that could not be foreseen: its contact was archived just then.",
        made="later",
        prepare=refused,
        kind=K.rejected,
        seed=each(nothing),
    ),
    Drift(
        "answer lost",
        "The invoice was made, Xero's answer never came, and the attempt stayed open.",
        made="later",
        kind=K.answer_lost,
        seed=unanswered,
        ends=Mode.safe,
        also=frozenset({K.not_shown}),
    ),
    Drift(
        "not exported",
        "The order was confirmed in Monstock, and no run has seen it yet.",
        made="later",
        kind=K.not_exported,
        seed=each(newly_confirmed),
        ends=Mode.safe,
    ),
    Drift(
        "not exported, a supplier's",
        "The same of a supplier order.",
        kind_of_order="supplier",
        made="later",
        kind=K.not_exported,
        seed=each(newly_confirmed),
        ends=Mode.safe,
    ),
    Drift(
        "held",
        "The order bears a tax rate that no rule maps, and is not sent.",
        fields={"lines": [line(taxRate="17.5", unitPrice="31.0000")]},
        kind=K.held,
        seed=each(nothing),
    ),
    Drift(
        "document missing",
        "The invoice is gone from Xero without a trace.",
        kind=K.missing,
        also=frozenset({K.status}),
        seed=each(in_xero("erase", kind="invoice")),
    ),
    Drift(
        "invoice voided",
        "A person voided the invoice, and its order stands.",
        kind=K.removed,
        seed=each(in_xero("void")),
        also=frozenset({K.status}),
    ),
    Drift(
        "purchase order deleted",
        "A person deleted the purchase order, and its order stands.",
        kind_of_order="supplier",
        kind=K.removed,
        seed=each(edited(Status="DELETED")),
        also=frozenset({K.status}),
    ),
    Drift(
        "order changed",
        "The order was changed after its invoice was approved, and no run has followed.",
        kind=K.not_followed,
        seed=each(relined(quantity="5")),
        ends=Mode.all,
    ),
    Drift(
        "supplier order changed",
        "The order was changed while its purchase order is a draft, and no run has followed.",
        kind_of_order="supplier",
        kind=K.not_followed,
        seed=each(relined(quantity="5")),
        ends=Mode.safe,
    ),
    Drift(
        "order cancelled",
        "The order was cancelled, and its approved invoice stands.",
        kind=K.not_ended,
        seed=each(in_monstock("cancel")),
        ends=Mode.all,
    ),
    Drift(
        "supplier order deleted",
        "The order was deleted in Monstock, which lists it as cancelled, and its purchase order stands.",
        kind_of_order="supplier",
        kind=K.not_ended,
        seed=each(in_monstock("delete")),
        ends=Mode.all,
    ),
    Drift(
        "order not listed",
        "Monstock does not list the order any more, and its invoice stands.",
        kind=K.not_listed,
        seed=each(in_monstock("erase")),
    ),
    # Documents that people changed in Xero.
    Drift(
        "number",
        "A person gave the invoice another number.",
        kind=K.number,
        seed=each(edited(InvoiceNumber=lambda stage, one: f"X-{one['reference']}")),
        also=frozenset({K.link}),
    ),
    Drift(
        "reference",
        "A person wrote another reference onto the invoice.",
        kind=K.reference,
        seed=each(edited(Reference="as agreed by telephone")),
    ),
    Drift(
        "contact",
        "A person put the invoice onto another contact.",
        kind=K.contact,
        seed=each(edited(Contact=another_contact)),
    ),
    Drift(
        "currency",
        "A person made the draft one in euros.",
        made="draft",
        kind=K.currency,
        seed=each(edited(CurrencyCode="EUR")),
        also=frozenset({K.link}),
    ),
    Drift(
        "date",
        "A person gave the invoice another date.",
        kind=K.date,
        seed=each(edited(Date=ago(4))),
        also=frozenset({K.link}),
    ),
    Drift(
        "due date",
        "A person gave the customer ten more days.",
        kind=K.due_date,
        seed=each(edited(DueDate=ago(-35))),
        also=frozenset({K.link}),
    ),
    Drift(
        "due date without a stamp",
        "The same on a part-paid invoice, where it leaves no trace in what changed.",
        prepare=all_of(in_xero("pay", amount="5.00")),
        kind=K.due_date,
        seed=each(edited(DueDate=ago(-35))),
        also=frozenset({K.link}),
    ),
    Drift(
        "line added",
        "A person added a line that costs something.",
        kind=K.line_count,
        seed=each(edited(LineItems=more(Description="Express delivery", UnitAmount="9.90"))),
        also=frozenset({K.due}),
    ),
    Drift(
        "line of text added",
        "A person added a line without an amount.",
        kind=K.line_count,
        seed=each(edited(LineItems=more(Description="With thanks", UnitAmount="0"))),
    ),
    Drift(
        "gross amount",
        "A person raised a price on the invoice.",
        kind=K.gross,
        seed=each(edited(LineItems=dearer)),
        also=frozenset({K.due}),
    ),
    Drift(
        "gross amount of a purchase order",
        "A person raised a price on the draft of a purchase order.",
        kind_of_order="supplier",
        kind=K.gross,
        seed=each(edited(LineItems=dearer)),
        also=frozenset({K.link}),
    ),
    Drift(
        "tax",
        "A person chose another tax type; prices include their tax, so that the total stays.",
        fields={"pricesIncludeTax": True},
        kind=K.tax,
        seed=each(edited(LineItems=lines(TaxType="RROUTPUT"))),
    ),
    Drift(
        "account",
        "A person booked the line to another account.",
        kind=K.lines,
        seed=each(edited(LineItems=lines(AccountCode="201"))),
    ),
    Drift(
        "description",
        "A person wrote another text into the line.",
        kind=K.lines,
        seed=each(edited(LineItems=lines(Description="Stoneware mug, second choice"))),
    ),
    Drift(
        "order amount",
        "A person let an edited invoice stand against the order: they differ, and neither changed since.",
        prepare=in_turn(
            after(edited(LineItems=dearer), relined(quantity="5")),
            all_of(take_theirs),
        ),
        kind=K.amount,
        seed=each(nothing),
    ),
    # What Monstock shows.
    Drift(
        "not shown",
        "Monstock lost what it showed of the order's invoice.",
        kind=K.not_shown,
        seed=each(in_monstock("edit", fields={"accounting": None})),
        ends=Mode.safe,
    ),
    Drift(
        "paid amount",
        "The customer paid a part, and no import has seen it.",
        kind=K.paid,
        seed=each(in_xero("pay", amount="5.00")),
        ends=Mode.safe,
    ),
    Drift(
        "payment taken back",
        "A payment that Monstock shows was removed in Xero.",
        prepare=all_of(in_xero("pay", amount="5.00")),
        kind=K.paid,
        seed=each(in_xero("remove_payment")),
        ends=Mode.safe,
    ),
    Drift(
        "credited amount",
        "A person credited a part by a credit note, and no import has seen it.",
        kind=K.credited,
        seed=each(in_xero("credit", amount="4.00", by="credit_note")),
        ends=Mode.safe,
    ),
    Drift(
        "draft approved",
        "A person approved the draft, and Monstock still shows a draft.",
        made="draft",
        kind=K.status,
        seed=each(edited(Status="AUTHORISED")),
        ends=Mode.safe,
    ),
    Drift(
        "purchase order billed",
        "A person set the purchase order to billed, and Monstock still shows a draft.",
        kind_of_order="supplier",
        kind=K.status,
        seed=each(edited(Status="BILLED")),
        ends=Mode.safe,
    ),
    Drift(
        "status overwritten",
        "Something set the status that Monstock shows.",
        kind=K.status,
        seed=each(overwritten(status="submitted")),
        ends=Mode.safe,
    ),
    Drift(
        "amount due overwritten",
        "Something set the amount due that Monstock shows.",
        kind=K.due,
        seed=each(overwritten(amountDue="0.01")),
        ends=Mode.safe,
    ),
    Drift(
        "link overwritten",
        "Something set the document number that Monstock shows.",
        kind=K.link,
        seed=each(overwritten(documentNumber="INV-WRONG")),
        ends=Mode.safe,
    ),
    # Documents beside each other, and those without an order.
    Drift(
        "second document of ours",
        "Another app copied the invoice with our mark: two living documents stand for the order.",
        kind=K.several,
        seed=each(second_of_ours),
    ),
    Drift(
        "duplicate",
        "Another tool made the invoice once more: contact, date, total and reference are the same.",
        fields={"externalReference": "Kitchen refit"},
        kind=K.duplicate,
        seed=each(twin),
    ),
    Drift(
        "duplicate that names its order",
        "The same, with the customer's own number as reference: matching proposes it for the order, too.",
        kind=K.duplicate,
        seed=each(twin),
        also=frozenset({K.proposed}),
    ),
    Drift(
        "invoice of a lost order",
        "An invoice bears our mark for an order that nobody knows.",
        made="never",
        kind=K.orphan,
        seed=each(unknown_mark),
    ),
    Drift(
        "purchase order of a lost order",
        "A purchase order bears our mark for an order that nobody knows.",
        kind_of_order="supplier",
        made="never",
        kind=K.orphan,
        seed=each(unknown_marked_order),
    ),
    Drift(
        "invoice without order",
        "A person invoiced a customer of whom Monstock has no order.",
        made="never",
        kind=K.unmatched,
        seed=each(sale),
    ),
    Drift(
        "bill without order",
        "A person entered a bill for which Monstock has no order.",
        kind_of_order="supplier",
        made="never",
        kind=K.unmatched,
        seed=each(bill),
    ),
    Drift(
        "match proposed",
        "A bill names no order, and has contact and amount of one.",
        kind_of_order="supplier",
        kind=K.proposed,
        seed=each(likely_bill),
    ),
    Drift(
        "unreadable document",
        "A stranger's invoice is of a type that is not known here.",
        made="never",
        kind=K.unreadable,
        seed=each(unreadable_sale),
    ),
    Drift(
        "unreadable document of ours",
        "The order's own invoice is of a status that is not known here.",
        kind=K.unreadable,
        seed=each(unreadable_own),
    ),
    # Documents that come to rest where they should not.
    Drift(
        "stuck in draft",
        f"The invoice was made {OLD} days ago, and nobody has approved it.",
        made="long ago",
        ago=OLD + 5,
        kind=K.stuck,
        seed=each(nothing),
    ),
    Drift(
        "locked period",
        "The invoice is a draft, and its date came to lie in a locked period.",
        made="draft",
        ago=LOCKED,
        kind=K.locked,
        seed=close_period,
    ),
    Drift(
        "billed beyond the order",
        "Two bills name the order, and come to more than was ordered.",
        kind_of_order="supplier",
        kind=K.over_billed,
        seed=each(billed_twice),
    ),
    Drift(
        "credit left open",
        "Goods came back after the invoice was paid: our credit note is set against nothing.",
        prepare=in_turn(all_of(in_xero("pay")), after(RETURNED)),
        kind=K.credit_open,
        seed=credit_note_left,
    ),
)

QUIET: tuple[Quiet, ...] = (
    Quiet("plain", "An order with its approved invoice."),
    Quiet("plain, a supplier's", "A supplier order with the draft of its purchase order.", "supplier"),
    Quiet("draft", "An order with the draft of its invoice, made today.", made="draft"),
    Quiet(
        "everything on it",
        "Prices with tax, discounts, shipping, two lines.",
        fields={
            "pricesIncludeTax": True,
            "shipping": {"amount": "4.95", "taxRate": "20"},
            "lines": [
                line(discountPercent="12.5", quantity="7", unitPrice="3.3300"),
                line(id="2", taxRate="5"),
            ],
        },
    ),
    Quiet("euro", "An order in another currency.", fields={"currency": "EUR"}),
    Quiet(
        "cent", "Monstock's total is a cent above Xero's, and nobody minds.", made="later", prepare=cent_off
    ),
    Quiet(
        "paid in part", "Monstock shows what was paid so far.", prepare=all_of(in_xero("pay", amount="5.00"))
    ),
    Quiet("paid", "Monstock shows it as paid.", prepare=all_of(in_xero("pay"))),
    Quiet(
        "credited by hand",
        "Monstock shows what was credited.",
        prepare=all_of(in_xero("credit", amount="4.00", by="credit_note")),
    ),
    Quiet("prepaid", "A prepayment is set against it.", prepare=all_of(in_xero("credit", by="prepayment"))),
    Quiet(
        "returned",
        "Goods came back after it was sent: our credit note is set against the invoice.",
        prepare=after(edited(SentToContact=True), RETURNED),
    ),
    Quiet("changed and followed", "The invoice follows its order.", prepare=after(relined(quantity="5"))),
    Quiet(
        "cancelled", "The order was cancelled, and its invoice voided.", prepare=after(in_monstock("cancel"))
    ),
    Quiet(
        "cancelled, a supplier's",
        "The order was cancelled, and its purchase order deleted.",
        "supplier",
        prepare=after(in_monstock("cancel")),
    ),
    Quiet("never due", "The order was cancelled before it was sent.", fields={"status": "cancelled"}),
    Quiet("not confirmed", "The order is a draft in Monstock.", fields={"status": "draft"}),
    Quiet("before the cut-over", "The order is older than the connection.", ago=CUTOVER + 10),
    Quiet(
        "approved by hand",
        "A person approved the draft.",
        made="draft",
        prepare=all_of(edited(Status="AUTHORISED")),
    ),
    Quiet(
        "billed", "A bill names the order, and comes to its amount.", "supplier", prepare=all_of(billed_whole)
    ),
    Quiet(
        "made by hand",
        "A person made the invoice, and it was joined to its order.",
        made="later",
        prepare=found_by_hand,
    ),
    Quiet(
        "let stand",
        "A person edited the reference, and another let that stand.",
        prepare=in_turn(
            after(edited(Reference="by telephone"), in_monstock("edit", fields={"dueDate": "2031-01-01"})),
            all_of(take_theirs),
        ),
    ),
    Quiet(
        "old invoice by hand",
        "A person made an invoice before the cut-over.",
        made="never",
        prepare=all_of(lambda stage, one: sale(stage, one, Date=stage.day(CUTOVER + 10))),
    ),
)


def stage(
    sandbox: Sandbox,
    connection: Connection,
    n: int = 1,
    drifts: Sequence[Drift] = DRIFTS,
    quiet: Sequence[Quiet] = QUIET,
) -> Stage:
    """`n` orders of each case, exported and imported: both sides agree, but for what is held.

    Needs `connection` as `nightly` opens it, and writers that do not sleep (the fixture `no_waiting`).
    """
    drafts = another(connection, customer={**connection.settings.customer.model_dump(), "status": "DRAFT"})
    made = Stage(sandbox, connection, drafts, n, dt.datetime.now(dt.UTC).date())
    cases: list[Case] = [*drifts, *quiet]
    orders = {case.name: case.orders(made, place) for place, case in enumerate(cases, 1)}
    made.orders = orders

    def those(how: str) -> list[Order]:
        return [one for case in cases if case.made == how for one in orders[case.name]]

    with time_machine.travel(dt.datetime.now(dt.UTC) - dt.timedelta(days=OLD), tick=True):
        _export(made, drafts, those("long ago"))
    _export(made, drafts, those("draft"))
    _export(made, connection, those("approved"))
    for case in cases:
        if case.prepare:
            case.prepare(made, orders[case.name])
    sandbox.advance(2)
    import_(connection, open_documents=True)
    return made


def seed(stage: Stage, drifts: Sequence[Drift] = DRIFTS) -> list[Seeded]:
    """Make the two sides differ, a moment later. Nothing of it is exported or imported."""
    stage.sandbox.advance(2)
    found = [Seeded(drift, at) for drift in drifts for at in drift.seed(stage, stage.orders[drift.name])]
    stage.sandbox.advance(2)
    return found


def _export(stage: Stage, connection: Connection, orders: Sequence[Order]) -> None:
    for start in range(0, len(orders), CHUNK):
        stage.load(orders[start : start + CHUNK])
        export(connection)
