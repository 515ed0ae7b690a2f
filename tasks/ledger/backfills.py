"""What became of the chunks of a backfill: its progress, over all workers and from day to day."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from enum import StrEnum

from sqlalchemy import ColumnElement, Delete, and_, delete, select, update

from tasks.domain.periods import Period
from tasks.ledger.database import Database, upsert
from tasks.ledger.schema import backfill_chunks, cursors

# What says in the table of cursors that a run was at a chunk of a backfill, that it went on with one on another day,
# that one was rolled back, that its orders were listed, which it has in hand, and by which rules it goes. With an id of
# 36 it must fit into 60 characters.
PART, DAY, BACK = "part of backfill ", "day of backfill ", "rolled back backfill "
_LISTED, _IN_HAND, _RULES = "listed for backfill ", "in hand of backfill ", "rules of backfill "
# Who has not gone on for so long is taken to have given up.
_GIVEN_UP_AFTER = timedelta(days=2)


class Stage(StrEnum):
    """Where a chunk stands; a parked one waits for the next day's calls."""

    waiting = "waiting"
    running = "running"
    parked = "parked"
    failed = "failed"
    done = "done"


@dataclass(frozen=True, slots=True)
class Done:
    """What a run did of a chunk: `calls` are those to Xero, `documents` what it wrote or showed."""

    period: Period
    run_id: str
    stage: Stage = Stage.running
    calls: int = 0
    documents: int = 0
    sentence: str = ""


