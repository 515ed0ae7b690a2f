"""Records what became of claims: links, contact links and the standing of orders, within one transaction."""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from datetime import datetime
from itertools import groupby
from operator import itemgetter
from typing import Any, TypeVar

import msgspec
from sqlalchemy import Connection, Update, bindparam, case, delete, or_, tuple_, update

from tasks.domain.books import SeenDocument
from tasks.domain.money import plain
from tasks.domain.outcomes import Cause, Finding, OrderState
from tasks.ledger.claims import (
    ALLOCATE,
    CHANGES,
    ENDS,
    PRIMARY,
    REMADE,
    REMOVE,
    ROLLBACK,
    WITH_DOCUMENT,
    Outcome,
    Settlement,
)
from tasks.ledger.database import upsert
from tasks.ledger.due import make_due
from tasks.ledger.schema import contact_links, decisions, links, orders

H = TypeVar("H")
# How a document in Xero's words is read: as the mirror has it read, so that both tell the same of it.
Reader = Callable[[Mapping[str, Any]], SeenDocument | None]
OURS, SKIP = "ours", "skip"
CHUNK = 500
_json = msgspec.json.Encoder(decimal_format="number")
_TYPES = {
    "ACCREC": "invoice",
    "ACCPAY": "bill",
    "ACCRECCREDIT": "credit_note",
    "ACCPAYCREDIT": "credit_note",
}
_NUMBERS = ("InvoiceNumber", "PurchaseOrderNumber", "CreditNoteNumber")
_STATES = {
    Outcome.written: OrderState.exported,
    Outcome.adopted: OrderState.exported,
    Outcome.linked: OrderState.exported,
    Outcome.found: OrderState.exported,
    Outcome.accepted: OrderState.exported,
    Outcome.rejected: OrderState.rejected,
    Outcome.removed: OrderState.held,
    Outcome.conflict: OrderState.held,
    Outcome.several: OrderState.held,
    Outcome.held: OrderState.held,
}
_ORIGINS = {Outcome.written: "made", Outcome.linked: "linked", Outcome.found: "found"}
# Asked in vain: the next run does not ask again. What people may have put right is looked at anew.
_NOT_AGAIN = {Outcome.rejected, Outcome.removed}
_OURS = {Outcome.written, Outcome.adopted, Outcome.linked, Outcome.found, Outcome.accepted}
_DONE = {OrderState.exported, OrderState.not_due}
# What people joined stands in the mirror already; what we wrote comes there with the next import.
_SHOWN = {Outcome.linked, Outcome.found, Outcome.accepted}
_ALL = tuple(column.name for column in links.columns)
# A document keeps the rules under which it was made, and where it came from.
_REWRITTEN = tuple(name for name in _ALL if name not in {"rules", "origin"})
# One that was to follow the present rules has them from then on.
_RULED = (*_REWRITTEN, "rules")
_FIRST_RULES = ~links.c.revision.startswith(REMADE, autoescape=True), ("rules",)
_SEEN = ("status", "updated_at", "run_id")
# What our last write left, beside the document itself.
_AMOUNTS = ("net", "tax")
_LEFT = (
    *("reference", "contact_id", "currency", *_AMOUNTS, "date", "due_date", "line_count", "lines"),
    "modified",
)
_OF_LINES = {"line_count", "lines"}
# The end of a document says nothing of its lines, and its answer need not show them.
_ENDED = tuple(name for name in _REWRITTEN if name not in _OF_LINES)
_ID_FIELDS = ("InvoiceID", "PurchaseOrderID", "CreditNoteID", "ContactID")


def document_id(document: Any) -> str:
    """The id of a document or contact in Xero's words."""
    return str(next(document[name] for name in _ID_FIELDS if name in document))


def findings_json(findings: Iterable[Finding]) -> str | None:
    """Findings as they are stored."""
    rows = [{"cause": f.cause.value, "detail": f.detail, "field": f.field} for f in findings]
    return msgspec.json.encode(rows).decode() if rows else None


def read_findings(text: str | None) -> list[Finding]:
    """Findings as they were stored."""
    return [
        Finding(Cause(row["cause"]), row["detail"], row["field"])
        for row in (msgspec.json.decode(text) if text else [])
    ]


