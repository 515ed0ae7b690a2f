"""Puts things where the next run looks at them anew. What succeeds then leaves the inbox by itself."""

import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import ColumnElement, Connection, Row, and_, bindparam, case, delete, select, tuple_, update

from tasks.domain.outcomes import Cause, OrderState
from tasks.ledger.database import Database, upsert
from tasks.ledger.items import Subject
from tasks.ledger.ownership import UNLINKED
from tasks.ledger.schema import accounting, decisions, documents, matches, orders, unread
from tasks.ledger.settlement import SKIP, read_findings
from tasks.ledger.trail import Entry, Trail
from tasks.ledger.troubles import STANDINGS, STUCK, link_in_trouble, type_name

AT_ONCE = 500
SENTENCES = {
    "pending": "goes with the next export",
    "new": "is looked at anew with the next run",
    "due": "is written to Monstock with the next run",
    "compared": "is compared with its documents again with the next import",
    "back": "is in the inbox, where it stays until it or its document changes",
    "again": "is in the inbox again",
    "read": "is read again with the next import",
    "ended": "leaves the inbox: a payment is not read by itself, the nightly import looks at every open document",
    "nameless": "stays in the inbox, for it has no id to be read by: `monstock-xero inbox skip` takes it out",
    "removed": "stays held, since its document was removed: `monstock-xero send` makes it anew",
}
# Where what could not be read is read again, by a word of its type, which may be the endpoint's own name.
_ENDPOINTS = {
    "PURCHASEORDER": "PurchaseOrders",
    "CREDIT": "CreditNotes",
    "OVERPAYMENT": "Overpayments",
    "PREPAYMENT": "Prepayments",
}
_PAYMENTS = "PAYMENTS"
_ID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}", re.IGNORECASE)
Key = tuple[str, str]


@dataclass(frozen=True, slots=True)
class Retried:
    """What was put back, and what comes of it (a key of `SENTENCES`)."""

    connection: str
    subject: Subject
    kind: str
    id: str
    name: str
    becomes: str

    def __str__(self) -> str:
        what = "The link of order" if self.subject is Subject.link else self.subject.value.capitalize()
        return f"{what} {self.name} {SENTENCES[self.becomes]}."


def retry(
    database: Database, connection: str, rules: str | None, keys: Iterable[tuple[Subject, str, str]], by: str
) -> Iterator[Retried]:
    """Put back what these keys (subject, kind and id) name, as far as it is in trouble or was skipped.

    `rules` is the digest under which the person decides. Some hundreds go in one transaction, whose rows are all of
    one subject and are locked by their key, as everywhere.
    """
    trail, wanted = Trail(database, connection), sorted(set(keys))
    for subject, put_back in _WAYS.items():
        these = [(kind, id_) for which, kind, id_ in wanted if which is subject]
        for start in range(0, len(these), AT_ONCE):
            with trail.begin() as tx:
                done = put_back(tx, connection, these[start : start + AT_ONCE])
                trail.append(tx, [_entry(one, rules, revision) for one, revision in done], f"person: {by}")
            yield from (one for one, _ in done)


def _entry(one: Retried, rules: str | None, revision: str | None) -> Entry:
    document = one.id if one.subject is Subject.document else None
    subject = "document" if document else one.kind
    content = {"what": one.subject.value, "becomes": one.becomes}
    return Entry("retry", subject, one.id, revision, rules, document_id=document, content=content)


Done = list[tuple[Retried, str | None]]


def _orders(tx: Connection, connection: str, keys: Sequence[Key]) -> Done:
    """Held, rejected and skipped orders wait again; a skip is forgotten, a decision to send is not.

    One whose document was removed, or that has nothing to be sent, stays held: no retry makes a second document.
    """
    these = _these(orders, connection, keys)
    states = orders.c.state.in_([*STUCK, OrderState.skipped.value])
    query = select(orders).where(*these, states).order_by(orders.c.kind, orders.c.order_id)
    rows = tx.execute(query.with_for_update()).all()
    becomes, now = [_becomes(row) for row in rows], datetime.now(UTC)
    if rows:
        tx.execute(
            _PUT_BACK,
            [
                {
                    "_connection": connection,
                    "_kind": row.kind,
                    "_order": row.order_id,
                    "_state": "pending" if new == "pending" else "held",
                    "_now": now,
                }
                for row, new in zip(rows, becomes, strict=True)
            ],
        )
        tx.execute(
            delete(decisions).where(*_these(decisions, connection, keys), decisions.c.decision == SKIP)
        )
    return [
        (Retried(connection, Subject.order, row.kind, row.order_id, row.reference, new), row.revision)
        for row, new in zip(rows, becomes, strict=True)
    ]


