"""What is known by now of what an event tells: as it stood then, or later, and carried over to the other system."""

from collections.abc import Sequence

from sqlalchemy import ColumnElement, Connection, Table, and_, exists, or_, update

from tasks.domain.outcomes import OrderState
from tasks.ledger.schema import accounting, documents, events, links, matches, orders
from tasks.ledger.told import DONE, KNOWN, Side

# A sum, so that no database looks through everything that is due, instead of finding the one order by its key.
_IS_DUE = accounting.c.due + 0 > 0


def settle_known(
    tx: Connection, side: Side, which: Sequence[ColumnElement[bool]], run_id: str | None = None
) -> None:
    """Of these events, end those of which nothing is left to do."""
    ended = {"state": DONE, "outcome": KNOWN, "run_id": run_id}
    known = _known_order() if side is Side.orders else _known_document()
    tx.execute(update(events).where(*which, events.c.side == side.value, known).values(**ended))


def _known_document() -> ColumnElement[bool]:
    """What a connection wrote itself is news to none over the same organisation: a document's id is Xero's alone.

    One that somebody read is known once it is somebody's, and stands on no order that is still to show it.
    """
    written = exists().where(links.c.document_id == events.c.subject_id, links.c.modified >= events.c.changed)
    read = exists().where(
        documents.c.connection == events.c.connection,
        documents.c.document_id == events.c.subject_id,
        documents.c.modified >= events.c.changed,
        documents.c.standing.is_not(None),
    )
    to_be_shown = or_(_due(links), _due(matches, matches.c.state == "linked"))
    return or_(written, and_(read, ~to_be_shown))


def _due(joined: Table, *how: ColumnElement[bool]) -> ColumnElement[bool]:
    """Whether an order that this table joins to the document is still to be shown."""
    return exists().where(
        joined.c.connection == events.c.connection,
        joined.c.document_id == events.c.subject_id,
        *how,
        accounting.c.connection == joined.c.connection,
        accounting.c.kind == joined.c.kind,
        accounting.c.order_id == joined.c.order_id,
        _IS_DUE,
    )


def _known_order() -> ColumnElement[bool]:
    """One that waits may have been read by somebody who does not export it."""

    def same(table: Table) -> ColumnElement[bool]:
        return and_(
            table.c.connection == events.c.connection,
            table.c.kind == events.c.subject,
            table.c.order_id == events.c.subject_id,
        )

    read = exists().where(same(orders), orders.c.updated_at >= events.c.changed)
    shown = exists().where(same(accounting), accounting.c.modified >= events.c.changed)
    to_be_shown = exists().where(same(accounting), _IS_DUE)
    at_rest = exists().where(same(orders), orders.c.state != OrderState.pending.value)
    return and_(at_rest, or_(read, shown), ~to_be_shown)
