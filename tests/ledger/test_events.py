"""Events that are kept, folded, and followed by one run at a time."""

from datetime import UTC, datetime, timedelta
from itertools import count
from threading import Event as Flag
from threading import Thread
from time import sleep

import pytest
from sqlalchemy import insert, select, update

from tasks.domain.outcomes import OrderState
from tasks.ledger import following as ledger_following
from tasks.ledger.database import Database
from tasks.ledger.events import KEPT, forget, left, store
from tasks.ledger.following import Following, answer
from tasks.ledger.schema import accounting, documents, events, followers, matches
from tasks.ledger.told import KNOWN, Event, Followed, Side, Told
from tests.ledger import given
from tests.ledger.given import attempts, claim, mirrored, orders, settled, take_in
from tests.ledger.given import store as store_attempt
from tests.ledger.told import waiting

SHOP = Followed("shop", Side.documents)
ORDERS = Followed("shop", Side.orders)
_ids = count()


def event(
    id_: str = "", subject_id: str = "inv-1", side: Side = Side.documents, changed: str = "2026"
) -> Event:
    subject = "INVOICE" if side is Side.documents else "customer"
    return Event(id_ or f"e{next(_ids)}", side, subject, subject_id, changed)


def kept(database: Database, *those: Event) -> list[Followed]:
    return store(database, [("shop", one) for one in those])


def taken(following: Following) -> list[str] | None:
    told = following.take(100)
    return None if told is None else [one.subject_id for one in told]


def begun(database: Database, side: Side = Side.documents, run_id: str = "run") -> Following:
    followed = answer(database, side, run_id)
    assert followed
    return Following(database, followed, run_id)


def rows(database: Database) -> dict[str, tuple[str, str | None]]:
    with database.engine.connect() as tx:
        return {row.id: (row.state, row.outcome) for row in tx.execute(select(events))}


def written(database: Database) -> None:
    """An invoice that we made, with the stamp that Xero gave it."""
    take_in(database, "1")
    stamp = "/Date(1764547200123+0000)/"
    document = {
        "InvoiceID": "inv-1",
        "Type": "ACCREC",
        "Status": "DRAFT",
        "UpdatedDateUTC": stamp,
        "Total": "1.00",
    }
    document |= {"Contact": {"ContactID": "c"}, "CurrencyCode": "GBP", "SubTotal": "1.00", "TotalTax": "0.00"}
    attempt = store_attempt(attempts(database), claim())
    assert attempt
    attempts(database).settle(attempt, [settled(claim(), document=document)], "written", "run")


def lapse(database: Database) -> None:
    with database.begin() as tx:
        tx.execute(update(followers).values(busy_until=datetime.now(UTC) - timedelta(seconds=1)))


def test_somebody_is_called_once_and_a_repeated_event_is_one(database: Database) -> None:
    assert kept(database, event("a")) == [SHOP]
    assert kept(database, event("a"), event("b")) == []
    assert kept(database, event("c", side=Side.orders)) == [ORDERS]
    assert len(rows(database)) == 3
    assert dict(waiting(database, "shop")) == {"documents": 2, "orders": 1}


def test_nothing_told_calls_nobody(database: Database) -> None:
    assert store(database, []) == []
    assert left(database) == []
    assert answer(database, Side.orders, "run") is None


def test_events_of_a_document_fold_and_those_that_come_meanwhile_are_one_more(database: Database) -> None:
    kept(database, event("a"), event("b"), event("c", "inv-2"))
    following = begun(database)
    assert answer(database, Side.documents, "another") is None
    assert taken(following) == ["inv-1", "inv-2"]
    assert kept(database, event("d"), event("e")) == []
    following.end("followed")
    assert taken(following) == ["inv-1"]
    following.end("followed")
    assert taken(following) is None
    assert {state for state, _ in rows(database).values()} == {"done"}
    assert kept(database, event("f")) == [SHOP]


def test_no_more_than_is_asked_for_the_first_come_first(database: Database) -> None:
    for at in (3, 1, 2):
        kept(database, event(subject_id=f"inv-{at}"))
    following = begun(database)
    assert following.take(2) == [Told("INVOICE", "inv-3", "2026"), Told("INVOICE", "inv-1", "2026")]
    following.end("followed")
    assert taken(following) == ["inv-2"]


