"""Goods that came back: an open invoice is edited, a sent or paid one is credited, once, or held."""

from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from typing import Any

import pytest

from deployments.sandbox.server import Sandbox
from tasks.connections.connection import Connection
from tasks.domain.errors import NoAnswer
from tasks.domain.orders import Kind
from tasks.exporting import crediting, sending
from tasks.ledger.claims import Outcome
from tasks.xero.endpoints import ALLOCATIONS, CREDIT_NOTES
from tests.exporting.after import (
    APPROVED,
    BILLS,
    CREDITING,
    NUMBER,
    exported,
    notes,
    pay,
    quiet,
    send_out,
    writes,
)
from tests.exporting.driver import change, export, found, invoices, standing
from tests.exporting.test_trail import rows
from tests.support import Connect, dec, line
from tests.xero.desk import another, impatient, outcomes

DEAD = 7 * 60
ALLOCATE = "/CreditNotes/.*/Allocations$"


@pytest.fixture
def shop(connect: Connect, no_waiting: None) -> Connection:
    """Invoices are approved at once, and credited where that is needed."""
    return impatient(connect(APPROVED | CREDITING))


@pytest.fixture
def sent(sandbox: Sandbox, shop: Connection) -> Connection:
    """An invoice of 10 mugs, 150.00, that the customer has."""
    exported(sandbox, shop)
    send_out(sandbox)
    return shop


def back_to(sandbox: Sandbox, quantity: str, **fields: Any) -> None:
    """So many mugs are left on the order."""
    change(sandbox, "co-1", lines=[line(quantity=quantity)], **fields)


def state(connection: Connection) -> list[tuple[Any, ...]]:
    """Each credit note's number, total, what is open of it, and how often it is allocated."""
    return [
        (n["CreditNoteNumber"], dec(n["Total"]), dec(n["RemainingCredit"]), len(n["Allocations"]))
        for n in notes(connection)
    ]


def test_an_open_invoice_that_nobody_has_is_edited(sandbox: Sandbox, shop: Connection) -> None:
    exported(sandbox, shop)
    back_to(sandbox, "8")
    export(shop)
    assert (dec(invoices(shop)[0]["Total"]), notes(shop)) == (120, [])


@pytest.mark.parametrize(
    ("paid", "says"), [(None, "AUTHORISED and was sent"), ("165.00", "PAID with 165.00 paid")]
)
def test_by_default_it_is_held_with_lines_quantities_and_cents(
    sandbox: Sandbox, connect: Connect, no_waiting: None, paid: str | None, says: str
) -> None:
    connection = connect(APPROVED)
    exported(sandbox, connection, lines=[line(quantity="10"), line(id="2", name="Bowl", quantity="1")])
    pay(sandbox, paid) if paid else send_out(sandbox)
    change(sandbox, "co-1", lines=[line(quantity="8")])
    assert outcomes(export(connection)) == [Outcome.conflict]
    assert found(connection, "co-1").startswith(
        f"goods returned: The document is {says}; came back: 2 x Stoneware mug (25.00); 1 x Bowl (12.50); "
        "45.00 in all, tax included. Total 165.00 in Xero, 120.00 on the order; LineItems "
    )
    assert quiet(sandbox, connection)


def test_a_sent_invoice_is_credited_by_the_difference(sandbox: Sandbox, sent: Connection) -> None:
    back_to(sandbox, "8")
    assert outcomes(export(sent)) == [Outcome.written, Outcome.written]
    assert state(sent) == [(f"{NUMBER}-CR1", 30, 0, 1)]
    (note,) = notes(sent)
    (invoice,) = invoices(sent)
    (back,), (sold,) = note["LineItems"], invoice["LineItems"]
    assert (back["Quantity"], back["UnitAmount"]) == (2, sold["UnitAmount"])
    assert all(back[name] == sold[name] for name in ("Description", "AccountCode", "TaxType", "Tracking"))
    assert (note["Type"], note["Reference"]) == ("ACCRECCREDIT", "CO-2026-00001 [MS-co-1 return-1]")
    assert (dec(invoice["Total"]), dec(invoice["AmountDue"])) == (150, 120)
    assert standing(sent) == {"co-1": "exported"}
    assert quiet(sandbox, sent)


