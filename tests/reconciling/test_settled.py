"""What a person settled is settled: such a night ends as matched, whatever month or tax type the document has."""

import datetime as dt
from typing import Any

import pytest

from deployments.sandbox.server import Sandbox
from tasks.connections.connection import Connection
from tasks.domain.orders import Kind
from tasks.exporting.deciding import link, take
from tasks.reconciling import summing
from tasks.reconciling.night import COLUMNS, Night
from tasks.reconciling.words import sentence
from tests.exporting.conftest import no_waiting
from tests.exporting.driver import export, standing
from tests.importing.books import invoice
from tests.importing.driver import import_
from tests.reconciling import nights
from tests.reconciling.drifts import nightly
from tests.reconciling.driver import night
from tests.reconciling.test_nights import TODAY, day, document, ordered, settled
from tests.support import Connect, line
from tests.xero.desk import another

__all__ = ["no_waiting"]
MUGS = {"Description": "Mug", "Quantity": 3, "UnitAmount": 12.5, "AccountCode": "200", "TaxType": "OUTPUT2"}
NEXT_MONTH = (TODAY.replace(day=1) + dt.timedelta(days=32)).replace(day=1)


@pytest.fixture
def shop(connect: Connect, no_waiting: None) -> Connection:
    return nightly(connect)


def looked(sandbox: Sandbox, shop: Connection, period: Any = None) -> Night:
    """The next night, as its report tells it."""
    sandbox.advance(2)
    import_(shop, open_documents=True)
    found = night(shop, period, run_id=f"night {period}")
    return nights.night(
        discrepancies=found.rows[list(COLUMNS)],
        totals=found.totals,
        days=found.days,
        orders=found.orders,
        documents=found.documents,
        compared=found.pairs,
        matched=found.matched,
    )


def told(found: Night) -> list[tuple[Any, ...]]:
    """Kind, life and difference of each discrepancy."""
    rows = found.discrepancies[["kind", "state", "difference"]].itertuples(index=False, name=None)
    return sorted(tuple(None if value is nights.pd.NA else value for value in row) for row in rows)


def by_hand(sandbox: Sandbox, shop: Connection, ago: int = 3, rate: str = "20", **fields: Any) -> None:
    """An order of so many days ago, and at this rate, whose invoice a person made and joined to it."""
    invoice(sandbox, "HAND", **{"Reference": "CO-2026-00001", "Date": day(3), "DueDate": day(-90)} | fields)
    sandbox.load_orders([ordered(1, orderDate=day(ago), lines=[line(taxRate=rate)])])
    export(shop)
    assert standing(shop) == {"co-1": "held"}
    link(shop, "CO-2026-00001", "HAND", "Ada")


@pytest.mark.parametrize(
    ("ago", "fields"),
    [
        pytest.param(3, {"Date": str(NEXT_MONTH)}, id="the next month"),
        pytest.param(3, {"Date": day(80)}, id="a month that is not looked at any more"),
        pytest.param(80, {}, id="an order of such a month"),
        pytest.param(3, {"LineItems": [{**MUGS, "UnitAmount": 12.51}]}, id="within the tolerance"),
        pytest.param(
            3, {"rate": "0", "LineItems": [{**MUGS, "TaxType": "EXEMPTOUTPUT"}]}, id="another tax type"
        ),
    ],
)
def test_an_invoice_that_a_person_joined(
    sandbox: Sandbox, shop: Connection, ago: int, fields: dict[str, Any]
) -> None:
    by_hand(sandbox, shop, ago, **fields)
    found = looked(sandbox, shop)
    assert told(found) == []
    assert summing.apart(found) == {}
    assert summing.agrees(found)


def test_an_invoice_that_a_person_joined_tells_once_that_it_has_no_tax(
    sandbox: Sandbox, shop: Connection
) -> None:
    by_hand(sandbox, shop, LineItems=[{**MUGS, "UnitAmount": 15, "TaxType": "NONE"}])
    found = looked(sandbox, shop)
    assert told(found) == [("order amount", "accepted", 750)]
    assert found.discrepancies["ours"].item() == "GBP 45.00, tax 7.50"
    assert summing.apart(found) == {"GBP": 750}
    assert summing.agrees(found)


