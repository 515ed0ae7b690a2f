"""Documents that people made in Xero find their orders, or are listed; nothing is forced."""

import json
from typing import Any

import pytest
from sqlalchemy import select

from deployments.sandbox.server import Sandbox
from tasks.connections.connection import Connection
from tasks.domain.orders import Kind
from tasks.ledger.schema import accounting, matches
from tests.exporting.driver import change, export
from tests.exporting.driver import read as read_orders
from tests.importing.books import FIELDS, standing
from tests.importing.driver import import_, link
from tests.support import dec, line, order

GOODS = [
    {"Description": "Mugs", "Quantity": 3, "UnitAmount": 12.5, "AccountCode": "310", "TaxType": "INPUT2"}
]


def make(sandbox: Sandbox, number: str, contact: str, **fields: Any) -> dict[str, Any]:
    """A document that a person made."""
    given = FIELDS | {"InvoiceNumber": number, "Contact": {"Name": contact}} | fields
    return dict(sandbox.edit("create", kind="invoice", fields=given))


def bill(
    sandbox: Sandbox, number: str, text: str = "Mugs", net: float = 37.5, **fields: Any
) -> dict[str, Any]:
    """A supplier's bill, as a person or a scanner entered it."""
    lines = [{**GOODS[0], "Description": text, "Quantity": 1, "UnitAmount": net}]
    return make(sandbox, number, "Supplier 1", **({"Type": "ACCPAY", "LineItems": lines} | fields))


def told(connection: Connection, number: str) -> tuple[str, str]:
    """How a document stands, and what is said of it."""
    row = standing(connection, number)
    return row.standing, " | ".join(found["detail"] for found in json.loads(row.findings or "[]"))


def exceeds(connection: Connection, order_id: str = "so-1") -> str:
    """What is said of an order that is billed beyond itself."""
    with connection.database.engine.connect() as tx:
        found = tx.execute(select(accounting).where(accounting.c.order_id == order_id)).one().findings
    return " | ".join(one["detail"] for one in json.loads(found or "[]"))


@pytest.fixture
def ordered(sandbox: Sandbox, connection: Connection) -> Connection:
    """Orders that were read and wait, and one of a supplier with its purchase order."""
    sandbox.load_orders([order(kind="supplier")])
    export(connection)
    return connection


def test_a_bill_that_names_its_order_is_linked_and_shows_what_was_paid(
    sandbox: Sandbox, ordered: Connection
) -> None:
    bill(sandbox, "R-77", "Mugs, your order SO-2026-00001")
    sandbox.edit("pay", number="R-77", amount="20.00")
    done = import_(ordered)
    assert done.matched["linked"] == 1
    assert told(ordered, "R-77") == ("linked", "")
    shown = link(sandbox, "so-1")
    assert (shown["documentType"], dec(shown["amountPaid"]), dec(shown["amountDue"])) == (
        "purchase_order",
        20,
        0,
    )


def test_a_likely_bill_waits_for_a_yes(sandbox: Sandbox, ordered: Connection) -> None:
    bill(sandbox, "R-78")
    import_(ordered)
    state, said = told(ordered, "R-78")
    assert state == "proposed"
    assert "SO-2026-00001" in said
    assert dec(link(sandbox, "so-1")["amountPaid"]) == 0


def test_a_document_without_an_order_is_listed_and_one_older_than_the_connection_is_not(
    sandbox: Sandbox, ordered: Connection
) -> None:
    make(sandbox, "INV-9", "Stranger")
    make(sandbox, "INV-8", "Stranger", Date="2025-06-01", DueDate="2025-07-01")
    import_(ordered)
    assert told(ordered, "INV-9") == ("unmatched", "")
    assert told(ordered, "INV-8")[0] == "aside"


def test_what_had_no_order_finds_one_that_comes_later(sandbox: Sandbox, connection: Connection) -> None:
    make(sandbox, "MS-CO-2026-00001", "Customer 1")
    import_(connection)
    assert told(connection, "MS-CO-2026-00001")[0] == "unmatched"
    sandbox.load_orders([order()])
    read_orders(connection)
    import_(connection)
    assert told(connection, "MS-CO-2026-00001") == ("linked", "")
    assert link(sandbox, "co-1")["documentNumber"] == "MS-CO-2026-00001"