def test_each_write_leaves_its_row(sandbox: Sandbox, sent: Connection) -> None:
    back_to(sandbox, "8")
    export(sent)
    told = [
        (r["content"].get("path"), r["content"]["role"], r["content"]["operation"]) for r in rows(sent)[2:]
    ]
    note = notes(sent)[0]["CreditNoteID"]
    assert told == [
        ("CreditNotes", "return-1", "create"),
        (f"CreditNotes/{note}/Allocations", "return-1", "allocate"),
        (None, "sale", "update"),
    ]
    assert rows(sent)[3]["content"]["request"]["Invoice"] == {"InvoiceID": invoices(sent)[0]["InvoiceID"]}


def test_readers_of_links_still_see_the_invoice_alone(sandbox: Sandbox, sent: Connection) -> None:
    back_to(sandbox, "8")
    export(sent)
    (link,) = sent.documents.links(Kind.customer, ["co-1"]).values()
    assert link.document_type == "invoice"
    assert sent.orders.known(Kind.customer, ["co-1"])["co-1"].linked
    (noted,) = sent.credit_notes.of(Kind.customer, ["co-1"])["co-1"]
    assert (noted.role, noted.total, noted.allocated) == ("return-1", 30, True)


def test_a_second_return_credits_what_was_not_credited_yet(sandbox: Sandbox, sent: Connection) -> None:
    for quantity in ("8", "5"):
        back_to(sandbox, quantity)
        export(sent)
    assert state(sent) == [(f"{NUMBER}-CR1", 30, 0, 1), (f"{NUMBER}-CR2", 45, 0, 1)]
    assert dec(invoices(sent)[0]["AmountDue"]) == 75
    assert quiet(sandbox, sent)


def test_a_part_paid_invoice_takes_what_is_due_of_it(sandbox: Sandbox, shop: Connection) -> None:
    exported(sandbox, shop)
    pay(sandbox, "140.00")
    back_to(sandbox, "8")
    export(shop)
    assert state(shop) == [(f"{NUMBER}-CR1", 30, 20, 1)]
    assert invoices(shop)[0]["Status"] == "PAID"
    assert found(shop, "co-1") == (
        f"credit left open: Of credit note {NUMBER}-CR1, 20.00 is not set against anything."
    )
    assert standing(shop) == {"co-1": "exported"}
    assert quiet(sandbox, shop)


def test_a_discount_is_taken_off_the_unit_amount(sandbox: Sandbox, shop: Connection) -> None:
    exported(sandbox, shop, lines=[line(quantity="10", discountPercent="12.5")])
    send_out(sandbox)
    change(sandbox, "co-1", lines=[line(quantity="7", discountPercent="12.5")])
    export(shop)
    (note,) = notes(shop)
    assert (note["LineItems"][0]["UnitAmount"], note["LineItems"][0]["Quantity"]) == (10.9375, 3)
    assert dec(note["Total"]) == dec("39.37")
    assert found(shop, "co-1") == (
        "cent difference: The credit note and the fall of the order's total differ by 0.02."
    )
    change(sandbox, "co-1", lines=[line(quantity="6", discountPercent="12.5")])
    export(shop)
    assert [n["LineItems"][0]["Quantity"] for n in notes(shop)] == [3, 1]


def test_a_line_that_went_is_credited_whole(sandbox: Sandbox, shop: Connection) -> None:
    exported(sandbox, shop, lines=[line(quantity="10"), line(id="2", name="Bowl", quantity="2")])
    send_out(sandbox)
    change(sandbox, "co-1", lines=[line(quantity="10")])
    export(shop)
    assert [(row["Description"], row["Quantity"]) for row in notes(shop)[0]["LineItems"]] == [("Bowl", 2)]


