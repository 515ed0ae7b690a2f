"""Changed rules: what they would make of documents that stand, and what becomes of those on a person's word."""

import datetime as dt
from typing import Any

import pytest

from deployments.sandbox.server import Sandbox
from tasks.connections.connection import Connection
from tasks.domain.orders import Kind
from tasks.exporting.books import open_books, read_lists
from tasks.exporting.remaking import Differing, differing_under_rules, in_money
from tasks.ledger.claims import Outcome
from tasks.ledger.standing import Scope
from tests.exporting.driver import change, export, invoices, purchase_orders
from tests.importing.driver import import_
from tests.support import Connect, line, order
from tests.xero.desk import outcomes

OCTOBER = {"date_from": dt.date(2026, 10, 1), "date_to": dt.date(2026, 10, 31)}
OTHER_ACCOUNT = {'default_account = "200"': 'default_account = "201"'}


def differing(connection: Connection) -> list[Differing]:
    scope = Scope(rules=connection.settings.digest, **OCTOBER)
    if not connection.remaking.count(scope):
        return []
    books = open_books(connection, read_lists(connection))
    return [one for page in differing_under_rules(connection, books, scope) for one in page]


def remake(connection: Connection, found: list[Differing]) -> None:
    connection.remaking.remake([one.remade for one in found], "run")


def state(connection: Connection, order_id: str) -> str:
    return str(connection.orders.find(order_id)[0].state)


def accounts(connection: Connection) -> list[str]:
    return sorted(row["LineItems"][0]["AccountCode"] for row in invoices(connection))


@pytest.fixture
def ruled(sandbox: Sandbox, connect: Connect, connection: Connection) -> Connection:
    """Two customers' orders and a supplier's were exported; then the sales account changed."""
    sandbox.load_orders([order(1), order(2), order(1, kind="supplier"), order(9, orderDate="2026-11-02")])
    export(connection)
    changed: Connection = connect(OTHER_ACCOUNT)
    return changed


def test_under_the_same_rules_nothing_differs(sandbox: Sandbox, connection: Connection) -> None:
    sandbox.load_orders([order(1), order(1, kind="supplier")])
    export(connection)
    assert differing(connection) == []


def test_what_would_be_made_otherwise_is_told_and_nothing_is_changed(
    sandbox: Sandbox, ruled: Connection
) -> None:
    found = differing(ruled)
    assert [one.row() for one in found] == [
        {
            "order": f"CO-2026-0000{number}",
            "document": f"MS-CO-2026-0000{number}",
            "status": "DRAFT",
            "differs in": "LineItems[0].AccountCode",
            "total by": "+0.00 GBP",
            "stays": "",
        }
        for number in (1, 2)
    ]
    assert in_money(found) == "0.00"
    assert export(ruled) == []
    assert accounts(ruled) == ["200"] * 3


def test_what_a_person_lets_be_changed_follows_the_present_rules_once(
    sandbox: Sandbox, ruled: Connection
) -> None:
    remake(ruled, differing(ruled)[:1])
    assert state(ruled, "co-1") == "pending"
    assert outcomes(export(ruled, remaking=True)) == [Outcome.written]
    assert accounts(ruled) == ["200", "200", "201"]
    assert [one.remade.seen.order_id for one in differing(ruled)] == ["co-2"]
    assert export(ruled) == []
    assert len(purchase_orders(ruled)) == 1


def test_they_may_change_again_and_back(sandbox: Sandbox, connect: Connect, ruled: Connection) -> None:
    remake(ruled, differing(ruled))
    export(ruled, remaking=True)
    back: Connection = connect()
    remake(back, differing(back))
    assert outcomes(export(back, remaking=True)) == [Outcome.written] * 2
    assert accounts(back) == ["200"] * 3
    assert differing(back) == []


def test_what_somebody_edited_in_xero_is_a_conflict_all_the_same(sandbox: Sandbox, ruled: Connection) -> None:
    sandbox.edit("edit", kind="invoice", number="MS-CO-2026-00001", fields={"DueDate": "2027-01-01"})
    remake(ruled, differing(ruled))
    assert sorted(outcomes(export(ruled, remaking=True))) == [Outcome.conflict, Outcome.written]
    assert accounts(ruled) == ["200", "200", "201"]


def test_an_order_that_changed_meanwhile_follows_by_itself(sandbox: Sandbox, ruled: Connection) -> None:
    found = differing(ruled)
    change(sandbox, "co-1", lines=[line(quantity="5")])
    export(ruled)
    remake(ruled, found)
    assert {id_: state(ruled, id_) for id_ in ("co-1", "co-2", "co-9")} == {
        "co-1": "exported",
        "co-2": "pending",
        "co-9": "exported",
    }


