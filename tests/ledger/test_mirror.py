"""Documents as last seen, whose they are, and what is due to be shown: on both databases."""

from dataclasses import replace
from datetime import date
from decimal import Decimal
from typing import Any

from sqlalchemy import select, update

from tasks.domain.books import SeenDocument, Unread
from tasks.domain.orders import Kind
from tasks.domain.outcomes import Cause, Finding, OrderState
from tasks.ledger.database import Database
from tasks.ledger.documents import Documents
from tasks.ledger.mirror import Mirror, Pointer
from tasks.ledger.ownership import Owned, Ownership
from tasks.ledger.schema import documents
from tasks.ledger.shown import Settled, Shown
from tasks.ledger.standing import Standing
from tasks.ledger.trail import Entry
from tests.ledger.given import orders

D = Decimal
NOON, LATER = "2026-11-01T12:00:00.000+00:00", "2026-11-01T13:00:00.000+00:00"
PERSON = Entry("linked", "supplier", "s1")


def bill(id_: str = "d1", **changes: Any) -> SeenDocument:
    made = SeenDocument(
        id=id_,
        type="ACCPAY",
        number=f"R-{id_}",
        reference=None,
        mark=None,
        contact_id="c",
        contact_name="Acme",
        currency="GBP",
        total=D("45.00"),
        net=D("37.50"),
        date=date(2026, 10, 1),
        status="AUTHORISED",
        modified=NOON,
    )
    return replace(made, **changes)


def order(database: Database, *ids: str, net: str = "37.50") -> None:
    rows = [
        Standing(
            Kind.supplier,
            id_,
            f"SO-{id_}",
            "r1",
            OrderState.exported,
            "1",
            order_date=date(2026, 10, 1),
            net=net,
            gross=net,
        )
        for id_ in ids
    ]
    orders(database).take_in(rows, "run", None, None)


def row(database: Database, id_: str = "d1") -> Any:
    with database.engine.connect() as tx:
        return tx.execute(select(documents).where(documents.c.document_id == id_)).one()


def test_a_page_counts_what_changed_and_moves_the_cursor_with_it(database: Database) -> None:
    mirror = Mirror(database, "shop")
    assert mirror.take_in([bill(), bill("d2")], NOON, "Invoices", "here") == 2
    assert mirror.take_in([bill(), bill("d2", paid=D(5))], LATER, "Invoices", "there") == 1
    assert (row(database).read_at, row(database, "d2").read_at) == (NOON, LATER)
    assert orders(database).cursor("Invoices") == "there"
    assert Mirror(database, "other").counts() == {}


def test_whose_a_document_is_is_asked_again_when_what_told_it_changes(database: Database) -> None:
    mirror, ownership = Mirror(database, "shop"), Ownership(database, "shop")
    mirror.take_in([bill()], NOON)
    ownership.settle([Owned("d1", "unmatched")], "run")
    since = row(database).since
    mirror.take_in([bill(paid=D(5))], LATER)
    assert (row(database).standing, row(database).since) == ("unmatched", since)
    mirror.take_in([bill(paid=D(5), text="for SO-1")], LATER)
    assert row(database).standing is None
    ownership.settle([Owned("d1", "unmatched")], "run")
    mirror.take_in([bill(status="VOIDED")], LATER)
    assert row(database).standing is None


LINES = {"line_count": 2, "lines": "00000000000000aa", "taxes": '{"INPUT2":["37.50","7.50"]}'}


def of_lines(database: Database) -> dict[str, Any]:
    return {name: getattr(row(database), name) for name in LINES}


def test_a_change_of_lines_alone_is_noticed_and_changes_not_whose_it_is(database: Database) -> None:
    mirror, ownership = Mirror(database, "shop"), Ownership(database, "shop")
    assert mirror.take_in([bill(**LINES)], NOON) == 1
    ownership.settle([Owned("d1", "unmatched")], "run")
    assert mirror.take_in([bill(**LINES)], LATER) == 0
    for name, changed in (("lines", "00000000000000bb"), ("taxes", ""), ("line_count", 3)):
        assert mirror.take_in([bill(**{**LINES, name: changed})], LATER) == 1
        assert of_lines(database) == {**LINES, name: changed}
        assert mirror.take_in([bill(**LINES)], LATER) == 1
    assert row(database).standing == "unmatched"