class Backfills:
    """The chunks of one connection's backfills."""

    def __init__(self, database: Database, connection: str) -> None:
        self._database = database
        self._connection = connection

    def begin(self, backfill_id: str, periods: Iterable[Period]) -> None:
        """A backfill has read what it must know and is about to start its chunks; those that it started are left."""
        now = datetime.now(UTC)
        rows = [
            {
                "connection": self._connection,
                "backfill_id": backfill_id,
                "first": period.first,
                "last": period.last,
                "run_id": backfill_id,
                "state": Stage.waiting.value,
                "calls": 0,
                "documents": 0,
                "sentence": "",
                "updated_at": now,
            }
            for period in periods
        ]
        with self._database.begin() as tx:
            upsert(tx, backfill_chunks, rows, update=())

    def note(self, backfill_id: str, done: Done) -> None:
        """A run begins a chunk, or has ended it. Calls and documents add up over the runs of a chunk."""
        keys = {"connection": self._connection, "backfill_id": backfill_id, "first": done.period.first}
        with self._database.begin() as tx:
            same = [backfill_chunks.c[name] == value for name, value in keys.items()]
            before = tx.execute(select(backfill_chunks).where(*same)).one_or_none()
            row = {
                **keys,
                "last": done.period.last,
                "run_id": done.run_id,
                "state": done.stage.value,
                "calls": done.calls + (before.calls if before else 0),
                "documents": done.documents + (before.documents if before else 0),
                "sentence": done.sentence,
                "updated_at": datetime.now(UTC),
            }
            upsert(tx, backfill_chunks, [row])
            upsert(tx, cursors, [self._word(PART, done.run_id, backfill_id)])

    def note_cut_off(self, backfill_id: str, period: Period, sentence: str) -> None:
        """The run of a chunk is over; one that was cancelled or killed could not note so itself: it has failed."""
        row = {"state": Stage.failed.value, "sentence": sentence, "updated_at": datetime.now(UTC)}
        chunk = {"connection": self._connection, "backfill_id": backfill_id, "first": period.first}
        same = [backfill_chunks.c[name] == value for name, value in chunk.items()]
        unsaid = backfill_chunks.c.state.in_([Stage.waiting, Stage.running])
        with self._database.begin() as tx:
            tx.execute(update(backfill_chunks).where(*same, unsaid).values(row))

    def go_on(self, backfill_id: str, run_id: str) -> None:
        """Another run goes on with it."""
        with self._database.begin() as tx:
            upsert(tx, cursors, [self._word(DAY, run_id, backfill_id)])

    def roll_back(self, backfill_id: str) -> None:
        """It is rolled back: nobody goes on with it, and it has nothing in hand."""
        with self._database.begin() as tx:
            upsert(tx, cursors, [self._word(BACK, backfill_id, backfill_id)])
            tx.execute(self._letting_go([backfill_id]))

    def is_rolled_back(self, backfill_id: str) -> bool:
        """Whether somebody rolled it back, in whole or as far as it could be."""
        return bool(self._words(cursors.c.stream == BACK + backfill_id))

    def note_listed(self, backfill_id: str, when: datetime) -> None:
        """Monstock's orders of the whole range were listed then: its chunks need not list them."""
        with self._database.begin() as tx:
            upsert(tx, cursors, [self._word(_LISTED, backfill_id, when.isoformat())])

    def listed(self, backfill_id: str) -> datetime | None:
        """When they were; None if they were not, or the ledger does not know any more."""
        words = self._words(cursors.c.stream == _LISTED + backfill_id)
        return datetime.fromisoformat(words[0][1]) if words else None

    def go_by(self, backfill_id: str, rules: str) -> str:
        """A run of it goes by rules of this digest. Returns that of the rules by which it began."""
        with self._database.begin() as tx:
            ours = cursors.c.connection == self._connection, cursors.c.stream == _RULES + backfill_id
            known = (tx.execute(select(cursors.c.position).where(*ours)).scalar() or "").split()
            if rules not in known:
                known.append(rules)
                upsert(tx, cursors, [self._word(_RULES, backfill_id, " ".join(known))])
        return known[0]

    def rules(self, backfill_id: str) -> list[str]:
        """The digests of all rules by which it went so far; those by which it began come first."""
        return [
            rules
            for _, known in self._words(cursors.c.stream == _RULES + backfill_id)
            for rules in known.split()
        ]

    def take_in_hand(self, backfill_id: str, dates: Period) -> None:
        """It begins, or goes on: others leave it the orders of these dates that have no document yet."""
        position = f"{dates.first} {dates.last} {datetime.now(UTC).isoformat()}"
        with self._database.begin() as tx:
            upsert(tx, cursors, [self._word(_IN_HAND, backfill_id, position)])

    def let_go(self, backfill_ids: Iterable[str]) -> None:
        """These are done, or nothing is left to them."""
        with self._database.begin() as tx:
            tx.execute(self._letting_go(backfill_ids))

    def in_hand(self) -> dict[str, Period]:
        """The dates that each backfill has in hand. One that was not gone on with for two days has none."""
        found, now = dict[str, Period](), datetime.now(UTC)
        for stream, position in self._words(cursors.c.stream.startswith(_IN_HAND, autoescape=True)):
            first, last, taken = position.split()
            if now - datetime.fromisoformat(taken) <= _GIVEN_UP_AFTER:
                dates = Period(date.fromisoformat(first), date.fromisoformat(last))
                found[stream.removeprefix(_IN_HAND)] = dates
        return found

    def named(self, beginning: str) -> list[str]:
        """The ids of backfills that begin so, or one of whose days does."""
        query = select(backfill_chunks.c.backfill_id).distinct()
        query = query.where(backfill_chunks.c.connection == self._connection)
        with self._database.engine.connect() as tx:
            begin = backfill_chunks.c.backfill_id.startswith(beginning, autoescape=True)
            found = set(tx.execute(query.where(begin)).scalars())
        days = self._words(cursors.c.stream.startswith(DAY + beginning, autoescape=True))
        return sorted(found | {backfill_id for _, backfill_id in days})

    def whole(self, run_id: str) -> str:
        """The backfill of which a run was a part or a day; the run itself where it was none."""
        words = self._words(cursors.c.stream.in_([PART + run_id, DAY + run_id]))
        return words[0][1] if words else run_id

    def days_of(self, backfill_id: str) -> list[str]:
        """The runs that it was: its own, and those that went on with it."""
        return [backfill_id, *self._runs(DAY, backfill_id)]

    def runs_of(self, backfill_id: str) -> list[str]:
        """Every run that was at one of its chunks, those that others went on from as well."""
        return self._runs(PART, backfill_id)

    def _runs(self, word: str, backfill_id: str) -> list[str]:
        begin = cursors.c.stream.startswith(word, autoescape=True)
        words = self._words(and_(begin, cursors.c.position == backfill_id))
        return [stream.removeprefix(word) for stream, _ in words]

    def _word(self, word: str, run_id: str, backfill_id: str) -> dict[str, str]:
        return {"connection": self._connection, "stream": word + run_id, "position": backfill_id}

    def _letting_go(self, backfill_ids: Iterable[str]) -> Delete:
        those = cursors.c.stream.in_([_IN_HAND + backfill_id for backfill_id in backfill_ids])
        return delete(cursors).where(cursors.c.connection == self._connection, those)

    def _words(self, which: ColumnElement[bool]) -> list[tuple[str, str]]:
        query = select(cursors.c.stream, cursors.c.position).where(cursors.c.connection == self._connection)
        with self._database.engine.connect() as tx:
            return [(row.stream, row.position) for row in tx.execute(query.where(which))]

    def of(self, backfill_id: str) -> list[Done]:
        """What became of each chunk so far, in order of their dates."""
        query = select(backfill_chunks).where(
            backfill_chunks.c.connection == self._connection, backfill_chunks.c.backfill_id == backfill_id
        )
        with self._database.engine.connect() as tx:
            return [
                Done(
                    Period(row.first, row.last),
                    row.run_id,
                    Stage(row.state),
                    row.calls,
                    row.documents,
                    row.sentence,
                )
                for row in tx.execute(query.order_by(backfill_chunks.c.first))
            ]
