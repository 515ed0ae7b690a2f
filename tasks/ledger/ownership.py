"""Whose each document of Xero's is: what is to be asked, the orders that may own it, and what was decided."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime
from typing import Any

from sqlalchemy import ColumnElement, Connection, Row, and_, delete, func, or_, select, update

from tasks.domain.books import SeenDocument
from tasks.domain.outcomes import Finding
from tasks.ledger.database import Database, upsert
from tasks.ledger.mirror import SEEN, make_due, seen_of
from tasks.ledger.schema import contact_links, cursors, documents, links, matches, orders
from tasks.ledger.settlement import findings_json
from tasks.ledger.trail import Entry, Trail

LINKED, PROPOSED, UNMATCHED, ASIDE = "linked", "proposed", "unmatched", "aside"
REFUSED = "refused"
# Why a match is refused that a person undid: no retry brings it back.
UNLINKED = "a person said that it is not"
CHUNK = 500
STREAM = "orders that own documents"
Key = tuple[str, str]


@dataclass(frozen=True, slots=True)
class Asked:
    """A document whose owner is to be found; never one of the orders that a person `refused` for it."""

    document: SeenDocument
    refused: frozenset[Key]


@dataclass(frozen=True, slots=True)
class Owned:
    """What was decided about a document: how it stands, what people must know, its orders with each one's reason."""

    document_id: str
    standing: str
    findings: tuple[Finding, ...] = ()
    orders: tuple[tuple[str, str, str], ...] = ()