def test_a_reading_without_lines_leaves_those_that_are_known(database: Database) -> None:
    mirror = Mirror(database, "shop")
    mirror.take_in([bill(text="Mugs", **LINES)], NOON)
    assert mirror.take_in([bill()], LATER) == 0
    assert mirror.take_in([bill(status="PAID")], LATER) == 1
    assert (of_lines(database), row(database).text, row(database).status) == (LINES, "Mugs", "PAID")


def test_lines_that_came_to_another_sum_are_not_known_any_more(database: Database) -> None:
    mirror = Mirror(database, "shop")
    mirror.take_in([bill(**LINES)], NOON)
    assert mirror.take_in([bill(total=D("54.00"))], LATER) == 1
    assert of_lines(database) == {"line_count": 0, "lines": "", "taxes": ""}


def test_rows_from_before_lines_were_noted_are_read(database: Database) -> None:
    Mirror(database, "shop").take_in([bill(mark="m", **LINES)], NOON)
    with database.begin() as tx:
        tx.execute(update(documents).values(dict.fromkeys(LINES)))
    (seen,) = Documents(database, "shop").marked(["m"])["m"]
    assert (seen.line_count, seen.lines, seen.taxes) == (0, "", "")
    assert Mirror(database, "shop").take_in([bill(mark="m", **LINES)], NOON) == 1
    (seen,) = Documents(database, "shop").marked(["m"])["m"]
    assert seen == bill(mark="m", **LINES)


def test_what_could_not_be_read_and_now_can_is_new(database: Database) -> None:
    mirror = Mirror(database, "shop")
    found = Finding(Cause.unreadable, "odd")
    odd = Unread("d1", "ACCPAY", "R-d1", None, "ODD", NOON, b"{}", found)
    assert [mirror.take_in([odd], NOON) for _ in range(2)] == [1, 0]
    assert (row(database).standing, row(database).raw) == ("unreadable", b"{}")
    assert mirror.take_in([bill()], NOON) == 1
    assert (row(database).standing, row(database).raw, row(database).findings) == (None, None, None)


def test_a_payment_points_at_what_was_read_before_it(database: Database) -> None:
    mirror = Mirror(database, "shop")
    mirror.take_in([bill()], NOON)
    pointers = [
        Pointer("Invoices", "d1", NOON),
        Pointer("Invoices", "d9", NOON),
        Pointer("Invoices", "d1", "2026"),
    ]
    mirror.take_in([], LATER, pointers=pointers)
    assert mirror.unread(10) == {"Invoices": ["d1", "d9"]}
    mirror.take_in([bill()], LATER, touch=True, asked=("Invoices", ["d1", "d9"]))
    assert mirror.unread(10) == {}
    mirror.take_in([], LATER, pointers=[Pointer("Invoices", "d1", NOON)])
    assert mirror.unread(10) == {}


def test_a_change_of_a_document_makes_its_orders_due(database: Database) -> None:
    mirror, ownership, shown = (room(database, "shop") for room in (Mirror, Ownership, Shown))
    order(database, "s1", "s2")
    mirror.take_in([bill()], NOON)
    assert shown.waiting() == 0
    ownership.settle([Owned("d1", "linked", (), (("supplier", "s1", "it says so"),))], "run")
    (due,) = shown.due(None, 10)
    assert (due.order_id, [d.id for d in due.documents], due.net) == ("s1", ["d1"], D("37.50"))
    shown.settle([Settled(due, "text")], "run")
    assert shown.due(None, 10) == []
    mirror.take_in([bill(paid=D(5))], LATER)
    assert [d.shown for d in shown.due(None, 10)] == ["text"]


def test_a_document_that_goes_to_another_order_makes_both_due(database: Database) -> None:
    mirror, ownership, shown = (room(database, "shop") for room in (Mirror, Ownership, Shown))
    order(database, "s1", "s2")
    mirror.take_in([bill()], NOON)
    ownership.settle([Owned("d1", "linked", (), (("supplier", "s1", "first"),))], "run")
    shown.settle([Settled(due, "") for due in shown.due(None, 10)], "run")
    ownership.settle([Owned("d1", "linked", (), (("supplier", "s2", "second"),))], "run")
    assert [d.order_id for d in shown.due(None, 10)] == ["s1", "s2"]
    assert [len(d.documents) for d in shown.due(None, 10)] == [0, 1]


