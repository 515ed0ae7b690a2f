"""The step that a night names for a document that does not follow its order, beside what the next export then does."""

from collections.abc import Callable
from typing import Any

import pytest

from deployments.sandbox.server import Sandbox
from tasks.connections.connection import Connection
from tasks.domain.discrepancies import DiscrepancyKind as K
from tasks.domain.discrepancies import Repair
from tasks.exporting.deciding import take
from tests.exporting.after import CREDITING, notes, pay, send_out
from tests.exporting.conftest import no_waiting
from tests.exporting.driver import export, invoices, purchase_orders, standing
from tests.importing.driver import import_
from tests.reconciling.driver import night
from tests.support import Connect, line, order
from tests.xero.desk import impatient

__all__ = ["no_waiting"]
Doing = Callable[[Sandbox, int], object]
LOCKED, OPEN = "2026-10-15", "2026-10-20"
STEPS = {"U": Repair.update, "V": Repair.void, "C": Repair.credit, "-": Repair.person}


def in_xero(**fields: Any) -> Doing:
    """Somebody changes the invoice."""
    return lambda sandbox, at: sandbox.edit("edit", kind="invoice", number=number(at), fields=fields)


def ordered(**fields: Any) -> Doing:
    """Somebody changes the order."""
    return lambda sandbox, at: sandbox.edit("edit", on="monstock", id=f"co-{at}", fields=fields)


def credited(**by: str) -> Doing:
    return lambda sandbox, at: sandbox.edit("credit", number=number(at), amount=20, **by)


def number(at: int) -> str:
    return f"MS-CO-2026-{at:05d}"


def sent(sandbox: Sandbox, at: int) -> None:
    send_out(sandbox, number(at))


approved = in_xero(Status="AUTHORISED")
# What became of an invoice of 10 mugs at 12.50 (150.00 in all), and of its order before a first export.
STANDS: dict[str, list[Doing]] = {
    "draft": [],
    "approved": [approved],
    "sent": [approved, sent],
    "part-paid": [approved, lambda sandbox, at: pay(sandbox, "10.00", number(at))],
    "deposit on it": [approved, credited(by="prepayment")],
    "credited by hand": [approved, credited()],
    "edited": [approved, in_xero(DueDate="2026-12-31")],
    "locked": [approved],
    "locked, sent": [approved, sent],
    "credited by us": [approved, sent, ordered(lines=[line(quantity="9")])],
}
CHANGES: list[Doing] = [
    ordered(lines=[line(quantity="12")]),
    ordered(lines=[line(quantity="8")]),
    ordered(lines=[line(quantity="10", unitPrice="11.00")]),
    ordered(lines=[line(quantity="8"), line(id="2", name="Bowl", quantity="9")]),
    ordered(expectedDeliveryDate="2026-12-24"),
    lambda sandbox, at: sandbox.edit("cancel", on="monstock", id=f"co-{at}"),
]
# More, fewer, cheaper, fewer of one and a new one, what no invoice tells, and cancelled: by a letter of `STEPS` each.
HELD = {"approved": "UUUUUV", "sent": "U-U-U-", "part-paid": "----U-", "locked, sent": "----U-"}
BY_CREDIT = {
    "draft": "UUUUUV",
    "approved": "UUUUUV",
    "sent": "UCU-UC",
    "part-paid": "-C--UC",
    "deposit on it": "-C--UC",
    "credited by hand": "----U-",
    "edited": "------",
    "locked": "----U-",
    "locked, sent": "-C--UC",
    "credited by us": "-C--UC",
}


@pytest.mark.parametrize(("rules", "steps"), [({}, HELD), (CREDITING, BY_CREDIT)], ids=["held", "credited"])
def test_a_night_names_the_step_that_the_export_takes(
    sandbox: Sandbox, connect: Connect, no_waiting: None, rules: dict[str, str], steps: dict[str, str]
) -> None:
    shop = impatient(connect(rules))
    cases = [(stands, change) for stands in steps for change in range(len(CHANGES))]
    sandbox.load_orders([invoiced(at, stands) for at, (stands, _) in enumerate(cases)])
    export(shop)
    for at, (stands, _) in enumerate(cases):
        for do in STANDS[stands]:
            do(sandbox, at)
    export(shop)
    import_(shop, open_documents=True)
    sandbox.edit("lock", period=LOCKED)
    sandbox.advance(2)
    for at, (_, change) in enumerate(cases):
        CHANGES[change](sandbox, at)
    sandbox.advance(2)
    named, before = told(shop), noted(shop)
    export(shop)
    done = taken(shop, before)
    wanted = {f"co-{at}": STEPS[steps[stands][change]] for at, (stands, change) in enumerate(cases)}
    assert (named, done) == (wanted, wanted)


