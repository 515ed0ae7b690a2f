"""Takes something out of the inbox, with a reason: it stays out until a person retries, sends or links it."""

from collections.abc import Collection, Iterator, Mapping
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import ColumnElement, Connection, Row, Table, exists, select, update

from tasks.domain.errors import MonstockXeroError
from tasks.domain.outcomes import OrderState
from tasks.ledger.database import Database, upsert
from tasks.ledger.items import Subject
from tasks.ledger.lookup import Named
from tasks.ledger.schema import accounting, claims, decisions, documents, links, matches, orders
from tasks.ledger.settlement import SKIP
from tasks.ledger.trail import Entry, Trail
from tasks.ledger.troubles import STANDINGS, STUCK, link_in_trouble

_WAITING = {OrderState.pending.value, OrderState.skipped.value}


class CannotSkip(MonstockXeroError):
    """There is nothing to take out of the inbox, or it is under way; the text says so."""


def skip(
    database: Database,
    rules: str | None,
    named: Named,
    reason: str,
    by: str,
    subjects: Collection[Subject] = tuple(Subject),
) -> dict[str, Any]:
    """Take an order or document out of the inbox. Returns what was changed.

    Of an order, what is in trouble: itself, how it goes with its documents, or both, as far as `subjects` has them.
    `rules` is the digest under which the person decides. Raises `CannotSkip`.
    """
    if not reason.strip():
        raise CannotSkip("Say why it is skipped: the reason stays in the inbox and in the audit trail.")
    trail = Trail(database, named.connection)
    with trail.begin() as tx:
        if named.subject is Subject.order:
            done = dict(_skip_of_order(tx, named, rules, reason, by, subjects))
        else:
            done = {Subject.document: _skip_document(tx, named, rules, reason, by)}
        trail.append(tx, list(done.values()), f"person: {by}")
    return {
        "connection": named.connection,
        "subject": next(iter(done)).value,
        "subjects": [subject.value for subject in done],
        "kind": named.kind,
        "id": named.id,
        "name": named.name,
        "state": "skipped",
        "reason": reason,
        "by": by,
    }


def _skip_of_order(
    tx: Connection, named: Named, rules: str | None, reason: str, by: str, subjects: Collection[Subject]
) -> Iterator[tuple[Subject, Entry]]:
    """An order that is in no trouble itself is not skipped with its link."""
    key = {"connection": named.connection, "kind": named.kind, "order_id": named.id}
    row = tx.execute(select(orders).where(*_equal(orders, key)).with_for_update()).one()
    troubled = bool(tx.execute(select(exists().where(*_equal(accounting, key), link_in_trouble()))).scalar())
    with_link = troubled and Subject.link in subjects
    if Subject.order in subjects and (row.state in STUCK or not with_link):
        yield Subject.order, _skip_order(tx, key, row, rules, reason, by)
    if with_link:
        yield Subject.link, _skip_link(tx, key, row, rules, reason)
    elif Subject.order not in subjects:
        raise CannotSkip(
            f"Nothing is wrong between order {row.reference} and its documents: that is not in the inbox, "
            "so there is nothing to skip."
        )


def _skip_link(
    tx: Connection, key: Mapping[str, str], row: Row[Any], rules: str | None, reason: str
) -> Entry:
    tx.execute(update(accounting).where(*_equal(accounting, key)).values(skipped=reason))
    content = {"what": Subject.link.value, "reason": reason}
    return Entry(SKIP, row.kind, row.order_id, row.revision, rules, content=content)


def _skip_order(
    tx: Connection, key: Mapping[str, str], row: Row[Any], rules: str | None, reason: str, by: str
) -> Entry:
    """An order keeps its JSON, so that a retry needs no new reading."""
    _refuse_unfit(tx, key, row)
    now = datetime.now(UTC)
    tx.execute(
        update(orders)
        .where(*_equal(orders, key))
        .values(state=OrderState.skipped.value, since=now, tried=None)
    )
    upsert(tx, decisions, [{**key, "decision": SKIP, "reason": reason, "decided_at": now, "decided_by": by}])
    return Entry(SKIP, row.kind, row.order_id, row.revision, rules, content={"reason": reason})


def _refuse_unfit(tx: Connection, key: Mapping[str, str], row: Row[Any]) -> None:
    linked = tx.execute(select(exists().where(*_equal(links, key)))).scalar()
    if row.state not in STUCK and (row.state not in _WAITING or (linked and row.state == "pending")):
        raise CannotSkip(
            f"Order {row.reference} is {row.state}: it is not in the inbox, so there is nothing to skip"
            f"{_but_its_link(tx, key)}."
        )
    under_way = exists().where(
        claims.c.connection == row.connection,
        claims.c.subject == row.kind,
        claims.c.subject_id == row.order_id,
        claims.c.state == "open",
    )
    if tx.execute(select(under_way)).scalar():
        raise CannotSkip(f"Order {row.reference} is being exported at this moment: look again in a minute.")


def _but_its_link(tx: Connection, key: Mapping[str, str]) -> str:
    listed = exists().where(*_equal(accounting, key), link_in_trouble(), accounting.c.skipped.is_(None))
    return ", but how it shows in Monstock is: --kind link" if tx.execute(select(listed)).scalar() else ""


def _skip_document(tx: Connection, named: Named, rules: str | None, reason: str, by: str) -> Entry:
    """What was proposed for a document is refused with it, and never proposed again."""
    key = {"connection": named.connection, "document_id": named.id}
    row = tx.execute(select(documents).where(*_equal(documents, key)).with_for_update()).one()
    if row.standing not in STANDINGS and row.findings is None and row.skipped is None:
        raise CannotSkip(
            f"{named.kind.capitalize()} {named.name} is {named.state}: it is not in the inbox, "
            "so there is nothing to skip."
        )
    tx.execute(update(documents).where(*_equal(documents, key)).values(skipped=reason))
    proposed = *_equal(matches, key), matches.c.state == "proposed"
    refused = [
        {"kind": match.kind, "order_id": match.order_id}
        for match in tx.execute(select(matches).where(*proposed).order_by(matches.c.kind, matches.c.order_id))
    ]
    now = datetime.now(UTC)
    tx.execute(update(matches).where(*proposed).values(state="refused", decided_by=by, since=now))
    content = {"reason": reason, "refused": refused, "ContactID": row.contact_id}
    return Entry(SKIP, "document", named.id, rules=rules, document_id=named.id, content=content)


def _equal(table: Table, key: Mapping[str, str]) -> list[ColumnElement[bool]]:
    return [table.c[name] == value for name, value in key.items()]
