"""What the two systems told us of by webhooks: kept before it is answered, then followed by one run at a time.

An event says that something changed, and when; what, is read where it changed. Events of one order or document that
wait together are one piece of work. Who follows a connection's orders, or its documents, is the row of `followers`:
whoever stores an event while nobody is at it calls somebody, and whoever is at it finds what came meanwhile before they
leave.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any

from sqlalchemy import (
    ColumnElement,
    Connection,
    Table,
    and_,
    delete,
    exists,
    func,
    or_,
    select,
    tuple_,
    update,
)

from tasks.domain.outcomes import OrderState
from tasks.ledger.database import Database, insert, upsert
from tasks.ledger.schema import accounting, documents, events, followers, links, orders

# A run that is called starts at once; one that is at it says so at each of its steps.
CALLED, AT_IT = timedelta(seconds=15), timedelta(minutes=3)
# Both systems repeat an event for a day at most.
KEPT = timedelta(days=3)
CHUNK = 500
WAITING, TAKEN, DONE = "waiting", "taken", "done"
KNOWN = "known already"


class Side(StrEnum):
    """What an event tells of: orders in Monstock, or documents in Xero."""

    orders = "orders"
    documents = "documents"


@dataclass(frozen=True, slots=True)
class Event:
    """Something changed. `id` is the sender's own for it, at most 64 characters: a repeated event bears the same.

    `subject` is the order's kind, or Xero's category; `changed` is the far side's stamp, as text that sorts by time in
    the form in which the ledger has that side's stamps.
    """

    id: str
    side: Side
    subject: str
    subject_id: str
    changed: str


@dataclass(frozen=True, slots=True)
class Followed:
    """A connection's orders or documents, for somebody to follow."""

    connection: str
    side: Side


@dataclass(frozen=True, slots=True)
class Told:
    """An order or document that changed, by its kind or category and id; all events that waited for it are in it."""

    subject: str
    subject_id: str


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
        tx.execute(insert(tx)(events).on_conflict_do_nothing(), list(rows.values()))
        names, sides = ({row[column] for row in rows.values()} for column in ("connection", "side"))
        new = events.c.connection.in_(names), events.c.state == WAITING, events.c.received_at == now
        for side in sides:
            _settle_known(tx, Side(side), new)
        query = select(events.c.connection, events.c.side).where(*new, events.c.side.in_(sides)).distinct()
        return _call(tx, sorted(tuple(row) for row in tx.execute(query)), now)


def is_news(database: Database, followed: Followed) -> bool:
    """Whether what somebody is called for is not known by now; if it is, the call is taken back."""
    with database.begin() as tx:
        this = followers.c.connection == followed.connection, followers.c.side == followed.side.value
        tx.execute(select(followers.c.busy_until).where(*this).with_for_update())
        waits = *_of(followed), events.c.state.in_([WAITING, TAKEN])
        _settle_known(tx, followed.side, (*_of(followed), events.c.state == WAITING))
        if tx.execute(select(events.c.id).where(*waits).limit(1)).first() is not None:
            return True
        nobody = *this, followers.c.run_id.is_(None)
        tx.execute(update(followers).where(*nobody).values(busy_until=None))
    return False


def left(database: Database) -> list[Followed]:
    """Whose events wait though nobody is at it: a call that was lost, or a run that died. They count as called now."""
    with database.begin() as tx:
        now = database.now(tx)
        key = followers.c.connection, followers.c.side
        its = events.c.connection == key[0], events.c.side == key[1]
        query = select(*key).where(exists().where(*its, events.c.state.in_([WAITING, TAKEN])))
        return _call(tx, sorted(tuple(row) for row in tx.execute(query)), now)


def _of(followed: Followed) -> tuple[ColumnElement[bool], ...]:
    return events.c.connection == followed.connection, events.c.side == followed.side.value


def _chunks(keys: Sequence[tuple[str, str]]) -> Iterator[Sequence[tuple[str, str]]]:
    for start in range(0, len(keys), CHUNK):
        yield keys[start : start + CHUNK]


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
            tx, followers, [{"connection": connection, "side": side} for connection, side in new], update=()
        )
        busy |= _busy(tx, new)
    free = [key for key in told if (until := busy[key]) is None or until <= now]
    for connection, side in free:
        this = followers.c.connection == connection, followers.c.side == side
        tx.execute(update(followers).where(*this).values(busy_until=now + CALLED, run_id=None))
    return [Followed(connection, Side(side)) for connection, side in free]


def _busy(tx: Connection, told: Sequence[tuple[Any, ...]]) -> dict[tuple[Any, ...], datetime | None]:
    key = followers.c.connection, followers.c.side
    query = select(*key, followers.c.busy_until).where(tuple_(*key).in_(told)).order_by(*key)
    return {(row[0], row[1]): row[2] for row in tx.execute(query.with_for_update())} if told else {}


def answer(database: Database, side: Side, run_id: str) -> Followed | None:
    """Take the next call for that side: from now on this run follows it. None where others were quicker.

    What a run that died had taken waits again.
    """
    with database.begin() as tx:
        now = database.now(tx)
        called = followers.c.side == side.value, followers.c.busy_until > now, followers.c.run_id.is_(None)
        query = select(followers.c.connection).where(*called).order_by(followers.c.busy_until)
        for connection in tx.execute(query).scalars().all():
            mine = update(followers).where(*called, followers.c.connection == connection)
            if tx.execute(mine.values(busy_until=now + AT_IT, run_id=run_id)).rowcount == 1:
                followed = Followed(connection, side)
                its = _of(followed)
                tx.execute(update(events).where(*its, events.c.state == TAKEN).values(state=WAITING))
                tx.execute(
                    delete(events).where(*its, events.c.state == DONE, events.c.received_at < now - KEPT)
                )
                return followed
    return None


