"""Contents go, on request or after their term; rows and chain stay, and only what was asked for is gone."""

from concurrent.futures import Future, ThreadPoolExecutor, wait
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import select, update

from tasks.domain.orders import Kind
from tasks.domain.outcomes import Cause, Finding, OrderState
from tasks.ledger import forgetting
from tasks.ledger.claims import UPDATE, Claim, Settlement
from tasks.ledger.contacts import Contacts
from tasks.ledger.database import Database
from tasks.ledger.documents import Documents
from tasks.ledger.forgetting import _nameless, erase, expire, ranges
from tasks.ledger.schema import metadata, trail
from tasks.ledger.settlement import record
from tasks.ledger.standing import Standing
from tasks.ledger.trail import Entry, Trail, inflated
from tasks.ledger.verifying import Verification, What
from tasks.xero.reading import read_written
from tests.ledger.given import attempts, claim, orders, settled, store

ADA, BOB = "0a0a0a0a-0000-4000-8000-000000000001", "0b0b0b0b-0000-4000-8000-000000000002"
NAMES = {ADA: "Ada Lovelace", BOB: "Bob Hope"}


def written(database: Database, order_id: str, contact: str, xero_id: str) -> Settlement:
    """An order of a contact, exported: its trail, its link and its claim all name the person."""
    row = Standing(
        Kind.customer, order_id, f"CO-{order_id}", "r1", OrderState.pending, "2026", contact, NAMES[xero_id]
    )
    orders(database).take_in([row], "run", None, None)
    document = {
        "InvoiceID": f"id-{order_id}",
        "Type": "ACCREC",
        "Status": "DRAFT",
        "Total": "45.00",
        "Contact": {"ContactID": xero_id, "Name": NAMES[xero_id]},
    }
    warned = f'[{{"cause":"text cut","detail":"{NAMES[xero_id]}","field":null}}]'
    this = claim(order_id, warnings=warned)
    return write(database, this, document)


def write(database: Database, this: Claim, document: dict[str, Any]) -> Settlement:
    worker = attempts(database)
    attempt = store(worker, this)
    assert attempt is not None
    end = settled(this, document=document)
    worker.settle(attempt, [end], "answered", "run")
    return end


@pytest.fixture
def two(database: Database) -> Database:
    """Two orders of Ada's, one of Bob's."""
    Contacts(database, "shop").link([("7", ADA), ("8", BOB)])
    for order_id, contact, xero_id in (("1", "7", ADA), ("2", "8", BOB), ("3", "7", ADA)):
        written(database, order_id, contact, xero_id)
    return database


def contents(database: Database) -> dict[int, Any]:
    with database.engine.connect() as tx:
        rows = tx.execute(select(trail.c.number, trail.c.content).order_by(trail.c.number)).all()
    return {row.number: inflated(row.content) if row.content else None for row in rows}


def broken(database: Database) -> list[tuple[int, What]]:
    return [(found.number, found.what) for found in Verification(Trail(database, "shop")).breaks()]


def everything(database: Database) -> str:
    """The whole ledger as text, with what is compressed."""
    with database.engine.connect() as tx:
        rows = [tuple(row) for table in metadata.sorted_tables for row in tx.execute(select(table))]
    return f"{rows} {contents(database)}"


def test_an_erased_person_is_nowhere_in_the_ledger_and_others_are_untouched(two: Database) -> None:
    assert "Ada Lovelace" in everything(two)
    done = erase(Trail(two, "shop"), "7", "request 12", "Clerk")
    assert (done.contents, done.orders, done.waiting) == (2, 2, [])
    assert "Ada Lovelace" not in everything(two)
    kept = contents(two)
    assert (kept[1], kept[3]) == (None, None)
    assert kept[2]["answer"]["Contact"]["Name"] == "Bob Hope"
    assert kept[4] == {"rows": [[1, 1], [3, 3]], "reason": "request 12"}
    assert broken(two) == []


def test_after_an_erasure_a_document_can_still_be_compared_with_our_last_write(two: Database) -> None:
    erase(Trail(two, "shop"), "7", "request 12", "Clerk")
    link = Documents(two, "shop").links(Kind.customer, ["1"])["1"]
    assert (link.written["Contact"], link.written["Total"]) == ({"ContactID": ADA}, "45.00")