@pytest.mark.parametrize(
    ("status", "change", "step"),
    [
        ("AUTHORISED", ordered, Repair.update),
        ("AUTHORISED", None, Repair.void),
        ("BILLED", ordered, Repair.person),
        ("BILLED", None, Repair.person),
    ],
)
def test_of_purchase_orders_as_well(
    sandbox: Sandbox, connect: Connect, no_waiting: None, status: str, change: Any, step: Repair
) -> None:
    shop = impatient(connect({}))
    sandbox.load_orders([order(1, kind="supplier")])
    export(shop)
    for becomes in dict.fromkeys(["AUTHORISED", status]):
        fields = {"Status": becomes, "SentToContact": True}
        sandbox.edit("edit", kind="purchase_order", number="MS-SO-2026-00001", fields=fields)
    import_(shop)
    sandbox.advance(2)
    if change:
        sandbox.edit("edit", on="monstock", id="so-1", fields={"lines": [line(quantity="8")]})
    else:
        sandbox.edit("cancel", on="monstock", id="so-1")
    sandbox.advance(2)
    assert told(shop) == {"so-1": step}
    export(shop)
    (row,) = purchase_orders(shop)
    assert row["Status"] == ("DELETED" if step is Repair.void else status)
    assert (standing(shop)["so-1"] == "held") is (step is Repair.person)


def test_whose_word_counts_the_order_overwrites_and_a_voided_note_is_a_persons_matter(
    sandbox: Sandbox, connect: Connect, no_waiting: None
) -> None:
    shop = impatient(connect(CREDITING))
    sandbox.load_orders([invoiced(1, "edited"), invoiced(2, "paid")])
    export(shop)
    doings = {1: STANDS["edited"], 2: [approved, lambda box, at: pay(box, "150.00", number(at)), CHANGES[1]]}
    for at, doing in doings.items():
        for do in doing:
            do(sandbox, at)
    export(shop)
    (note,) = notes(shop)
    sandbox.edit("edit", kind="credit_note", id=note["CreditNoteID"], fields={"Status": "VOIDED"})
    import_(shop, open_documents=True)
    sandbox.advance(2)
    for at in doings:
        ordered(lines=[line(quantity="7")])(sandbox, at)
    sandbox.advance(2)
    assert told(shop) == {"co-1": Repair.person, "co-2": Repair.person}
    take(shop, "co-1", "ours", "ada")
    assert told(shop) == {"co-1": Repair.update, "co-2": Repair.person}
    export(shop)
    assert standing(shop) == {"co-1": "exported", "co-2": "held"}


def invoiced(at: int, stands: str) -> dict[str, Any]:
    """An order of 10 mugs; customers are as many as there are ways in which an invoice stands."""
    contact = {"id": stands, "name": stands.title(), "countryCode": "GB"}
    day = LOCKED if stands.startswith("locked") else OPEN
    return order(at, orderDate=day, lines=[line(quantity="10")], contact=contact)


def told(shop: Connection) -> dict[str, str]:
    """What a night names, by order."""
    rows = night(shop).rows
    rows = rows[rows["kind"].isin([K.not_followed, K.not_ended])]
    return dict(zip(rows["order_id"], rows["repair"], strict=True))


def noted(shop: Connection) -> list[str]:
    return [note["CreditNoteNumber"].rpartition("-")[0] for note in notes(shop)]


def taken(shop: Connection, before: list[str]) -> dict[str, Repair]:
    """What the export did about each order's invoice."""
    after, states = noted(shop), standing(shop)

    def step(number: str, status: str, state: str) -> Repair:
        if status in {"VOIDED", "DELETED"}:
            return Repair.void
        if after.count(number) > before.count(number):
            return Repair.credit
        return Repair.person if state in {"held", "rejected"} else Repair.update

    found = {f"co-{int(row['InvoiceNumber'][-5:])}": row for row in invoices(shop)}
    return {id_: step(row["InvoiceNumber"], row["Status"], states[id_]) for id_, row in found.items()}


def test_lists_are_read_once_and_only_where_an_order_waits_and_without_them_it_is_a_persons_matter(
    sandbox: Sandbox, connect: Connect, no_waiting: None
) -> None:
    shop = impatient(connect({}))
    sandbox.load_orders([invoiced(at, "approved") for at in range(3)])
    export(shop)
    before = lists(sandbox)
    assert (told(shop), lists(sandbox)) == ({}, before)
    for at, day in enumerate(["2026-09-01", "2026-10-01", "2026-11-01"]):
        ordered(lines=[line(quantity="8")], billingDate=day)(sandbox, at)
    sandbox.advance(2)
    named = [f"co-{at}" for at in range(3)]
    assert (told(shop), lists(sandbox)) == (dict.fromkeys(named, Repair.update), before + 1)
    sandbox.fault("throttle", problem="day", path="/TaxRates$", every=1)
    assert told(shop) == dict.fromkeys(named, Repair.person)


def lists(sandbox: Sandbox) -> int:
    """How often tax rates were read, which come with all lists."""
    return sum(count for name, count in sandbox.state()["calls"].items() if name.endswith("/TaxRates"))
