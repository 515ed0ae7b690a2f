"""What Monstock shows of each order's document, and which orders are due to be shown anew."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from decimal import ROUND_UP, Context, Decimal
from typing import Any

import msgspec
from sqlalchemy import (
    BindParameter,
    Boolean,
    Connection,
    Row,
    Table,
    and_,
    bindparam,
    case,
    exists,
    func,
    select,
    true,
    tuple_,
    union,
    update,
)

from tasks.domain.books import SeenDocument
from tasks.domain.money import plain
from tasks.domain.orders import Kind
from tasks.domain.outcomes import Finding
from tasks.ledger.database import Database
from tasks.ledger.due import make_due
from tasks.ledger.mirror import seen_of
from tasks.ledger.schema import accounting, documents, links, matches, orders
from tasks.ledger.settlement import findings_json
from tasks.ledger.trail import Entry, Trail

Key = tuple[str, str]
# What a document of ours is to its order, where it is the one that the order shows.
PRIMARY = ("sale", "purchase")
OURS = {"made", "adopted"}
# What no link is written as: it is written once more.
UNKNOWN = "?"
# A share without end is a touch too large: so a part of half a cent is not taken for less.
_UP = Context(rounding=ROUND_UP)


@dataclass(frozen=True, slots=True)
class Due:
    """An order to be shown anew: what Monstock shows of it now (text), and its documents, those of ours first.

    `times` is how often it became due by now, `failed` why it could not be shown before. `own` are the documents that
    we made. `shares` are the parts of documents that serve several orders which fall to this one, by what was ordered.
    `net` and `received` are the order's, where known.
    """

    kind: Kind
    order_id: str
    times: int
    shown: str
    documents: tuple[SeenDocument, ...]
    failed: str | None = None
    own: frozenset[str] = frozenset()
    shares: Mapping[str, Decimal] = field(default_factory=dict)
    net: Decimal | None = None
    received: Decimal | None = None

    @property
    def key(self) -> Key:
        """Which order."""
        return self.kind.value, self.order_id


@dataclass(frozen=True, slots=True)
class Settled:
    """What became of an order that was due: what Monstock shows now, or why that could not be written.

    `request` is the link that was sent, where one was, and `left` the order's revision and Monstock's stamp of it
    afterwards; `again` says that a failure is tried again. `finding` is what is
    wrong between the order and its documents, `billed` the net of a supplier order's bills, where it has any.
    """

    due: Due
    shown: str
    failed: str | None = None
    again: bool = True
    request: Mapping[str, Any] | None = None
    finding: Finding | None = None
    billed: Decimal | None = None
    left: tuple[str, str] | None = None


class Shown:
    """The orders of one connection, as far as Monstock shows documents on them."""

    def __init__(self, database: Database, connection: str) -> None:
        self._database = database
        self._connection = connection
        self._trail = Trail(database, connection)

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
        again = {id_ for id_ in changed if id_ in known} | set(news)
        if again:
            with self._database.begin() as tx:
                make_due(tx, self._connection, [(kind.value, id_) for id_ in again], datetime.now(UTC))
                for id_, text in sorted(news.items()):
                    this = tuple_(accounting.c.kind, accounting.c.order_id) == (kind.value, id_)
                    tx.execute(update(accounting).where(*self._ours(accounting), this).values(shown=text))

    def doubt(self, keys: Sequence[Key]) -> None:
        """These orders are due, whatever was noted of them."""
        with self._database.begin() as tx:
            make_due(tx, self._connection, keys, datetime.now(UTC))

    def waiting(self) -> int:
        """How many orders are due."""
        query = select(func.count()).where(*self._ours(accounting), accounting.c.due > 0)
        with self._database.engine.connect() as tx:
            return int(tx.execute(query).scalar_one())

    def orders_of(self, document_ids: Sequence[str]) -> list[Key]:
        """The orders that show these documents."""
        ids = list(document_ids)
        ours = select(links.c.kind, links.c.order_id).where(*self._ours(links), links.c.document_id.in_(ids))
        theirs = select(matches.c.kind, matches.c.order_id).where(
            *self._ours(matches), matches.c.document_id.in_(ids), matches.c.state == "linked"
        )
        with self._database.engine.connect() as tx:
            return [(row[0], row[1]) for row in tx.execute(union(ours, theirs))]

    def due(self, after: Key | None, limit: int, only: Sequence[Key] | None = None) -> list[Due]:
        """The next orders that are due, by kind and id; with `only`, among these.

        One whose own document cannot be read shows none.
        """
        with self._database.engine.connect() as tx:
            rows = tx.execute(self._due(after, limit, only)).all()
            ids = [row.order_id for row in rows]
            found, own = self._documents_of(tx, ids)
            seen, unread = self._seen(tx, sorted({id_ for these in found.values() for id_ in these}))
            shares = self._shares(tx, sorted(seen))
        return [
            Due(
                kind=Kind(row.kind),
                order_id=row.order_id,
                times=row.due,
                shown=row.shown or "",
                failed=row.failed,
                documents=()
                if unread & own.get(key, set())
                else tuple(seen[id_] for id_ in dict.fromkeys(found.get(key, [])) if id_ in seen),
                own=frozenset(own.get(key, ())),
                shares=shares.get(key, {}),
                net=Decimal(row.net) if row.net is not None else None,
                received=Decimal(row.received) if row.received is not None else None,
            )
            for row in rows
            if (key := (row.kind, row.order_id))
        ]

    def settle(self, settled: Sequence[Settled], run_id: str) -> None:
        """Note what Monstock shows now, with a row in the trail for each writing.

        What failed stays due, if it is to be tried again; so does what became due once more meanwhile, and what
        somebody else has shown at the same time: nobody knows whose writing came last. A finding that differs is in the
        inbox again, whatever was said of the one before.
        """
        rows = [self._row(one) for one in sorted(settled, key=lambda one: one.due.key)]
        told = [_told(one) for one in settled if one.request and one.failed is None]
        told += [_told(one) for one in settled if one.failed and one.failed != one.due.failed]
        if rows:
            with self._trail.begin() as tx:
                tx.execute(_SETTLED, rows)
                self._stamp(tx, settled)
                self._trail.append(tx, told, run_id)

    def _stamp(self, tx: Connection, settled: Sequence[Settled]) -> None:
        """Note Monstock's stamps of orders that are as we read them, but for what we wrote on them."""
        rows = [
            {
                "_connection": self._connection,
                "_kind": kind,
                "_order": id_,
                "_revision": left[0],
                "_stamp": left[1],
            }
            for (kind, id_), left in sorted((one.due.key, one.left) for one in settled if one.left)
        ]
        if rows:
            tx.execute(_STAMPED, rows)

    def _ours(self, table: Table) -> tuple[Any, ...]:
        return (table.c.connection == self._connection,)

    def _row(self, one: Settled) -> dict[str, Any]:
        kind, order_id = one.due.key
        return {
            "_connection": self._connection,
            "_kind": kind,
            "_order": order_id,
            "_times": one.due.times if one.failed is None or not one.again else -1,
            "_shown": one.shown,
            "_wrote": one.request is not None,
            "_before": one.due.shown,
            "_failed": one.failed,
            "_found": findings_json([one.finding] if one.finding else []),
            "_billed": plain(one.billed) if one.billed is not None else None,
            "_more": 1 if one.failed else 0,
            "_now": datetime.now(UTC),
        }

    def _due(self, after: Key | None, limit: int, only: Sequence[Key] | None) -> Any:
        same = and_(
            orders.c.connection == accounting.c.connection,
            orders.c.kind == accounting.c.kind,
            orders.c.order_id == accounting.c.order_id,
        )
        query = (
            select(accounting, orders.c.net, orders.c.received)
            .join_from(accounting, orders, same, isouter=True)
            .where(*self._ours(accounting), accounting.c.due > 0)
            .order_by(accounting.c.kind, accounting.c.order_id)
            .limit(limit)
        )
        key = tuple_(accounting.c.kind, accounting.c.order_id)
        if only is not None:
            query = query.where(key.in_(list(only)))
        return query.where(key > after) if after else query

    def _documents_of(self, tx: Any, ids: Sequence[str]) -> tuple[dict[Key, list[str]], dict[Key, set[str]]]:
        """Documents by order: ours, the newest generation first, then those that people made as they came; and ours."""
        found: dict[Key, list[str]] = {}
        own: dict[Key, set[str]] = {}
        order = (links.c.generation.desc(), links.c.role.in_(PRIMARY).desc(), links.c.role)
        for link in self._of(tx, links, ids, *order):
            key = (link.kind, link.order_id)
            found.setdefault(key, []).append(link.document_id)
            if link.origin in OURS:
                own.setdefault(key, set()).add(link.document_id)
        for match in self._of(tx, matches, ids, matches.c.since, matches.c.document_id):
            if match.state == "linked":
                found.setdefault((match.kind, match.order_id), []).append(match.document_id)
        return found, own

    def _of(self, tx: Any, table: Table, ids: Sequence[str], *order: Any) -> list[Row[Any]]:
        query = select(table).where(*self._ours(table), table.c.order_id.in_(list(ids))).order_by(*order)
        return list(tx.execute(query))

    def _shares(self, tx: Any, ids: Sequence[str]) -> dict[Key, dict[str, Decimal]]:
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
        shares: dict[Key, dict[str, Decimal]] = {}
        for id_, of in nets.items():
            total = sum(of.values(), Decimal(0))
            for key, net in of.items():
                if len(of) > 1:
                    part = (net, total) if total else (Decimal(1), Decimal(len(of)))
                    shares.setdefault(key, {})[id_] = _UP.divide(*part)
        return shares

    def _seen(self, tx: Any, ids: Sequence[str]) -> tuple[dict[str, SeenDocument], set[str]]:
        """Documents as they were last seen, and those that could not be read."""
        query = select(documents).where(*self._ours(documents), documents.c.document_id.in_(list(ids)))
        rows = tx.execute(query).all()
        unread = {row.document_id for row in rows if row.raw is not None}
        return {row.document_id: seen_of(row) for row in rows if row.raw is None}, unread


