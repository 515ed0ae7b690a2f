"""Rolled back orders get their JSON back, which nobody kept while their documents stood, so that they can be sent."""

from collections.abc import Iterable
from datetime import date

from sqlalchemy import ColumnElement, func, select, update

from tasks.domain.orders import Kind
from tasks.domain.outcomes import Cause, OrderState
from tasks.ledger.database import Database
from tasks.ledger.schema import orders
from tasks.ledger.troubles import names_cause


class Recalling:
    """The rolled back orders of one connection that have no JSON."""

    def __init__(self, database: Database, connection: str) -> None:
        self._database = database
        self._these: tuple[ColumnElement[bool], ...] = (
            orders.c.connection == connection,
            orders.c.state.in_([OrderState.skipped.value, OrderState.held.value]),
            orders.c.payload.is_(None),
            names_cause(orders.c.findings, Cause.rolled_back),
        )

    def spans(self) -> dict[Kind, tuple[date, date]]:
        """Their first and last order dates, by kind."""
        query = select(orders.c.kind, func.min(orders.c.order_date), func.max(orders.c.order_date))
        query = query.where(*self._these, orders.c.order_date.is_not(None)).group_by(orders.c.kind)
        with self._database.engine.connect() as tx:
            return {Kind(kind): (first, last) for kind, first, last in tx.execute(query)}

    def keep(self, kind: Kind, read: Iterable[tuple[str, str, str]]) -> int:
        """Keep the JSON of those among the orders just read (id, revision, JSON). Returns how many."""
        kept = 0
        with self._database.begin() as tx:
            for order_id, revision, payload in sorted(read):
                this = orders.c.kind == kind.value, orders.c.order_id == order_id
                statement = update(orders).where(*self._these, *this, orders.c.revision == revision)
                kept += tx.execute(statement.values(payload=payload)).rowcount
        return kept
