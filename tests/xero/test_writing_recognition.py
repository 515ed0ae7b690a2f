"""Our own work is known again by its mark; what bears our number without it is a stranger's."""

from dataclasses import replace

import pytest

from tasks.domain.errors import NoAnswer
from tasks.ledger.claims import CREATE, Outcome
from tasks.xero.endpoints import CONTACTS, PURCHASE_ORDERS
from tasks.xero.writing import Item
from tests.xero.desk import Desk, desk, outcomes, texts

__all__ = ["desk"]

DEAD = 7 * 60


def forget(desk: Desk) -> None:
    """The ledger loses all it knew, as one that was restored from yesterday's copy."""
    with desk.connection.database.begin() as tx:
        tx.exec_driver_sql("delete from claims")
        tx.exec_driver_sql("delete from attempts")


def cut_off(desk: Desk, *items: Item) -> None:
    """Written by Xero; neither answer nor key is left."""
    desk.sandbox.fault("lose_answer", next=2, method="PUT|POST")
    with pytest.raises(NoAnswer):
        desk.write(*items)
    desk.sandbox.clear_faults()
    desk.sandbox.advance(DEAD)
    desk.client.organisation()


def test_a_number_in_use_by_our_own_document_adopts_it(desk: Desk) -> None:
    desk.write(desk.invoice())
    forget(desk)
    (settled,) = desk.write(desk.invoice())
    assert settled.outcome is Outcome.adopted
    assert settled.document
    assert settled.document["InvoiceID"] == desk.documents()[0]["InvoiceID"]


def test_a_number_in_use_by_a_stranger_is_held_and_names_it(desk: Desk) -> None:
    theirs = desk.sandbox.edit(
        "create",
        kind="invoice",
        fields={**desk.invoice().element, "Url": "http://elsewhere/1", "Contact": {"Name": "Mary's"}},
    )
    settled = desk.write(desk.invoice(), desk.invoice(2))
    assert outcomes(settled) == [Outcome.held, Outcome.written]
    assert f"Number MS-1 belongs to Mary's (DRAFT, document {theirs['InvoiceID']})" in texts(settled)


def test_a_bill_with_that_number_is_not_its_holder(desk: Desk) -> None:
    theirs = {"Url": "http://elsewhere/1", "Contact": {"Name": "Mary's"}}
    desk.sandbox.edit("create", kind="invoice", fields={**desk.invoice().element, **theirs})
    desk.write(desk.bill())
    held = texts(desk.write(desk.invoice()))
    assert "Mary's" in held
    assert "Acme" not in held


