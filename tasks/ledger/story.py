"""The whole story of one order or document, as far as the ledger knows it."""

from collections.abc import Iterable, Mapping
from typing import Any

import msgspec
from sqlalchemy import Connection, RowMapping, Table, select

from tasks.domain.outcomes import Finding
from tasks.ledger.database import Database
from tasks.ledger.items import Subject, advice
from tasks.ledger.lookup import Named
from tasks.ledger.schema import accounting, decisions, documents, links, matches, orders
from tasks.ledger.settlement import read_findings
from tasks.ledger.trail import Trail
from tasks.ledger.troubles import STANDINGS, type_name

# Neither is part of the story: JSON that waits to be sent, and bytes that we compare with.
_LEFT_OUT = {"payload", "written", "raw", "connection", "findings", "text"}


def story(database: Database, named: Named) -> dict[str, Any]:
    """Where it stands, what was found, what belongs to it, what was decided, and its rows of the audit trail."""
    told = _of_order if named.subject is Subject.order else _of_document
    with database.engine.connect() as tx:
        about = told(tx, named)
    return {
        "connection": named.connection,
        "subject": named.subject.value,
        **about,
        "trail": _trail(database, named, about),
    }


def _of_order(tx: Connection, named: Named) -> dict[str, Any]:
    key = {"connection": named.connection, "kind": named.kind, "order_id": named.id}
    (row,) = _rows(tx, orders, key)
    shown = _rows(tx, accounting, key)
    return {
        **_plain(row),
        "findings": _findings(named.subject, read_findings(row["findings"])),
        "documents": [_linked(tx, link) for link in _rows(tx, links, key)],
        "matches": [_matched(tx, match) for match in _rows(tx, matches, key)],
        "accounting": _shown(shown[0]) if shown else None,
        "decisions": [_plain(decision) for decision in _rows(tx, decisions, key)],
    }


def _of_document(tx: Connection, named: Named) -> dict[str, Any]:
    key = {"connection": named.connection, "document_id": named.id}
    (row,) = _rows(tx, documents, key)
    found = read_findings(row["findings"])
    if not found and row["standing"] in STANDINGS:
        found = [STANDINGS[row["standing"]]]
    return {
        **_plain(row),
        "type": type_name(row["type"]),
        "findings": _findings(named.subject, found),
        "links": [{**_plain(link), "order": _reference(tx, link)} for link in _rows(tx, links, key)],
        "matches": [{**_plain(match), "order": _reference(tx, match)} for match in _rows(tx, matches, key)],
    }


def _trail(database: Database, named: Named, about: Mapping[str, Any]) -> list[RowMapping]:
    """The rows of the audit trail: an order's own; a document's, and of its orders those that name it."""
    chain = Trail(database, named.connection)
    if named.subject is Subject.order:
        return chain.of([(named.kind, named.id)])
    theirs = {(link["kind"], link["order_id"]) for link in about["links"]}
    rows = chain.of([("document", named.id), *sorted(theirs)])
    return [row for row in rows if row["document_id"] == named.id]


def _rows(tx: Connection, table: Table, key: Mapping[str, str]) -> list[RowMapping]:
    """All rows of a table with this key, in the sequence of their own."""
    these = [table.c[name] == value for name, value in key.items()]
    return list(tx.execute(select(table).where(*these).order_by(*table.primary_key.columns)).mappings())


def _plain(row: Mapping[Any, Any]) -> dict[str, Any]:
    return {str(name): value for name, value in row.items() if name not in _LEFT_OUT}


def _findings(subject: Subject, found: Iterable[Finding]) -> list[dict[str, Any]]:
    return [
        {"cause": one.cause.value, "detail": one.detail, "field": one.field, "advice": advice(subject, one)}
        for one in found
    ]


def _linked(tx: Connection, link: RowMapping) -> dict[str, Any]:
    """An order's document: what we wrote, and how it was last seen in Xero."""
    seen = _rows(tx, documents, {"connection": link["connection"], "document_id": link["document_id"]})
    return {**_plain(link), "seen": _seen(seen[0]) if seen else None}


def _matched(tx: Connection, match: RowMapping) -> dict[str, Any]:
    """A document that was proposed, linked or refused."""
    seen = _rows(tx, documents, {"connection": match["connection"], "document_id": match["document_id"]})
    return {**_plain(match), "seen": _seen(seen[0]) if seen else None}


def _seen(row: RowMapping) -> dict[str, Any]:
    names = (
        "number",
        "status",
        "currency",
        "total",
        "paid",
        "credited",
        "due",
        "date",
        "due_date",
        "standing",
    )
    return {"type": type_name(row["type"]), **{name: row[name] for name in names}}


def _shown(row: RowMapping) -> dict[str, Any]:
    shown = msgspec.json.decode(row["shown"]) if row["shown"] else None
    found = _findings(Subject.link, read_findings(row["findings"]))
    return {**_plain(row), "shown": shown, "findings": found}


def _reference(tx: Connection, row: RowMapping) -> str:
    """The order's, as people call it."""
    key = {name: row[name] for name in ("connection", "kind", "order_id")}
    found = _rows(tx, orders, key)
    return str(found[0]["reference"] if found else row["order_id"])