def state_after(settlement: Settlement) -> OrderState | None:
    """Where an order stands after this, where that moves it.

    A credit note alone ends nothing: its order waits until it is allocated, as far as that can be, and the order's
    own document is settled. An order that was cancelled is done once its document is; one whose document was rolled
    back is out of the way until a person retries it.
    """
    claim, outcome = settlement.claim, settlement.outcome
    if outcome in _OURS and claim.role not in PRIMARY:
        return None if claim.operation == ALLOCATE else OrderState.pending
    if claim.operation == REMOVE and outcome in _OURS | {Outcome.removed}:
        return OrderState.not_due
    if claim.operation == ROLLBACK:
        return OrderState.skipped if outcome in _OURS | {Outcome.removed} else None
    return _STATES.get(outcome)


def record(
    tx: Connection,
    connection: str,
    settlements: Sequence[Settlement],
    run_id: str,
    now: datetime,
    read: Reader,
) -> None:
    """Write down every settlement; an order that changed meanwhile stays pending for its next revision."""
    contact_rows = [s for s in settlements if s.claim.subject == "contact"]
    order_rows = [s for s in settlements if s.claim.subject != "contact"]
    contacts = [
        {"connection": connection, "contact_id": s.claim.subject_id, "xero_id": document_id(s.document)}
        for s in contact_rows
        if s.outcome in {Outcome.written, Outcome.adopted}
    ]
    upsert(tx, contact_links, sorted(contacts, key=itemgetter("contact_id")))
    linked = [s for s in order_rows if s.outcome in WITH_DOCUMENT and s.claim.operation != ALLOCATE]
    for changes, these in _in_turn(linked, _link_changes):
        kept = _FIRST_RULES if changes is _RULED else None
        upsert(tx, links, [_link(connection, s, run_id, now, read) for s in these], changes, kept=kept)
    moved = [s for s in order_rows if state_after(s)]
    for statement, these in _in_turn(moved, _move):
        tx.execute(statement, [_moved(connection, s, run_id, now) for s in these])
    rolled_back = [s for s in moved if s.claim.operation == ROLLBACK]
    upsert(tx, decisions, [_skip(connection, s, run_id, now) for s in rolled_back])
    make_due(tx, connection, {s.claim.key for s in linked if s.outcome in _SHOWN}, now)
    looked_at = [s for s in order_rows if s.claim.operation in CHANGES and s.outcome is not Outcome.released]
    end_ours(tx, connection, [s.claim.key for s in looked_at])


def end_ours(tx: Connection, connection: str, subjects: Iterable[tuple[str, str]]) -> None:
    """That a person wants what the order says holds for the next look at its document, and not for later ones."""
    these = sorted(subjects)
    for start in range(0, len(these), CHUNK):
        order = tuple_(decisions.c.kind, decisions.c.order_id).in_(these[start : start + CHUNK])
        this = decisions.c.connection == connection, decisions.c.decision == OURS
        tx.execute(delete(decisions).where(*this, order))


def _in_turn(
    settlements: Iterable[Settlement], how: Callable[[Settlement], H]
) -> Iterator[tuple[H, Iterator[Settlement]]]:
    """Settlements by their orders' key, those together that stand side by side and are written alike.

    All transactions take orders in this sequence, so that no two of them ever wait for each other both.
    """
    return groupby(sorted(settlements, key=lambda s: s.claim.key), how)


def _link_changes(settlement: Settlement) -> tuple[str, ...]:
    """What a settlement changes of a link that stands already."""
    if settlement.outcome not in _OURS:
        return _SEEN
    if settlement.claim.operation in ENDS and not (settlement.document or {}).get("LineItems"):
        return _ENDED
    return _RULED if settlement.claim.operation in CHANGES else _ALL


def _move(settlement: Settlement) -> Update:
    state = state_after(settlement)
    if state is OrderState.pending:
        return _MOVE_ON
    if state is OrderState.skipped:
        return _MOVE_BACK
    return _MOVE_DONE if state in _DONE else _MOVE_STUCK