def test_reference_contact_and_total_together_find_an_order_and_less_only_proposes(
    sandbox: Sandbox, connection: Connection
) -> None:
    sandbox.load_orders([order(), order(2)])
    read_orders(connection)
    make(sandbox, "INV-1", "Customer 1", Reference="CO-2026-00001")
    cheaper = [{**FIELDS["LineItems"][0], "Quantity": 2}]
    make(sandbox, "INV-2", "Customer 2", Reference="CO-2026-00002", LineItems=cheaper)
    import_(connection)
    assert told(connection, "INV-1") == ("linked", "")
    assert told(connection, "INV-2")[0] == "proposed"


def test_a_second_document_of_ours_for_one_order_is_a_discrepancy(
    sandbox: Sandbox, connection: Connection
) -> None:
    sandbox.load_orders([order()])
    export(connection)
    mark = connection.xero.page("Invoices").rows[0]["Url"]
    make(sandbox, "TWIN", "Customer 1", Url=mark)
    import_(connection)
    assert told(connection, "TWIN") == (
        "unmatched",
        "TWIN would be a second document of order CO-2026-00001.",
    )


@pytest.mark.parametrize("voided", ["R-1", "R-3"])
def test_part_deliveries_add_up_and_what_exceeds_the_order_is_told(
    sandbox: Sandbox, ordered: Connection, voided: str
) -> None:
    bill(sandbox, "R-1", "Order SO-2026-00001, first part", 20.0)
    bill(sandbox, "R-2", "Order SO-2026-00001, the rest", 17.5, Date="2026-10-05")
    import_(ordered)
    assert [told(ordered, n) for n in ("R-1", "R-2")] == [("linked", "")] * 2
    bill(sandbox, "R-3", "Order SO-2026-00001, once more", 10.0, Date="2026-10-08")
    import_(ordered)
    said = "Ordered 37.50, received not tracked, billed 47.50 GBP net: 10.00 GBP more than was ordered."
    assert told(ordered, "R-3") == ("linked", "")
    assert exceeds(ordered) == said
    sandbox.edit("void", number=voided)
    import_(ordered)
    assert exceeds(ordered) == ""


def test_more_than_was_received_is_told_until_the_goods_come(
    sandbox: Sandbox, connection: Connection
) -> None:
    sandbox.load_orders([order(kind="supplier", lines=[line(fulfilledQuantity="1")])])
    export(connection)
    bill(sandbox, "R-1", "Order SO-2026-00001")
    import_(connection)
    assert "received 12.50, billed 37.50 GBP net: 25.00 GBP more than was received" in exceeds(connection)
    change(sandbox, "so-1", lines=[line(fulfilledQuantity="3")])
    read_orders(connection)
    import_(connection)
    assert exceeds(connection) == ""


def test_ordered_received_and_billed_stand_side_by_side(sandbox: Sandbox, connection: Connection) -> None:
    from io import StringIO

    from rich.console import Console

    from deployments.inbox_display import show_story
    from tasks.ledger.items import Wanted
    from tasks.ledger.lookup import the_one
    from tasks.ledger.story import story

    sandbox.load_orders([order(kind="supplier", lines=[line(fulfilledQuantity="2")])])
    export(connection)
    bill(sandbox, "R-1", "Order SO-2026-00001", 25.0)
    import_(connection)
    named = the_one(connection.database, ["sandbox"], "SO-2026-00001", Wanted())
    shown = StringIO()
    show_story(Console(file=shown, width=120), named, story(connection.database, named))
    assert "ordered 37.50, received 25.00, billed 25.00 GBP net" in shown.getvalue()


def test_a_bill_of_ours_may_come_before_the_goods(sandbox: Sandbox, with_bills: Connection) -> None:
    sandbox.load_orders([order(kind="supplier", lines=[line(fulfilledQuantity="1")])])
    export(with_bills)
    sandbox.advance(2)
    import_(with_bills)
    assert link(sandbox, "so-1")["documentType"] == "bill"
    assert exceeds(with_bills) == ""