# Two processes have written to one order: nobody knows whose writing came last.
_OVERTAKEN = and_(
    bindparam("_wrote", type_=Boolean()) == true(),
    func.coalesce(accounting.c.shown, "") != bindparam("_before", type_=accounting.c.shown.type),
)
_FAILED: BindParameter[Any] = bindparam("_failed", type_=accounting.c.failed.type)
_FOUND: BindParameter[Any] = bindparam("_found", type_=accounting.c.findings.type)
_AS_BEFORE = and_(
    accounting.c.failed.is_not_distinct_from(_FAILED), accounting.c.findings.is_not_distinct_from(_FOUND)
)
_THIS = (
    accounting.c.connection == bindparam("_connection"),
    accounting.c.kind == bindparam("_kind"),
    accounting.c.order_id == bindparam("_order"),
)
_SETTLED = (
    update(accounting)
    .where(*_THIS)
    .values(
        shown=case((_OVERTAKEN, UNKNOWN), else_=bindparam("_shown")),
        due=case(
            (and_(_OVERTAKEN, accounting.c.due == 0), 1),
            (_OVERTAKEN, accounting.c.due),
            (accounting.c.due == bindparam("_times"), 0),
            else_=accounting.c.due,
        ),
        failed=_FAILED,
        findings=_FOUND,
        billed=bindparam("_billed", type_=accounting.c.billed.type),
        skipped=case((_AS_BEFORE, accounting.c.skipped), else_=None),
        since=case((_AS_BEFORE, accounting.c.since), else_=bindparam("_now", type_=accounting.c.since.type)),
        tries=case((_FAILED.is_(None), 0), else_=accounting.c.tries + bindparam("_more")),
    )
)


_STAMPED = (
    update(accounting)
    .where(
        *_THIS,
        exists().where(
            orders.c.connection == accounting.c.connection,
            orders.c.kind == accounting.c.kind,
            orders.c.order_id == accounting.c.order_id,
            orders.c.revision == bindparam("_revision"),
        ),
    )
    .where(func.coalesce(accounting.c.modified, "") < bindparam("_stamp"))
    .values(modified=bindparam("_stamp"))
)


def _told(one: Settled) -> Entry:
    """A writing to Monstock: the link that was sent, and what stands there now or was answered."""
    kind, order_id = one.due.key
    request = one.request or {}
    answer = one.failed or msgspec.Raw(one.shown.encode() or b"null")
    content = {"path": f"{kind}-orders/{order_id}/accounting", "request": request, "answer": answer}
    event = "not shown" if one.failed else "shown"
    return Entry(event, kind, order_id, document_id=request.get("documentId"), content=content)