def test_what_was_not_done_after_all_stands_as_before(sandbox: Sandbox, ruled: Connection) -> None:
    found = differing(ruled)
    remake(ruled, found)
    links = ruled.documents.links(Kind.customer, ["co-1"])
    sandbox.edit("edit", kind="invoice", id=links["co-1"].document_id, fields={"Status": "AUTHORISED"})
    assert outcomes(export(ruled, drafts_only=True, remaking=True)) == [Outcome.written]
    assert ruled.remaking.take_back("run") == 1
    assert state(ruled, "co-1") == "exported"
    assert export(ruled) == []
    assert [(one.remade.seen.order_id, one.status) for one in differing(ruled)] == [("co-1", "AUTHORISED")]


def test_what_the_present_rules_would_hold_says_why(
    sandbox: Sandbox, connect: Connect, ruled: Connection
) -> None:
    unmapped: Any = connect({'rate = 20\ntype = "OUTPUT2"': 'rate = 19\ntype = "OUTPUT2"'})
    held = differing(unmapped)
    assert {one.remade.seen.order_id for one in held} == {"co-1", "co-2"}
    assert all(one.stays.startswith("held under these rules: No rule for 20") for one in held)
    assert not any(one.may_change(drafts_only=False) for one in held)


def test_a_daily_run_leaves_what_only_changed_rules_let_be_changed(
    sandbox: Sandbox, ruled: Connection
) -> None:
    remake(ruled, differing(ruled))
    assert export(ruled) == []
    assert accounts(ruled) == ["200"] * 3
    change(sandbox, "co-1", lines=[line(quantity="5")])
    assert outcomes(export(ruled)) == [Outcome.written]
    assert state(ruled, "co-2") == "pending"


def test_an_order_that_changed_while_it_waited_to_be_remade_is_not_lost(
    sandbox: Sandbox, ruled: Connection
) -> None:
    remake(ruled, differing(ruled))
    links = ruled.documents.links(Kind.customer, ["co-1"])
    sandbox.edit("edit", kind="invoice", id=links["co-1"].document_id, fields={"Status": "AUTHORISED"})
    change(sandbox, "co-1", lines=[line(quantity="5")])
    export(ruled, drafts_only=True, remaking=True)
    ruled.remaking.take_back("run")
    assert state(ruled, "co-1") == "pending"
    assert outcomes(export(ruled)) == [Outcome.written]
    assert sorted(row["LineItems"][0]["Quantity"] for row in invoices(ruled)) == [3, 3, 5]


@pytest.mark.parametrize(
    ("act", "stays"),
    [
        ({"action": "pay", "amount": "1.00"}, "AUTHORISED, with money on it"),
        ({"action": "pay"}, "PAID, with money on it"),
        ({"action": "void"}, None),
    ],
    ids=["part paid", "paid", "voided"],
)
def test_what_has_money_on_it_stays_and_what_is_gone_is_not_told(
    sandbox: Sandbox, ruled: Connection, act: dict[str, Any], stays: str | None
) -> None:
    document = ruled.documents.links(Kind.customer, ["co-1"])["co-1"].document_id
    sandbox.edit("edit", kind="invoice", id=document, fields={"Status": "AUTHORISED"})
    sandbox.edit(id=document, **act)
    sandbox.advance(2)
    import_(ruled)
    found = {one.remade.seen.order_id: one for one in differing(ruled)}
    assert "co-2" in found
    if stays is None:
        assert "co-1" not in found
    else:
        assert found["co-1"].stays == stays
        assert not found["co-1"].may_change(drafts_only=False)


def test_a_conflict_of_changed_rules_is_settled_as_any_other(sandbox: Sandbox, ruled: Connection) -> None:
    sandbox.edit("edit", kind="invoice", number="MS-CO-2026-00001", fields={"DueDate": "2027-01-01"})
    remake(ruled, differing(ruled))
    export(ruled, remaking=True)
    ruled.remaking.take_back("run")
    assert state(ruled, "co-1") == "held"
    assert retried(ruled) == ["co-1"]
    assert outcomes(export(ruled)) == [Outcome.conflict]


def retried(connection: Connection) -> list[str]:
    """What a daily run looks at."""
    return [one.order_id for one in connection.orders.unsettled(Scope(rules="other"), None, 10)]
