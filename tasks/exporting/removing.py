"""Ends the documents of cancelled orders: deleted, voided or credited, or held for a person."""

from collections.abc import Sequence

from tasks.connections.connection import Connection
from tasks.domain.documents import DocumentType
from tasks.domain.orders import Kind
from tasks.domain.outcomes import Cause, Finding
from tasks.exporting.comparing import conflict, edits
from tasks.exporting.following import Ending, due
from tasks.exporting.reading import (
    OURS,
    Crediting,
    Row,
    Steps,
    credited_by_hand,
    has_money,
    is_drafted,
    is_gone,
    is_sent,
    kept,
    locked,
    read,
    standing,
)
from tasks.ledger.claims import Outcome
from tasks.ledger.documents import Link
from tasks.xero.writing import Item


def removals(connection: Connection, batch: Sequence[Ending]) -> Steps:
    """How the documents of cancelled orders may end, each read just before. The batch is of one endpoint."""
    rows = read(connection, batch[0].endpoint, [ending.link.document_id for ending in batch])
    links = _links(connection, batch)
    steps = Steps()
    for ending in batch:
        link = links.get(ending.claim.key)
        if link is None or link.revision == ending.claim.revision:
            continue
        row = rows.get(link.document_id)
        if row is None or is_gone(row):
            steps.settle(ending.claim, Outcome.removed, kept(row, link, ending.endpoint))
        else:
            step(steps, ending, link, row)
    return steps


def _links(connection: Connection, batch: Sequence[Ending]) -> dict[tuple[str, str], Link]:
    """Links as they are now, read after the documents: another worker may have ended both."""
    ids = [ending.claim.subject_id for ending in batch]
    return {
        (kind.value, order_id): link
        for kind in Kind
        for order_id, link in connection.documents.links(kind, ids).items()
    }


def step(steps: Steps, ending: Ending, link: Link, row: Row) -> None:
    """What becomes of one document that is alive."""
    if link.origin not in OURS:
        detail = f"The order is cancelled. {standing(row)}; it was linked by hand, and is not ours to end."
        steps.settle(ending.claim, Outcome.held, None, [Finding(Cause.cancelled, detail, "status")])
    elif not ending.ours and (names := edits(link.written, row)):
        steps.settle(ending.claim, Outcome.conflict, row, conflict(link.written, row, None, names))
    elif status := _removed_by(ending, row):
        if ending.locked_until:
            steps.settle(ending.claim, Outcome.held, None, [locked(ending.locked_until)])
        else:
            element = {ending.endpoint.id: link.document_id, "Status": status}
            steps.items.append(Item(ending.claim, element))
    elif _credits(ending, row):
        steps.credits.append(Crediting(ending.claim, row, ending.noted, due(ending.back)))
    else:
        found = Finding(Cause.cancelled, _why(ending, row), "status")
        steps.settle(ending.claim, Outcome.held, None, [found])


def _removed_by(ending: Ending, row: Row) -> str | None:
    """The status by which the document goes, where that is allowed: nobody outside the house has it or paid it."""
    if ending.type is DocumentType.purchase_order:
        return "DELETED" if is_drafted(row) or row.get("Status") == "AUTHORISED" else None
    if has_money(row) or is_sent(row) or ending.noted:
        return None
    if is_drafted(row):
        return "DELETED"
    return "VOIDED" if row.get("Status") == "AUTHORISED" else None


def _credits(ending: Ending, row: Row) -> bool:
    """Whether credit notes end it: those that stand, or one more that the rules want made."""
    if ending.type is DocumentType.purchase_order or row.get("Status") not in {"AUTHORISED", "PAID"}:
        return False
    if credited_by_hand(row, ending.noted):
        return False
    return bool(ending.noted) if ending.back is None else due(ending.back) is not None


def _why(ending: Ending, row: Row) -> str:
    """What keeps the document from ending, and what of it is not credited yet."""
    detail = f"The order is cancelled. {standing(row)}"
    if by_hand := credited_by_hand(row, ending.noted):
        detail += f"; credited by hand already: {', '.join(by_hand)}"
    if ending.back:
        detail += f"; not credited: {ending.back.told}"
    return f"{detail}."
