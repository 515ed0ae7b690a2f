"""Holds a far side's limits over all workers and processes: every call asks here first.

What the calls share stands in one row of the ledger, changed under its lock; the arithmetic is `domain.budget`.
A call costs two short transactions, one before it and one after. Nobody holds a transaction while waiting.
"""

import logging
import time
import uuid
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from datetime import UTC, datetime

import msgspec
from sqlalchemy import Connection, func, select, update

from tasks.domain.budget import Budget, Go, Heard, Limits, Stop, Wait, Work, ask, end, stopped, withdraw
from tasks.domain.errors import Parked
from tasks.ledger.database import Database, insert
from tasks.ledger.schema import budgets

log = logging.getLogger(__name__)

# A call whose process died counts as under way for this long beyond its own time limit, in seconds.
GRACE = 30.0
TELLS_AFTER = 10.0

_MOMENT = func.extract("epoch", func.clock_timestamp()).label("moment")
# On the way: what a power cut may take back a moment of need not wait for the disk.
_RELAXED = func.set_config("synchronous_commit", "off", True)

_encode = msgspec.json.Encoder()
_decode = msgspec.json.Decoder(Budget)
_work: ContextVar[Work] = ContextVar("work", default=Work.routine)


def at_work() -> Work:
    """What calls are for at the moment."""
    return _work.get()


@contextmanager
def working(work: Work) -> Iterator[None]:
    """All calls within the block are for this work."""
    token = _work.set(work)
    try:
        yield
    finally:
        _work.reset(token)


@dataclass(frozen=True, slots=True)
class Today:
    """What a day has of calls, what is left of it, where that is known, and whether this work has none left."""

    calls: int | None = None
    left: int | None = None
    stop: Stop | None = None


def _nothing() -> None:
    """Whoever waits has nothing else to do."""


class Turn:
    """The right to send one request. `waited` and `late` are seconds: in line at all, and beyond when it could go."""

    def __init__(self, ticket: str, waited: float, late: float) -> None:
        self.ticket = ticket
        self.waited = waited
        self.late = late
        self.sent = False
        self.heard: Heard | None = None

    def leaves(self) -> None:
        """The request is sent now."""
        self.sent = True

    def answered(self, heard: Heard) -> None:
        """What the answer says of the limits."""
        self.heard = heard


class Governor:
    """The gate before one far side's calls.

    `scope` names what the far side counts by; `longest` is how many seconds a request may take. `clock` and `sleep`
    take the place of the ledger's clock and of waiting.
    """

    def __init__(
        self,
        database: Database,
        scope: str,
        limits: Limits,
        longest: float,
        *,
        clock: Callable[[], float] | None = None,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        self._database = database
        self._scope = scope
        self._limits = limits
        self._longest = longest + GRACE
        self._clock = clock
        self._sleep = sleep

    def call(self, meanwhile: Callable[[], None] | None = None) -> AbstractContextManager[Turn]:
        """Wait for a turn. Raises `Parked` where none comes before the day's calls return.

        `meanwhile` is called at each look for it, and may end the waiting by raising.
        """
        return self._call(_work.get(), meanwhile or _nothing)

    def today(self) -> Today:
        """How the day stands for this work."""
        with self._changing() as (budget, now):
            known = budget.day_left is not None and now < budget.day_ends
            left = budget.left_today(self._limits, now) if known else None
            stop = stopped(budget, self._limits, _work.get(), now)
            return Today(budget.a_day(self._limits), left, stop)

    @contextmanager
    def _call(self, work: Work, meanwhile: Callable[[], None]) -> Iterator[Turn]:
        turn = self._wait(work, meanwhile)
        try:
            yield turn
        finally:
            with self._changing() as (budget, now):
                end(budget, turn.ticket, now, turn.heard, sent=turn.sent, limits=self._limits)

    def _wait(self, work: Work, meanwhile: Callable[[], None]) -> Turn:
        ticket = uuid.uuid4().hex[:12]
        said, now = self._ask(ticket, work)
        begun, told = now, False
        try:
            while isinstance(said, Wait):
                self._sleep(max(said.until - now, 0.001))
                meanwhile()
                said, now = self._ask(ticket, work)
                if now - begun > TELLS_AFTER and not told:
                    log.info("Waiting in line for calls to %s.", self._scope.split()[0])
                    told = True
        except BaseException:
            with self._changing() as (budget, _):
                withdraw(budget, ticket)
            raise
        if isinstance(said, Stop):
            raise Parked(said.sentence, datetime.fromtimestamp(said.until, UTC))
        return Turn(ticket, now - begun, now - said.due)

    def _ask(self, ticket: str, work: Work) -> tuple[Go | Wait | Stop, float]:
        with self._changing() as (budget, now):
            return ask(budget, self._limits, ticket, work, now, self._longest), now

    @contextmanager
    def _changing(self) -> Iterator[tuple[Budget, float]]:
        """The budget under its lock, with the ledger's time; what was changed is kept."""
        with self._database.begin_passing() as tx:
            state, now = self._locked(tx)
            budget = _decode.decode(state)
            yield budget, now if self._clock is None else self._clock()
            tx.execute(
                update(budgets)
                .where(budgets.c.scope == self._scope)
                .values(state=_encode.encode(budget).decode())
            )

    def _locked(self, tx: Connection) -> tuple[str, float]:
        """The state, and the time when the lock was got: one clock for all, the database's own.

        Where the database is a file on this machine, that is this machine's.
        """
        locked = select(budgets.c.state).where(budgets.c.scope == self._scope).with_for_update()
        shared = tx.dialect.name == "postgresql"
        # Read outside of the locking query, the clock is read after the waiting.
        query = select(locked.subquery(), _MOMENT, _RELAXED) if shared else locked
        row = tx.execute(query).one_or_none()
        if row is None:
            fresh = _encode.encode(Budget()).decode()
            tx.execute(
                insert(tx.dialect)(budgets).values(scope=self._scope, state=fresh).on_conflict_do_nothing()
            )
            row = tx.execute(query).one()
        return row.state, float(row.moment) if shared else time.time()
