"""What waits for a person: orders, documents and links that are in trouble, the oldest trouble first."""

import heapq
from collections import Counter
from collections.abc import Generator, Iterator, Sequence
from contextlib import ExitStack, closing
from datetime import UTC, date, datetime, time, timedelta
from itertools import islice
from typing import Any

from sqlalchemy import Connection, Row, Select, and_, select, tuple_

from tasks.domain.outcomes import Cause, Finding
from tasks.ledger.database import Database
from tasks.ledger.items import Item, Proposal, Subject, Wanted
from tasks.ledger.schema import matches, orders
from tasks.ledger.settlement import read_findings
from tasks.ledger.troubles import QUERIES, STANDINGS, type_name

AT_ONCE = 500
_FIRST = datetime.min.replace(tzinfo=UTC)


class Inbox:
    """The inbox of some connections, read from the ledger."""

    def __init__(self, database: Database, connections: Sequence[str]) -> None:
        self._database = database
        self._connections = list(connections)

    def items(self, wanted: Wanted, limit: int | None = None) -> Iterator[Item]:
        """Item by item, the oldest trouble first, however many there are."""
        with ExitStack() as open_readings:
            readings = [
                open_readings.enter_context(closing(self._read(subject, wanted, limit)))
                for subject in wanted.subjects
            ]
            yield from islice(heapq.merge(*readings, key=lambda item: item.since or _FIRST), limit)

    def counts(self, wanted: Wanted) -> tuple[int, Counter[str]]:
        """How many items there are, and on how many of them each cause was found."""
        total, causes = 0, Counter[str]()
        with self._database.snapshot() as tx:
            for subject in wanted.subjects:
                query = self._query(subject, wanted).order_by(None)
                with tx.execute(query.execution_options(yield_per=AT_ONCE)) as rows:
                    for row in rows:
                        total += 1
                        causes.update({found.cause.value for found in _findings(subject, row)})
        return total, causes

    def _read(self, subject: Subject, wanted: Wanted, limit: int | None) -> Generator[Item, None, None]:
        query = self._query(subject, wanted).limit(limit)
        query = query.execution_options(yield_per=AT_ONCE)
        with self._database.snapshot() as tx, tx.execute(query) as result:
            for rows in result.partitions():
                proposals = _proposals(tx, rows) if subject is Subject.document else {}
                for row in rows:
                    yield _item(subject, row, tuple(proposals.get((row.connection, row.id), ())))

    def _query(self, subject: Subject, wanted: Wanted) -> Select[Any]:
        since, query = QUERIES[subject](wanted)
        query = query.where(since.table.c.connection.in_(self._connections))
        if wanted.first:
            query = query.where(since >= _midnight(wanted.first))
        if wanted.last:
            query = query.where(since < _midnight(wanted.last + timedelta(days=1)))
        return query.order_by(since.nulls_first(), since.table.c.connection, query.selected_columns.id)


def _item(subject: Subject, row: Row[Any], proposals: tuple[Proposal, ...]) -> Item:
    return Item(
        connection=row.connection,
        subject=subject,
        kind=type_name(row.kind) if subject is Subject.document else row.kind,
        id=row.id,
        name=row.name,
        contact=row.contact or "",
        date=row.date,
        state=_state(subject, row),
        findings=_findings(subject, row),
        since=row.since,
        tries=0 if subject is Subject.document else row.tries,
        skipped=row.skipped,
        proposals=proposals,
    )


def _state(subject: Subject, row: Row[Any]) -> str:
    if subject is Subject.link:
        return "not shown" if row.failed is not None else "shown"
    return row.state or ""


def _findings(subject: Subject, row: Row[Any]) -> tuple[Finding, ...]:
    found = tuple(read_findings(row.findings))
    if subject is Subject.link and row.failed is not None:
        return (Finding(Cause.not_shown, row.failed), *found)
    if not found and subject is Subject.document and row.state in STANDINGS:
        return (STANDINGS[row.state],)
    return found


def _proposals(tx: Connection, rows: Sequence[Row[Any]]) -> dict[tuple[str, str], list[Proposal]]:
    """The orders that these documents may belong to."""
    theirs = (
        orders.c.connection == matches.c.connection,
        orders.c.kind == matches.c.kind,
        orders.c.order_id == matches.c.order_id,
    )
    keys = [(row.connection, row.id) for row in rows]
    query = (
        select(matches, orders.c.reference)
        .join_from(matches, orders, and_(*theirs), isouter=True)
        .where(matches.c.state == "proposed", tuple_(matches.c.connection, matches.c.document_id).in_(keys))
        .order_by(matches.c.kind, matches.c.order_id)
    )
    found: dict[tuple[str, str], list[Proposal]] = {}
    for row in tx.execute(query):
        proposal = Proposal(row.kind, row.order_id, row.reference or row.order_id, row.reason)
        found.setdefault((row.connection, row.document_id), []).append(proposal)
    return found


def _midnight(day: date) -> datetime:
    return datetime.combine(day, time(), UTC)