def test_one_bill_for_two_orders_counts_for_each_by_what_was_ordered(
    sandbox: Sandbox, connection: Connection
) -> None:
    contact = {"id": "supplier-1", "name": "Supplier 1", "countryCode": "GB"}
    orders = [
        order(1, kind="supplier", contact=contact),
        order(2, kind="supplier", contact=contact, lines=[line(quantity="9")]),
    ]
    sandbox.load_orders(orders)
    export(connection)
    lines = [
        {**GOODS[0], "Description": "Order SO-2026-00001"},
        {**GOODS[0], "Description": "Order SO-2026-00002", "Quantity": 9},
    ]
    make(sandbox, "R-1", "Supplier 1", Type="ACCPAY", LineItems=lines)
    sandbox.edit("pay", number="R-1")
    import_(connection)
    assert told(connection, "R-1") == ("linked", "")
    assert [dec(link(sandbox, id_)["amountPaid"]) for id_ in ("so-1", "so-2")] == [45, 135]


def test_what_a_person_refused_is_never_proposed_again(sandbox: Sandbox, ordered: Connection) -> None:
    from tasks.ledger.items import Wanted
    from tasks.ledger.lookup import the_one
    from tasks.ledger.skipping import skip

    bill(sandbox, "R-78")
    import_(ordered)
    skip(ordered.database, None, the_one(ordered.database, ["sandbox"], "R-78", Wanted()), "not ours", "ada")
    sandbox.edit("edit", kind="invoice", number="R-78", fields={"DueDate": "2026-12-01"})
    sandbox.load_orders([order(5, kind="supplier")])
    read_orders(ordered)
    import_(ordered)
    assert told(ordered, "R-78")[0] in {"unmatched", "proposed"}
    assert "SO-2026-00001" not in told(ordered, "R-78")[1]
    assert ordered.ownership.of_orders(Kind.supplier.value, ["so-1"], "ACCPAY") == {}


def test_a_credit_note_that_names_its_order_shows_as_credited(
    sandbox: Sandbox, connection: Connection
) -> None:
    sandbox.load_orders([order()])
    export(connection)
    note = {
        "Type": "ACCRECCREDIT",
        "Contact": {"Name": "Customer 1"},
        "Status": "AUTHORISED",
        "Reference": "CO-2026-00001",
        "Date": "2026-10-02",
        "LineItems": FIELDS["LineItems"],
    }
    sandbox.edit("create", kind="credit_note", fields=note)
    import_(connection)
    assert dec(link(sandbox, "co-1")["amountCredited"]) == 45


def numbers(connection: Connection) -> list[str]:
    return sorted(str(row["InvoiceNumber"]) for row in connection.xero.page("Invoices").rows)


@pytest.mark.parametrize(("number", "reference"), [("MS-CO-2026-00001", ""), ("INV-1", "CO-2026-00001")])
def test_an_order_whose_invoice_a_person_made_gets_no_other(
    sandbox: Sandbox, connection: Connection, number: str, reference: str
) -> None:
    sandbox.load_orders([order()])
    read_orders(connection)
    made = make(sandbox, number, "Customer 1", Reference=reference)
    import_(connection)
    export(connection)
    assert numbers(connection) == [number]
    link_ = connection.documents.links(Kind.customer, ["co-1"])["co-1"]
    assert (link_.document_id, link_.origin) == (made["InvoiceID"], "found")
    change(sandbox, "co-1", lines=[line(quantity="5")])
    export(connection)
    assert numbers(connection) == [number]
    assert dec(connection.xero.page("Invoices").rows[0]["Total"]) == 45


def test_an_order_whose_bill_was_scanned_gets_no_other(sandbox: Sandbox, with_bills: Connection) -> None:
    sandbox.load_orders([order(kind="supplier")])
    read_orders(with_bills)
    bill(sandbox, "R-77", "Mugs, your order SO-2026-00001")
    import_(with_bills)
    export(with_bills)
    assert numbers(with_bills) == ["R-77"]
    sandbox.edit("pay", number="R-77")
    sandbox.advance(2)
    import_(with_bills)
    shown = link(sandbox, "so-1")
    assert (shown["documentType"], shown["status"], dec(shown["amountPaid"])) == ("bill", "paid", 45)


def test_a_person_says_yes_to_a_proposal(sandbox: Sandbox, ordered: Connection) -> None:
    from tasks.exporting.deciding import link as say_yes

    bill(sandbox, "R-78")
    sandbox.edit("pay", number="R-78")
    import_(ordered)
    assert told(ordered, "R-78")[0] == "proposed"
    said = say_yes(ordered, "SO-2026-00001", "R-78", "ada")
    assert said == "R-78 is joined to order SO-2026-00001, beside its own document."
    import_(ordered)
    assert told(ordered, "R-78") == ("linked", "")
    assert dec(link(sandbox, "so-1")["amountPaid"]) == 45
    events = [row["event"] for row in ordered.trail.of([("supplier", "so-1")])]
    assert "linked" in events


