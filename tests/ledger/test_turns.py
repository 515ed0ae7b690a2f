"""Whoever locks several orders takes them in one sequence: nobody ends in a deadlock, whatever order they came in."""

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from threading import Barrier

import pytest

from tasks.domain.orders import Kind
from tasks.domain.outcomes import Cause, Finding, OrderState
from tasks.ledger.claims import Outcome
from tasks.ledger.database import Database
from tasks.ledger.settlement import record
from tasks.ledger.standing import Seen
from tasks.xero.reading import read_written
from tests.ledger.given import claim, moments, orders, settled, take_in

IDS = [f"{number:03}" for number in range(150)]
ROUNDS = 8


def takes_in(database: Database, ids: Sequence[str]) -> None:
    take_in(database, *ids)


def holds(database: Database, ids: Sequence[str]) -> None:
    found = (Finding(Cause.rejected, f"No. {next(moments)}"),)
    orders(database).hold([(Seen(Kind.customer, i, "r1"), found) for i in ids], "run")


def moves(database: Database, ids: Sequence[str]) -> None:
    orders(database).move([Seen(Kind.customer, i, "r1") for i in ids], OrderState.not_due, "run")


def settles(database: Database, ids: Sequence[str]) -> None:
    """What was written and what was refused stand mixed."""
    ends = [settled(claim(i), (Outcome.written, Outcome.rejected)[int(i) % 2]) for i in ids]
    with database.begin() as tx:
        record(tx, "shop", ends, "run", datetime.now(UTC), read_written)


@pytest.mark.parametrize("work", [takes_in, holds, moves, settles])
def test_opposite_orders_end_in_no_deadlock(
    database: Database, work: Callable[[Database, Sequence[str]], None]
) -> None:
    take_in(database, *IDS)
    together = Barrier(2)

    def again_and_again(does: Callable[[Database, Sequence[str]], None], ids: Sequence[str]) -> None:
        for _ in range(ROUNDS):
            together.wait(20)
            does(database, ids)

    with ThreadPoolExecutor(2) as pool:
        both = [pool.submit(again_and_again, work, IDS[::-1]), pool.submit(again_and_again, holds, IDS)]
        for one in both:
            one.result()