@pytest.mark.parametrize(
    ("fields", "rows", "apart"),
    [
        ({"Date": str(NEXT_MONTH)}, [], {}),
        (
            {"LineItems": [{**MUGS, "TaxType": "RROUTPUT"}]},
            [("order amount", "accepted", 562)],
            {"GBP": 562},
        ),
        ({"LineItems": [{**MUGS, "UnitAmount": 13}]}, [("order amount", "accepted", -180)], {"GBP": 180}),
    ],
    ids=["date", "tax", "amount"],
)
def test_an_edit_that_a_person_let_stand(
    sandbox: Sandbox,
    shop: Connection,
    fields: dict[str, Any],
    rows: list[tuple[Any, ...]],
    apart: dict[str, int],
) -> None:
    settled(sandbox, shop, ordered(1))
    sandbox.edit("edit", kind="invoice", id=document(shop, "co-1"), fields=fields)
    sandbox.edit("edit", on="monstock", id="co-1", fields={"externalReference": "PO 7"})
    sandbox.advance(2)
    export(shop)
    take(shop, "CO-2026-00001", "theirs", "Ada")
    found = looked(sandbox, shop)
    assert told(found) == rows
    assert summing.apart(found) == apart
    assert summing.agrees(found)


def test_an_invoice_of_a_cancelled_order_that_a_person_let_stand(sandbox: Sandbox, shop: Connection) -> None:
    settled(sandbox, shop, ordered(1))
    sandbox.edit("pay", id=document(shop, "co-1"))
    sandbox.edit("cancel", on="monstock", id="co-1")
    sandbox.advance(2)
    export(shop)
    waits = looked(sandbox, shop)
    assert told(waits) == [("order cancelled", "open", -4_500)]
    take(shop, "CO-2026-00001", "theirs", "Ada")
    found = looked(sandbox, shop)
    assert told(found) == [("order cancelled", "gone", -4_500)]
    assert summing.apart(found) == {}
    assert summing.agrees(found)


def test_a_date_that_was_edited_in_xero_explains_both_months(sandbox: Sandbox, shop: Connection) -> None:
    settled(sandbox, shop, ordered(1), ordered(2))
    sandbox.edit("edit", kind="invoice", id=document(shop, "co-1"), fields={"Date": str(NEXT_MONTH)})
    found = looked(sandbox, shop)
    assert told(found) == [("date", "open", None)]
    shop.discrepancies.accept(found.discrepancies["id"].item(), "the goods go out then", "ada")
    found = looked(sandbox, shop)
    assert summing.agrees(found)
    assert "leaves the control totals apart by GBP 90.00" in sentence(found)
    there = looked(sandbox, shop, (NEXT_MONTH, NEXT_MONTH))
    assert told(there) == [("date", "accepted", None)]
    assert summing.agrees(there)
    assert {month[:7] for month in there.totals["month"]} == {f"{NEXT_MONTH:%Y-%m}"}
    assert summing.apart(there) == {"GBP": 4_500}
    assert set(there.days["date"].dt.date) <= {NEXT_MONTH}


def ruled(shop: Connection, rate: str, type_: str) -> Connection:
    """The same under other rules: customers' orders at this rate have this tax type."""
    others = [rule for rule in shop.settings.taxes if str(rule.rate) != "0" or rule.kind is not Kind.customer]
    rule = {"kind": "customer", "rate": rate, "type": type_}
    return another(shop, taxes=[*(one.model_dump() for one in others), rule])


def test_an_order_that_was_held_for_its_tax_counts_as_it_was_sent(sandbox: Sandbox, shop: Connection) -> None:
    sandbox.load_orders([ordered(1, lines=[line(taxRate="0")])])
    export(ruled(shop, "17.5", "OUTPUT2"))
    assert standing(shop) == {"co-1": "held"}
    export(shop)
    found = looked(sandbox, shop)
    assert (told(found), summing.apart(found)) == ([], {})


def test_a_document_that_follows_by_its_own_rules_counts_by_them(sandbox: Sandbox, shop: Connection) -> None:
    settled(sandbox, shop, ordered(1, lines=[line(taxRate="0")]))
    changed = ruled(shop, "0", "EXEMPTOUTPUT")
    sandbox.edit("edit", on="monstock", id="co-1", fields={"lines": [line(taxRate="0", quantity="5")]})
    sandbox.advance(2)
    export(changed)
    found = looked(sandbox, changed)
    assert (told(found), summing.apart(found)) == ([], {})