def test_what_a_person_unlinked_is_joined_again_by_a_person_alone(
    sandbox: Sandbox, ordered: Connection
) -> None:
    from tasks.exporting.deciding import CannotDecide, unlink
    from tasks.exporting.deciding import link as say_yes

    bill(sandbox, "R-77", "Mugs, your order SO-2026-00001")
    sandbox.edit("pay", number="R-77")
    import_(ordered)
    assert (told(ordered, "R-77"), dec(link(sandbox, "so-1")["amountPaid"])) == (("linked", ""), 45)
    said = unlink(ordered, "SO-2026-00001", "R-77", "ada")
    assert said == "R-77 is parted from order SO-2026-00001, and is looked at anew with the next import."
    assert standing(ordered, "R-77").standing is None
    import_(ordered)
    assert told(ordered, "R-77")[0] == "unmatched"
    assert dec(link(sandbox, "so-1")["amountPaid"]) == 0
    assert "unlinked" in [row["event"] for row in ordered.trail.of([("supplier", "so-1")])]
    with pytest.raises(CannotDecide, match="R-77 is not joined to order SO-2026-00001"):
        unlink(ordered, "SO-2026-00001", "R-77", "ada")
    say_yes(ordered, "SO-2026-00001", "R-77", "ada")
    import_(ordered)
    assert (told(ordered, "R-77"), dec(link(sandbox, "so-1")["amountPaid"])) == (("linked", ""), 45)


def test_a_yes_ends_what_else_was_proposed(sandbox: Sandbox, connection: Connection) -> None:
    from tasks.exporting.deciding import link as say_yes

    contact = {"id": "supplier-1", "name": "Supplier 1", "countryCode": "GB"}
    sandbox.load_orders([order(n, kind="supplier", contact=contact) for n in (1, 2)])
    export(connection)
    bill(sandbox, "R-78")
    import_(connection)
    assert told(connection, "R-78")[0] == "proposed"
    say_yes(connection, "SO-2026-00002", "R-78", "ada")
    with connection.database.engine.connect() as tx:
        left = tx.execute(select(matches.c.order_id, matches.c.state)).all()
    assert [tuple(row) for row in left] == [("so-2", "linked")]


def test_an_order_that_is_not_due_yet_waits_with_the_invoice_that_a_person_made(
    sandbox: Sandbox, connect: Any, no_waiting: None
) -> None:
    late = connect({'trigger = "confirmed"                 #': 'trigger = "fulfilled"                 #'})
    sandbox.load_orders([order()])
    export(late)
    make(sandbox, "MS-CO-2026-00001", "Customer 1")
    import_(late)
    assert link(sandbox, "co-1")["documentNumber"] == "MS-CO-2026-00001"
    sandbox.advance(2)
    sandbox.edit("fulfil", on="monstock", id="co-1")
    export(late)
    assert numbers(late) == ["MS-CO-2026-00001"]


def test_a_bill_of_another_order_leaves_the_first_one(sandbox: Sandbox, connection: Connection) -> None:
    contact = {"id": "supplier-1", "name": "Supplier 1", "countryCode": "GB"}
    sandbox.load_orders(
        [order(n, kind="supplier", contact=contact, lines=[line(quantity=str(n + 2))]) for n in (1, 2)]
    )
    export(connection)
    made = bill(sandbox, "R-1", "Order SO-2026-00001")
    sandbox.edit("pay", number="R-1", amount="5.00")
    import_(connection)
    assert dec(link(sandbox, "so-1")["amountPaid"]) == 5
    sandbox.edit("remove_payment", number="R-1")
    lines = [
        {
            **GOODS[0],
            "Description": "Order SO-2026-00002",
            "Quantity": 4,
            "LineItemID": made["LineItems"][0]["LineItemID"],
        }
    ]
    sandbox.edit("edit", kind="invoice", number="R-1", fields={"LineItems": lines})
    sandbox.edit("pay", number="R-1", amount="7.00")
    import_(connection)
    assert [dec(link(sandbox, id_)["amountPaid"]) for id_ in ("so-1", "so-2")] == [0, 7]


