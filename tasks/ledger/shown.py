"""What Monstock shows of each order's document, and which orders are due to be shown anew."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

from sqlalchemy import Row, Table, and_, func, select, tuple_, update

from tasks.domain.books import SeenDocument
from tasks.domain.orders import Kind
from tasks.ledger.database import Database, upsert
from tasks.ledger.mirror import make_due, seen_of
from tasks.ledger.schema import accounting, documents, links, matches, orders

Key = tuple[str, str]
# What a document of ours is to its order, where it is the one that the order shows.
PRIMARY = ("sale", "purchase")


@dataclass(frozen=True, slots=True)
class Due:
    """An order to be shown anew: what Monstock shows of it now (text), and its documents, the one of ours first.

    `own` are those that we made. `shares` are the parts of documents that serve several orders which fall to this one,
    by what was ordered. `net` and `received` are the order's, where known.
    """

    kind: Kind
    order_id: str
    reference: str
    shown: str
    documents: tuple[SeenDocument, ...]
    own: frozenset[str] = frozenset()
    shares: Mapping[str, Decimal] = field(default_factory=dict)
    net: Decimal | None = None
    received: Decimal | None = None

    @property
    def key(self) -> Key:
        """Which order."""
        return self.kind.value, self.order_id


class Shown:
    """The orders of one connection, as far as Monstock shows documents on them."""

    def __init__(self, database: Database, connection: str) -> None:
        self._database = database
        self._connection = connection

    def note(self, kind: Kind, standing: Mapping[str, str], changed: Sequence[str] = ()) -> None:
        """Orders as a listing showed them, each with its link as text; what is not as we left it is looked at anew.

        So are those that changed and have documents.
        """
        query = select(accounting.c.order_id, accounting.c.shown).where(
            *self._ours(accounting),
            accounting.c.kind == kind.value,
            accounting.c.order_id.in_(list(standing)),
        )
        with self._database.engine.connect() as tx:
            known = {row.order_id: row.shown or "" for row in tx.execute(query)}
        news = {id_: text for id_, text in standing.items() if text != known.get(id_, "")}
        now = datetime.now(UTC)
        again = {id_ for id_ in changed if id_ in known} | set(news)
        if again:
            with self._database.begin() as tx:
                make_due(tx, self._connection, [(kind.value, id_) for id_ in again], now)
                for id_, text in sorted(news.items()):
                    tx.execute(self._this((kind.value, id_)).values(shown=text))

    def waiting(self) -> int:
        """How many orders are due."""
        query = select(func.count()).where(*self._ours(accounting), accounting.c.due > 0)
        with self._database.engine.connect() as tx:
            return int(tx.execute(query).scalar_one())

    def due(self, after: Key | None, limit: int) -> list[Due]:
        """The next orders that are due, by kind and id."""
        with self._database.engine.connect() as tx:
            rows = tx.execute(self._due(after, limit)).all()
            ids = [row.order_id for row in rows]
            of_order: dict[Key, list[str]] = {}
            own: set[str] = set()
            for link in self._of(tx, links, ids, links.c.generation.desc(), links.c.role.in_(PRIMARY).desc()):
                of_order.setdefault((link.kind, link.order_id), []).append(link.document_id)
                own |= {link.document_id} if link.origin in {"made", "adopted"} else set()
            for match in self._of(tx, matches, ids, matches.c.document_id):
                if match.state == "linked":
                    of_order.setdefault((match.kind, match.order_id), []).append(match.document_id)
            seen = self._seen(tx, sorted({id_ for found in of_order.values() for id_ in found}))
            shares = self._shares(tx, sorted(seen))
        return [
            Due(
                kind=Kind(row.kind),
                order_id=row.order_id,
                reference=row.reference or row.order_id,
                shown=row.shown or "",
                documents=tuple(
                    seen[id_]
                    for id_ in dict.fromkeys(of_order.get((row.kind, row.order_id), []))
                    if id_ in seen
                ),
                shares={
                    id_: part
                    for (id_, *key), part in shares.items()
                    if tuple(key) == (row.kind, row.order_id)
                },
                net=Decimal(row.net) if row.net is not None else None,
                received=Decimal(row.received) if row.received is not None else None,
            )
            for row in rows
        ]

    def settle(self, shown: Mapping[Key, str], failed: Mapping[Key, str]) -> None:
        """Note what Monstock shows now, and what could not be written there and why: that stays due."""
        now = datetime.now(UTC)
        done = {"due": False, "failed": None, "since": now, "tries": 0}
        with self._database.begin() as tx:
            for key, text in sorted(shown.items()):
                tx.execute(self._this(key).values(shown=text, **done))
            for key, why in sorted(failed.items()):
                tx.execute(self._this(key).values(failed=why, since=now, tries=accounting.c.tries + 1))

    def _ours(self, table: Table) -> tuple[Any, ...]:
        return (table.c.connection == self._connection,)

    def _this(self, key: Key) -> Any:
        return update(accounting).where(
            *self._ours(accounting), tuple_(accounting.c.kind, accounting.c.order_id) == key
        )

    def _due(self, after: Key | None, limit: int) -> Any:
        same = and_(
            orders.c.connection == accounting.c.connection,
            orders.c.kind == accounting.c.kind,
            orders.c.order_id == accounting.c.order_id,
        )
        query = (
            select(
                *(accounting.c.kind, accounting.c.order_id, accounting.c.shown),
                *(orders.c.reference, orders.c.net, orders.c.received),
            )
            .join_from(accounting, orders, same, isouter=True)
            .where(*self._ours(accounting), accounting.c.due > 0)
            .order_by(accounting.c.kind, accounting.c.order_id)
            .limit(limit)
        )
        return query.where(tuple_(accounting.c.kind, accounting.c.order_id) > after) if after else query

    def _of(self, tx: Any, table: Table, ids: Sequence[str], *order: Any) -> list[Row[Any]]:
        query = select(table).where(*self._ours(table), table.c.order_id.in_(list(ids))).order_by(*order)
        return list(tx.execute(query))

    def _shares(self, tx: Any, ids: Sequence[str]) -> dict[tuple[str, str, str], Decimal]:
        """Of documents that serve several orders, the part of each order."""
        same = and_(
            orders.c.connection == matches.c.connection,
            orders.c.kind == matches.c.kind,
            orders.c.order_id == matches.c.order_id,
        )
        query = (
            select(matches.c.document_id, matches.c.kind, matches.c.order_id, orders.c.net)
            .join_from(matches, orders, same)
            .where(*self._ours(matches), matches.c.state == "linked", matches.c.document_id.in_(list(ids)))
        )
        nets: dict[str, dict[Key, Decimal]] = {}
        for row in tx.execute(query):
            nets.setdefault(row.document_id, {})[row.kind, row.order_id] = Decimal(row.net or 0)
        return {
            (id_, *key): net / total if (total := sum(of.values())) else Decimal(1) / len(of)
            for id_, of in nets.items()
            if len(of) > 1
            for key, net in of.items()
        }

    def _seen(self, tx: Any, ids: Sequence[str]) -> dict[str, SeenDocument]:
        query = select(documents).where(
            *self._ours(documents),
            documents.c.document_id.in_(list(ids)),
            documents.c.standing.is_distinct_from("unreadable"),
        )
        return {row.document_id: seen_of(row) for row in tx.execute(query)}