def test_an_event_no_newer_than_what_our_own_write_brought_back_ends_there(database: Database) -> None:
    written(database)
    kept(
        database,
        event("echo", changed="2025-12-01T00:00:00.123+00:00"),
        event("later", changed="2025-12-01T00:00:00.124+00:00"),
        event("other", "inv-2", changed="2025-12-01T00:00:00.123+00:00"),
    )
    assert taken(begun(database)) == ["inv-1", "inv-2"]
    assert rows(database)["echo"] == ("done", KNOWN)
    assert rows(database)["later"] == ("taken", None)


def test_an_order_that_was_read_as_it_then_stood_ends_there_unless_it_still_waits(database: Database) -> None:
    take_in(database, "1", "2", stamp="2026-10-01T12:00:00.500000+00:00")
    [first, _] = given.waiting(database)
    orders(database).move([first.seen], OrderState.exported, "run")
    at = "2026-10-01T12:00:00.500000+00:00"
    kept(database, event("a", "1", Side.orders, at), event("b", "2", Side.orders, at))
    kept(database, event("c", "1", Side.orders, "2026-10-01T12:00:00.501000+00:00"))
    assert taken(begun(database, Side.orders)) == ["2", "1"]
    assert rows(database) == {"a": ("done", KNOWN), "b": ("taken", None), "c": ("taken", None)}


def test_what_a_run_that_died_had_taken_waits_again(database: Database) -> None:
    kept(database, event("a"))
    dead = begun(database, run_id="dead")
    assert taken(dead) == ["inv-1"]
    assert left(database) == []
    lapse(database)
    assert left(database) == [SHOP]
    assert left(database) == []
    following = begun(database, run_id="next")
    assert taken(dead) is None
    assert taken(following) == ["inv-1"]


def test_a_call_that_was_lost_is_made_again(database: Database) -> None:
    kept(database, event("a"))
    lapse(database)
    assert answer(database, Side.documents, "late") is None
    assert kept(database, event("b")) == [SHOP]
    assert taken(begun(database)) == ["inv-1"]


def test_a_run_that_is_tried_again_answers_its_own_call(database: Database) -> None:
    kept(database, event("a"))
    following = begun(database)
    taken(following)
    following.call_again(60)
    assert kept(database, event("b")) == []
    assert taken(begun(database)) == ["inv-1"]


def test_a_run_that_must_wait_for_a_person_has_nobody_called_for_a_while(database: Database) -> None:
    kept(database, event("a"), event("b", "inv-2"))
    following = begun(database)
    following.take(1)
    following.rest(600, "Monstock is away." * 9)
    assert kept(database, event("c")) == []
    assert answer(database, Side.documents, "another") is None
    assert set(rows(database).values()) == {("waiting", None)}
    lapse(database)
    assert left(database) == [SHOP]
    assert taken(begun(database)) == ["inv-1", "inv-2"]


def test_what_one_of_them_did_leaves_the_others_to_the_next_run(database: Database) -> None:
    kept(database, event("a"), event("b", "inv-2"))
    following = begun(database)
    assert following.take(1) == [Told("INVOICE", "inv-1", "2026")]
    following.give_up("left to the next poll: a mistake of ours")
    assert rows(database)["a"] == ("done", "left to the next poll: a mistake of ours")
    assert left(database) == [SHOP]
    assert taken(begun(database)) == ["inv-2"]


def test_a_run_that_was_taken_for_dead_ends_nothing_of_its_successor(database: Database) -> None:
    kept(database, event("a"))
    slow = begun(database, run_id="slow")
    taken(slow)
    lapse(database)
    left(database)
    successor = begun(database, run_id="next")
    assert taken(successor) == ["inv-1"]
    for too_late in (lambda: slow.rest(600, ""), lambda: slow.call_again(1), lambda: slow.give_up("left")):
        too_late()
    assert rows(database)["a"] == ("taken", None)
    successor.end("followed")
    assert taken(successor) is None


