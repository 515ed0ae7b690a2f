"""What may be the echo of a write that is not answered yet waits for the answer; what cannot be one does not."""

from datetime import timedelta

import pytest
from sqlalchemy import insert, update

from tasks.ledger.attempts import Attempt, Attempts
from tasks.ledger.claims import UPDATE, Claim
from tasks.ledger.database import Database
from tasks.ledger.events import is_news
from tasks.ledger.following import Following
from tasks.ledger.schema import attempts as attempt_rows
from tasks.ledger.schema import connections
from tests.ledger.given import LEASE, TENANT, attempts, body, claim, mirrored, settled, take_in
from tests.ledger.test_events import SHOP, begun, event, kept, rows, taken

STAMP, ECHO = "/Date(1764547200123+0000)/", "2025-12-01T00:00:00.123+00:00"
INVOICE = {
    "InvoiceID": "inv-1",
    "Type": "ACCREC",
    "Status": "DRAFT",
    "UpdatedDateUTC": STAMP,
    "Total": "1.00",
}
INVOICE |= {"Contact": {"ContactID": "c"}, "CurrencyCode": "GBP", "SubTotal": "1.00", "TotalTax": "0.00"}


def sent(
    database: Database, one: Claim, endpoint: str = "Invoices", lease: timedelta = LEASE
) -> tuple[Attempts, Attempt]:
    """A request that Xero has, and has not answered."""
    worker = attempts(database, lease)
    stored = worker.store("PUT", endpoint, [one], body, "run")
    assert stored
    return worker, worker.note_sent(stored, stored.lease_until)


def following_of(database: Database, *ids: str) -> Following:
    kept(database, *(event(f"of {id_}", id_, changed=ECHO) for id_ in ids))
    return begun(database)


def test_what_is_being_made_is_followed_by_nobody_until_it_is_answered(database: Database) -> None:
    take_in(database, "1")
    worker, attempt = sent(database, claim())
    following = following_of(database, "inv-1", "inv-2")
    assert is_news(database, SHOP) is None
    assert taken(following) == []
    worker.settle(attempt, [settled(claim(), document=INVOICE)], "written", "run")
    assert taken(following) == ["inv-2"]
    assert rows(database)["of inv-1"][0] == "done"


def test_other_documents_do_not_wait(database: Database) -> None:
    """One that is somebody's is not being made; and an invoice's maker makes no credit note."""
    take_in(database, "1")
    mirrored(database, "inv-9", modified="2025", standing="aside")
    sent(database, claim())
    sent(database, claim("2"), "PurchaseOrders")
    kept(database, event("x", "inv-9", changed=ECHO))
    assert is_news(database, SHOP) is True
    assert taken(following_of(database, "inv-1")) == ["inv-9"]


def test_a_document_that_follows_its_order_waits_and_others_go_on(database: Database) -> None:
    take_in(database, "1")
    worker, attempt = sent(database, claim())
    worker.settle(attempt, [settled(claim(), document=INVOICE)], "written", "run")
    take_in(database, "1", revision="r2")
    changed = claim(operation=UPDATE, revision="r2")
    worker, attempt = sent(database, changed)
    kept(database, event("echo", "inv-1"), event("other", "inv-2"))
    following = begun(database)
    assert taken(following) == ["inv-2"]
    following.end("followed")
    assert taken(following) == []
    later = {**INVOICE, "UpdatedDateUTC": "/Date(1800000000000+0000)/"}
    worker.settle(attempt, [settled(changed, document=later)], "written", "run")
    assert taken(following) is None


@pytest.mark.parametrize("state", ["sent", "faulted"])
def test_a_writer_that_died_is_waited_for_while_its_lease_lives(database: Database, state: str) -> None:
    take_in(database, "1")
    worker, attempt = sent(database, claim())
    if state == "faulted":
        attempt = worker.note_fault(attempt)
    following = following_of(database, "inv-1")
    assert taken(following) == []
    worker.leave(attempt)
    assert is_news(database, SHOP) is True
    assert taken(following) == ["inv-1"]


def test_what_another_connection_makes_in_the_same_organisation_is_waited_for(database: Database) -> None:
    take_in(database, "1")
    sent(database, claim())
    with database.begin() as tx:
        for name, tenant in (("shop", TENANT), ("berlin", TENANT), ("paris", "another")):
            tx.execute(insert(connections).values(connection=name, tenant_id=tenant, tenant_name="T"))
        tx.execute(update(attempt_rows).values(connection="berlin"))
    following = following_of(database, "inv-1")
    assert taken(following) == []
    with database.begin() as tx:
        tx.execute(update(attempt_rows).values(connection="paris"))
    assert taken(following) == ["inv-1"]


def test_what_came_before_a_request_was_there_does_not_wait_for_it(database: Database) -> None:
    """So a document of somebody's is followed while an export sends one request after another."""
    following = following_of(database, "inv-1")
    take_in(database, "1")
    sent(database, claim())
    assert is_news(database, SHOP) is True
    assert taken(following) == ["inv-1"]
