"""How the live way stands, as the ledger tells it."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import insert, update

from tasks.ledger.database import Database
from tasks.ledger.events import left, store
from tasks.ledger.following import ROOM, Following, answer
from tasks.ledger.heard import COMES, Heard, heard
from tasks.ledger.schema import accounting, events, links
from tasks.ledger.told import Event, Followed, Side
from tests.ledger.given import mirrored, take_in

DOCUMENTS, ORDERS = Followed("shop", Side.documents), Followed("shop", Side.orders)
QUIET = Heard(0, None, None, 0, alone=False, rests_until=None, why="")


def told(database: Database, id_: str = "a", ago: timedelta = timedelta()) -> datetime:
    """An event that came so long ago; returns when."""
    at = datetime.now(UTC) - ago
    store(database, [("shop", Event(id_, Side.documents, "INVOICE", "inv-1", "2026"))])
    with database.begin() as tx:
        tx.execute(update(events).where(events.c.id == id_).values(received_at=at))
    return at


def begun(database: Database) -> Following:
    followed = answer(database, Side.documents, "run")
    assert followed
    return Following(database, followed, "run")


def changed(database: Database, ago: timedelta, **facts: Any) -> None:
    """A document that changed in Xero so long ago, as an import has read it."""
    mirrored(database, f"inv-{ago}", **{"modified": stamp(ago), **facts})


def stamp(ago: timedelta, precision: str = "milliseconds") -> str:
    return (datetime.now(UTC) - ago).isoformat(timespec=precision)


def hours(number: float) -> timedelta:
    return timedelta(hours=number)


def test_nothing_told_and_nothing_changed_is_quiet(database: Database) -> None:
    assert heard(database, DOCUMENTS) == heard(database, ORDERS) == QUIET


def test_what_waits_is_told_and_that_nobody_comes_only_after_a_while(database: Database) -> None:
    old, new = told(database, "old", ago=COMES / 2), told(database, "new")
    found = heard(database, DOCUMENTS)
    assert (found.waiting, found.oldest, found.last) == (2, old, new)
    assert not found.alone
    told(database, "older", ago=2 * COMES)
    assert heard(database, DOCUMENTS).alone
    following = begun(database)
    assert not heard(database, DOCUMENTS).alone
    following.take(100)
    following.end("followed")
    assert heard(database, DOCUMENTS) == Heard(0, None, new, 0, alone=False, rests_until=None, why="")
    assert heard(database, ORDERS) == QUIET


@pytest.mark.parametrize("why", ["Monstock is away.", "x" * 200])
def test_a_rest_is_told_with_its_reason_until_it_is_over(database: Database, why: str) -> None:
    told(database, ago=hours(1))
    begun(database).rest(600, why)
    found = heard(database, DOCUMENTS)
    assert found.rests_until
    assert timedelta(minutes=9) < found.rests_until - datetime.now(UTC) < timedelta(minutes=12)
    assert found.why == why[: len(found.why)]
    assert len(found.why) >= min(len(why), ROOM - 10)
    assert not found.alone
    assert left(database) == []


def test_changes_of_which_nobody_told_since_the_last_event_are_counted(database: Database) -> None:
    told(database, ago=hours(6))
    changed(database, hours(7))  # before it
    changed(database, hours(0.1))  # its event may be on its way
    assert heard(database, DOCUMENTS).missed == 0
    changed(database, hours(5))
    changed(database, hours(4))
    assert heard(database, DOCUMENTS).missed == 2
    told(database, "again")
    assert heard(database, DOCUMENTS).missed == 0


@pytest.mark.parametrize(
    "facts",
    [
        {"type": "PURCHASEORDER"},
        {"paid": "0.01"},
        {"credited": "1.00", "paid": "0.00"},
        {"modified": None},
        {"connection": "berlin"},
    ],
    ids=["purchase order", "paid", "credited", "no stamp", "another's"],
)
def test_that_of_which_xero_need_not_tell_is_none_that_was_missed(
    database: Database, facts: dict[str, Any]
) -> None:
    changed(database, hours(5), **facts)
    assert heard(database, DOCUMENTS).missed == 0
    changed(database, hours(4), paid="0.00", credited="0")
    assert heard(database, DOCUMENTS).missed == 1


def test_what_we_wrote_ourselves_is_none_that_was_missed(database: Database) -> None:
    at, at_monstock = stamp(hours(5)), stamp(hours(5), "microseconds")
    changed(database, hours(5), document_id="inv-1", modified=at)
    take_in(database, "1", stamp=at_monstock)
    assert (heard(database, DOCUMENTS).missed, heard(database, ORDERS).missed) == (1, 1)
    key = {"connection": "shop", "kind": "customer", "order_id": "1"}
    link = {"role": "sale", "generation": 1, "document_id": "inv-1", "document_type": "invoice"}
    link |= {
        "origin": "made",
        "status": "DRAFT",
        "revision": "r",
        "updated_at": datetime.now(UTC),
        "run_id": "run",
    }
    with database.begin() as tx:
        tx.execute(insert(links).values(**key, **link, modified=at))
        shown = {"due": 0, "since": datetime.now(UTC), "tries": 0, "modified": at_monstock}
        tx.execute(insert(accounting).values(**key, **shown))
    assert (heard(database, DOCUMENTS).missed, heard(database, ORDERS).missed) == (0, 0)