def test_a_number_in_use_by_nothing_that_can_be_seen_is_held(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    desk.write(desk.invoice())
    forget(desk)
    monkeypatch.setattr(desk.client, "by_values", lambda *_: [])
    settled = desk.write(desk.invoice())
    assert outcomes(settled) == [Outcome.held]
    assert "shows no document that bears it" in texts(settled)


@pytest.mark.parametrize(("status", "ours"), [("DRAFT", Outcome.adopted), ("DELETED", Outcome.removed)])
def test_a_purchase_order_number_in_use_by_our_own_order(desk: Desk, status: str, ours: Outcome) -> None:
    desk.write(desk.order(), endpoint=PURCHASE_ORDERS)
    desk.sandbox.edit("edit", kind="purchase_order", number="MS-1", fields={"Status": status})
    forget(desk)
    assert outcomes(desk.write(desk.order(), endpoint=PURCHASE_ORDERS)) == [ours]


@pytest.mark.parametrize("status", ["DRAFT", "DELETED"])
def test_a_purchase_order_number_in_use_by_a_stranger_is_held(desk: Desk, status: str) -> None:
    desk.sandbox.edit("create", kind="purchase_order", fields={**desk.order().element, "Reference": "theirs"})
    desk.sandbox.edit("edit", kind="purchase_order", number="MS-1", fields={"Status": status})
    settled = desk.write(desk.order(), endpoint=PURCHASE_ORDERS)
    assert outcomes(settled) == [Outcome.held]
    assert f"belongs to Acme ({status}" in texts(settled)
    assert len(desk.orders()) == 1


def test_a_contact_number_in_use_adopts_the_contact(desk: Desk) -> None:
    contact = replace(
        desk.invoice().claim, subject="contact", role="contact", mark="MS-7", number="MS-7", total=None
    )
    first = desk.write(Item(contact, {"Name": "Ann", "ContactNumber": "MS-7"}), endpoint=CONTACTS)
    forget(desk)
    again = desk.write(Item(contact, {"Name": "Ann B", "ContactNumber": "MS-7"}), endpoint=CONTACTS)
    assert outcomes(again) == [Outcome.adopted]
    assert (again[0].document or {})["ContactID"] == (first[0].document or {})["ContactID"]


@pytest.mark.parametrize(("action", "status"), [("delete", "DRAFT"), ("void", "AUTHORISED")])
def test_what_was_removed_meanwhile_is_known_as_removed(desk: Desk, action: str, status: str) -> None:
    bill = desk.bill(Status=status, DueDate="2026-11-01")
    cut_off(desk, bill)
    desk.sandbox.edit(action, number="MS-1")
    assert outcomes(desk.finish()) == [Outcome.removed]
    assert desk.write(bill) == []


def test_what_was_changed_meanwhile_is_a_conflict(desk: Desk) -> None:
    cut_off(desk, desk.bill())
    line = {
        "Description": "Mug",
        "Quantity": 4,
        "UnitAmount": 12.5,
        "AccountCode": "310",
        "TaxType": "INPUT2",
    }
    desk.sandbox.edit("edit", kind="invoice", number="MS-1", fields={"LineItems": [line]})
    settled = desk.finish()
    assert outcomes(settled) == [Outcome.conflict]
    assert "total 60.00 instead of 45" in texts(settled)
    assert desk.write(desk.bill()) == []


def test_what_was_moved_to_another_contact_is_a_conflict(desk: Desk) -> None:
    cut_off(desk, desk.bill())
    other = desk.sandbox.edit("create", kind="contact", fields={"Name": "Somebody"})["ContactID"]
    desk.sandbox.edit("edit", kind="invoice", number="MS-1", fields={"Contact": {"ContactID": other}})
    assert "another contact" in texts(desk.finish())


def test_two_documents_of_one_mark_are_told_and_none_is_made(desk: Desk) -> None:
    cut_off(desk, desk.bill())
    desk.sandbox.edit("create", kind="invoice", fields=desk.bill().element)
    settled = desk.finish()
    assert outcomes(settled) == [Outcome.several]
    ids = {row["InvoiceID"] for row in desk.documents()}
    assert all(document in texts(settled) for document in ids)
    assert desk.write(desk.bill()) == []


def test_a_copy_that_was_deleted_counts_for_nothing(desk: Desk) -> None:
    cut_off(desk, desk.bill())
    copy = desk.sandbox.edit("create", kind="invoice", fields=desk.bill().element)
    desk.sandbox.edit("delete", id=copy["InvoiceID"])
    assert outcomes(desk.finish()) == [Outcome.adopted]


def test_an_update_without_an_answer_is_recognised_by_what_the_document_says(desk: Desk) -> None:
    (made,) = desk.write(desk.invoice())
    change = desk.update(desk.invoice(), made.document["InvoiceID"], DueDate="2026-12-24")  # type: ignore[index]
    cut_off(desk, change)
    (settled,) = desk.finish()
    assert (settled.outcome, settled.claim.revision) == (Outcome.written, "r2")


def test_an_update_that_never_arrived_is_free_again(desk: Desk) -> None:
    (made,) = desk.write(desk.invoice())
    change = desk.update(desk.invoice(), made.document["InvoiceID"], DueDate="2026-12-24")  # type: ignore[index]
    desk.sandbox.fault("error_before", method="POST")
    assert outcomes(desk.write(change)) == [Outcome.released]
    assert outcomes(desk.write(change)) == [Outcome.written]
    assert change.claim.operation != CREATE
