"""Whose each document of Xero's is: what is to be asked, the orders that may own it, and what was decided."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime
from typing import Any

from sqlalchemy import (
    ColumnElement,
    Connection,
    Row,
    Table,
    and_,
    delete,
    exists,
    func,
    or_,
    select,
    true,
    update,
)

from tasks.domain.books import GONE, SeenDocument
from tasks.domain.outcomes import Finding
from tasks.ledger.database import Database, upsert
from tasks.ledger.due import make_due
from tasks.ledger.mirror import SEEN, seen_of
from tasks.ledger.schema import contact_links, cursors, documents, links, matches, orders
from tasks.ledger.settlement import findings_json
from tasks.ledger.trail import Entry, Trail

LINKED, PROPOSED, UNMATCHED, ASIDE = "linked", "proposed", "unmatched", "aside"
REFUSED = "refused"
# Of these an order has one that stands for it.
SINGLE = ("ACCREC", "PURCHASEORDER")
# Why a match is refused that a person undid: no retry brings it back.
UNLINKED = "a person said that it is not"
CHUNK = 500
STREAM = "orders that own documents"
Key = tuple[str, str]


@dataclass(frozen=True, slots=True)
class Near:
    """What orders have in common with some documents: contacts, by Xero's id or by name, or a number that they bear."""

    contact_ids: frozenset[str]
    names: frozenset[str]
    words: frozenset[str]


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
    """The documents of one connection, as far as they belong to orders; `rules` is the digest of those in force."""

    def __init__(self, database: Database, connection: str, rules: str | None = None) -> None:
        self._database = database
        self._connection = connection
        self._rules = rules
        self._trail = Trail(database, connection)

    def know_ours(self, only: Sequence[str] | None = None) -> int:
        """What the ledger links, or a person did, need not be asked, nor what another connection's ledger links.

        With `only`, of these documents. Returns how many documents that were; their orders are due to be shown.
        """
        linked = select(links.c.document_id).where(links.c.connection == self._connection)
        theirs = select(links.c.document_id).where(links.c.connection != self._connection)
        said = select(matches.c.document_id).where(
            matches.c.connection == self._connection,
            matches.c.state == LINKED,
            matches.c.decided_by.is_not(None),
        )
        ours = or_(documents.c.document_id.in_(linked), documents.c.document_id.in_(said))
        these = _among(only)
        with self._database.begin() as tx:
            known = self._stand_where(tx, and_(these, ours), LINKED)
            self._stand_where(tx, and_(these, documents.c.document_id.in_(theirs), ~ours), ASIDE)
            found = {(row.kind, row.order_id) for row in self._chunks(tx, links, known)}
            found |= {(row.kind, row.order_id) for row in self._matches(tx, known) if row.state == LINKED}
            make_due(tx, self._connection, found, datetime.now(UTC))
        return len(known)

    def _stand_where(self, tx: Connection, which: Any, standing: str) -> list[str]:
        """Documents that come to stand so, in the sequence of their ids."""
        other = documents.c.standing.is_distinct_from(standing), documents.c.raw.is_(None)
        query = select(documents.c.document_id).where(self._ours(documents), *other, which)
        ids = list(tx.execute(query.order_by(documents.c.document_id).with_for_update()).scalars())
        self._stand(tx, [Owned(id_, standing) for id_ in ids], datetime.now(UTC))
        return ids

    def news_of_orders(self) -> str | None:
        """A word that changes with the orders, where it is another than at the last matching."""
        query = select(func.count(), func.max(orders.c.since)).where(self._ours(orders))
        with self._database.engine.connect() as tx:
            word = " ".join([*map(str, tx.execute(query).one()), self._rules or ""])
            known = tx.execute(
                select(cursors.c.position).where(self._ours(cursors), cursors.c.stream == STREAM)
            ).scalar()
        return None if word == known else word

    def matched(self, word: str) -> None:
        """Everything was asked with the orders as this word says."""
        with self._database.begin() as tx:
            upsert(tx, cursors, [{"connection": self._connection, "stream": STREAM, "position": word}])

    def asked(self, after: str, limit: int, *, again: bool, only: Sequence[str] | None = None) -> list[Asked]:
        """The next documents by id that nobody has looked at; with `again`, those without an order as well.

        With `only`, among these documents.
        """
        waiting: ColumnElement[bool] = documents.c.standing.is_(None)
        if again:
            waiting = or_(waiting, documents.c.standing.in_([UNMATCHED, PROPOSED]))
        query = (
            select(*SEEN)
            .where(self._ours(documents), documents.c.document_id > after, documents.c.raw.is_(None), waiting)
            .where(_among(only))
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

    def count_owners(self, since: date) -> int:
        """How many orders may own documents."""
        query = select(func.count()).where(self._ours(orders), orders.c.order_date >= since)
        with self._database.engine.connect() as tx:
            return int(tx.execute(query).scalar_one())

    def owners(self, since: date, near: Near | None = None) -> Iterator[Row[Any]]:
        """Orders dated from a day on, each with its contact's id in Xero (`xero_id`), and whether it is `taken`.

        That is one that has a living document which stands for it. With `near`, only orders near some documents.
        """
        known = and_(
            contact_links.c.connection == orders.c.connection,
            contact_links.c.contact_id == orders.c.contact_id,
        )
        columns = [orders.c[name] for name in _OF_AN_ORDER]
        query = (
            select(*columns, contact_links.c.xero_id, or_(_made(), _matched()).label("taken"))
            .join_from(orders, contact_links, known, isouter=True)
            .where(self._ours(orders), orders.c.order_date >= since, orders.c.gross.is_not(None))
        )
        if near:
            query = query.where(
                or_(
                    contact_links.c.xero_id.in_(near.contact_ids),
                    and_(contact_links.c.xero_id.is_(None), orders.c.contact_name.in_(near.names)),
                    orders.c.reference.in_(near.words),
                    orders.c.external.in_(near.words),
                )
            )
        with self._database.engine.connect().execution_options(yield_per=2000) as tx:
            rows: Iterable[Row[Any]] = tx.execute(query)
            yield from rows

    def settle(self, owned: Sequence[Owned], run_id: str) -> None:
        """Note what was decided. Orders that gain or lose a document are due to be shown anew; the trail says which."""
        now, ids = datetime.now(UTC), sorted(one.document_id for one in owned)
        with self._trail.begin() as tx:
            self._lock(tx, ids)
            before = {
                (row.kind, row.order_id, row.document_id)
                for row in self._matches(tx, ids)
                if row.state == LINKED and row.decided_by is None
            }
            for start in range(0, len(ids), CHUNK):
                these = matches.c.document_id.in_(ids[start : start + CHUNK])
                tx.execute(delete(matches).where(self._ours(matches), these, matches.c.decided_by.is_(None)))
            rows = sorted(
                (row for one in owned for row in self._rows(one, now)),
                key=lambda row: (row["document_id"], row["kind"], row["order_id"]),
            )
            upsert(tx, matches, rows, [])
            self._stand(tx, owned, now)
            after = {
                (row["kind"], row["order_id"], row["document_id"]): row["reason"]
                for row in rows
                if row["state"] == LINKED
            }
            changed = before ^ set(after)
            make_due(tx, self._connection, {(kind, order_id) for kind, order_id, _ in changed}, now)
            told = [self._told(key, after) for key in sorted(changed)]
            self._trail.append(tx, told, run_id)

    def _told(self, key: tuple[str, str, str], reasons: Mapping[tuple[str, str, str], str]) -> Entry:
        kind, order_id, document_id = key
        event = "matched" if key in reasons else "unmatched"
        content = {"reasons": reasons.get(key)}
        return Entry(event, kind, order_id, rules=self._rules, document_id=document_id, content=content)

    def _lock(self, tx: Connection, ids: Sequence[str]) -> None:
        """Documents are locked in the sequence of their ids, everywhere: no two transactions wait for each other."""
        for start in range(0, len(ids), CHUNK):
            these = documents.c.document_id.in_(list(ids[start : start + CHUNK]))
            query = select(documents.c.document_id).where(self._ours(documents), these)
            tx.execute(query.order_by(documents.c.document_id).with_for_update())

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

    def _ours(self, table: Any) -> Any:
        return table.c.connection == self._connection

    def _matches(self, tx: Connection, ids: Sequence[str]) -> list[Row[Any]]:
        return list(self._chunks(tx, matches, ids))

    def _chunks(self, tx: Connection, table: Table, ids: Sequence[str]) -> Iterator[Row[Any]]:
        for start in range(0, len(ids), CHUNK):
            these = table.c.document_id.in_(list(ids[start : start + CHUNK]))
            yield from tx.execute(select(table).where(self._ours(table), these))

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


_OF_AN_ORDER = (
    *("kind", "order_id", "reference", "external", "contact_name", "currency"),
    *("net", "gross", "received", "order_date"),
)


def _made() -> ColumnElement[bool]:
    """That an order has a living document in the ledger's links, in its present generation."""
    gone = exists().where(
        documents.c.connection == links.c.connection,
        documents.c.document_id == links.c.document_id,
        documents.c.status.in_(GONE),
    )
    return exists().where(
        links.c.connection == orders.c.connection,
        links.c.kind == orders.c.kind,
        links.c.order_id == orders.c.order_id,
        links.c.generation == orders.c.generation,
        links.c.role.in_(["sale", "purchase"]),
        links.c.status.not_in(GONE),
        ~gone,
    )


def _matched() -> ColumnElement[bool]:
    """That people have made one, of which an order has one at the most."""
    return exists().where(
        matches.c.connection == orders.c.connection,
        matches.c.kind == orders.c.kind,
        matches.c.order_id == orders.c.order_id,
        matches.c.state == LINKED,
        documents.c.connection == matches.c.connection,
        documents.c.document_id == matches.c.document_id,
        documents.c.standing == LINKED,
        documents.c.type.in_(SINGLE),
        documents.c.status.not_in(GONE),
    )


def _among(only: Sequence[str] | None) -> ColumnElement[bool]:
    return true() if only is None else documents.c.document_id.in_(list(only))
