"""Takes pages of orders into the ledger, each with where it stands; nothing is so odd that it is lost."""

from dataclasses import replace

from tasks.connections.connection import Connection
from tasks.domain.errors import Unreadable
from tasks.domain.orders import Kind, Order
from tasks.domain.outcomes import Cause, Finding, OrderState
from tasks.ledger.orders import Known, Standing
from tasks.mapping.document import standing
from tasks.mapping.rules import Rules
from tasks.monstock import wire
from tasks.monstock.client import OrderPage


def take_in(connection: Connection, kind: Kind, page: OrderPage, run_id: str, stream: str | None) -> int:
    """Note a page and, with a `stream`, how far it was read. Returns how many orders it held."""
    known = connection.orders.known(kind, [record.id for record in page.records])
    rows = [_row(record, known.get(record.id), connection.settings) for record in page.records]
    position = page.position if stream else None
    connection.orders.take_in([row for row in rows if row], run_id, stream, position)
    return len(page.records)


def state_of(order: Order, rules: Rules, *, linked: bool) -> tuple[OrderState, tuple[Finding, ...]]:
    """Where an order stands, seen with what became of it so far.

    An order whose document exists is followed, whatever the rules now say of when to begin.
    """
    state = standing(order, rules)
    if state is OrderState.held:
        detail = f'Status "{order.status}", fulfilment "{order.fulfilment}": one of them is not known here.'
        return state, (Finding(Cause.unknown_status, detail, "status"),)
    if linked and order.status != "confirmed":
        detail = f"The order is {order.status} now, and its document stands in Xero."
        return OrderState.held, (Finding(Cause.cancelled, detail, "status"),)
    return OrderState.pending if linked else state, ()


def unreadable(error: Unreadable) -> tuple[Finding, ...]:
    """What is said of an order that breaks the contract."""
    return (Finding(Cause.unreadable, str(error), error.field),)


def _row(record: wire.Record, known: Known | None, rules: Rules) -> Standing | None:
    """The order's new standing; None where nothing is to be noted."""
    settled = {OrderState.pending, OrderState.held, OrderState.rejected, OrderState.exported}
    same = known is not None and known.revision == record.revision
    if known and same and known.state in settled:
        return None
    row = Standing(
        record.kind, record.id, record.reference, record.revision, OrderState.held, payload=record.payload
    )
    try:
        order = wire.order(record.payload, record.revision)
    except Unreadable as error:
        return _with(row, OrderState.held, unreadable(error))
    state, findings = state_of(order, rules, linked=bool(known and known.linked))
    if (state is OrderState.not_due and known is None) or (known and same and state is known.state):
        return None
    kept = replace(row, payload=None) if known is None and state not in settled else row
    return _with(kept, state, findings, order)


def _with(
    row: Standing, state: OrderState, findings: tuple[Finding, ...], order: Order | None = None
) -> Standing:
    return replace(
        row,
        state=state,
        contact_name=order.contact.name if order else None,
        order_date=order.order_date if order else None,
        findings=findings,
    )