class Ownership:
    """The documents of one connection, as far as they belong to orders."""

    def __init__(self, database: Database, connection: str) -> None:
        self._database = database
        self._connection = connection
        self._trail = Trail(database, connection)

    def know_ours(self) -> int:
        """What the ledger links, or a person did, need not be asked. Returns how many documents that were."""
        linked = select(links.c.document_id).where(links.c.connection == self._connection)
        said = select(matches.c.document_id).where(
            matches.c.connection == self._connection,
            matches.c.state == LINKED,
            matches.c.decided_by.is_not(None),
        )
        ours = or_(documents.c.document_id.in_(linked), documents.c.document_id.in_(said))
        other = documents.c.standing.is_distinct_from(LINKED), documents.c.raw.is_(None)
        values = {"standing": LINKED, "findings": None, "since": datetime.now(UTC)}
        with self._database.begin() as tx:
            return tx.execute(
                update(documents).where(self._ours(documents), *other, ours).values(**values)
            ).rowcount

    def news_of_orders(self) -> str | None:
        """A word that changes with the orders, where it is another than at the last matching."""
        query = select(func.count(), func.max(orders.c.updated_at)).where(self._ours(orders))
        with self._database.engine.connect() as tx:
            word = " ".join(map(str, tx.execute(query).one()))
            known = tx.execute(
                select(cursors.c.position).where(self._ours(cursors), cursors.c.stream == STREAM)
            ).scalar()
        return None if word == known else word

    def matched(self, word: str) -> None:
        """Everything was asked with the orders as this word says."""
        with self._database.begin() as tx:
            upsert(tx, cursors, [{"connection": self._connection, "stream": STREAM, "position": word}])

    def asked(self, after: str, limit: int, *, again: bool) -> list[Asked]:
        """The next documents by id that nobody has looked at; with `again`, those without an order as well."""
        waiting: ColumnElement[bool] = documents.c.standing.is_(None)
        if again:
            waiting = or_(waiting, documents.c.standing.in_([UNMATCHED, PROPOSED]))
        query = (
            select(*SEEN)
            .where(self._ours(documents), documents.c.document_id > after, documents.c.raw.is_(None), waiting)
            .order_by(documents.c.document_id)
            .limit(limit)
        )
        with self._database.engine.connect() as tx:
            rows = tx.execute(query).all()
            refused: dict[str, set[Key]] = {}
            for row in self._matches(tx, [row.document_id for row in rows]):
                if row.state == REFUSED:
                    refused.setdefault(row.document_id, set()).add((row.kind, row.order_id))
        return [Asked(seen_of(row), frozenset(refused.get(row.document_id, ()))) for row in rows]

    def owners(self, since: date) -> Iterator[Row[Any]]:
        """Orders dated from a day on, each with its contact's id in Xero, and whether it has a document of its own."""
        known = and_(
            contact_links.c.connection == orders.c.connection,
            contact_links.c.contact_id == orders.c.contact_id,
        )
        own = and_(
            links.c.connection == orders.c.connection,
            links.c.kind == orders.c.kind,
            links.c.order_id == orders.c.order_id,
            links.c.generation == orders.c.generation,
            links.c.role.in_(["sale", "purchase"]),
        )
        query = (
            select(orders, contact_links.c.xero_id, links.c.document_id)
            .join_from(orders, contact_links, known, isouter=True)
            .join(links, own, isouter=True)
            .where(self._ours(orders), orders.c.order_date >= since, orders.c.gross.is_not(None))
        )
        with self._database.engine.connect().execution_options(yield_per=2000) as tx:
            yield from tx.execute(query)

    def settle(self, owned: Sequence[Owned]) -> None:
        """Note what was decided. Orders that gain or lose a document are due to be shown anew."""
        now, ids = datetime.now(UTC), [one.document_id for one in owned]
        with self._database.begin() as tx:
            before = {(row.kind, row.order_id) for row in self._matches(tx, ids) if row.state == LINKED}
            tx.execute(
                delete(matches).where(
                    self._ours(matches),
                    matches.c.document_id.in_(ids),
                    matches.c.decided_by.is_(None),
                )
            )
            rows = [row for one in owned for row in self._rows(one, now)]
            upsert(tx, matches, rows, [])
            self._stand(tx, owned, now)
            after = {(row["kind"], row["order_id"]) for row in rows if row["state"] == LINKED}
            make_due(tx, self._connection, before ^ after, now)

    def link(self, document_id: str, key: Key, by: str, said: Entry) -> None:
        """A person says that a document belongs to an order, beside the order's own; the trail says who."""
        now, (kind, order_id) = datetime.now(UTC), key
        row = self._row(document_id, kind, order_id, "a person said so", LINKED, now) | {"decided_by": by}
        with self._trail.begin() as tx:
            proposed = matches.c.document_id == document_id, matches.c.state == PROPOSED
            tx.execute(delete(matches).where(self._ours(matches), *proposed))
            upsert(tx, matches, [row])
            self._stand(tx, [Owned(document_id, LINKED)], now)
            make_due(tx, self._connection, [key], now)
            self._trail.append(tx, [said], f"person: {by}")

    def refuse(self, document_id: str, key: Key, by: str, said: Entry) -> bool:
        """A person says that a linked document is not this order's: it is looked at anew. False: it was not linked."""
        now, (kind, order_id) = datetime.now(UTC), key
        this = matches.c.document_id == document_id, matches.c.kind == kind, matches.c.order_id == order_id
        no = {"state": REFUSED, "reason": UNLINKED, "decided_by": by, "since": now}
        anew = {"standing": None, "findings": None, "skipped": None, "since": now}
        with self._trail.begin() as tx:
            linked = update(matches).where(self._ours(matches), *this, matches.c.state == LINKED)
            if not tx.execute(linked.values(**no)).rowcount:
                return False
            document = documents.c.document_id == document_id, documents.c.raw.is_(None)
            tx.execute(update(documents).where(self._ours(documents), *document).values(**anew))
            make_due(tx, self._connection, [key], now)
            self._trail.append(tx, [said], f"person: {by}")
        return True

    def is_own(self, document_id: str, key: Key) -> bool:
        """Whether a document is one that we wrote for this order, or that stands for it."""
        own = links.c.document_id == document_id, links.c.kind == key[0], links.c.order_id == key[1]
        with self._database.engine.connect() as tx:
            return bool(tx.execute(select(func.count()).where(self._ours(links), *own)).scalar_one())

    def of_orders(self, kind: str, order_ids: Sequence[str], type_: str) -> dict[str, str]:
        """Orders that have a living document of this type which people made, and its id."""
        joined = and_(
            matches.c.connection == documents.c.connection, matches.c.document_id == documents.c.document_id
        )
        query = (
            select(matches.c.order_id, matches.c.document_id)
            .join_from(matches, documents, joined)
            .where(
                self._ours(matches),
                matches.c.kind == kind,
                matches.c.state == LINKED,
                matches.c.order_id.in_(list(order_ids)),
                documents.c.type == type_,
                documents.c.status.not_in(["VOIDED", "DELETED"]),
            )
            .order_by(matches.c.document_id.desc())
        )
        with self._database.engine.connect() as tx:
            return {row.order_id: row.document_id for row in tx.execute(query)}

    def find(self, document_ids: Sequence[str], findings: dict[str, Finding | None]) -> None:
        """What people must know of documents that are linked (None: nothing any more)."""
        now = datetime.now(UTC)
        with self._database.begin() as tx:
            for id_ in sorted(document_ids):
                found = findings.get(id_)
                text = findings_json([found] if found else [])
                tx.execute(
                    update(documents)
                    .where(self._ours(documents), documents.c.document_id == id_)
                    .where(documents.c.findings.is_distinct_from(text), documents.c.standing == LINKED)
                    .values(findings=text, since=now)
                )

    def _ours(self, table: Any) -> Any:
        return table.c.connection == self._connection

    def _matches(self, tx: Connection, ids: Sequence[str]) -> list[Row[Any]]:
        return list(
            tx.execute(select(matches).where(self._ours(matches), matches.c.document_id.in_(list(ids))))
        )

    def _rows(self, one: Owned, now: datetime) -> Iterator[dict[str, Any]]:
        state = LINKED if one.standing == LINKED else PROPOSED
        for kind, order_id, reason in one.orders:
            yield self._row(one.document_id, kind, order_id, reason, state, now)

    def _row(
        self, document_id: str, kind: str, order_id: str, reason: str, state: str, now: datetime
    ) -> dict[str, Any]:
        return {
            "connection": self._connection,
            "document_id": document_id,
            "kind": kind,
            "order_id": order_id,
            "state": state,
            "reason": reason,
            "decided_by": None,
            "since": now,
        }

    def _stand(self, tx: Connection, owned: Sequence[Owned], now: datetime) -> None:
        """Those that stand alike together. A document that stands as it did keeps the moment since which it does."""
        alike: dict[tuple[str, str | None], list[str]] = {}
        for one in owned:
            alike.setdefault((one.standing, findings_json(one.findings)), []).append(one.document_id)
        for (standing, found), ids in alike.items():
            other = or_(
                documents.c.standing.is_distinct_from(standing), documents.c.findings.is_distinct_from(found)
            )
            for start in range(0, len(ids), CHUNK):
                these = documents.c.document_id.in_(ids[start : start + CHUNK])
                tx.execute(
                    update(documents)
                    .where(self._ours(documents), these, other)
                    .values(standing=standing, findings=found, since=now)
                )