def test_a_bill_is_credited_as_well(sandbox: Sandbox, connect: Connect, no_waiting: None) -> None:
    as_draft = 'status = "DRAFT"\ndefault_account = "310"'
    approved = {as_draft: as_draft.replace("DRAFT", "AUTHORISED") + "\ndue_days = 9"}
    connection = connect(BILLS | approved)
    exported(sandbox, connection, kind="supplier", externalReference="R-1")
    pay(sandbox, "1.00", "R-1")
    change(sandbox, "so-1", lines=[line(quantity="8")])
    export(connection)
    assert state(connection) == [("R-1-CR1", 30, 0, 1)]
    assert notes(connection)[0]["Type"] == "ACCPAYCREDIT"
    assert quiet(sandbox, connection)


def test_in_a_locked_period_the_credit_note_is_of_today(sandbox: Sandbox, sent: Connection) -> None:
    sandbox.edit("lock", period="2026-10-15")
    back_to(sandbox, "8")
    export(sent)
    assert state(sent) == [(f"{NUMBER}-CR1", 30, 0, 1)]


def test_in_a_locked_period_nothing_else_changes(sandbox: Sandbox, shop: Connection) -> None:
    exported(sandbox, shop)
    sandbox.edit("lock", period="2026-10-15")
    back_to(sandbox, "8")
    assert outcomes(export(shop)) == [Outcome.held]
    assert found(shop, "co-1").startswith(
        "period locked: The document lies in a period locked until 2026-10-15"
    )
    assert quiet(sandbox, shop)


@pytest.mark.parametrize(
    "fields",
    [
        {"lines": [line(quantity="8", unitPrice="11.00")]},
        {"lines": [line(quantity="8"), line(id="2", name="Bowl")]},
        {"lines": [line(quantity="8")], "dueDate": "2026-12-24"},
    ],
)
def test_what_changed_otherwise_too_is_held(
    sandbox: Sandbox, sent: Connection, fields: dict[str, Any]
) -> None:
    change(sandbox, "co-1", **fields)
    assert outcomes(export(sent)) == [Outcome.conflict]
    assert found(sent, "co-1").startswith("goods returned: ")
    assert (notes(sent), dec(invoices(sent)[0]["Total"])) == ([], 150)
    assert quiet(sandbox, sent)


def test_more_than_what_is_left_after_a_return_is_held(sandbox: Sandbox, sent: Connection) -> None:
    back_to(sandbox, "8")
    export(sent)
    back_to(sandbox, "9")
    assert outcomes(export(sent)) == [Outcome.conflict]
    assert found(sent, "co-1") == (
        "document closed for changes: The document is AUTHORISED with 30.00 credited and was sent; "
        f"{NUMBER}-CR1 credits 30.00; the order changed after that: "
        "Total 150.00 in Xero, 135.00 on the order; LineItems[0].Quantity 10 -> 9."
    )
    assert quiet(sandbox, sent)


def test_what_a_person_credited_is_not_credited_again(sandbox: Sandbox, sent: Connection) -> None:
    sandbox.edit("credit", number=NUMBER, amount=30)
    back_to(sandbox, "8")
    assert outcomes(export(sent)) == [Outcome.conflict]
    assert "Credited by hand already: CN-0001." in found(sent, "co-1")
    assert len(notes(sent)) == 1


@pytest.mark.parametrize("by", ["prepayment", "overpayment"])
def test_a_deposit_counts_like_a_payment(sandbox: Sandbox, shop: Connection, by: str) -> None:
    exported(sandbox, shop)
    sandbox.edit("credit", number=NUMBER, amount=100, by=by)
    back_to(sandbox, "8")
    export(shop)
    assert state(shop) == [(f"{NUMBER}-CR1", 30, 0, 1)]
    assert dec(invoices(shop)[0]["AmountDue"]) == 20


@pytest.mark.parametrize("by", ["credit_note", "prepayment"])
def test_a_deposit_disturbs_nothing_while_the_order_stays(
    sandbox: Sandbox, shop: Connection, by: str
) -> None:
    exported(sandbox, shop)
    sandbox.edit("credit", number=NUMBER, amount=100, by=by)
    assert export(shop) == []
    assert quiet(sandbox, shop)
    back_to(sandbox, "12")
    assert outcomes(export(shop)) == [Outcome.conflict]
    assert "with 100.00 credited" in found(shop, "co-1")


