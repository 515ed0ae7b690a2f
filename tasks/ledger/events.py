"""What the two systems told us of by webhooks: kept before it is answered, then followed by one run at a time.

An event says that something changed, and when; what, is read where it changed. Who follows a connection's orders, or
its documents, is its row of `followers`: whoever stores an event while nobody is at it calls somebody, and whoever is
at it (`tasks/ledger/following.py`) finds what came meanwhile before they leave.
"""

from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import ColumnElement, Connection, delete, exists, or_, select, tuple_, update

from tasks.ledger.database import Database, insert, upsert
from tasks.ledger.known import settle_known
from tasks.ledger.schema import events, followers
from tasks.ledger.told import TAKEN, WAITING, Event, Followed, Side
from tasks.ledger.under_way import may_be_echo, under_way

# A run that is called starts at once. Where none does, it is called less and less often: what calls it has a queue.
CALLED, DOUBLINGS = timedelta(seconds=15), 6
# Both systems repeat an event for a day at most, and by then polls have found it.
KEPT = timedelta(days=3)


def store(database: Database, arrivals: Iterable[tuple[str, Event]]) -> list[Followed]:
    """Keep events, each for a connection, in one transaction. Returns for whom somebody is to be called now.

    An event that is known is not stored again, and one that tells what we know is done at once.
    """
    rows = {(connection, event.id): _row(connection, event) for connection, event in arrivals}
    if not rows:
        return []
    with database.begin() as tx:
        now = database.now(tx)
        for row in rows.values():
            row["received_at"] = now
        tx.execute(insert(tx.dialect)(events).on_conflict_do_nothing(), [rows[key] for key in sorted(rows)])
        names, sides = ({row[column] for row in rows.values()} for column in ("connection", "side"))
        new = events.c.connection.in_(names), events.c.state == WAITING, events.c.received_at == now
        for side in sides:
            settle_known(tx, Side(side), new)
        query = select(events.c.connection, events.c.side).where(*new, events.c.side.in_(sides)).distinct()
        return _call(tx, sorted(tuple(row) for row in tx.execute(query)), now)


def is_news(database: Database, followed: Followed) -> bool | None:
    """Whether what somebody is called for is not known by now; if it is, the call is taken back.

    None: it may be the echo of a write that is not answered yet.
    """
    with database.begin() as tx:
        this = followers.c.connection == followed.connection, followers.c.side == followed.side.value
        tx.execute(select(followers.c.busy_until).where(*this).with_for_update())
        its = events.c.connection == followed.connection, events.c.side == followed.side.value
        unanswered = under_way(tx, followed)
        settle_known(tx, followed.side, (*its, events.c.state == WAITING))
        if tx.execute(select(_open(*its, ~may_be_echo(unanswered)))).scalar_one():
            return True
        if tx.execute(select(_open(*its))).scalar_one():
            return None
        nobody = *this, followers.c.run_id.is_(None)
        tx.execute(update(followers).where(*nobody).values(busy_until=None, calls=0))
    return False


def left(database: Database) -> list[Followed]:
    """Whose events wait though nobody is at it: a call that was lost, or a run that died. They count as called now."""
    with database.begin() as tx:
        now = database.now(tx)
        key = followers.c.connection, followers.c.side
        its = events.c.connection == key[0], events.c.side == key[1]
        query = select(*key).where(_open(*its))
        return _call(tx, sorted(tuple(row) for row in tx.execute(query)), now)


def forget(database: Database) -> None:
    """Events that nobody repeats any more go."""
    with database.begin() as tx:
        tx.execute(delete(events).where(events.c.received_at < database.now(tx) - KEPT))


def _open(*which: ColumnElement[bool]) -> ColumnElement[bool]:
    """Whether any of these is not done. State by state, for each is a place in the index; what is done is most."""
    return or_(*(exists().where(*which, events.c.state == state) for state in (WAITING, TAKEN)))


def _row(connection: str, event: Event) -> dict[str, Any]:
    facts = {name: getattr(event, name) for name in ("id", "subject", "subject_id", "changed")}
    return {"connection": connection, "side": event.side.value, "state": WAITING, **facts}


def _call(tx: Connection, told: Sequence[tuple[Any, ...]], now: datetime) -> list[Followed]:
    """Say for each connection and side that somebody is called, unless somebody is, or is at it. Returns the former.

    The rows stay locked until all is stored.
    """
    busy = _busy(tx, told)
    if new := [key for key in told if key not in busy]:
        upsert(
            tx, followers, [{"connection": name, "side": side, "calls": 0} for name, side in new], update=()
        )
        busy |= _busy(tx, new)
    free = [key for key in told if (until := busy[key][0]) is None or until <= now]
    for key in free:
        calls = busy[key][1]
        until = now + CALLED * 2 ** min(calls, DOUBLINGS)
        this = followers.c.connection == key[0], followers.c.side == key[1]
        tx.execute(update(followers).where(*this).values(busy_until=until, run_id=None, calls=calls + 1))
    return [Followed(name, Side(side), busy[name, side][1]) for name, side in free]


def _busy(
    tx: Connection, told: Sequence[tuple[Any, ...]]
) -> dict[tuple[Any, ...], tuple[datetime | None, int]]:
    """Until when somebody is called or at it, and how often somebody was called in vain."""
    key = followers.c.connection, followers.c.side
    query = (
        select(*key, followers.c.busy_until, followers.c.calls).where(tuple_(*key).in_(told)).order_by(*key)
    )
    return {(row[0], row[1]): (row[2], row[3]) for row in tx.execute(query.with_for_update())} if told else {}