class Following:
    """The events of one connection and side, as the run that follows them sees them."""

    def __init__(self, database: Database, followed: Followed, run_id: str) -> None:
        self._database = database
        self._followed = followed
        self._run_id = run_id
        self._mine = _of(followed)

    def now(self) -> datetime:
        """The ledger's time: what is stored by now is not received later."""
        with self._database.engine.connect() as tx:
            return self._database.now(tx)

    def waits(self) -> bool:
        """Whether any event waits."""
        query = select(events.c.id).where(*self._mine, events.c.state == WAITING).limit(1)
        with self._database.engine.connect() as tx:
            return tx.execute(query).first() is not None

    def take(self, limit: int, until: datetime) -> list[Told] | None:
        """What changed and was told of until then; the first come first.

        What we have read or written as it stood then, or later, ends here. None where no event waits at all: then this
        run is no longer at it, and the next event calls another. So it is where another run has taken over.
        """
        with self._database.begin() as tx:
            now = self._database.now(tx)
            this = (
                followers.c.connection == self._followed.connection,
                followers.c.side == self._followed.side.value,
            )
            holder = tx.execute(select(followers.c.run_id).where(*this).with_for_update()).scalar()
            if holder != self._run_id:
                return None
            ripe = *self._mine, events.c.state == WAITING, events.c.received_at <= until
            _settle_known(tx, self._followed.side, ripe, self._run_id)
            subject = events.c.subject, events.c.subject_id
            query = (
                select(*subject)
                .where(*ripe)
                .group_by(*subject)
                .order_by(func.min(events.c.received_at), *subject)
                .limit(limit)
            )
            taken = [Told(*row) for row in tx.execute(query)]
            for these in _chunks([(one.subject, one.subject_id) for one in taken]):
                mark = update(events).where(*ripe, tuple_(*subject).in_(these))
                tx.execute(mark.values(state=TAKEN, run_id=self._run_id))
            later = select(events.c.id).where(*self._mine, events.c.state == WAITING).limit(1)
            if not taken and tx.execute(later).first() is None:
                tx.execute(update(followers).where(*this).values(busy_until=None, run_id=None))
                return None
            tx.execute(update(followers).where(*this).values(busy_until=now + AT_IT))
        return taken

    def end(self, outcome: str) -> None:
        """What this run has taken is done."""
        with self._database.begin() as tx:
            taken = *self._mine, events.c.state == TAKEN, events.c.run_id == self._run_id
            tx.execute(update(events).where(*taken).values(state=DONE, outcome=outcome))

    def call_again(self, seconds: float) -> None:
        """Leave, and count as called: this run, or another, goes on within that time."""
        with self._database.begin() as tx:
            until = self._database.now(tx) + timedelta(seconds=seconds) + CALLED
            tx.execute(update(followers).where(*self._held()).values(busy_until=until, run_id=None))

    def leave(self, outcome: str, *, all_of_it: bool) -> None:
        """Give up what is taken, for the next poll to find, or all that waits as well. This run is no longer at it."""
        states = [WAITING, TAKEN] if all_of_it else [TAKEN]
        with self._database.begin() as tx:
            waits = *self._mine, events.c.state.in_(states)
            tx.execute(update(events).where(*waits).values(state=DONE, outcome=outcome, run_id=self._run_id))
            tx.execute(update(followers).where(*self._held()).values(busy_until=None, run_id=None))

    def _held(self) -> tuple[ColumnElement[bool], ...]:
        """The row of who follows, if that is this run."""
        return (
            followers.c.connection == self._followed.connection,
            followers.c.side == self._followed.side.value,
            followers.c.run_id == self._run_id,
        )


def _settle_known(
    tx: Connection, side: Side, which: Sequence[ColumnElement[bool]], run_id: str | None = None
) -> None:
    """Of these events, end those whose subject we know as it stood then, or later."""
    ended = {"state": DONE, "outcome": KNOWN, "run_id": run_id}
    known = _known_order() if side is Side.orders else _known_document()
    tx.execute(update(events).where(*which, events.c.side == side.value, known).values(**ended))


def _known_document() -> ColumnElement[bool]:
    return or_(
        *(
            exists().where(
                table.c.connection == events.c.connection,
                id_ == events.c.subject_id,
                table.c.modified >= events.c.changed,
            )
            for table, id_ in ((links, links.c.document_id), (documents, documents.c.document_id))
        )
    )


def _known_order() -> ColumnElement[bool]:
    def same(table: Table) -> ColumnElement[bool]:
        return and_(
            table.c.connection == events.c.connection,
            table.c.kind == events.c.subject,
            table.c.order_id == events.c.subject_id,
        )

    read = exists().where(same(orders), orders.c.updated_at >= events.c.changed)
    shown = exists().where(same(accounting), accounting.c.modified >= events.c.changed)
    # One that waits may have been read by somebody who does not export it.
    return exists().where(same(orders), orders.c.state != OrderState.pending.value) & or_(read, shown)


def waiting(database: Database, connection: str) -> Sequence[tuple[str, int]]:
    """How many events of a connection wait or are being followed, by side."""
    query = (
        select(events.c.side, func.count())
        .where(events.c.connection == connection, events.c.state != DONE)
        .group_by(events.c.side)
    )
    with database.engine.connect() as tx:
        return [(row[0], row[1]) for row in tx.execute(query)]
