"""Where each order stands. Orders that are not settled keep their JSON, so that no run has to ask again."""

from collections import Counter
from collections.abc import Iterable, Sequence
from datetime import UTC, date, datetime
from typing import Any

from sqlalchemy import (
    ColumnElement,
    Connection,
    Row,
    Select,
    and_,
    case,
    exists,
    func,
    literal,
    or_,
    select,
    tuple_,
    union,
    update,
)

from tasks.domain.orders import Kind
from tasks.domain.outcomes import Finding, OrderState
from tasks.ledger.claims import PRIMARY, REMADE
from tasks.ledger.database import Database, upsert
from tasks.ledger.dated import among, billed, documented
from tasks.ledger.entries import of_hold
from tasks.ledger.schema import cursors, decisions, links, orders
from tasks.ledger.settlement import end_ours, findings_json
from tasks.ledger.standing import Known, Scope, Seen, Standing, Unsettled, order_key, row_of
from tasks.ledger.trail import Entry, Trail

CHUNK = 500
# What of a skipped order no page changes. Made once: by it the statement is known again.
_SKIPPED = orders.c.state == OrderState.skipped.value, ("state", "since", "findings")


class Orders:
    """The orders of one connection; `rules` is the digest under which they are held."""

    def __init__(self, database: Database, connection: str, rules: str | None = None) -> None:
        self._database = database
        self._connection = connection
        self._rules = rules
        self._trail = Trail(database, connection)

    def known(self, kind: Kind, ids: Sequence[str]) -> dict[str, Known]:
        """What is known of these orders."""
        linked = and_(
            links.c.connection == orders.c.connection,
            links.c.kind == orders.c.kind,
            links.c.order_id == orders.c.order_id,
            links.c.generation == orders.c.generation,
            links.c.role.in_(PRIMARY),
        )
        query = (
            select(
                orders.c.order_id, orders.c.revision, orders.c.state, orders.c.updated_at, links.c.document_id
            )
            .join_from(orders, links, linked, isouter=True)
            .where(
                orders.c.connection == self._connection,
                orders.c.kind == kind.value,
                orders.c.order_id.in_(ids),
            )
        )
        with self._database.engine.connect() as tx:
            return {
                row.order_id: Known(
                    row.revision, OrderState(row.state), row.document_id is not None, row.updated_at or ""
                )
                for row in tx.execute(query)
            }

    def take_in(
        self, rows: Iterable[Standing], run_id: str, stream: str | None, position: str | None
    ) -> None:
        """Note a page of orders and, in the same transaction, how far the reading has come.

        What a person took out of the inbox stays out, whatever the page says of it.
        """
        now, rows = datetime.now(UTC), sorted(rows, key=order_key)
        with self._trail.begin() as tx:
            upsert(
                tx,
                orders,
                [row_of(self._connection, row, now, run_id) for row in rows],
                update=[c.name for c in orders.columns if c.name not in {"generation", "tries"}],
                newer="updated_at",
                kept=_SKIPPED,
            )
            if stream and position:
                upsert(
                    tx, cursors, [{"connection": self._connection, "stream": stream, "position": position}]
                )
            self._trail.append(tx, self._held_now(tx, rows, now), run_id)

    def cursor(self, stream: str) -> str | None:
        """How far a stream has been read."""
        query = select(cursors.c.position).where(
            cursors.c.connection == self._connection, cursors.c.stream == stream
        )
        with self._database.engine.connect() as tx:
            return tx.execute(query).scalar()

    def unsettled(self, scope: Scope, after: tuple[str, str] | None, limit: int) -> list[Unsettled]:
        """The next orders, by kind and id, that wait for export, are held, or were rejected.

        What Xero was asked in vain is asked again only under other rules, or where the scope says so.
        """
        joined = select(orders, decisions.c.decision).join_from(orders, decisions, _decided, isouter=True)

        query = (
            self._scoped(joined, scope)
            .where(orders.c.payload.is_not(None), orders.c.state.in_(_OPEN))
            .order_by(orders.c.kind, orders.c.order_id)
            .limit(limit)
        )
        if not scope.retry_rejected:
            query = query.where(or_(orders.c.tried.is_(None), orders.c.tried != scope.rules))
        if after:
            query = query.where(tuple_(orders.c.kind, orders.c.order_id) > after)
        with self._database.engine.connect() as tx:
            return [
                Unsettled(
                    kind=Kind(row.kind),
                    order_id=row.order_id,
                    reference=row.reference,
                    revision=row.revision,
                    state=OrderState(row.state),
                    generation=row.generation,
                    payload=row.payload,
                    decision=row.decision,
                    taxes=row.taxes or "",
                )
                for row in tx.execute(query)
            ]

    def tell_taxes(self, told: Iterable[tuple[Seen, str]]) -> None:
        """Net and tax by tax type (JSON) of orders, as the rules tell them by which their documents are made."""
        with self._database.begin() as tx:
            for order, taxes in sorted(told, key=lambda one: order_key(one[0])):
                tx.execute(update(orders).where(*self._this(order)).values(taxes=taxes))

    def listed(self, kind: Kind, order_ids: Sequence[str], when: datetime) -> None:
        """Monstock showed these orders, as far as they are known, at that time."""
        for start in range(0, len(order_ids), CHUNK):
            these = orders.c.order_id.in_(sorted(order_ids)[start : start + CHUNK])
            mine = orders.c.connection == self._connection, orders.c.kind == kind.value
            with self._database.begin() as tx:
                tx.execute(update(orders).where(*mine, these).values(listed_at=when))

    def not_listed(
        self, when: datetime, *, changed_since: datetime | None, dated: tuple[date, date] | None
    ) -> list[tuple[Kind, str]]:
        """Orders that a listing from that time on should have shown and did not.

        It was a listing of what changed since a moment, or of all that belongs to days (both included) by its billing
        or by a document of its own.
        """
        query: Any = select(orders.c.kind, orders.c.order_id).where(
            orders.c.connection == self._connection,
            or_(orders.c.listed_at.is_(None), orders.c.listed_at < when),
        )
        if changed_since:
            moment = changed_since.astimezone(UTC).isoformat(timespec="microseconds")
            query = query.where(orders.c.updated_at >= moment)
        if dated:
            keys = documented(self._connection, *dated)
            query = union(*map(query.where, billed(*dated)), query.join(keys, among(keys)))
        with self._database.engine.connect() as tx:
            return [(Kind(row.kind), row.order_id) for row in tx.execute(query)]

    def hold(self, held: Iterable[tuple[Seen, tuple[Finding, ...]]], run_id: str) -> int:
        """Set orders aside with what was found. Returns how many were not held for the same before.

        Those that were keep the moment since which they are held, also over a retry; those that changed meanwhile,
        or that another run has settled, are left alone.
        """
        news, now = [], literal(datetime.now(UTC), orders.c.since.type)
        with self._trail.begin() as tx:
            for order, findings in sorted(held, key=lambda one: order_key(one[0])):
                found = findings_json(findings)
                changed = or_(
                    orders.c.state != OrderState.held.value, orders.c.findings.is_distinct_from(found)
                )
                done = tx.execute(
                    update(orders)
                    .where(*self._this(order), orders.c.state.in_(_OPEN), changed)
                    .values(
                        state=OrderState.held.value,
                        findings=found,
                        since=case((orders.c.findings == found, orders.c.since), else_=now),
                        run_id=run_id,
                        tried=None,
                        tries=orders.c.tries + 1,
                    )
                )
                if done.rowcount:
                    news.append(of_hold(order.kind.value, order.order_id, order.revision, self._rules, found))
            end_ours(tx, self._connection, [(entry.subject, entry.subject_id) for entry in news])
            self._trail.append(tx, news, run_id)
        return len(news)

    def move(self, seen: Iterable[Seen], state: OrderState, run_id: str) -> None:
        """Set orders that need nothing more (not due after all, or unchanged), unless they changed meanwhile."""
        these = sorted(seen, key=order_key)
        with self._database.begin() as tx:
            for order in these:
                tx.execute(
                    update(orders)
                    .where(*self._this(order))
                    .values(state=state.value, findings=None, payload=None, run_id=run_id)
                )
            end_ours(tx, self._connection, [order_key(order) for order in these])

    def counts(self, scope: Scope, state: OrderState | None = None) -> Counter[tuple[str, str]]:
        """How many orders stand in each state (or in one), by kind and state."""
        counted = select(orders.c.kind, orders.c.state, func.count().label("orders"))
        query = self._scoped(counted, scope).group_by(orders.c.kind, orders.c.state)
        if state:
            query = query.where(orders.c.state == state.value)
        with self._database.engine.connect() as tx:
            return Counter({(row.kind, row.state): row.orders for row in tx.execute(query)})

    def standing(self, scope: Scope, states: Iterable[OrderState], limit: int) -> list[Row[Any]]:
        """Orders in these states, with what was found on them, the oldest trouble first."""
        query = self._scoped(select(orders), scope).where(orders.c.state.in_([s.value for s in states]))
        with self._database.engine.connect() as tx:
            return list(tx.execute(query.order_by(orders.c.since, orders.c.reference).limit(limit)))

    def warned(self, run_id: str, limit: int) -> list[Row[Any]]:
        """The orders that a run exported, or ended after they were cancelled, with a warning."""
        query = (
            select(orders)
            .where(orders.c.connection == self._connection, orders.c.run_id == run_id)
            .where(orders.c.state.in_(_DONE), orders.c.findings.is_not(None))
            .order_by(orders.c.kind, orders.c.reference)
            .limit(limit)
        )
        with self._database.engine.connect() as tx:
            return list(tx.execute(query))

    def unknown(self, references: Sequence[str]) -> list[str]:
        """Which of these references the ledger does not know, or only of orders that are not due."""
        query = select(orders.c.reference).where(
            orders.c.connection == self._connection,
            orders.c.reference.in_(list(references)),
            orders.c.state != OrderState.not_due.value,
        )
        with self._database.engine.connect() as tx:
            known = set(tx.execute(query).scalars())
        return [reference for reference in references if reference not in known]

    def find(self, reference: str) -> list[Row[Any]]:
        """Orders by the reference that people use, or by id."""
        query = select(orders).where(
            orders.c.connection == self._connection,
            or_(orders.c.reference == reference, orders.c.order_id == reference),
        )
        with self._database.engine.connect() as tx:
            return list(tx.execute(query))

    def _held_now(self, tx: Connection, rows: Sequence[Standing], now: datetime) -> list[Entry]:
        """Of the orders that a page brings as held, those that were noted: an older reading changes nothing."""
        held = {(row.kind.value, row.order_id): row for row in rows if row.state is OrderState.held}
        query = select(orders.c.kind, orders.c.order_id).where(
            orders.c.connection == self._connection,
            orders.c.order_id.in_([order_id for _, order_id in held]),
            orders.c.since == now,
        )
        noted = tx.execute(query).all() if held else []
        return [
            of_hold(row.kind, row.order_id, this.revision, self._rules, findings_json(this.findings))
            for row in noted
            if (this := held.get((row.kind, row.order_id)))
        ]

    def _this(self, order: Seen) -> tuple[ColumnElement[bool], ...]:
        return (
            orders.c.connection == self._connection,
            orders.c.kind == order.kind.value,
            orders.c.order_id == order.order_id,
            orders.c.revision == order.revision,
            orders.c.state != OrderState.skipped.value,
        )

    def _scoped(self, query: Select[Any], scope: Scope) -> Select[Any]:
        """Only what a run is about."""
        query = query.where(
            orders.c.connection == self._connection, orders.c.kind.in_([kind.value for kind in scope.kinds])
        )
        if scope.references is not None:
            query = query.where(orders.c.reference.in_(scope.references))
        if scope.those is not None:
            query = query.where(tuple_(orders.c.kind, orders.c.order_id).in_(scope.those))
        if scope.date_from:
            query = query.where(orders.c.order_date >= scope.date_from)
        if scope.date_to:
            query = query.where(orders.c.order_date <= scope.date_to)
        if scope.but:
            within = or_(*(orders.c.order_date.between(dates.first, dates.last) for dates in scope.but))
            query = query.where(or_(orders.c.order_date.is_(None), ~within, exists().where(*_linked)))
        if not scope.remaking:
            remade = links.c.revision == REMADE + orders.c.revision
            waits = orders.c.state == OrderState.pending.value
            query = query.where(~and_(waits, exists().where(*_linked, links.c.role.in_(PRIMARY), remade)))
        return query


_OPEN = [OrderState.pending.value, OrderState.held.value, OrderState.rejected.value]
_DONE = [OrderState.exported.value, OrderState.not_due.value]
_linked = (
    links.c.connection == orders.c.connection,
    links.c.kind == orders.c.kind,
    links.c.order_id == orders.c.order_id,
)


_decided = and_(
    decisions.c.connection == orders.c.connection,
    decisions.c.kind == orders.c.kind,
    decisions.c.order_id == orders.c.order_id,
)