def _link(
    connection: str, settlement: Settlement, run_id: str, now: datetime, read: Reader
) -> dict[str, Any]:
    claim, document = settlement.claim, settlement.document or {}
    # What others did to a document is no write of ours: the next comparison starts from our own last one.
    ours = settlement.outcome in _OURS
    return {
        "connection": connection,
        "kind": claim.subject,
        "order_id": claim.subject_id,
        "role": claim.role,
        "generation": claim.generation,
        "document_id": document_id(document),
        "document_type": _TYPES.get(document.get("Type", ""), "purchase_order"),
        "document_number": next((document[name] for name in _NUMBERS if document.get(name)), None),
        "origin": _ORIGINS.get(settlement.outcome, "adopted"),
        "status": document.get("Status", ""),
        "total": str(document.get("Total", "")),
        **_left(read(document) if ours else None),
        "revision": claim.revision if ours else "",
        "rules": claim.rules,
        "written": _json.encode(document) if ours else None,
        "updated_at": now,
        "run_id": run_id,
    }


def _left(document: SeenDocument | None) -> dict[str, Any]:
    """A document as the mirror shows one that nobody touched since."""
    if document is None:
        return dict.fromkeys(_LEFT)
    facts = {name: getattr(document, name) for name in _LEFT}
    return facts | {name: plain(facts[name]) for name in _AMOUNTS} | {"total": plain(document.total)}


_THIS = (
    orders.c.connection == bindparam("_connection"),
    orders.c.kind == bindparam("_kind"),
    orders.c.order_id == bindparam("_order"),
)
_FOUND = bindparam("_findings", type_=orders.c.findings.type)
_NOW = bindparam("_now", type_=orders.c.since.type)
_MOVED = {"findings": _FOUND, "tries": orders.c.tries + 1, "run_id": bindparam("_run")}
_SAME = orders.c.revision == bindparam("_revision")
# A person took it out of the inbox while it was under way.
_SKIPPED = orders.c.state == OrderState.skipped.value, OrderState.skipped.value
_MOVE_DONE = (
    update(orders)
    .where(*_THIS)
    .values(
        state=case((_SAME, bindparam("_state")), _SKIPPED, else_=OrderState.pending.value),
        since=_NOW,
        payload=case((_SAME, None), else_=orders.c.payload),
        tried=None,
        **_MOVED,
    )
)
_MOVE_STUCK = (
    update(orders)
    .where(*_THIS)
    .values(
        state=case(_SKIPPED, (_SAME, bindparam("_state")), else_=OrderState.pending.value),
        since=case((or_(_SKIPPED[0], orders.c.findings == _FOUND), orders.c.since), else_=_NOW),
        tried=case((_SAME, bindparam("_tried")), else_=None),
        **_MOVED,
    )
)
# Its next document is made anew, under a mark of its own, once a person wants it.
_MOVE_BACK = (
    update(orders)
    .where(*_THIS, orders.c.generation == bindparam("_generation"))
    .values(
        state=OrderState.skipped.value, generation=orders.c.generation + 1, since=_NOW, tried=None, **_MOVED
    )
)
# A credit note that another worker adopts late finds its order done already, and leaves it so.
_MOVE_ON = _MOVE_STUCK.where(*(orders.c.state != state.value for state in sorted(_DONE)))


def _moved(connection: str, settlement: Settlement, run_id: str, now: datetime) -> dict[str, Any]:
    claim, state = settlement.claim, state_after(settlement) or OrderState.pending
    found = findings_json(settlement.findings)
    done = state in _DONE or state is OrderState.skipped
    return {
        "_connection": connection,
        "_kind": claim.subject,
        "_order": claim.subject_id,
        "_revision": claim.revision,
        "_generation": claim.generation,
        "_state": state.value,
        "_findings": joined(claim.warnings, found) if done else found,
        "_tried": claim.rules if settlement.outcome in _NOT_AGAIN else None,
        "_now": now,
        "_run": run_id,
    }


def _skip(connection: str, settlement: Settlement, run_id: str, now: datetime) -> dict[str, Any]:
    """A rolled back order is skipped, as a person skips one: for the reason that its claim bears."""
    claim = settlement.claim
    return {
        "connection": connection,
        "kind": claim.subject,
        "order_id": claim.subject_id,
        "decision": SKIP,
        "reason": " ".join(found.detail for found in read_findings(claim.warnings)),
        "decided_at": now,
        "decided_by": run_id,
    }


def joined(first: str | None, second: str | None) -> str | None:
    """Two stored lists of findings as one."""
    if not (first and second):
        return first or second
    parts = [row for text in (first, second) for row in msgspec.json.decode(text)]
    return msgspec.json.encode(parts).decode()