def test_a_bill_for_two_orders_is_shared_by_what_was_ordered(database: Database) -> None:
    mirror, ownership, shown = (room(database, "shop") for room in (Mirror, Ownership, Shown))
    order(database, "s1", net="25.00")
    order(database, "s2", net="75.00")
    mirror.take_in([bill()], NOON)
    ownership.settle([Owned("d1", "linked", (), (("supplier", "s1", ""), ("supplier", "s2", "")))], "run")
    assert [due.shares for due in shown.due(None, 10)] == [{"d1": D("0.25")}, {"d1": D("0.75")}]


def test_what_a_person_linked_stays_and_is_not_asked(database: Database) -> None:
    mirror, ownership = Mirror(database, "shop"), Ownership(database, "shop")
    order(database, "s1")
    mirror.take_in([bill()], NOON)
    ownership.link("d1", ("supplier", "s1"), "ada", PERSON)
    mirror.take_in([bill(text="something else")], LATER)
    assert (row(database).standing, ownership.know_ours()) == (None, 1)
    ownership.settle([Owned("d1", "unmatched")], "run")
    assert (ownership.know_ours(), row(database).standing) == (1, "linked")
    assert ownership.of_orders("supplier", ["s1"], "ACCPAY") == {"s1": "d1"}


def test_documents_are_asked_once_and_again_with_new_orders(database: Database) -> None:
    mirror, ownership = Mirror(database, "shop"), Ownership(database, "shop")
    mirror.take_in([bill("d1"), bill("d2"), bill("d3")], NOON)
    assert [one.document.id for one in ownership.asked("", 2, again=False)] == ["d1", "d2"]
    assert [one.document.id for one in ownership.asked("d2", 2, again=False)] == ["d3"]
    ownership.settle([Owned("d1", "unmatched"), Owned("d2", "aside"), Owned("d3", "proposed")], "run")
    assert ownership.asked("", 9, again=False) == []
    assert [one.document.id for one in ownership.asked("", 9, again=True)] == ["d1", "d3"]
    word = ownership.news_of_orders()
    assert word is not None
    ownership.matched(word)
    assert ownership.news_of_orders() is None
    order(database, "s1")
    assert ownership.news_of_orders() is not None
    assert [row_.order_id for row_ in ownership.owners(date(2026, 1, 1))] == ["s1"]


def test_what_monstock_shows_otherwise_than_we_left_it_is_due(database: Database) -> None:
    shown = Shown(database, "shop")
    shown.note(Kind.supplier, {"s1": "", "s2": "text"})
    assert [due.order_id for due in shown.due(None, 10)] == ["s2"]
    shown.settle([Settled(due, "text") for due in shown.due(None, 10)], "run")
    shown.note(Kind.supplier, {"s2": "text"})
    assert shown.waiting() == 0
    shown.note(Kind.supplier, {"s2": ""})
    assert [due.shown for due in shown.due(None, 10)] == [""]


def test_a_failure_stays_due_with_its_reason(database: Database) -> None:
    shown = Shown(database, "shop")
    shown.note(Kind.supplier, {"s1": "text"})
    (due,) = shown.due(None, 10)
    shown.settle([Settled(due, "text", "refused")], "run")
    assert shown.waiting() == 1
    assert [due.order_id for due in shown.due(("supplier", "s0"), 10)] == ["s1"]
    assert shown.due(("supplier", "s1"), 10) == []


def test_what_became_due_while_it_was_shown_stays_due(database: Database) -> None:
    shown = Shown(database, "shop")
    shown.note(Kind.supplier, {"s1": "text"})
    (due,) = shown.due(None, 10)
    shown.note(Kind.supplier, {"s1": ""})
    shown.settle([Settled(due, "text")], "run")
    assert shown.waiting() == 1
    shown.settle([Settled(shown.due(None, 10)[0], "gone", "404", again=False)], "run")
    assert shown.waiting() == 0
