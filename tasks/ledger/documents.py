"""Documents as they were last seen in Xero, links to them, and the rules they were made under."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import msgspec
from sqlalchemy import Connection, Row, Select, exists, func, select, update

from tasks.domain.books import GONE, SeenDocument
from tasks.domain.orders import Kind
from tasks.domain.outcomes import OrderState
from tasks.ledger.claims import PRIMARY
from tasks.ledger.database import Database, upsert
from tasks.ledger.mirror import SEEN, seen_of
from tasks.ledger.schema import (
    attempts,
    claims,
    connections,
    decisions,
    documents,
    links,
    matches,
    orders,
    rulebooks,
)
from tasks.ledger.settlement import OURS
from tasks.ledger.trail import Entry, Trail

CHUNK = 500
_parse = msgspec.json.Decoder(float_hook=Decimal)


@dataclass(frozen=True, slots=True)
class Link:
    """An order's own document: its id, the revision it was written from, and Xero's answer to that."""

    document_id: str
    document_type: str
    origin: str
    revision: str
    rules: str
    status: str
    written: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class ByHand:
    """Documents that people seem to have made: those that stood there before the first export, and `later` ones."""

    first: Sequence[SeenDocument]
    later: Sequence[SeenDocument]


@dataclass(frozen=True, slots=True)
class Said:
    """Documents that wait for a yes to one order, with what speaks for each, and those that a person `refused`."""

    proposed: dict[str, str] = field(default_factory=dict)
    refused: set[str] = field(default_factory=set)


class Documents:
    """What one connection knows of its documents; `rules` is the digest under which people decide."""

    def __init__(self, database: Database, connection: str, rules: str | None = None) -> None:
        self._database = database
        self._connection = connection
        self._rules = rules
        self._trail = Trail(database, connection)

    def remember_rules(self, digest: str, rules: str) -> None:
        """Keep the rules (JSON) under which documents are made."""
        with self._database.begin() as tx:
            upsert(tx, rulebooks, [{"connection": self._connection, "digest": digest, "rules": rules}])

    def rules(self) -> dict[str, str]:
        """All rules under which documents were made, by digest."""
        query = select(rulebooks).where(rulebooks.c.connection == self._connection)
        with self._database.engine.connect() as tx:
            return {row.digest: row.rules for row in tx.execute(query)}

    def bearing(self, numbers: Sequence[str]) -> list[SeenDocument]:
        """Live documents with one of these numbers: those of our links, and those seen in Xero."""
        found: dict[str, SeenDocument] = {}
        with self._database.engine.connect() as tx:
            for start in range(0, len(numbers), CHUNK):
                chunk = list(numbers[start : start + CHUNK])
                for row in tx.execute(
                    select(documents).where(
                        documents.c.connection == self._connection, documents.c.number.in_(chunk)
                    )
                ):
                    found[row.document_id] = seen_of(row)
                for row in tx.execute(
                    select(links).where(
                        links.c.connection == self._connection, links.c.document_number.in_(chunk)
                    )
                ):
                    found.setdefault(row.document_id, _of_link(row))
        return [document for document in found.values() if document.alive]

    def of_others(self, others: Sequence[str], kind: Kind, order_ids: Sequence[str]) -> dict[str, str]:
        """Which of these orders have a document of another connection, and a sentence that names it."""
        found: dict[str, str] = {}
        with self._database.engine.connect() as tx:
            for start in range(0, len(order_ids), CHUNK):
                query = select(links).where(
                    links.c.connection.in_(others),
                    links.c.kind == kind.value,
                    links.c.order_id.in_(list(order_ids[start : start + CHUNK])),
                    links.c.role.in_(PRIMARY),
                    links.c.status.not_in(["VOIDED", "DELETED"]),
                )
                for row in tx.execute(query):
                    number = row.document_number or row.document_id
                    found[row.order_id] = (
                        f"Connection {row.connection} has {number} ({row.status}) for this order."
                    )
        return found

    def gone(self, document_ids: Sequence[str]) -> set[str]:
        """Which of these documents were last seen voided or deleted."""
        found: set[str] = set()
        with self._database.engine.connect() as tx:
            for start in range(0, len(document_ids), CHUNK):
                query = select(documents).where(
                    documents.c.connection == self._connection,
                    documents.c.document_id.in_(list(document_ids[start : start + CHUNK])),
                )
                found |= {row.document_id for row in tx.execute(query) if not seen_of(row).alive}
        return found

    def standings(self, document_ids: Sequence[str]) -> dict[str, tuple[str, bool]]:
        """The status in which each of these documents was last seen, and whether it was paid or credited in part."""
        found: dict[str, tuple[str, bool]] = {}
        names = documents.c.document_id, documents.c.status, documents.c.paid, documents.c.credited
        with self._database.engine.connect() as tx:
            for start in range(0, len(document_ids), CHUNK):
                these = documents.c.document_id.in_(list(document_ids[start : start + CHUNK]))
                query = select(*names).where(documents.c.connection == self._connection, these)
                for row in tx.execute(query):
                    money = any(Decimal(amount or 0) for amount in (row.paid, row.credited))
                    found[row.document_id] = row.status, money
        return found

    def last_write(self) -> datetime | None:
        """When, by Xero's clock, this connection's newest closed attempt was first sent."""
        query = select(func.max(attempts.c.first_sent_at)).where(
            attempts.c.connection == self._connection, attempts.c.state == "closed"
        )
        with self._database.engine.connect() as tx:
            found = tx.execute(query).scalar()
        return found.replace(tzinfo=UTC) if found and found.tzinfo is None else found

    def by_hand(self) -> ByHand:
        """Living documents that people seem to have made and that belong to no order yet.

        What any connection over the same organisation made, or is making at this moment, is none of them.
        """
        with self._database.engine.connect() as tx:
            same = self._same_organisation(tx)
            # First what is under way: what is done by the next question is linked by then.
            under_way = _marks_under_way(tx, same)
            rows = [row for row in tx.execute(self._perhaps_by_hand(same)) if row.mark not in under_way]
        return ByHand(
            first=[seen_of(row) for row in rows if row.before_us],
            later=[seen_of(row) for row in rows if not row.before_us],
        )

    def _same_organisation(self, tx: Connection) -> list[str]:
        """This connection and the others over its organisation of Xero's."""
        tenant = select(connections.c.tenant_id).where(connections.c.connection == self._connection)
        query = select(connections.c.connection).where(connections.c.tenant_id == tenant.scalar_subquery())
        return sorted({self._connection, *tx.execute(query).scalars()})

    def _perhaps_by_hand(self, same: Sequence[str]) -> Select[Any]:
        made = exists().where(links.c.connection.in_(same), links.c.document_id == documents.c.document_id)
        given = exists().where(
            matches.c.connection.in_(same),
            matches.c.document_id == documents.c.document_id,
            matches.c.state == "linked",
        )
        open_ = documents.c.standing.is_(None) | documents.c.standing.in_(["proposed", "unmatched"])
        return select(*SEEN, documents.c.before_us).where(
            documents.c.connection == self._connection,
            documents.c.before_us | open_,
            documents.c.type.in_(["ACCREC", "ACCPAY", "PURCHASEORDER"]),
            documents.c.status.not_in(sorted(GONE)),
            ~made,
            ~given,
        )

    def said(self, kind: Kind, order_ids: Sequence[str]) -> dict[str, Said]:
        """Which documents are proposed for these orders, and which a person refused."""
        found: dict[str, Said] = {}
        with self._database.engine.connect() as tx:
            for start in range(0, len(order_ids), CHUNK):
                query = select(matches).where(
                    matches.c.connection == self._connection,
                    matches.c.kind == kind.value,
                    matches.c.order_id.in_(list(order_ids[start : start + CHUNK])),
                    matches.c.state.in_(["proposed", "refused"]),
                )
                for row in tx.execute(query.order_by(matches.c.document_id)):
                    said = found.setdefault(row.order_id, Said())
                    if row.state == "refused":
                        said.refused.add(row.document_id)
                    else:
                        said.proposed[row.document_id] = row.reason
        return found

    def marked(self, marks: Sequence[str]) -> dict[str, list[SeenDocument]]:
        """Documents seen in Xero that bear these marks."""
        found: dict[str, list[SeenDocument]] = {}
        with self._database.engine.connect() as tx:
            for start in range(0, len(marks), CHUNK):
                query = select(documents).where(
                    documents.c.connection == self._connection,
                    documents.c.mark.in_(list(marks[start : start + CHUNK])),
                )
                for row in tx.execute(query):
                    found.setdefault(row.mark, []).append(seen_of(row))
        return found

    def links(self, kind: Kind, order_ids: Sequence[str]) -> dict[str, Link]:
        """Each order's own document in its present generation; its credit notes are told by `CreditNotes`."""
        found: dict[str, Link] = {}
        with self._database.engine.connect() as tx:
            for start in range(0, len(order_ids), CHUNK):
                query = (
                    select(links)
                    .join(
                        orders,
                        (orders.c.connection == links.c.connection)
                        & (orders.c.kind == links.c.kind)
                        & (orders.c.order_id == links.c.order_id)
                        & (orders.c.generation == links.c.generation),
                    )
                    .where(
                        links.c.connection == self._connection,
                        links.c.kind == kind.value,
                        links.c.order_id.in_(list(order_ids[start : start + CHUNK])),
                        links.c.role.in_(PRIMARY),
                    )
                )
                for row in tx.execute(query):
                    found[row.order_id] = Link(
                        document_id=row.document_id,
                        document_type=row.document_type,
                        origin=row.origin,
                        revision=row.revision,
                        rules=row.rules or "",
                        status=row.status,
                        written=parse_written(row.written),
                    )
        return found

    def decide_send(self, kind: Kind, order_id: str, by: str) -> int:
        """Keep that a person wants an order sent. Returns its generation: a new one if it had a document."""
        row = {
            "connection": self._connection,
            "kind": kind.value,
            "order_id": order_id,
            "decision": "send",
            "decided_at": datetime.now(UTC),
            "decided_by": by,
        }
        this = (
            orders.c.connection == self._connection,
            orders.c.kind == kind.value,
            orders.c.order_id == order_id,
        )
        linked = exists().where(
            links.c.connection == orders.c.connection,
            links.c.kind == orders.c.kind,
            links.c.order_id == orders.c.order_id,
            links.c.generation == orders.c.generation,
            links.c.role.in_(PRIMARY),
        )
        waiting = {"state": OrderState.pending.value, "tried": None, "findings": None}
        with self._trail.begin() as tx:
            upsert(tx, decisions, [row])
            anew = update(orders).where(*this, linked)
            if not tx.execute(anew.values(**waiting, generation=orders.c.generation + 1)).rowcount:
                tx.execute(update(orders).where(*this).values(**waiting))
            order = tx.execute(select(orders.c.generation, orders.c.revision).where(*this)).one()
            content = {"generation": order.generation}
            sent = Entry("send", kind.value, order_id, order.revision, self._rules, content=content)
            self._trail.append(tx, [sent], f"person: {by}")
            return int(order.generation)

    def decide_ours(self, kind: Kind, order_id: str, by: str) -> None:
        """Keep that the next export is to overwrite with the order what somebody changed on its document."""
        row = {
            "connection": self._connection,
            "kind": kind.value,
            "order_id": order_id,
            "decision": OURS,
            "reason": None,
            "decided_at": datetime.now(UTC),
            "decided_by": by,
        }
        this = (
            orders.c.connection == self._connection,
            orders.c.kind == kind.value,
            orders.c.order_id == order_id,
        )
        with self._trail.begin() as tx:
            upsert(tx, decisions, [row])
            tx.execute(update(orders).where(*this).values(state="pending", tried=None, findings=None))
            revision = tx.execute(select(orders.c.revision).where(*this)).scalar_one()
            decided = Entry(OURS, kind.value, order_id, revision, self._rules, content={})
            self._trail.append(tx, [decided], f"person: {by}")


def parse_written(stored: bytes | None) -> dict[str, Any]:
    """A document in Xero's words as it is stored; nothing where none is."""
    return dict(_parse.decode(stored)) if stored else {}


def _marks_under_way(tx: Connection, names: Sequence[str]) -> set[str]:
    """Marks of the documents that these connections are writing at this moment."""
    query = (
        select(claims.c.mark)
        .join(attempts, attempts.c.id == claims.c.attempt_id)
        .where(attempts.c.connection.in_(names), attempts.c.state != "closed")
    )
    return set(tx.execute(query).scalars())


def _of_link(row: Row[Any]) -> SeenDocument:
    """What a link tells of its document."""
    types = {"invoice": "ACCREC", "bill": "ACCPAY", "purchase_order": "PURCHASEORDER"}
    types["credit_note"] = "ACCRECCREDIT"
    return SeenDocument(
        id=row.document_id,
        type=types[row.document_type],
        number=row.document_number,
        reference=None,
        mark=None,
        contact_id="",
        contact_name="",
        currency="",
        total=Decimal(row.total or 0),
        date=None,
        status=row.status,
    )
