"""The whole demo: its documents are seen as they were written, and its orders come to what Monstock says."""

from collections.abc import Iterator
from decimal import Decimal

import pytest

from deployments.sandbox.server import Sandbox, running
from tasks.connections.connection import Connection
from tasks.domain.outcomes import OrderState
from tasks.domain.taxes import read_taxes
from tasks.ledger.standing import Scope
from tasks.monstock import wire
from tests.exporting.driver import export, read, standing
from tests.importing.written import agreed

D = Decimal
# Their totals do not follow from their lines.
WRONG = {"co-00150": D("1.00"), "co-00170": D("0.01")}


@pytest.fixture
def sandbox() -> Iterator[Sandbox]:
    with running(seed=True) as seeded:
        yield seeded


@pytest.mark.parametrize("kind", ["connection", "with_bills"])
def test_every_document_is_seen_as_it_was_written(kind: str, request: pytest.FixtureRequest) -> None:
    connection: Connection = request.getfixturevalue(kind)
    export(connection)
    seen = {order_id for order_id, _ in agreed(connection)}
    assert len(seen) > 250
    assert seen == {order_id for order_id, state in standing(connection).items() if state == "exported"}


def test_by_tax_type_orders_come_to_their_totals(connection: Connection) -> None:
    read(connection)
    rows = connection.orders.standing(Scope(), list(OrderState), 1000)
    assert len(rows) > 270
    off = {}
    for row in rows:
        amounts = read_taxes(row.taxes).values()
        net, tax = sum(net for net, _ in amounts), sum(tax for _, tax in amounts)
        assert tax == D(row.gross) - D(row.net), row.order_id
        if net != D(row.net):
            off[row.order_id] = D(row.net) - net
    assert off == WRONG
    assert {t for row in rows for t in read_taxes(row.taxes)} == {
        *("OUTPUT2", "RROUTPUT", "ZERORATEDOUTPUT", "INPUT2", "RRINPUT", "ZERORATEDINPUT"),
        "17.5 %",
    }


def test_the_tax_of_an_order_is_what_its_gross_has_beyond_its_net(connection: Connection) -> None:
    read(connection)
    waiting = connection.orders.unsettled(Scope(), None, 1000)
    assert len(waiting) > 250
    for one in waiting:
        totals = wire.order(one.payload, one.revision).totals
        assert totals.tax == totals.gross - totals.net
