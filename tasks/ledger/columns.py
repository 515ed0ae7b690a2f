"""Both sides as columns, some months at a time: orders with their links, documents, and which belongs to which."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pandas as pd
from sqlalchemy import (
    ColumnElement,
    Connection,
    Select,
    Table,
    and_,
    case,
    false,
    func,
    literal,
    or_,
    select,
    tuple_,
)

from tasks.domain.books import MISSING
from tasks.ledger.database import Database
from tasks.ledger.dated import among, documented
from tasks.ledger.frames import belongs_frame, document_frame, frame, joined, order_frame
from tasks.ledger.schema import (
    accounting,
    attempts,
    claims,
    contacts,
    decisions,
    discrepancies,
    documents,
    links,
    matches,
    orders,
)

CHUNK = 500
_WAITING = ("pending", "held", "rejected", "skipped")
_OPEN = ("DRAFT", "SUBMITTED", "AUTHORISED")
_LOOSE = ("unmatched", "proposed", "unreadable")
_PRIMARY = ("sale", "purchase")
# Of these, and of nothing else, two documents must be equal to be one made twice.
SAME = ("type", "contact_id", "date", "total", "currency")
_STANDING = (discrepancies.c.state.not_in(("repaired", "gone")),)


@dataclass(frozen=True, slots=True)
class Part:
    """What is compared at once: what is dated from `first` on and before `end` (None: open); or what has no date.

    With `changed_since`, only what is open, waits, changed since or is known to differ; else all of it. `elsewhere` are
    instead the orders that are dated otherwise and have a document of these dates, with all their documents.
    """

    first: date | None = None
    end: date | None = None
    changed_since: datetime | None = None
    dated: bool = True
    elsewhere: bool = False

    @property
    def whole(self) -> bool:
        """Whether it holds everything of its dates."""
        return self.changed_since is None and self.dated


class Columns:
    """The ledger of one connection as frames."""

    def __init__(self, database: Database, connection: str) -> None:
        self._database = database
        self._connection = connection

    def span(self) -> tuple[date, date] | None:
        """The first and last date of any order or document; None where there is none."""
        with self._database.engine.connect() as tx:
            rows = [
                tx.execute(select(func.min(day), func.max(day)).where(self._ours(day.table))).one()
                for day in (orders.c.document_date, documents.c.date)
            ]
        known = [row for row in rows if row[0]]
        return (min(row[0] for row in known), max(row[1] for row in known)) if known else None

    def size(self) -> int:
        """How many orders there are, or documents, where these are more."""
        with self._database.engine.connect() as tx:
            counts = [select(func.count()).where(self._ours(table)) for table in (orders, documents)]
            return max(int(tx.execute(count).scalar_one()) for count in counts)

    def open_documents(self) -> dict[tuple[str, str], int]:
        """How many documents are open, or missing in Xero, by type and status."""
        query = select(documents.c.type, documents.c.status, func.count().label("number"))
        query = query.where(self._ours(documents), documents.c.status.in_([*_OPEN, MISSING]))
        with self._database.engine.connect() as tx:
            found = tx.execute(query.group_by(documents.c.type, documents.c.status))
            return {(row.type, row.status): row.number for row in found}

    def dated(self, first: date, last: date) -> dict[str, int]:
        """How many documents are dated within these days, by type."""
        query = select(documents.c.type, func.count().label("number"))
        query = query.where(self._ours(documents), documents.c.date.between(first, last))
        with self._database.engine.connect() as tx:
            return {row.type: row.number for row in tx.execute(query.group_by(documents.c.type))}

    def read(self, part: Part) -> tuple[pd.DataFrame, pd.DataFrame, pd.DataFrame]:
        """Orders, documents and what belongs to what, as `tasks.comparing.sides` describes them."""
        with self._database.snapshot() as tx:
            ours, loose = frame(tx, self._orders(part)), frame(tx, self._documents(part))
            proposed = loose.loc[loose["standing"] == "proposed", "document_id"].tolist()
            belongs = self._belongs(tx, part, ours, proposed)
            known = loose if part.whole else joined([loose, frame(tx, self._equal(part))])
            missing = set(belongs["document_id"]) - set(known["document_id"])
            more = [frame(tx, query) for query in self._by_id(sorted(missing))]
            under_way = self._under_way(tx)
        return order_frame(ours, under_way), document_frame(joined([known, *more])), belongs

    def _ours(self, table: Any) -> ColumnElement[bool]:
        return and_(table.c.connection == self._connection)

    def _orders(self, part: Part) -> Select[Any]:
        own = and_(_same_order(links), links.c.generation == orders.c.generation, links.c.role.in_(_PRIMARY))
        who = and_(contacts.c.connection == links.c.connection, contacts.c.xero_id == links.c.contact_id)
        query = select(*_ORDER).select_from(orders).join(links, own, isouter=True)
        query = query.join(contacts, who, isouter=True)
        for table in (accounting, decisions):
            query = query.join(table, _same_order(table), isouter=True)
        if part.changed_since:
            same = and_(
                documents.c.connection == links.c.connection, documents.c.document_id == links.c.document_id
            )
            query = query.join(documents, same, isouter=True).where(self._moving(part.changed_since))
        within = _within(orders.c.document_date, part)
        if part.elsewhere:
            last = part.end and part.end - timedelta(days=1)
            keys = documented(self._connection, part.first or date.min, last or date.max)
            query, within = query.join(keys, among(keys)), ~within
        return query.where(self._ours(orders), within)

    def _moving(self, since: datetime) -> ColumnElement[bool]:
        """An order that waits, changed or is known to differ, or has a document that is open or changed."""
        differing = select(discrepancies.c.order_kind, discrepancies.c.order_id)
        differing = differing.where(self._ours(discrepancies), *_STANDING)
        known = tuple_(orders.c.kind, orders.c.order_id).in_(
            differing.where(discrepancies.c.order_id.is_not(None))
        )
        moment = since.astimezone(UTC)
        this, other = tuple_(orders.c.kind, orders.c.order_id), documents.alias()
        lively = or_(other.c.status.in_(_OPEN), other.c.modified >= moment.isoformat(timespec="milliseconds"))
        beside = [
            this.in_(
                select(table.c.kind, table.c.order_id)
                .join(other, _same_document(table, other))
                .where(self._ours(table), which, lively)
            )
            for table, which in (
                (links, links.c.role.not_in(_PRIMARY)),
                (matches, matches.c.state == "linked"),
            )
        ]
        return or_(
            orders.c.updated_at >= moment.isoformat(timespec="microseconds"),
            orders.c.state.in_(_WAITING),
            documents.c.status.in_(_OPEN),
            documents.c.modified >= moment.isoformat(timespec="milliseconds"),
            accounting.c.due > 0,
            known,
            *beside,
        )

    def _documents(self, part: Part) -> Select[Any]:
        """Documents without an order, and those known to differ; of whole months all that count for the sums."""
        differing = select(discrepancies.c.document_id).where(self._ours(discrepancies), *_STANDING)
        known = documents.c.document_id.in_(differing.where(discrepancies.c.document_id.is_not(None)))
        which = or_(documents.c.standing.in_([*_LOOSE, "linked"] if part.whole else _LOOSE), known)
        if part.elsewhere:  # those of the dates are told with the rest of them
            which = false()
        return select(*_DOCUMENT).where(self._ours(documents), which, _within(documents.c.date, part))

    def _equal(self, part: Part) -> Select[Any]:
        """Documents of orders that equal one without an order: by them a duplicate is known."""
        loose = documents.alias()
        same = [documents.c[name] == loose.c[name] for name in ("connection", *SAME)]
        query = select(*_DOCUMENT).join_from(loose, documents, and_(*same))
        query = query.where(loose.c.standing.in_(_LOOSE), _within(loose.c.date, part))
        return query.where(self._ours(loose), documents.c.standing == "linked")

    def _by_id(self, ids: Sequence[str]) -> Iterator[Select[Any]]:
        for these in _among(documents.c.document_id, ids):
            yield select(*_DOCUMENT).where(self._ours(documents), these)

    def _belongs(
        self, tx: Connection, part: Part, ours: pd.DataFrame, proposed: Sequence[str]
    ) -> pd.DataFrame:
        """What belongs to these orders, who is proposed, and all whom a document serves that people made."""
        said = self._said()
        made = joined([frame(tx, query) for query in self._of(select(*_MADE), links, part, ours)])
        people = [frame(tx, query) for query in self._of(said, matches, part, ours)]
        people += [frame(tx, said.where(these)) for these in _among(matches.c.document_id, proposed)]
        told = joined(people)
        shared = told["document_id"].unique().tolist()
        shares = [frame(tx, said.where(these)) for these in _among(matches.c.document_id, shared)]
        return belongs_frame(made, told, joined(shares or [told]))

    def _of(self, query: Select[Any], table: Table, part: Part, ours: pd.DataFrame) -> Iterator[Select[Any]]:
        """A query over a table, for these orders: by their dates where they are all of the part, else by name."""
        if part.changed_since is None and not part.elsewhere:
            if table is not matches:
                query = query.join_from(orders, table, _same_order(table))
            yield query.where(self._ours(orders), _within(orders.c.document_date, part))
            return
        for kind, of in ours.groupby("kind"):
            for these in _among(table.c.order_id, of["order_id"].unique().tolist()):
                yield query.where(self._ours(table), table.c.kind == kind, these)
        yield query.where(false())

    def _said(self) -> Select[Any]:
        query = select(*_SAID).join_from(matches, orders, _same_order(matches), isouter=True)
        return query.where(self._ours(matches), matches.c.state.in_(["linked", "proposed"]))

    def _under_way(self, tx: Connection) -> dict[tuple[str, str], str]:
        """Orders whose writing has begun and not ended: the run that began it, "" while its lease lives."""
        lives = attempts.c.lease_until > datetime.now(UTC)
        query = (
            select(
                claims.c.subject, claims.c.subject_id, case((lives, ""), else_=attempts.c.run_id).label("run")
            )
            .join_from(claims, attempts, attempts.c.id == claims.c.attempt_id)
            .where(self._ours(claims), claims.c.state == "open", attempts.c.state.in_(["sent", "faulted"]))
        )
        return {(row.subject, row.subject_id): row.run for row in tx.execute(query)}


def _same_document(table: Table, other: Any) -> ColumnElement[bool]:
    return and_(other.c.connection == table.c.connection, other.c.document_id == table.c.document_id)


def _same_order(table: Table) -> ColumnElement[bool]:
    return and_(
        table.c.connection == orders.c.connection,
        table.c.kind == orders.c.kind,
        table.c.order_id == orders.c.order_id,
    )


def _among(column: Any, values: Sequence[str]) -> Iterator[ColumnElement[bool]]:
    """That a column has one of these values, some hundreds at a time."""
    for start in range(0, len(values), CHUNK):
        yield column.in_(list(values[start : start + CHUNK]))


def _within(day: Any, part: Part) -> ColumnElement[bool]:
    if not part.dated:
        return and_(day.is_(None))
    bounds = ([day >= part.first] if part.first else []) + ([day < part.end] if part.end else [])
    return and_(day.is_not(None), *bounds)


def _named(table: Table, names: str, prefix: str = "") -> list[Any]:
    return [table.c[name].label(f"{prefix}{name}") for name in names.split()]


_ORDER = (
    *_named(
        orders, "kind order_id reference contact_name currency net gross received taxes status state since"
    ),
    *_named(orders, "findings revision listed_at run_id"),
    orders.c.updated_at.label("changed_at"),
    orders.c.document_date.label("date"),
    *_named(links, "document_id document_type origin"),
    *_named(links, "status reference currency net tax date due_date line_count lines", "written_"),
    # That a contact was merged into another is no edit of its documents.
    func.coalesce(contacts.c.merged_to, links.c.contact_id).label("written_contact_id"),
    *_named(links, "revision run_id", "written_"),
    links.c.document_number.label("written_number"),
    links.c.total.label("written_gross"),
    links.c.updated_at.label("written_at"),
    *_named(accounting, "shown failed"),
    accounting.c.since.label("match_since"),
    accounting.c.skipped.label("match_skipped"),
    decisions.c.reason,
)
# What people made, or a person let stand as it is, is settled.
_SETTLED = and_(
    links.c.role.in_(_PRIMARY),
    or_(links.c.origin.not_in(("made", "adopted")), links.c.run_id.startswith("person: ")),
)
_OF_OURS = (
    select(func.min(case((_SETTLED, literal("settled")), else_=links.c.role)))
    .where(links.c.connection == documents.c.connection, links.c.document_id == documents.c.document_id)
    .scalar_subquery()
)
_OF_PEOPLE = (
    select(func.min(literal("beside")))
    .where(
        matches.c.connection == documents.c.connection,
        matches.c.document_id == documents.c.document_id,
        matches.c.state == "linked",
    )
    .scalar_subquery()
)
_DOCUMENT = (
    *_named(documents, "document_id type number reference mark contact_id contact_name currency net tax"),
    documents.c.total.label("gross"),
    *_named(documents, "paid credited due date due_date paid_on status sent line_count lines taxes"),
    *_named(documents, "standing since findings skipped"),
    documents.c.modified.label("changed_at"),
    documents.c.raw.is_not(None).label("unreadable"),
    func.coalesce(_OF_OURS, _OF_PEOPLE, "").label("role"),
)
_MADE = (
    *_named(links, "kind order_id document_id role generation origin"),
    links.c.updated_at.label("made_at"),
)
_SAID = (
    *_named(matches, "kind order_id document_id state since"),
    orders.c.net,
    orders.c.reference.label("order"),
)