def test_a_credit_note_that_somebody_voided_is_not_made_again(sandbox: Sandbox, shop: Connection) -> None:
    exported(sandbox, shop)
    pay(sandbox, "150.00")
    back_to(sandbox, "8")
    export(shop)
    (note,) = notes(shop)
    sandbox.edit("edit", kind="credit_note", id=note["CreditNoteID"], fields={"Status": "VOIDED"})
    assert quiet(sandbox, shop)
    back_to(sandbox, "7")
    assert outcomes(export(shop)) == [Outcome.held]
    assert found(shop, "co-1") == f"removed in Xero: The credit note {NUMBER}-CR1 is VOIDED in Xero."
    assert len(notes(shop)) == 1
    assert quiet(sandbox, shop)


FAULTS = ["lose_answer", "cut", "error_before", "error_after", "offline"]


@pytest.mark.parametrize("path", ["/CreditNotes$", ALLOCATE])
@pytest.mark.parametrize("fault", FAULTS)
def test_whatever_becomes_of_an_answer_there_is_one_note_and_one_allocation(
    sandbox: Sandbox, sent: Connection, fault: str, path: str
) -> None:
    back_to(sandbox, "8")
    sandbox.fault(fault, next=1, method="PUT", path=path)
    export(sent)
    assert state(sent) == [(f"{NUMBER}-CR1", 30, 0, 1)]
    assert standing(sent) == {"co-1": "exported"}
    assert quiet(sandbox, sent)


@pytest.mark.parametrize("path", ["/CreditNotes$", ALLOCATE])
@pytest.mark.parametrize("pause", [1, DEAD])
def test_every_answer_is_lost_and_the_next_run_goes_on(
    sandbox: Sandbox, sent: Connection, path: str, pause: int
) -> None:
    back_to(sandbox, "8")
    sandbox.fault("lose_answer", next=2, method="PUT", path=path)
    with pytest.raises(NoAnswer):
        export(sent)
    sandbox.advance(pause)
    export(sent)
    assert state(sent) == [(f"{NUMBER}-CR1", 30, 0, 1)]
    assert standing(sent) == {"co-1": "exported"}
    assert sent.attempts.unfinished() == []
    assert quiet(sandbox, sent)


class Killed(BaseException):
    """The process ends here."""


@pytest.mark.parametrize("after", [CREDIT_NOTES, ALLOCATIONS])
def test_killed_between_two_steps_the_next_run_completes_them(
    sandbox: Sandbox, sent: Connection, monkeypatch: pytest.MonkeyPatch, after: Any
) -> None:
    back_to(sandbox, "8")
    with monkeypatch.context() as patch:
        finish = crediting._finish

        def killed(connection: Any, one: Any, noted: Any, write: Any, run_id: str) -> Any:
            if after is CREDIT_NOTES:
                raise Killed
            finish(connection, one, noted, lambda *given: write(*given) and _die(), run_id)

        patch.setattr(crediting, "_finish", killed)
        with pytest.raises(Killed):
            export(sent)
    assert standing(sent) == {"co-1": "pending"}
    second = impatient(another(sent))
    export(second)
    assert state(second) == [(f"{NUMBER}-CR1", 30, 0, 1)]
    assert standing(second) == {"co-1": "exported"}
    assert quiet(sandbox, second)
    second.close()


def _die() -> None:
    raise Killed


