"""Lets a document follow its order: read just before, compared with our last write, changed by its ids."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any

from tasks.connections.connection import Connection
from tasks.domain.documents import DocumentType
from tasks.domain.outcomes import Cause, Finding
from tasks.exporting.comparing import beside, conflict, edits, facts_of
from tasks.exporting.following import Back, due
from tasks.exporting.plan import Ready
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
from tasks.xero.client import DOCUMENTS_A_CALL
from tasks.xero.endpoints import PURCHASE_ORDERS, Endpoint
from tasks.xero.recognition import keeps_more, shows
from tasks.xero.wire import document_element
from tasks.xero.writing import Item

_OPEN = {"DRAFT", "SUBMITTED", "AUTHORISED"}
# Purchase orders are read one by one, and a call may take a second.
AT_ONCE = 5


def at_once(endpoint: Endpoint, *, drafts_only: bool) -> int:
    """How many documents are read before they are written.

    That Xero refuses a purchase order which was approved meanwhile is not certain: with `drafts_only`, few are read
    at once, so that little time lies between.
    """
    return AT_ONCE if drafts_only and endpoint is PURCHASE_ORDERS else DOCUMENTS_A_CALL


def changes(
    connection: Connection,
    batch: Sequence[Ready],
    contact_links: Mapping[str, str],
    *,
    drafts_only: bool = False,
) -> Steps:
    """The updates and credit notes that may be sent, and the orders whose documents need or allow none.

    One reading of 40 documents a call (purchase orders one by one). A document that differs from what we wrote
    last was changed by somebody: that is a conflict and is not overwritten, unless a person wants it to be.
    With `drafts_only`, what is approved by now is left alone, and its order waits as before; the others are sent
    with the status that they were read with, so that Xero refuses what is approved until then.
    """
    rows = read(connection, batch[0].endpoint, [ready.link.document_id for ready in batch if ready.link])
    steps = Steps()
    for ready, link in _with_links(connection, batch):
        row = rows.get(link.document_id)
        if row is None or is_gone(row):
            status = row.get("Status") if row else "gone"
            found = Finding(Cause.removed, f"The document is {status} in Xero.")
            steps.settle(ready.claim, Outcome.removed, kept(row, link, ready.endpoint), [found])
        elif is_drafted(row) or not drafts_only:
            step(steps, ready, link, row, contact_links[ready.draft.contact.id])
    if drafts_only:
        steps.items = [_with_status(item, rows[item.element[batch[0].endpoint.id]]) for item in steps.items]
    return steps


def _with_status(item: Item, row: Row) -> Item:
    return replace(item, element={**item.element, "Status": row["Status"]})


def _with_links(connection: Connection, batch: Sequence[Ready]) -> Iterator[tuple[Ready, Link]]:
    """Each order with its link as it is now, read after the document: another worker may have written both."""
    ids = [ready.draft.order_id for ready in batch]
    links = {kind: connection.documents.links(kind, ids) for kind in {ready.draft.kind for ready in batch}}
    for ready in batch:
        link = links[ready.draft.kind].get(ready.draft.order_id)
        if link and link.revision != ready.claim.revision:
            yield ready, link


def step(steps: Steps, ready: Ready, link: Link, row: Row, contact_id: str) -> None:
    """What becomes of one document that is alive."""
    element = _element(ready, contact_id, link, row)
    if not ready.noted and shows(row, element):
        steps.settle(ready.claim, Outcome.adopted, row)
    elif found := _foreign(ready, link, row, contact_id):
        steps.settle(ready.claim, Outcome.conflict, row, found)
    elif _follows_by_credit(ready, row, contact_id):
        steps.credits.append(Crediting(ready.claim, row, ready.noted, due(ready.back)))
    elif found := _closed(ready, row, contact_id):
        steps.settle(ready.claim, Outcome.conflict, row, found)
    elif ready.locked_until:
        steps.settle(ready.claim, Outcome.held, None, [locked(ready.locked_until)])
    else:
        steps.items.append(Item(ready.claim, element))


def _foreign(ready: Ready, link: Link, row: Row, contact_id: str) -> tuple[Finding, ...]:
    """A document that is not ours to change, or that somebody changed since our last write."""
    if link.origin not in OURS and row.get(ready.endpoint.mark) != ready.claim.mark and not ready.ours:
        detail = "The order changed; its document was made by hand and linked, and is not ours to change."
        return (Finding(Cause.conflict, detail),)
    if ready.ours:
        return ()
    return conflict(link.written, row, facts_of(ready.draft, contact_id), edits(link.written, row))


def _follows_by_credit(ready: Ready, row: Row, contact_id: str) -> bool:
    """Whether credit notes tell, or are to tell, all that differs between the document and its order."""
    if not (is_sent(row) or has_money(row) or ready.noted) or credited_by_hand(row, ready.noted):
        return False
    if not _only_lines_differ(ready, row, contact_id):
        return False
    if ready.back is None:
        return ready.is_told
    return due(ready.back) is not None


def _only_lines_differ(ready: Ready, row: Row, contact_id: str) -> bool:
    element = document_element(ready.draft, contact_id)
    del element["LineItems"], element["Status"]
    return shows(row, element)


def _closed(ready: Ready, row: Row, contact_id: str) -> tuple[Finding, ...]:
    """Why a document that is paid, credited, closed or sent cannot become what the order says, and what differs."""
    differs = beside(row, facts_of(ready.draft, contact_id))
    back = ready.back
    by_hand = credited_by_hand(row, ready.noted)
    if back and (is_sent(row) or has_money(row)):
        hand = f" Credited by hand already: {', '.join(by_hand)}." if by_hand else ""
        return (Finding(Cause.returned, f"{standing(row)}; came back: {_told(back)}. {differs}.{hand}"),)
    if row.get("Status") not in _OPEN or has_money(row) or ready.noted:
        noted = "".join(f"; {note.number} credits {note.total:.2f}" for note in ready.noted)
        detail = f"{standing(row)}{noted}; the order changed after that: {differs}."
        return (Finding(Cause.closed, detail),)
    return ()


def _told(back: Back) -> str:
    return back.told if back.credit else f"{back.told}; no credit note tells it, for more than that changed"


def _element(ready: Ready, contact_id: str, link: Link, row: Row) -> dict[str, Any]:
    """Our fields with the document's ids; status, number and mark are left as they are.

    Lines keep their ids in order. What is left out of a line stays as it is in Xero, so a line that is to lose
    a field is made anew.
    """
    element = document_element(ready.draft, contact_id)
    for name in ("Status", ready.endpoint.number, ready.endpoint.mark):
        del element[name]
    element[ready.endpoint.id] = link.document_id
    if row.get("Reference") and ready.draft.type is DocumentType.invoice:
        element.setdefault("Reference", "")
    for line, present in zip(element["LineItems"], row.get("LineItems") or [], strict=False):
        if not keeps_more(present, line):
            line["LineItemID"] = present["LineItemID"]
    return element
