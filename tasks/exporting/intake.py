"""Takes pages of orders into the ledger, each with where it stands; nothing is so odd that it is lost."""

import hashlib
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, timedelta
from typing import Any

from tasks.connections.connection import Connection
from tasks.domain.errors import Unreadable
from tasks.domain.money import plain
from tasks.domain.orders import Kind, Order
from tasks.domain.outcomes import Cause, Finding, OrderState
from tasks.domain.periods import Period
from tasks.domain.taxes import taxes_json
from tasks.ledger.standing import Known, Scope, Standing
from tasks.mapping.document import standing
from tasks.mapping.rules import Rules
from tasks.mapping.taxes import amounts
from tasks.monstock import wire
from tasks.monstock.client import OrderPage

OVERLAP = timedelta(minutes=1)
HELD_REST = timedelta(hours=1)
STATUS_LIMIT = 20
_NOT_OURS = {OrderState.not_due, OrderState.elsewhere}


@dataclass(frozen=True)
class PageRead:
    """How many orders a page held, and the way to the next one (`cursor` None: it was the last).

    A cursor belongs to its listing, so that `since`, from which the first page was read, goes with it.
    """

    orders: int
    cursor: str | None
    since: str | None


def read_page(
    connection: Connection,
    kind: Kind,
    run_id: str,
    cursor: str | None,
    since: str | None,
    date_from: date | None,
    date_to: date | None,
) -> PageRead:
    """Read one page of orders into the ledger: what changed since the last run, or a window of order dates.

    Only the former moves the ledger's cursor, in one transaction with the page.
    """
    windowed = date_from is not None or date_to is not None
    stream = None if windowed else stream_of(kind, connection.settings)
    if stream and cursor is None:
        since = begin(connection.orders.cursor(stream))
    found = connection.monstock.orders(
        kind, updated_since=since, date_from=date_from, date_to=date_to, cursor=cursor
    )
    return PageRead(take_in(connection, kind, found, run_id, stream), found.cursor, since)


def take_in(connection: Connection, kind: Kind, page: OrderPage, run_id: str, stream: str | None) -> int:
    """Note a page and, with a `stream`, how far it was read. Returns how many orders it held."""
    known = connection.orders.known(kind, [record.id for record in page.records])
    rows = [_row(record, known.get(record.id), connection) for record in page.records]
    position = page.position if stream else None
    kept = [row for row in rows if row]
    connection.orders.take_in(kept, run_id, stream, position)
    changed = {row.order_id for row in kept}
    shown = {r.id: r.accounting for r in page.records if r.id in changed | set(known)}
    connection.shown.note(kind, shown, sorted(changed))
    return len(page.records)


def stream_of(kind: Kind, rules: Rules) -> str:
    """The name under which the ledger keeps how far a kind was read.

    It holds what decides which orders are kept: under another cut-over, trigger or filter all are read once more.
    """
    chosen = hashlib.sha256(rules.orders.model_dump_json().encode()).hexdigest()[:8]
    return f"{kind}-orders:{rules.export_from}:{rules.of(kind).trigger}:{chosen}"


def begin(position: str | None) -> str | None:
    """Where a listing begins: a little before its last reading, for orders that showed late."""
    if position is None:
        return None
    return (datetime.fromisoformat(position) - OVERLAP).isoformat().replace("+00:00", "Z")


def worth_a_look(connection: Connection, scope: Scope, *, by_hand: bool) -> bool:
    """Whether Xero need be asked at all: for orders that wait, and once an hour for those that are held.

    Held ones are looked at sooner under new rules, and whenever a person starts the run.
    """
    stream, now = "held orders", datetime.now(UTC)
    looked_at, _, rules = (connection.orders.cursor(stream) or "").partition(" ")
    fresh = rules == scope.rules and now - datetime.fromisoformat(looked_at) < HELD_REST
    if fresh and not by_hand and not connection.orders.counts(scope, OrderState.pending):
        return False
    connection.orders.take_in([], "", stream, f"{now.isoformat()} {scope.rules}")
    return bool(connection.orders.unsettled(scope, None, 1))


def in_hand(connection: Connection) -> tuple[Period, ...]:
    """The dates of which backfills have the orders in hand that have no document yet."""
    return tuple(sorted(set(connection.backfills.in_hand().values())))


