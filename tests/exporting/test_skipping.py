"""A skip lasts over reruns, edits, backfills and new rules; what is retried and succeeds is in no inbox."""

from datetime import date

import pytest

from deployments.sandbox.server import Sandbox
from tasks.connections.connection import Connection
from tasks.domain.orders import Kind
from tasks.exporting.deciding import link, send
from tasks.exporting.intake import read_page, worth_a_look
from tasks.exporting.outcome import Calls, summarise
from tasks.exporting.run import Tally
from tasks.ledger.inbox import Inbox
from tasks.ledger.items import Wanted
from tasks.ledger.lookup import the_one
from tasks.ledger.retrying import retry
from tasks.ledger.skipping import skip
from tasks.ledger.standing import Scope
from tests.exporting.driver import change, export, invoices, standing
from tests.exporting.test_deciding import by_hand
from tests.support import Connect, line, order

UNMAPPED = {"lines": [line(taxRate="17.5")]}
NAME = "CO-2026-00001"


def take_out(connection: Connection) -> None:
    named = the_one(connection.database, [connection.name], NAME, Wanted())
    skip(connection.database, connection.settings.digest, named, "entered twice", "Ada")


def put_back(connection: Connection) -> None:
    named = the_one(connection.database, [connection.name], NAME, Wanted())
    keys = [(named.subject, named.kind, named.id)]
    assert list(retry(connection.database, connection.name, None, keys, "Ada"))


def inbox(connection: Connection) -> list[str]:
    return [item.name for item in Inbox(connection.database, [connection.name]).items(Wanted())]


@pytest.fixture
def skipped(sandbox: Sandbox, connection: Connection) -> Connection:
    """One order that was held and taken out."""
    sandbox.load_orders([order(1, **UNMAPPED)])
    export(connection)
    assert inbox(connection) == [NAME]
    take_out(connection)
    assert inbox(connection) == []
    return connection


def test_it_lasts_over_a_rerun_with_everything_tried_again(skipped: Connection) -> None:
    export(skipped, retry_rejected=True)
    assert standing(skipped) == {"co-1": "skipped"}
    scope = Scope(rules="others", retry_rejected=True)
    assert not worth_a_look(skipped, scope, by_hand=True)
    outcome = summarise(skipped, scope, Tally(), Calls.so_far(skipped), "run")
    assert (outcome.total("skipped"), outcome.total("held"), outcome.problems) == (1, 0, [])


@pytest.mark.parametrize("edit", [{"lines": [line()]}, {"status": "on_hold"}, {"status": "cancelled"}])
def test_it_lasts_over_an_edit(edit: dict[str, object], sandbox: Sandbox, skipped: Connection) -> None:
    before = skipped.orders.find(NAME)[0]
    change(sandbox, "co-1", **edit)
    export(skipped)
    after = skipped.orders.find(NAME)[0]
    assert (after.state, after.since) == ("skipped", before.since)
    assert after.revision != before.revision
    assert after.payload != before.payload
    assert invoices(skipped) == []


def test_it_lasts_over_a_window(sandbox: Sandbox, skipped: Connection) -> None:
    change(sandbox, "co-1", lines=[line()])
    day = date(2026, 10, 1)
    read_page(skipped, Kind.customer, "run", None, None, day, day)
    assert standing(skipped) == {"co-1": "skipped"}
    export(skipped, date_from=day, date_to=day)
    assert invoices(skipped) == []


def test_it_lasts_over_new_rules(sandbox: Sandbox, skipped: Connection, connect: Connect) -> None:
    """Those that would let the order go, and read everything once more."""
    rule = '[[connections.sandbox.taxes]]\nkind = "customer"\nrate = 17.5\ntype = "OUTPUT2"\n'
    customer = "[connections.sandbox.customer]"
    renewed = connect({customer: rule + customer, "export_from = 2026-01-01": "export_from = 2026-02-01"})
    export(renewed)
    assert standing(renewed) == {"co-1": "skipped"}
    export(connect({"export_from = 2026-01-01": "export_from = 2026-12-01"}))
    assert standing(renewed) == {"co-1": "skipped"}


def test_what_was_corrected_and_retried_leaves_by_itself(sandbox: Sandbox, skipped: Connection) -> None:
    change(sandbox, "co-1", lines=[line()])
    export(skipped)
    put_back(skipped)
    export(skipped)
    assert standing(skipped) == {"co-1": "exported"}
    assert inbox(skipped) == []


def test_what_was_not_corrected_is_back_after_the_next_run(skipped: Connection) -> None:
    put_back(skipped)
    export(skipped)
    assert inbox(skipped) == [NAME]


def test_a_person_may_still_link_it(sandbox: Sandbox, connection: Connection) -> None:
    by_hand(sandbox)
    sandbox.load_orders([order(1)])
    export(connection)
    take_out(connection)
    assert "joined to INV-77" in link(connection, NAME, "INV-77", "Ada")
    export(connection)
    assert standing(connection)["co-1"] == "exported"


def test_one_that_is_sent_after_all_goes(sandbox: Sandbox, connection: Connection) -> None:
    by_hand(sandbox)
    sandbox.load_orders([order(1)])
    export(connection)
    take_out(connection)
    send(connection, NAME, "Ada")
    export(connection)
    assert standing(connection) == {"co-1": "exported"}


def test_no_retry_makes_a_removed_document_again(sandbox: Sandbox, connection: Connection) -> None:
    sandbox.load_orders([order(1)])
    export(connection)
    change(sandbox, "co-1", lines=[line(quantity="5")])
    sandbox.edit("delete", number="MS-CO-2026-00001")
    export(connection)
    assert (standing(connection), inbox(connection)) == ({"co-1": "held"}, [NAME])
    for _ in range(2):
        put_back(connection)
        export(connection)
        assert (standing(connection), inbox(connection)) == ({"co-1": "held"}, [NAME])
        assert len(invoices(connection)) == 1
        take_out(connection)