def test_what_is_settled_during_an_erasure_is_not_overwritten(
    two: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    document = {"InvoiceID": "id-1", "Type": "ACCREC", "Status": "DRAFT", "Total": "90.00"}
    rewritten = settled(claim("1", operation=UPDATE, revision="r2"), document=document)

    def settle() -> None:
        with two.begin() as tx:
            record(tx, "shop", [rewritten], "run", datetime.now(UTC), read_written)

    with ThreadPoolExecutor(1) as pool:
        works: list[Future[None]] = []

        def nameless(written: bytes) -> bytes:
            if not works:
                works.append(pool.submit(settle))
                wait(works, 0.3)
            return _nameless(written)

        monkeypatch.setattr(forgetting, "_nameless", nameless)
        erase(Trail(two, "shop"), "7", "request 12", "Clerk")
        works[0].result()
    link = Documents(two, "shop").links(Kind.customer, ["1"])["1"]
    assert (link.revision, link.written["Total"]) == ("r2", "90.00")


def test_an_order_that_was_the_persons_once_is_erased_too(two: Database) -> None:
    with two.begin() as tx:
        tx.exec_driver_sql("update orders set contact_id = '8' where order_id = '3'")
    assert erase(Trail(two, "shop"), "7", "request 12", "Clerk").contents == 2
    assert contents(two)[3] is None


def test_an_order_that_still_waits_is_named_and_keeps_what_its_export_needs(two: Database) -> None:
    row = Standing(Kind.customer, "4", "CO-4", "r1", OrderState.pending, "2026", "7", "Ada", payload="{}")
    orders(two).take_in([row], "run", None, None)
    assert erase(Trail(two, "shop"), "7", "request 12", "Clerk").waiting == ["CO-4"]


def test_an_erasure_excuses_no_other_missing_content_nor_any_after_it(two: Database) -> None:
    erase(Trail(two, "shop"), "7", "request 12", "Clerk")
    written(two, "5", "7", ADA)
    for number in (2, 4, 5):
        with two.begin() as tx:
            tx.execute(update(trail).where(trail.c.number == number).values(content=None))
    # Without the row that excuses them, the others are missed as well.
    assert sorted(broken(two)) == [
        (1, What.content_missing),
        (4, What.content_missing),
        (5, What.content_missing),
    ]


def test_nobody_can_excuse_a_missing_content_without_the_key(two: Database) -> None:
    chain = Trail(two, "shop")
    chain.note(Entry("held", "customer", "9", content={"rows": [[1, 3]]}), "run")
    with two.begin() as tx:
        tx.execute(update(trail).where(trail.c.number == 4).values(event="erased"))
        tx.execute(update(trail).where(trail.c.number == 1).values(content=None))
    assert (4, What.changed) in broken(two)


def test_contents_past_their_term_go_and_younger_ones_stay(two: Database) -> None:
    chain, now = Trail(two, "shop"), datetime.now(UTC)
    assert expire(chain, now - timedelta(days=1), "run") == 0
    assert len(contents(two)) == 3
    written(two, "4", "8", BOB)
    with two.engine.connect() as tx:
        fourth = tx.execute(select(trail.c.at).where(trail.c.number == 4)).scalar_one()
    assert expire(chain, fourth, "run") == 3
    kept = contents(two)
    assert [number for number, content in kept.items() if content is None] == [1, 2, 3]
    assert kept[5]["rows"] == [[1, 3]]
    assert broken(two) == []
    assert expire(chain, fourth, "run") == 0
    assert expire(chain, now + timedelta(days=1), "run") == 1
    assert contents(two)[5] is not None
    assert broken(two) == []


def test_what_is_refused_stands_in_the_trail_and_not_as_a_document(database: Database) -> None:
    worker, this = attempts(database), claim()
    attempt = store(worker, this)
    assert attempt is not None
    found = (Finding(Cause.rejected, "No."),)
    refusal = Settlement(this, settled(this).outcome.rejected, None, found, {"HasErrors": True})
    worker.settle(attempt, [refusal], "answered", "run", "abc")
    (content,) = contents(database).values()
    assert (content["answer"], content["request"], content["correlation_id"]) == (
        {"HasErrors": True},
        0,
        "abc",
    )
    assert content["findings"][0]["detail"] == "No."
    assert Documents(database, "shop").links(Kind.customer, ["1"]) == {}


def test_a_closed_attempt_keeps_no_body(two: Database) -> None:
    with two.engine.connect() as tx:
        bodies = tx.execute(select(metadata.tables["attempts"].c.body)).scalars().all()
    assert set(bodies) == {b""}


def test_numbers_become_ranges() -> None:
    assert ranges([1, 2, 3, 7, 9, 10]) == [(1, 3), (7, 7), (9, 10)]
    assert ranges([]) == []
