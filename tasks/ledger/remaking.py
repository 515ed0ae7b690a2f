"""Orders whose documents were made under other rules, and their way back to the export under the present ones."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from sqlalchemy import ColumnElement, Connection, and_, func, select, update

from tasks.domain.books import GONE
from tasks.domain.outcomes import OrderState
from tasks.ledger.claims import CHANGES, PRIMARY
from tasks.ledger.database import Database
from tasks.ledger.schema import claims, links, orders
from tasks.ledger.standing import Scope, Seen, order_key
from tasks.ledger.trail import Entry, Trail

# A revision that no order has: whatever it says, its document does not follow it yet.
_NONE = ""
EVENT = "rules applied"


@dataclass(frozen=True, slots=True)
class Remade:
    """An order to be exported again though nothing about it changed: its JSON, and the rules it was exported by."""

    seen: Seen
    payload: str
    rules: str


class Remaking:
    """The orders of one connection under its present rules."""

    def __init__(self, database: Database, connection: str, rules: str) -> None:
        self._database = database
        self._connection = connection
        self._rules = rules

    def count(self, scope: Scope) -> int:
        """How many exported orders in scope have a living document that was made under other rules."""
        same = and_(
            links.c.connection == orders.c.connection,
            links.c.kind == orders.c.kind,
            links.c.order_id == orders.c.order_id,
            links.c.generation == orders.c.generation,
        )
        query = (
            select(func.count())
            .select_from(orders)
            .join(links, same)
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
        """Let these orders be exported again, their documents following them under the present rules."""
        now = datetime.now(UTC)
        with Trail(self._database, self._connection).begin() as tx:
            entries = [
                self._entry(one.seen)
                for one in sorted(those, key=lambda one: order_key(one.seen))
                if self._reopen(tx, one, now, run_id)
            ]
            Trail(self._database, self._connection).append(tx, entries, run_id)

    def take_back(self, those: Sequence[Remade], run_id: str) -> int:
        """What was not done after all: those orders are exported as before. Returns how many."""
        count = 0
        with self._database.begin() as tx:
            for one in sorted(those, key=lambda one: order_key(one.seen)):
                own = (*self._of(links, one.seen), links.c.role.in_(PRIMARY), links.c.revision == _NONE)
                left = tx.execute(
                    update(links).where(*own).values(rules=one.rules, revision=one.seen.revision)
                ).rowcount
                this = (*self._of(orders, one.seen), orders.c.state == OrderState.pending.value)
                if left:
                    done = {"state": OrderState.exported.value, "payload": None, "run_id": run_id}
                    tx.execute(update(orders).where(*this).values(**done))
                count += bool(left)
        return count

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
        own = self._of(links, one.seen)
        tx.execute(
            update(links).where(*own, links.c.role.in_(PRIMARY)).values(rules=self._rules, revision=_NONE)
        )
        claimed = (
            claims.c.connection == self._connection,
            claims.c.subject == one.seen.kind.value,
            claims.c.subject_id == one.seen.order_id,
            claims.c.operation.in_(CHANGES),
            claims.c.state == "done",
        )
        tx.execute(update(claims).where(*claimed).values(revision=_NONE))
        return True

    def _of(self, table: object, seen: Seen) -> tuple[ColumnElement[bool], ...]:
        columns = table.c  # type: ignore[attr-defined]
        return (
            columns.connection == self._connection,
            columns.kind == seen.kind.value,
            columns.order_id == seen.order_id,
        )

    def _entry(self, seen: Seen) -> Entry:
        return Entry(EVENT, seen.kind.value, seen.order_id, seen.revision, self._rules)
