"""Orders whose documents were made under other rules, and their way back to the export under the present ones."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from sqlalchemy import ColumnElement, Connection, and_, func, select, update

from tasks.domain.books import GONE
from tasks.domain.orders import Kind
from tasks.domain.outcomes import OrderState
from tasks.ledger.claims import PRIMARY, REMADE, UPDATE
from tasks.ledger.database import Database
from tasks.ledger.schema import claims, links, orders
from tasks.ledger.standing import Scope, Seen, order_key
from tasks.ledger.trail import Entry, Trail

EVENT, BACK = "rules applied", "rules not applied"
CHUNK = 500


@dataclass(frozen=True, slots=True)
class Remade:
    """An order to be exported again though nothing about it changed, with its JSON."""

    seen: Seen
    payload: str


class Remaking:
    """The orders of one connection under its present rules."""

    def __init__(self, database: Database, connection: str, rules: str) -> None:
        self._database = database
        self._connection = connection
        self._rules = rules
        self._trail = Trail(database, connection)

    def count(self, scope: Scope) -> int:
        """How many exported orders in scope have a living document that was made under other rules."""
        query = (
            select(func.count())
            .select_from(orders)
            .join(links, _same)
            .where(
                orders.c.connection == self._connection,
                orders.c.kind.in_([kind.value for kind in scope.kinds]),
                orders.c.order_date.between(scope.date_from, scope.date_to),
                orders.c.state == OrderState.exported.value,
                links.c.role.in_(PRIMARY),
                links.c.rules != self._rules,
                links.c.revision == orders.c.revision,
                links.c.status.not_in(GONE),
            )
        )
        with self._database.engine.connect() as tx:
            return int(tx.execute(query).scalar_one())

    def remake(self, those: Sequence[Remade], run_id: str) -> None:
        """Let these orders be exported again by who has them in hand, their documents following the present rules."""
        now = datetime.now(UTC)
        for start in range(0, len(those), CHUNK):
            some = sorted(those[start : start + CHUNK], key=lambda one: order_key(one.seen))
            with self._trail.begin() as tx:
                done = [one.seen for one in some if self._reopen(tx, one, now, run_id)]
                self._trail.append(tx, [self._entry(EVENT, seen) for seen in done], run_id)

    def take_back(self, run_id: str, scope: Scope | None = None) -> int:
        """What was not done after all: those orders are exported as before, or follow a change of their own.

        Of a scope, or all. Returns how many.
        """
        left = self._left(scope)
        for start in range(0, len(left), CHUNK):
            with self._trail.begin() as tx:
                some = left[start : start + CHUNK]
                for seen in some:
                    own = (*self._of(links, seen), links.c.role.in_(PRIMARY))
                    own = (*own, links.c.revision == REMADE + seen.revision)
                    tx.execute(update(links).where(*own).values(revision=seen.revision))
                    this = (*self._of(orders, seen), orders.c.revision == seen.revision)
                    waits = orders.c.state == OrderState.pending.value
                    done = {"state": OrderState.exported.value, "payload": None, "run_id": run_id}
                    tx.execute(update(orders).where(*this, waits).values(**done))
                self._trail.append(tx, [self._entry(BACK, seen) for seen in some], run_id)
        return len(left)

    def _left(self, scope: Scope | None) -> list[Seen]:
        """Orders that wait to be remade, in the revision that was to be."""
        query = select(orders.c.kind, orders.c.order_id, orders.c.reference, links.c.revision)
        query = query.join_from(orders, links, _same).where(
            orders.c.connection == self._connection,
            orders.c.state == OrderState.pending.value,
            links.c.role.in_(PRIMARY),
            links.c.revision.startswith(REMADE, autoescape=True),
        )
        if scope:
            query = query.where(orders.c.kind.in_([kind.value for kind in scope.kinds]))
            query = query.where(orders.c.order_date.between(scope.date_from, scope.date_to))
        with self._database.engine.connect() as tx:
            rows = tx.execute(query.order_by(orders.c.kind, orders.c.order_id))
            return [
                Seen(Kind(row.kind), row.order_id, row.revision.removeprefix(REMADE), row.reference)
                for row in rows
            ]

    def _reopen(self, tx: Connection, one: Remade, now: datetime, run_id: str) -> bool:
        """Only an order that nobody changed meanwhile."""
        this = (*self._of(orders, one.seen), orders.c.revision == one.seen.revision)
        moved = tx.execute(
            update(orders)
            .where(*this, orders.c.state == OrderState.exported.value)
            .values(state=OrderState.pending.value, payload=one.payload, since=now, run_id=run_id, tried=None)
        )
        if not moved.rowcount:
            return False
        own = (*self._of(links, one.seen), links.c.role.in_(PRIMARY))
        tx.execute(update(links).where(*own).values(revision=REMADE + one.seen.revision))
        claimed = (
            claims.c.connection == self._connection,
            claims.c.subject == one.seen.kind.value,
            claims.c.subject_id == one.seen.order_id,
            claims.c.operation == UPDATE,
            claims.c.state == "done",
        )
        # What was written from this revision before may be written from it once more.
        tx.execute(update(claims).where(*claimed).values(revision=REMADE))
        return True

    def _of(self, table: object, seen: Seen) -> tuple[ColumnElement[bool], ...]:
        columns = table.c  # type: ignore[attr-defined]
        return (
            columns.connection == self._connection,
            columns.kind == seen.kind.value,
            columns.order_id == seen.order_id,
        )

    def _entry(self, event: str, seen: Seen) -> Entry:
        return Entry(event, seen.kind.value, seen.order_id, seen.revision, self._rules)


_same = and_(
    links.c.connection == orders.c.connection,
    links.c.kind == orders.c.kind,
    links.c.order_id == orders.c.order_id,
    links.c.generation == orders.c.generation,
)