def _becomes(row: Row[Any]) -> str:
    if any(found.cause is Cause.removed for found in read_findings(row.findings)):
        return "removed"
    return "back" if row.payload is None else "pending"


_PUT_BACK = (
    update(orders)
    .where(
        orders.c.connection == bindparam("_connection"),
        orders.c.kind == bindparam("_kind"),
        orders.c.order_id == bindparam("_order"),
    )
    .values(
        state=bindparam("_state"),
        tried=None,
        since=case(
            (orders.c.state == OrderState.skipped.value, bindparam("_now", type_=orders.c.since.type)),
            else_=orders.c.since,
        ),
    )
)


def _documents(tx: Connection, connection: str, keys: Sequence[Key]) -> Done:
    """What was open about a document is open anew; one that only carries findings comes back with them.

    What could not be read stays as it is, and is read again. What a person unlinked stays so.
    """
    ids = [document_id for _, document_id in keys]
    these = documents.c.connection == connection, documents.c.document_id.in_(ids)
    opened = documents.c.standing.in_(list(STANDINGS)) | documents.c.raw.is_not(None)
    query = select(documents).where(*these, opened | documents.c.skipped.is_not(None))
    rows = tx.execute(query.order_by(documents.c.document_id).with_for_update()).all()
    becomes = {row.document_id: _document_becomes(row) for row in rows}
    ours = documents.c.connection == connection
    anew = [id_ for id_, new in becomes.items() if new == "new"]
    new = {"standing": None, "findings": None, "skipped": None, "since": datetime.now(UTC)}
    tx.execute(update(documents).where(ours, documents.c.document_id.in_(anew)).values(**new))
    back = [id_ for id_, new in becomes.items() if new != "new"]
    tx.execute(update(documents).where(ours, documents.c.document_id.in_(back)).values(skipped=None))
    refused = matches.c.connection == connection, matches.c.state == "refused", matches.c.reason != UNLINKED
    tx.execute(delete(matches).where(*refused, matches.c.document_id.in_(anew)))
    _read_again(tx, connection, [row for row in rows if becomes[row.document_id] == "read"])
    ended = [id_ for id_, new in becomes.items() if new == "ended"]
    tx.execute(delete(documents).where(ours, documents.c.document_id.in_(ended)))
    return [
        (
            Retried(
                connection,
                Subject.document,
                type_name(row.type),
                row.document_id,
                row.number or row.reference or row.document_id,
                becomes[row.document_id],
            ),
            None,
        )
        for row in rows
    ]


def _document_becomes(row: Row[Any]) -> str:
    if row.raw is None:
        return "new" if row.standing in STANDINGS else "again"
    if row.type == _PAYMENTS:
        return "ended"
    return "read" if _ID.fullmatch(row.document_id) else "nameless"


def _read_again(tx: Connection, connection: str, rows: Iterable[Row[Any]]) -> None:
    upsert(
        tx,
        unread,
        [
            {"connection": connection, "endpoint": _endpoint(row.type), "document_id": row.document_id}
            for row in rows
        ],
    )


def _endpoint(type_: str) -> str:
    return next((name for word, name in _ENDPOINTS.items() if word in type_), "Invoices")


def _links(tx: Connection, connection: str, keys: Sequence[Key]) -> Done:
    """A link in trouble is due, and no longer skipped; it keeps why until it is written and compared."""
    these = *_these(accounting, connection, keys), link_in_trouble()
    named = (
        orders.c.connection == accounting.c.connection,
        orders.c.kind == accounting.c.kind,
        orders.c.order_id == accounting.c.order_id,
    )
    query = select(accounting.c.kind, accounting.c.order_id, accounting.c.failed, orders.c.reference)
    query = query.join_from(accounting, orders, and_(*named), isouter=True).where(*these)
    query = query.order_by(accounting.c.kind, accounting.c.order_id).with_for_update(of=accounting)
    rows = tx.execute(query).all()
    tx.execute(update(accounting).where(*these).values(due=accounting.c.due + 1, skipped=None))
    return [
        (
            Retried(
                connection,
                Subject.link,
                row.kind,
                row.order_id,
                row.reference or row.order_id,
                "compared" if row.failed is None else "due",
            ),
            None,
        )
        for row in rows
    ]


_WAYS: dict[Subject, Callable[[Connection, str, Sequence[Key]], Done]] = {
    Subject.link: _links,
    Subject.order: _orders,
    Subject.document: _documents,
}


def _these(table: Any, connection: str, keys: Sequence[Key]) -> tuple[ColumnElement[bool], ...]:
    return table.c.connection == connection, tuple_(table.c.kind, table.c.order_id).in_(list(keys))
