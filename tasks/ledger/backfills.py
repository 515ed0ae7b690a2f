"""What became of the chunks of a backfill: its progress, over all workers and from day to day."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum

from sqlalchemy import select

from tasks.domain.periods import Period
from tasks.ledger.database import Database, upsert
from tasks.ledger.schema import backfill_chunks, cursors

# What says in the table of cursors that a run was part of a backfill.
PART = "part of backfill "
_LISTED = "orders listed for backfill "


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
            part = {"connection": self._connection, "stream": f"{PART}{done.run_id}", "position": backfill_id}
            upsert(tx, cursors, [part])

    def note_listed(self, backfill_id: str, when: datetime) -> None:
        """Monstock's orders of the whole range were listed then: its chunks need not list them."""
        row = {
            "connection": self._connection,
            "stream": f"{_LISTED}{backfill_id}",
            "position": when.isoformat(),
        }
        with self._database.begin() as tx:
            upsert(tx, cursors, [row])

    def listed(self, backfill_id: str) -> datetime | None:
        """When they were; None if they were not, or the ledger does not know any more."""
        query = select(cursors.c.position).where(
            cursors.c.connection == self._connection, cursors.c.stream == f"{_LISTED}{backfill_id}"
        )
        with self._database.engine.connect() as tx:
            position = tx.execute(query).scalar()
        return datetime.fromisoformat(position) if position else None

    def named(self, beginning: str) -> list[str]:
        """The ids of backfills that begin so."""
        query = select(backfill_chunks.c.backfill_id).distinct()
        query = query.where(backfill_chunks.c.connection == self._connection)
        with self._database.engine.connect() as tx:
            begin = backfill_chunks.c.backfill_id.startswith(beginning, autoescape=True)
            return sorted(tx.execute(query.where(begin)).scalars())

    def runs_of(self, backfill_id: str) -> list[str]:
        """Every run that was at one of its chunks, those that others went on from as well."""
        query = select(cursors.c.stream).where(
            cursors.c.connection == self._connection,
            cursors.c.stream.startswith(PART, autoescape=True),
            cursors.c.position == backfill_id,
        )
        with self._database.engine.connect() as tx:
            return [stream.removeprefix(PART) for stream in tx.execute(query).scalars()]

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