def let_go(connection: Connection, backfill_id: str) -> None:
    """A backfill is done; so is what others had in hand of its dates, if no order waits there: it did their work."""
    taken = connection.backfills.in_hand()
    done = taken.get(backfill_id)
    within = {other: dates for other, dates in taken.items() if done and dates.is_within(done)}
    ended = {other for other, dates in within.items() if not _waiting(connection, dates)}
    connection.backfills.let_go({backfill_id, *ended})


def _waiting(connection: Connection, dates: Period) -> int:
    """How many orders of these dates wait, those that only changed rules let be exported again among them."""
    scope = Scope(date_from=dates.first, date_to=dates.last, remaking=True)
    return connection.orders.counts(scope, OrderState.pending).total()


def state_of(order: Order, connection: Connection, *, linked: bool) -> tuple[OrderState, tuple[Finding, ...]]:
    """Where an order stands, seen with what became of it so far.

    An order whose document exists is followed, whatever the rules now say of when to begin; one that was cancelled,
    so that its document ends as well.
    """
    rules = connection.settings
    if not rules.orders.takes(order):
        if not linked:
            findings = _unassigned(order, connection)
            return (OrderState.held if findings else OrderState.elsewhere), findings
        detail = f"{_traits(order)} is no order of this connection's, and its document stands in its books."
        return OrderState.held, (Finding(Cause.left, detail, "channel"),)
    state = standing(order, rules)
    if state is OrderState.held:
        detail = f'Status "{order.status}", fulfilment "{order.fulfilment}": one of them is not known here.'
        return state, (Finding(Cause.unknown_status, detail, "status"),)
    if linked and order.status == "cancelled":
        return OrderState.pending, ()
    if linked and order.status != "confirmed":
        detail = f"The order is {order.status} now, and its document stands in Xero."
        return OrderState.held, (Finding(Cause.cancelled, detail, "status"),)
    return OrderState.pending if linked else state, ()


def _unassigned(order: Order, connection: Connection) -> tuple[Finding, ...]:
    """An order that no connection over its account takes is held by the first of them, where people see it."""
    others = connection.others
    if not others or connection.name > min(others) or any(f.takes(order) for f in others.values()):
        return ()
    names = ", ".join(sorted([connection.name, *others]))
    detail = f"{_traits(order)} fits the filter of none of {names}."
    return (Finding(Cause.unassigned, detail, "channel"),)


def _traits(order: Order) -> str:
    return f'Channel "{order.channel or ""}", warehouse "{order.warehouse or ""}", currency {order.currency}'


def unreadable(error: Unreadable) -> tuple[Finding, ...]:
    """What is said of an order that breaks the contract."""
    return (Finding(Cause.unreadable, str(error), error.field),)


def _row(record: wire.Record, known: Known | None, connection: Connection) -> Standing | None:
    """The order's new standing; None where nothing is to be noted."""
    settled = {
        OrderState.pending,
        OrderState.held,
        OrderState.rejected,
        OrderState.exported,
        OrderState.skipped,
    }
    same = known is not None and known.revision == record.revision
    ended = known is not None and known.linked and known.state is OrderState.not_due
    if known and same and (known.state in settled or ended):
        return None
    row = Standing(
        record.kind,
        record.id,
        record.reference,
        record.revision,
        OrderState.held,
        updated_at=wire.sortable(record.updated_at),
        payload=record.payload,
    )
    try:
        order = wire.order(record.payload, record.revision)
    except Unreadable as error:
        return replace(row, findings=unreadable(error))
    state, findings = state_of(order, connection, linked=bool(known and known.linked))
    # What is confirmed and not due yet may have a document already, that a person made.
    waits = state is OrderState.not_due and order.status == "confirmed"
    if (state in _NOT_OURS and known is None and not waits) or (known and same and state is known.state):
        return None
    kept = replace(row, payload=None) if known is None and state not in settled else row
    told = taxes_json(amounts(order, connection.settings))
    return replace(kept, state=state, findings=findings, taxes=told, **_facts(order))


def _facts(order: Order) -> dict[str, Any]:
    """What an order says, as the ledger keeps it beside its JSON."""
    return {
        "contact_id": order.contact.id,
        "contact_name": order.contact.name,
        "order_date": order.order_date,
        "document_date": order.document_date,
        "currency": order.currency,
        "net": plain(order.totals.net),
        "gross": plain(order.totals.gross),
        "received": None if order.received is None else plain(order.received),
        "external": order.external_reference,
        "status": order.status[:STATUS_LIMIT],
    }
