"""The run that follows a connection's orders or documents: it answers a call, takes what waits, and lets go."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from datetime import timedelta
from threading import Event as Flag
from threading import Thread

from sqlalchemy import ColumnElement, Connection, func, select, tuple_, update
from sqlalchemy.exc import SQLAlchemyError

from tasks.ledger.database import Database
from tasks.ledger.events import CALLED
from tasks.ledger.known import settle_known
from tasks.ledger.schema import events, followers
from tasks.ledger.told import DONE, TAKEN, WAITING, Followed, Side, Told
from tasks.ledger.under_way import may_be_echo, under_way

# Who is at it says so again and again; who does not for so long has died.
AT_IT, AGAIN = timedelta(seconds=60), 15.0
# Stands before the reason where a run would stand: whose events wait, but not for anybody to be called.
RESTS = "rests: "
ROOM = 100
CHUNK = 500


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
            if tx.execute(mine.values(busy_until=now + AT_IT, run_id=run_id, calls=0)).rowcount == 1:
                its = events.c.connection == connection, events.c.side == side.value
                tx.execute(update(events).where(*its, events.c.state == TAKEN).values(state=WAITING))
                return Followed(connection, side)
    return None


class Following:
    """The events of one connection and side, as the run that follows them sees them."""

    def __init__(self, database: Database, followed: Followed, run_id: str) -> None:
        self._database = database
        self.followed = followed
        self._run_id = run_id
        self._mine = events.c.connection == followed.connection, events.c.side == followed.side.value
        self._row = followers.c.connection == followed.connection, followers.c.side == followed.side.value

    def waits(self) -> bool:
        """Whether any event waits."""
        query = select(events.c.id).where(*self._mine, events.c.state == WAITING).limit(1)
        with self._database.engine.connect() as tx:
            return tx.execute(query).first() is not None

    @contextmanager
    def kept(self) -> Iterator[None]:
        """As long as the block runs, and this process lives, no other run takes over."""
        ended = Flag()

        def say_so() -> None:
            while not ended.wait(AGAIN):
                with (
                    suppress(SQLAlchemyError),
                    self._database.begin() as tx,
                ):  # there is time for another beat
                    self._renew(tx)

        beat = Thread(target=say_so, name="at it", daemon=True)
        beat.start()
        try:
            yield
        finally:
            ended.set()
            beat.join()

    def take(self, limit: int) -> list[Told] | None:
        """What changed and was told of; the first come first.

        What we have read or written as it stood then, or later, ends here; what may be the echo of a write that is not
        answered yet waits on. None where no event waits at all: then this run is no longer at it, and the next event
        calls another. So it is where another run has taken over.
        """
        with self._database.begin() as tx:
            if not self._renew(tx):
                return None
            waiting = *self._mine, events.c.state == WAITING
            unanswered = under_way(tx, self.followed)
            settle_known(tx, self.followed.side, waiting, self._run_id)
            subject = events.c.subject, events.c.subject_id
            query = (
                select(*subject, func.max(events.c.changed))
                .where(*waiting, ~may_be_echo(unanswered))
                .group_by(*subject)
                .order_by(func.min(events.c.received_at), *subject)
                .limit(limit)
            )
            taken = [Told(*row) for row in tx.execute(query)]
            for start in range(0, len(taken), CHUNK):
                these = [(one.subject, one.subject_id) for one in taken[start : start + CHUNK]]
                mark = update(events).where(*waiting, tuple_(*subject).in_(these))
                tx.execute(mark.values(state=TAKEN, run_id=self._run_id))
            if not taken and tx.execute(select(events.c.id).where(*waiting).limit(1)).first() is None:
                tx.execute(update(followers).where(*self._row).values(busy_until=None, run_id=None))
                return None
        return taken

    def end(self, outcome: str, only: Sequence[Told] | None = None) -> None:
        """What this run has taken, or `only` these of it, is done."""
        with self._database.begin() as tx:
            taken = [*self._mine, events.c.state == TAKEN, events.c.run_id == self._run_id]
            if only is not None:
                these = [(one.subject, one.subject_id) for one in only]
                taken.append(tuple_(events.c.subject, events.c.subject_id).in_(these))
            tx.execute(update(events).where(*taken).values(state=DONE, outcome=outcome))

    def call_again(self, seconds: float) -> None:
        """Leave, and count as called: this run, or another, goes on within that time."""
        self._leave(timedelta(seconds=seconds) + CALLED, None)

    def rest(self, seconds: float, why: str) -> None:
        """Leave, and call nobody for so long: polls find meanwhile what waits. Why is kept as far as there is room."""
        self._leave(timedelta(seconds=seconds), f"{RESTS}{why}"[:ROOM])

    def give_up(self, outcome: str) -> None:
        """Leave what this run has taken to the next poll; what else waits is for the next run."""
        with self._database.begin() as tx:
            if self._renew(tx):
                taken = *self._mine, events.c.state == TAKEN
                tx.execute(update(events).where(*taken).values(state=DONE, outcome=outcome))
                tx.execute(update(followers).where(*self._row).values(busy_until=None, run_id=None))

    def _leave(self, busy: timedelta, run_id: str | None) -> None:
        with self._database.begin() as tx:
            if self._renew(tx):
                tx.execute(update(events).where(*self._mine, events.c.state == TAKEN).values(state=WAITING))
                until = self._database.now(tx) + busy
                tx.execute(update(followers).where(*self._row).values(busy_until=until, run_id=run_id))

    def _renew(self, tx: Connection) -> bool:
        """Whether this run is still at it; then for a while more. Locks the row, before any event."""
        mine: tuple[ColumnElement[bool], ...] = (*self._row, followers.c.run_id == self._run_id)
        until = self._database.now(tx) + AT_IT
        return tx.execute(update(followers).where(*mine).values(busy_until=until)).rowcount == 1
