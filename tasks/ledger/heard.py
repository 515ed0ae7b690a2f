"""How the live way stands: what was told of a connection's orders or documents, and whether it is followed."""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from sqlalchemy import Column, ColumnElement, Connection, Numeric, Table, and_, cast, exists, func, select

from tasks.ledger.database import Database
from tasks.ledger.events import KEPT
from tasks.ledger.following import RESTS
from tasks.ledger.schema import accounting, documents, events, followers, links, orders
from tasks.ledger.told import DONE, Followed, Side

# So long somebody who is there needs at the most to come.
COMES = timedelta(minutes=2)
# The far side's clock may be another; and an event that is late may still come.
APART, LATE = timedelta(minutes=5), timedelta(hours=1)


@dataclass(frozen=True, slots=True)
class Heard:
    """`waiting` events, the `oldest` of them, and the `last` that came at all within `KEPT`; times in UTC.

    `missed` is how many orders or documents somebody else than we changed after that, an hour ago or more, as polls
    found: of them events should have come. Documents with anything paid or credited are not among them, for of
    that Xero may not tell.
    """

    waiting: int
    oldest: datetime | None
    last: datetime | None
    missed: int
    alone: bool
    """Events wait, and nobody comes."""
    rests_until: datetime | None
    why: str
    """Why nobody is called until then."""


def heard(database: Database, followed: Followed) -> Heard:
    """What the ledger knows of it now."""
    its = events.c.connection == followed.connection, events.c.side == followed.side.value
    with database.snapshot() as tx:
        now = database.now(tx)
        open_ = select(func.count(), func.min(events.c.received_at)).where(*its, events.c.state != DONE)
        waiting, oldest = tx.execute(open_).one()
        last = tx.execute(select(func.max(events.c.received_at)).where(*its)).scalar_one()
        missed = _missed(tx, followed, (last or now - KEPT) + APART, now - LATE)
        of = followers.c.connection == followed.connection, followers.c.side == followed.side.value
        at_it = select(followers).where(*of, followers.c.busy_until > now, followers.c.run_id.is_not(None))
        busy = tx.execute(at_it).first()
    rests = busy if busy and busy.run_id.startswith(RESTS) else None
    return Heard(
        waiting,
        oldest,
        last,
        missed,
        alone=oldest is not None and busy is None and oldest < now - COMES,
        rests_until=rests.busy_until if rests else None,
        why=rests.run_id.removeprefix(RESTS) if rests else "",
    )


def _missed(tx: Connection, followed: Followed, since: datetime, until: datetime) -> int:
    table, stamp, theirs = _THEIRS[followed.side]
    between = stamp > _text(since), stamp < _text(until)
    query = select(func.count()).select_from(table).where(*between, theirs)
    return int(tx.execute(query.where(table.c.connection == followed.connection)).scalar_one())


def _text(moment: datetime) -> str:
    """As both systems' stamps stand in the ledger."""
    return moment.astimezone(UTC).isoformat(timespec="milliseconds")


def _nothing(amount: Column[str]) -> ColumnElement[bool]:
    return cast(func.coalesce(amount, "0"), Numeric) == 0


# Of each side what was read, its stamp there, and that its last change is none of ours.
_THEIRS: dict[Side, tuple[Table, Column[str], ColumnElement[bool]]] = {
    Side.orders: (
        orders,
        orders.c.updated_at,
        ~exists().where(
            accounting.c.connection == orders.c.connection,
            accounting.c.kind == orders.c.kind,
            accounting.c.order_id == orders.c.order_id,
            accounting.c.modified >= orders.c.updated_at,
        ),
    ),
    Side.documents: (
        documents,
        documents.c.modified,
        and_(
            documents.c.type != "PURCHASEORDER",
            _nothing(documents.c.paid),
            _nothing(documents.c.credited),
            ~exists().where(
                links.c.document_id == documents.c.document_id, links.c.modified >= documents.c.modified
            ),
        ),
    ),
}