def test_two_invoices_found_in_two_runs_are_a_discrepancy(sandbox: Sandbox, connection: Connection) -> None:
    sandbox.load_orders([order()])
    read_orders(connection)
    make(sandbox, "INV-1", "Customer 1", Reference="CO-2026-00001")
    import_(connection)
    make(sandbox, "INV-2", "Customer 1", Reference="CO-2026-00001")
    import_(connection)
    assert told(connection, "INV-1") == ("linked", "")
    assert told(connection, "INV-2")[0] in {"proposed", "unmatched"}
    assert dec(link(sandbox, "co-1")["amountDue"]) == 45


def test_twin_bills_of_ours_are_a_discrepancy(sandbox: Sandbox, with_bills: Connection) -> None:
    sandbox.load_orders([order(kind="supplier", externalReference="R-1")])
    export(with_bills)
    mark = with_bills.xero.page("Invoices").rows[0]["Url"]
    bill(sandbox, "R-1", Url=mark, DueDate="2026-11-30")
    sandbox.advance(2)
    import_(with_bills)
    assert with_bills.mirror.counts() == {"linked": 1, "unmatched": 1}


def test_a_bill_that_was_entered_again_shows_the_living_one(sandbox: Sandbox, with_bills: Connection) -> None:
    sandbox.load_orders([order(n, kind="supplier") for n in range(1, 5)])
    read_orders(with_bills)
    for n in range(1, 5):
        text = f"Order SO-2026-0000{n}"
        make(sandbox, f"A-{n}", f"Supplier {n}", Type="ACCPAY", LineItems=[{**GOODS[0], "Description": text}])
        import_(with_bills)
        sandbox.edit("void", number=f"A-{n}")
        make(sandbox, f"B-{n}", f"Supplier {n}", Type="ACCPAY", LineItems=[{**GOODS[0], "Description": text}])
    sandbox.advance(2)
    import_(with_bills)
    shown = [link(sandbox, f"so-{n}")["documentNumber"] for n in range(1, 5)]
    assert shown == [f"B-{n}" for n in range(1, 5)]


def test_a_yes_of_a_person_shows_where_the_order_has_no_document_of_its_own(
    sandbox: Sandbox, connection: Connection
) -> None:
    from tasks.exporting.deciding import link as say_yes

    sandbox.load_orders([order()])
    read_orders(connection)
    made = make(sandbox, "INV-7", "Customer 1", LineItems=[{**FIELDS["LineItems"][0], "Quantity": 2}])
    import_(connection)
    say_yes(connection, "CO-2026-00001", made["InvoiceID"], "ada")
    import_(connection)
    assert link(sandbox, "co-1")["documentNumber"] == "INV-7"


def test_credit_that_was_paid_out_still_counts(sandbox: Sandbox, connection: Connection) -> None:
    from tests.importing.books import accounted

    sandbox.load_orders([order()])
    export(connection)
    note = {
        "Type": "ACCRECCREDIT",
        "Contact": {"Name": "Customer 1"},
        "Status": "AUTHORISED",
        "Reference": "CO-2026-00001",
        "Date": "2026-10-02",
        "LineItems": FIELDS["LineItems"],
    }
    made = sandbox.edit("create", kind="credit_note", fields=note)
    import_(connection)
    accounted(connection, made["CreditNoteID"], "20.00")
    sandbox.advance(2)
    import_(connection)
    assert dec(link(sandbox, "co-1")["amountCredited"]) == 45
    assert dec(link(sandbox, "co-1")["amountPaid"]) == 0


def test_of_many_orders_those_near_a_document_are_asked(
    sandbox: Sandbox, connection: Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    from tasks.importing import owning

    monkeypatch.setattr(owning, "WHOLE", 10)
    monkeypatch.setattr(owning, "FEW", 2)
    sandbox.load_orders([order(n, kind="supplier") for n in range(1, 31)])
    export(connection)
    for n in (3, 9, 17):
        text = f"your order SO-2026-{n:05}"
        make(
            sandbox,
            f"R-{n}",
            f"Supplier {n % 7}",
            Type="ACCPAY",
            LineItems=[{**GOODS[0], "Description": text}],
        )
    make(sandbox, "R-0", "Stranger", Type="ACCPAY", LineItems=GOODS)
    done = import_(connection)
    assert (done.matched["linked"], done.matched["unmatched"]) == (3, 1) or done.matched["proposed"] > 0
    assert done.matched["linked"] + done.matched["proposed"] == 3
