"""What the receiver asks of a ledger costs the same however much stands in it: every row is found by its key."""

import re
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import event, insert

from tasks.ledger.database import Database
from tasks.ledger.events import forget, is_news, left, store
from tasks.ledger.following import Following, answer
from tasks.ledger.schema import attempts
from tasks.ledger.told import Event, Followed, Side
from tests.benchmarks import a_year

# By these columns alone a row of a table that grows is found without looking at many.
NARROW = {
    "links": {"document_id", "order_id"},
    "matches": {"document_id", "order_id"},
    "documents": {"document_id"},
    "orders": {"order_id"},
    "accounting": {"order_id"},
    "events": {"state", "received_at", "id"},
    "attempts": {"id", "state"},
}


@contextmanager
def asked(database: Database) -> Iterator[list[tuple[str, Any]]]:
    """What is asked meanwhile, with its parameters."""
    found: list[tuple[str, Any]] = []

    def note(_c: Any, _cursor: Any, statement: str, given: Any, _how: Any, many: bool) -> None:
        if not many and statement.startswith(("SELECT", "UPDATE", "DELETE")):
            found.append((statement, given))

    event.listen(database.engine, "before_cursor_execute", note)
    yield found
    event.remove(database.engine, "before_cursor_execute", note)


def ways(database: Database, statement: str, given: Any) -> Iterator[tuple[str, str]]:
    """The tables that a statement enters, each with the columns by which its rows are found."""
    with database.engine.connect() as tx:
        if tx.dialect.name == "sqlite":
            for row in tx.exec_driver_sql(f"EXPLAIN QUERY PLAN {statement}", given):
                if entered := re.match(r"(?:SCAN|SEARCH) (\w+)(.*)", row[-1]):
                    yield entered[1], entered[2].partition("(")[2]
            return
        tx.exec_driver_sql("set enable_seqscan = off")  # what are few rows yet would be read whole
        [plan] = tx.exec_driver_sql(f"EXPLAIN (FORMAT JSON) {statement}", given).scalar_one()
        yield from nodes(plan["Plan"])


def nodes(plan: dict[str, Any]) -> Iterator[tuple[str, str]]:
    """The same of Postgres' plan."""
    below = plan.get("Plans", [])
    if "Relation Name" in plan and plan["Node Type"] != "ModifyTable":
        by = [plan.get("Index Cond", ""), *(one.get("Index Cond", "") for one in below)]
        yield plan["Relation Name"], " ".join(by)
    for one in below:
        yield from nodes(one)


@pytest.mark.parametrize("side", Side)
def test_nothing_is_looked_for_in_all_that_there_is(database: Database, side: Side) -> None:
    subject = {Side.orders: "customer", Side.documents: "INVOICE"}[side]
    a_year.fill(database, 3_000)
    with database.begin() as tx:  # a write that is not answered yet
        now = database.now(tx)
        row = {"id": "1", "connection": a_year.CONNECTION, "run_id": "run", "method": "PUT", "body": b"{}"}
        row |= {
            "endpoint": "Invoices",
            "key": "k",
            "state": "sent",
            "owner": "o",
            "stored_at": now,
            "sends": 1,
        }
        tx.execute(insert(attempts).values(**row, lease_until=now + timedelta(minutes=1)))
    with asked(database) as statements:
        store(
            database,
            [(a_year.CONNECTION, Event(f"e{at}", side, subject, f"id-{at}", "2026")) for at in range(3)],
        )
        is_news(database, Followed(a_year.CONNECTION, side))
        left(database)
        forget(database)
        followed = answer(database, side, "run")
        assert followed
        following = Following(database, followed, "run")
        following.take(100)
        following.end("followed")
        following.take(100)
    entered = [
        (*way, statement) for statement, given in statements for way in ways(database, statement, given)
    ]
    assert {table for table, *_ in entered} > {"events", "followers"}
    assert [
        (table, by, statement)
        for table, by, statement in entered
        if table in NARROW and not NARROW[table] & set(re.findall(r"\w+", by))
    ] == []