def test_a_run_that_takes_long_is_not_taken_for_dead(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(ledger_following, "AT_IT", timedelta(seconds=0.3))
    monkeypatch.setattr(ledger_following, "AGAIN", 0.05)
    kept(database, event("a"))
    following = begun(database)
    with following.kept():
        taken(following)
        sleep(0.6)
        assert left(database) == []


def test_somebody_who_never_comes_is_called_less_and_less_often(database: Database) -> None:
    kept(database, event("a"))
    pauses = []
    for _ in range(9):
        with database.engine.connect() as tx:
            until = tx.execute(select(followers.c.busy_until)).scalar_one()
        pauses.append(round((until - datetime.now(UTC)).total_seconds()))
        lapse(database)
        [called] = left(database)
        assert (called, called.in_vain) == (SHOP, len(pauses))
    assert pauses == [15, 30, 60, 120, 240, 480, 960, 960, 960]
    assert taken(begun(database)) == ["inv-1"]
    lapse(database)
    left(database)
    with database.engine.connect() as tx:
        assert tx.execute(select(followers.c.calls)).scalar_one() == 1


def test_events_are_forgotten_once_nobody_repeats_them(database: Database) -> None:
    kept(database, event("a"))
    following = begun(database)
    taken(following)
    following.end("followed")
    assert taken(following) is None
    with database.begin() as tx:
        tx.execute(update(events).values(received_at=datetime.now(UTC) - KEPT - timedelta(hours=1)))
    kept(database, event("b"))
    forget(database)
    assert set(rows(database)) == {"b"}


def test_no_event_is_ever_left_waiting_while_nobody_is_called(database: Database) -> None:
    """Events are stored while a follower comes, works and leaves again: each storing finds one, or calls one."""
    calls: list[Followed] = []
    ended = Flag()

    def tell() -> None:
        for at in range(60):
            calls.extend(kept(database, event(subject_id=f"inv-{at % 7}")))
        ended.set()

    teller = Thread(target=tell)
    teller.start()
    runs = 0
    while not ended.is_set() or calls:
        if not calls:
            continue
        calls.pop()
        runs += 1
        following = begun(database, run_id=f"run-{runs}")
        while taken(following) is not None:
            following.end("followed")
    teller.join()
    assert {state for state, _ in rows(database).values()} == {"done"}
    assert len(rows(database)) == 60


def test_what_is_known_of_one_event_says_nothing_of_another(database: Database) -> None:
    """The echo of what we showed on an order, and a person's change right after it."""
    take_in(database, "1", stamp="2026-10-01T12:00:00.500000+00:00")
    [first] = given.waiting(database)
    orders(database).move([first.seen], OrderState.exported, "run")
    with database.begin() as tx:
        row = {"kind": "customer", "order_id": "1", "due": 0, "since": datetime.now(UTC), "tries": 0}
        row |= {"connection": "shop", "modified": "2026-10-01T12:00:01.000000+00:00"}
        tx.execute(insert(accounting).values(**row))
    kept(database, event("echo", "1", Side.orders, "2026-10-01T12:00:01.000000+00:00"))
    kept(database, event("edit", "1", Side.orders, "2026-10-01T12:00:02.000000+00:00"))
    assert taken(begun(database, Side.orders)) == ["1"]
    assert rows(database) == {"echo": ("done", KNOWN), "edit": ("taken", None)}


def test_of_calls_for_several_connections_each_is_answered_by_one_run(database: Database) -> None:
    store(database, [(name, event(subject_id=name)) for name in ("berlin", "paris", "shop")])
    answers: list[Followed | None] = []
    runs = [
        Thread(target=lambda at=at: answers.append(answer(database, Side.documents, f"run-{at}")))
        for at in range(4)
    ]
    for run in runs:
        run.start()
    for run in runs:
        run.join()
    found = sorted(one.connection for one in answers if one)
    assert found == ["berlin", "paris", "shop"]
    assert answers.count(None) == 1


def test_a_document_that_was_read_ends_there_only_once_its_orders_show_it(database: Database) -> None:
    """A sweep reads it, or a run that dies before it has shown it."""
    at = "2026-10-01T12:00:00.000+00:00"
    mirrored(database, "inv-1", modified=at)
    kept(database, event("a", changed=at))
    following = begun(database)
    assert taken(following) == ["inv-1"]  # nobody has asked whose it is
    following.call_again(0)
    with database.begin() as tx:
        tx.execute(update(documents).values(standing="linked"))
        row = {
            "connection": "shop",
            "kind": "customer",
            "order_id": "1",
            "document_id": "inv-1",
            "state": "linked",
        }
        tx.execute(insert(matches).values(**row, reason="", since=datetime.now(UTC)))
        row = {
            "connection": "shop",
            "kind": "customer",
            "order_id": "1",
            "due": 1,
            "since": datetime.now(UTC),
        }
        tx.execute(insert(accounting).values(**row, tries=0))
    following = begun(database)
    assert taken(following) == ["inv-1"]  # its order is still to show it
    following.call_again(0)
    with database.begin() as tx:
        tx.execute(update(accounting).values(due=0))
    assert taken(begun(database)) is None
    assert rows(database)["a"] == ("done", KNOWN)


def test_what_one_connection_wrote_is_news_to_none_over_the_same_organisation(database: Database) -> None:
    written(database)
    echo = event("echo", changed="2025-12-01T00:00:00.123+00:00")
    assert store(database, [("shop", echo), ("berlin", echo)]) == []
