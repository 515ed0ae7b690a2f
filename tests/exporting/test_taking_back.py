"""What may be taken back of what a run made: the table of decisions."""

from datetime import date
from typing import Any

import pytest

from tasks.exporting.rolling_back import ALONE, batches, rest, unreached
from tasks.exporting.taking_back import of_document, of_the_rest
from tasks.ledger.claims import CREATE, REMOVE, ROLLBACK, UPDATE
from tasks.ledger.credit_notes import Noted
from tasks.ledger.runs import Made

WRITTEN = {"Type": "ACCREC", "Status": "DRAFT", "Date": "2026-10-01", "Reference": "PO 1", "Total": 45}


def made(**facts: Any) -> Made:
    given: dict[str, Any] = {
        "subject": "customer", "subject_id": "co-1", "role": "sale", "generation": 1, "operation": CREATE,
        "reference": "CO-1", "present": 1, "revision": "r1", "document_id": "d1", "document_type": "invoice",
        "number": "MS-1", "origin": "made", "status": "DRAFT", "total": "45.00", "currency": "GBP", "mark": "m",
        "written": WRITTEN,
    }  # fmt: skip
    return Made(**{**given, **facts})


NOTE = Noted("return-1", "n1", "MS-1-CR1", "r1", {}, True)
ORDERED = {"document_type": "purchase_order", "subject": "supplier", "role": "purchase"}
BILLED = ORDERED | {"document_type": "bill"}


@pytest.mark.parametrize(
    ("facts", "row", "becomes", "why"),
    [
        ({}, {}, "deleted", ""),
        ({}, {"Status": "SUBMITTED"}, "deleted", ""),
        ({}, {"Status": "AUTHORISED"}, "voided", ""),
        (BILLED, {"Status": "DRAFT"}, "deleted", ""),
        (BILLED, {"Status": "AUTHORISED"}, "voided", ""),
        (ORDERED, {"Status": "DRAFT"}, "deleted", ""),
        (ORDERED, {"Status": "AUTHORISED"}, "deleted", ""),
        (ORDERED, {"Status": "BILLED"}, "stays", "it is BILLED"),
        ({"origin": "adopted"}, {}, "deleted", ""),
        ({"origin": "linked"}, {}, "stays", "linked by hand"),
        ({"origin": "found"}, {}, "stays", "linked by hand"),
        ({}, {"Status": "PAID", "AmountPaid": 45}, "stays", "paid"),
        ({}, {"Status": "AUTHORISED", "AmountPaid": 5}, "stays", "part-paid or credited"),
        ({}, {"Status": "AUTHORISED", "AmountCredited": 5}, "stays", "part-paid or credited"),
        ({}, {"Status": "AUTHORISED", "SentToContact": True}, "stays", "sent to the contact"),
        ({}, {"Reference": "PO 2"}, "stays", "edited in Xero since: Reference"),
        (
            {},
            {"Status": "AUTHORISED", "AmountPaid": 5, "SentToContact": True, "Reference": ""},
            "stays",
            "part-paid or credited; sent to the contact; edited in Xero since: Reference",
        ),
        ({}, {"Status": "VOIDED"}, "gone before", "VOIDED in Xero already"),
        ({}, {"Status": "DELETED"}, "gone before", "DELETED in Xero already"),
        ({}, None, "gone before", "not in Xero any more"),
        ({"present": 2}, {"Status": "VOIDED"}, "gone before", "rolled back, or sent anew, before"),
        ({"present": 2}, {"Status": "DRAFT"}, "gone before", "rolled back, or sent anew, before"),
        ({}, {"Status": "A NEW ONE"}, "stays", "it is A NEW ONE"),
    ],
)
def test_what_becomes_of_a_document(
    facts: dict[str, Any], row: dict[str, Any] | None, becomes: str, why: str
) -> None:
    line = of_document(made(**facts), row if row is None else WRITTEN | row, [], None)
    assert (line.becomes, line.why) == (becomes, why)
    assert line.goes is (becomes in {"deleted", "voided"})


@pytest.mark.parametrize(
    ("until", "becomes"),
    [
        (date(2026, 9, 30), "deleted"),
        (date(2026, 10, 1), "stays"),
        (date(2026, 10, 2), "stays"),
        (None, "deleted"),
    ],
)
def test_nothing_changes_in_a_locked_period(until: date | None, becomes: str) -> None:
    line = of_document(made(), WRITTEN, [], until)
    assert (line.becomes, line.why) == (
        becomes,
        f"in a period locked until {until}" if becomes == "stays" else "",
    )


def test_a_document_with_credit_notes_stays() -> None:
    line = of_document(made(), WRITTEN | {"Status": "AUTHORISED"}, [NOTE], None)
    assert (line.becomes, line.why) == ("stays", "credited by MS-1-CR1")


@pytest.mark.parametrize(
    ("facts", "why"),
    [
        ({"subject": "contact", "role": "contact"}, "a contact: other documents may be its own"),
        ({"operation": UPDATE}, "updated by this run, made by another"),
        ({"operation": REMOVE}, "ended by this run: what is voided or deleted stays so"),
        ({"operation": ROLLBACK}, "ended by this run: what is voided or deleted stays so"),
        ({"role": "return-1"}, "a credit note: void it in Xero by hand"),
    ],
)
def test_what_else_a_run_did_is_told_and_left(facts: dict[str, Any], why: str) -> None:
    line = of_the_rest(made(**facts))
    assert (line.becomes, line.why, line.goes) == ("not touched", why, False)


def test_a_row_tells_an_accountant_what_and_why() -> None:
    assert of_document(made(), WRITTEN | {"Status": "PAID", "AmountPaid": 45}, [], None).row() == {
        "kind": "customer", "order": "CO-1", "document": "invoice", "number": "MS-1", "status": "PAID",
        "amount": "45.00 GBP", "what": "stays", "why": "paid",
    }  # fmt: skip


def many(count: int, **facts: Any) -> list[Made]:
    first = facts.pop("first", 1)
    return [made(subject_id=f"o-{n}", document_id=f"d{n}", **facts) for n in range(first, first + count)]


def test_what_was_taken_back_before_is_told_without_a_look_and_what_may_go_comes_first() -> None:
    past, paid, drafts = many(50, present=2), many(3, first=51, status="PAID"), many(41, first=54)
    everything = [*past, *paid, *drafts]
    first, second = batches(everything)
    assert (len(first), len(second)) == (40, 4)
    assert [one.status for one in second] == ["DRAFT", "PAID", "PAID", "PAID"]
    assert [line.becomes for line in rest(everything)] == ["gone before"] * 50
    orders = many(2 * ALONE + 1, **ORDERED)
    assert [len(batch) for batch in batches(orders)] == [ALONE, ALONE, 1]


def test_what_nobody_came_to_waits() -> None:
    everything = [*many(2, present=2), *many(2, first=3)]
    done = of_document(everything[2], WRITTEN, [], None)
    [line] = unreached(everything, everything, [done])
    assert (line.made, line.becomes, line.goes) == (everything[3], "waits", False)
    assert line.why == "the day's calls were used up before"


@pytest.mark.parametrize(
    ("status", "becomes"), [("DELETED", "deleted"), ("VOIDED", "voided"), ("AUTHORISED", "gone before")]
)
def test_what_went_before_its_batch_was_cut_is_told(status: str, becomes: str) -> None:
    [line] = unreached([made()], [made(present=2, status=status)], [])
    assert (line.becomes, line.status) == (becomes, status)
