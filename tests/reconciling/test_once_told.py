"""What was told stays told: until it has ended, or a person said so, whatever window a night looks at."""

from datetime import UTC, datetime, timedelta

import pytest

from deployments.sandbox.server import Sandbox
from tasks.connections.connection import Connection
from tasks.domain.discrepancies import Life
from tasks.importing.listing import read_again
from tasks.xero.client import XeroClient
from tests.exporting.conftest import no_waiting
from tests.importing.driver import import_, link
from tests.reconciling.cases import Stage
from tests.reconciling.drifts import DRIFTS, QUIET, nightly, seed, stage
from tests.reconciling.driver import night
from tests.support import Connect

__all__ = ["no_waiting"]
PLAIN = [case for case in QUIET if case.name == "plain"]


def staged(sandbox: Sandbox, connection: Connection, *drifts: str) -> Stage:
    chosen = [drift for drift in DRIFTS if drift.name in drifts]
    made = stage(sandbox, connection, 1, chosen, PLAIN)
    seed(made, chosen)
    sandbox.advance(2)
    return made


def states(connection: Connection, **how: object) -> dict[str, str]:
    rows = night(connection, **how).rows  # type: ignore[arg-type]
    return dict(zip(rows["kind"], rows["state"], strict=True))


def test_an_order_that_monstock_lost_is_missed_for_as_long_as_it_is_lost(
    sandbox: Sandbox, connect: Connect, no_waiting: None
) -> None:
    connection = staged(sandbox, nightly(connect), "order not listed").connection
    assert states(connection, run_id="1") == {"order not listed": Life.open}
    later = datetime.now(UTC) + timedelta(days=60)
    assert states(connection, run_id="2", now=later) == {"order not listed": Life.seen}


def test_what_a_night_found_that_died_is_news_of_the_next(
    sandbox: Sandbox, connect: Connect, no_waiting: None
) -> None:
    connection = staged(sandbox, nightly(connect), "order not listed").connection
    assert states(connection, run_id="died", told=False) == {"order not listed": Life.open}
    assert states(connection, run_id="next") == {"order not listed": Life.open}
    assert states(connection, run_id="then") == {"order not listed": Life.seen}


def test_a_period_ends_nothing_of_orders_beyond_it(
    sandbox: Sandbox, connect: Connect, no_waiting: None
) -> None:
    made = staged(sandbox, nightly(connect))
    connection, (one,) = made.connection, made.orders["plain"]
    made.edit(one, Date=made.day(40))
    sandbox.advance(2)
    for row in night(connection, run_id="1").rows.itertuples():
        connection.discrepancies.accept(str(row.id), "agreed", "ada")
    there, before = made.today - timedelta(days=40), made.today - timedelta(days=41)
    assert states(connection, period=(before, before), run_id="2") == {}
    assert set(states(connection, period=(there, there), run_id="3").values()) == {Life.accepted}
    assert set(states(connection, run_id="4").values()) == {Life.accepted}


def test_a_list_that_lacks_a_document_does_not_make_it_missing(
    sandbox: Sandbox, connect: Connect, no_waiting: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = staged(sandbox, nightly(connect))
    connection, (one,) = made.connection, made.orders["plain"]
    connection.mirror.read_again("Invoices", [made.document(one)])
    with monkeypatch.context() as slip:
        slip.setattr(XeroClient, "by_values", lambda *_: [])
        while read_again(connection):
            pass
    assert states(connection) == {}
    import_(connection)
    assert link(sandbox, one["id"])["status"] == "approved"


def test_a_document_that_came_back_is_found_again(
    sandbox: Sandbox, connect: Connect, no_waiting: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = staged(sandbox, nightly(connect))
    connection, (one,) = made.connection, made.orders["plain"]
    connection.mirror.take_in([], "2026-01-01", asked=("Invoices", [made.document(one)]))
    assert states(connection) == {}


def test_an_old_order_is_looked_at_for_the_bills_beside_it(
    sandbox: Sandbox, connect: Connect, no_waiting: None
) -> None:
    made = staged(sandbox, nightly(connect), "billed beyond the order")
    (one,) = made.orders["billed beyond the order"]
    made.edit(one, Status="BILLED")
    sandbox.advance(2)
    import_(made.connection)
    later = datetime.now(UTC) + timedelta(days=100)
    assert "billed beyond the order" in states(made.connection, now=later)
