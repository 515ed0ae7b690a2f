"""Events that may be echoes of our own writes which are not answered yet: until then nobody knows what they tell."""

from collections.abc import Sequence
from datetime import UTC, datetime

from sqlalchemy import ColumnElement, Connection, and_, exists, false, or_, select

from tasks.ledger.claims import CREATE
from tasks.ledger.schema import attempts, claims, connections, documents, events, links
from tasks.ledger.told import Followed, Side

# Sent, or failed at Xero and read back: what they wrote may stand there.
_MAY_STAND = ("sent", "faulted")
# Where a document is made, and the category by which Xero tells of it.
_MADE = {"Invoices": "INVOICE", "CreditNotes": "CREDITNOTE"}


def under_way(tx: Connection, followed: Followed) -> Sequence[str]:
    """Ids of requests to that organisation which are not answered, while their lease lives; of Xero's side alone.

    To be asked for before what is known is settled: one that is answered in between is then in the one or the other.
    """
    if followed.side is not Side.documents:
        return ()
    mine = select(connections.c.tenant_id).where(connections.c.connection == followed.connection)
    beside = select(connections.c.connection).where(connections.c.tenant_id == mine.scalar_subquery())
    query = select(attempts.c.id).where(
        or_(attempts.c.connection == followed.connection, attempts.c.connection.in_(beside)),
        attempts.c.state.in_(_MAY_STAND),
        attempts.c.lease_until > datetime.now(UTC),
    )
    return tx.execute(query).scalars().all()


def may_be_echo(ids: Sequence[str]) -> ColumnElement[bool]:
    """Whether an event may tell of what one of these requests writes.

    Its document is one of an order that they are about; or it is nobody's yet, and they make such a one. What came
    before a request was there is no echo of it: so nothing waits for one request after another.
    """
    if not ids:
        return false()
    before = (
        attempts.c.id.in_(ids),
        attempts.c.stored_at <= events.c.received_at,
        claims.c.attempt_id == attempts.c.id,
    )
    about = exists().where(
        *before,
        links.c.connection == claims.c.connection,
        links.c.kind == claims.c.subject,
        links.c.order_id == claims.c.subject_id,
        links.c.document_id == events.c.subject_id,
    )
    made = exists().where(
        *before,
        claims.c.operation == CREATE,
        or_(*(and_(attempts.c.endpoint == name, events.c.subject == told) for name, told in _MADE.items())),
    )
    somebodys = or_(
        exists().where(links.c.document_id == events.c.subject_id),
        exists().where(
            documents.c.connection == events.c.connection,
            documents.c.document_id == events.c.subject_id,
            documents.c.standing.is_not(None),
        ),
    )
    return or_(about, and_(made, ~somebodys))