def test_killed_after_the_note_and_returned_again_before_the_next_run(
    sandbox: Sandbox, sent: Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    back_to(sandbox, "8")
    with monkeypatch.context() as patch:
        patch.setattr(crediting, "_finish", lambda *_: _die())
        with pytest.raises(Killed):
            export(sent)
    back_to(sandbox, "7")
    export(sent)
    assert state(sent) == [(f"{NUMBER}-CR1", 30, 0, 1), (f"{NUMBER}-CR2", 15, 0, 1)]
    assert dec(invoices(sent)[0]["AmountDue"]) == 105
    assert quiet(sandbox, sent)


def test_two_processes_at_once_make_one_note_and_one_allocation(sandbox: Sandbox, sent: Connection) -> None:
    workers = [impatient(another(sent)) for _ in range(2)]
    back_to(sandbox, "8")
    with ThreadPoolExecutor(2) as pool:
        list(pool.map(lambda worker: export(worker, wait=False), workers))
    for worker in workers:
        export(worker)
        worker.close()
    assert state(sent) == [(f"{NUMBER}-CR1", 30, 0, 1)]
    assert standing(sent) == {"co-1": "exported"}
    assert quiet(sandbox, sent)


def test_a_note_that_another_worker_adopts_late_leaves_its_order_done(
    sandbox: Sandbox, sent: Connection
) -> None:
    back_to(sandbox, "8")
    made = [settled for settled in export(sent) if settled.claim.operation == "create"]
    late = replace(made[0], outcome=Outcome.adopted)
    assert sent.attempts.adopt([late], "run") == [late]
    assert standing(sent) == {"co-1": "exported"}


def test_a_task_that_runs_again_makes_no_second_note(sandbox: Sandbox, sent: Connection) -> None:
    """Prefect runs the batch once more as it was planned, though its first run was through."""
    given: list[Any] = []
    send = sending.changes
    back_to(sandbox, "8")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(sending, "changes", lambda *asked, **more: given.append(asked) or send(*asked, **more))
        export(sent)
    before = writes(sandbox)
    assert sending.send_documents(sent, given[0][1], "run") == []
    assert writes(sandbox) == before


@pytest.mark.parametrize("quantities", [("8",), ("8", "5")])
def test_a_ledger_that_was_restored_finds_its_notes(
    sandbox: Sandbox, sent: Connection, quantities: tuple[str, ...]
) -> None:
    for quantity in quantities:
        back_to(sandbox, quantity)
        export(sent)
    before = state(sent)
    forget(sent)
    for _ in quantities:
        export(sent)
    assert state(sent) == before
    known = sent.credit_notes.of(Kind.customer, ["co-1"])["co-1"]
    assert [note.role for note in known] == ["return-1", "return-2"][: len(quantities)]
    assert standing(sent) == {"co-1": "exported"}
    assert quiet(sandbox, sent)


def forget(connection: Connection) -> None:
    """The ledger is one from before the return."""
    with connection.database.begin() as tx:
        tx.exec_driver_sql("delete from links where role like 'return-%'")
        tx.exec_driver_sql("delete from claims where role like 'return-%'")
        tx.exec_driver_sql("delete from claims where operation = 'update'")
        tx.exec_driver_sql("update links set revision = 'before'")
        tx.exec_driver_sql("delete from cursors")
        tx.exec_driver_sql("update orders set revision = 'before', updated_at = ''")


def test_a_number_that_a_stranger_bears_is_held(sandbox: Sandbox, sent: Connection) -> None:
    invoice = invoices(sent)[0]
    fields = {
        "Type": "ACCRECCREDIT",
        "CreditNoteNumber": f"{NUMBER}-CR1",
        "Contact": {"ContactID": invoice["Contact"]["ContactID"]},
        "LineItems": [{"Description": "?", "Quantity": 1, "UnitAmount": 1, "AccountCode": "200"}],
    }
    sandbox.edit("create", kind="credit_note", fields=fields)
    back_to(sandbox, "8")
    assert outcomes(export(sent)) == [Outcome.held]
    assert found(sent, "co-1").startswith(f"number taken: Number {NUMBER}-CR1 belongs to ")
    assert len(notes(sent)) == 1


def test_an_allocation_that_xero_refuses_is_told(sandbox: Sandbox, sent: Connection) -> None:
    back_to(sandbox, "8")
    with pytest.MonkeyPatch.context() as patch:
        element = crediting.allocation_element
        patch.setattr(crediting, "allocation_element", lambda *given: {**element(*given), "Amount": 999})
        assert outcomes(export(sent)) == [Outcome.written, Outcome.rejected]
    assert standing(sent) == {"co-1": "rejected"}
    assert "exceeds the remaining credit" in found(sent, "co-1")
    export(sent, retry_rejected=True)
    assert state(sent) == [(f"{NUMBER}-CR1", 30, 0, 1)]
    assert standing(sent) == {"co-1": "exported"}
