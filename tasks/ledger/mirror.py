"""Documents as they were last seen in Xero, page by page; what changed makes its orders due to be shown anew."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime
from decimal import Decimal
from itertools import groupby
from typing import Any

from sqlalchemy import ColumnElement, Connection, Row, Table, delete, func, or_, select, update

from tasks.domain.books import GONE, MISSING, SeenDocument, Unread
from tasks.domain.money import plain
from tasks.ledger.database import Database, upsert
from tasks.ledger.due import make_due
from tasks.ledger.schema import cursors, documents, links, matches, unread
from tasks.ledger.settlement import findings_json

CHUNK = 500
UNREADABLE = "unreadable"
_AMOUNTS = ("net", "tax", "total", "paid", "credited", "due")
_FACTS = (
    *("type", "number", "reference", "mark", "contact_id", "contact_name", "currency", *_AMOUNTS),
    *("date", "due_date", "paid_on", "status", "sent", "text", "line_count", "lines", "taxes", "modified"),
)
_OF_LINES = ("text", "line_count", "lines", "taxes")
# What decides whose a document is: when it changes, that is asked anew.
_IDENTITY = ("type", "number", "reference", "mark", "contact_id", "currency", "net", "total", "date", "text")
# What it was before us stays; what a person said of it is in no page.
_KEPT = {"before_us"}


@dataclass(frozen=True, slots=True)
class Pointer:
    """A document that something else changed, and when, by Xero's stamp."""

    endpoint: str
    document_id: str
    changed: str


class Mirror:
    """The documents of one connection."""

    def __init__(self, database: Database, connection: str) -> None:
        self._database = database
        self._connection = connection

    def take_in(
        self,
        page: Sequence[SeenDocument | Unread],
        read_at: str,
        stream: str | None = None,
        position: str | None = None,
        pointers: Iterable[Pointer] = (),
        *,
        before_us: bool = False,
        touch: bool = False,
        asked: tuple[str, Sequence[str]] | None = None,
        fine: Sequence[str] = (),
        by: str = "",
    ) -> int:
        """Note a page and, in the same transaction, how far its stream was read. Returns how many documents changed.

        `read_at` is Xero's time before the page was asked for; documents that `pointers` name and that were read before
        they changed will be read again. With `touch`, what did not change counts as read, too. `asked` are an endpoint
        and the ids that this page answers; `fine` are payments that can be read, and are not kept. Of two
        processes that read side by side the later state stays, by Xero's stamp; `by` is Xero's time by now, for a stamp
        that lies ahead of it says nothing: then Xero's clock was set back.
        """
        now = datetime.now(UTC)
        rows = {document.id: self._row(document, read_at, now, before_us) for document in page}
        with self._database.begin() as tx:
            standing = self._standing(tx, sorted(rows))
            later = {
                id_ for id_, row in standing.items() if rows[id_]["modified"] < (row.modified or "") <= by
            }
            rows = {id_: row for id_, row in rows.items() if id_ not in later}
            for id_ in standing.keys() & rows.keys():
                _keep_lines(rows[id_], standing[id_])
            news = [row for id_, row in rows.items() if _differs(row, standing.get(id_))]
            for row in news:
                if known := standing.get(row["document_id"]):
                    _keep(row, known)
            news.sort(key=lambda row: (len(row), row["document_id"]))
            for _, alike in groupby(news, len):
                these = list(alike)
                upsert(tx, documents, these, [name for name in these[0] if name not in _KEPT])
            if touch or before_us:
                self._touch(
                    tx, sorted(rows), {"read_at": read_at} | ({"before_us": True} if before_us else {})
                )
            self._make_due(tx, [row["document_id"] for row in news], now)
            self._point(tx, pointers)
            if asked is not None:
                self._answered(tx, *asked)
                self._lost(tx, sorted(set(asked[1]) - {document.id for document in page}), read_at, now)
            self._forget(tx, fine)
            if stream and position:
                here = {"connection": self._connection, "stream": stream, "position": position}
                upsert(tx, cursors, [here])
        return len(news)

    def unread(self, limit: int) -> dict[str, list[str]]:
        """Documents that are to be read again, by endpoint."""
        query = select(unread).where(unread.c.connection == self._connection)
        found: dict[str, list[str]] = {}
        with self._database.engine.connect() as tx:
            for row in tx.execute(query.order_by(unread.c.endpoint, unread.c.document_id).limit(limit)):
                found.setdefault(row.endpoint, []).append(row.document_id)
        return found

    def read_again(self, endpoint: str, document_ids: Sequence[str]) -> None:
        """These are to be read again."""
        with self._database.begin() as tx:
            upsert(tx, unread, [self._unread(endpoint, id_) for id_ in document_ids])

    def end_streams(self, prefix: str) -> None:
        """Forget how far the parts of a stream were read, whose names begin so: it was read whole."""
        with self._database.begin() as tx:
            tx.execute(
                delete(cursors).where(
                    cursors.c.connection == self._connection,
                    cursors.c.stream.startswith(prefix, autoescape=True),
                )
            )

    def find(self, name: str) -> list[str]:
        """Ids of the documents that bear a number, or are named by their id."""
        query = select(documents.c.document_id).where(
            documents.c.connection == self._connection,
            or_(documents.c.number == name, documents.c.document_id == name.lower()),
        )
        with self._database.engine.connect() as tx:
            return list(tx.execute(query).scalars())

    def counts(self) -> dict[str, int]:
        """How many documents there are, by whose they are."""
        query = (
            select(documents.c.standing, func.count().label("number"))
            .where(documents.c.connection == self._connection)
            .group_by(documents.c.standing)
        )
        with self._database.engine.connect() as tx:
            return {row.standing or "to be looked at": row.number for row in tx.execute(query)}

    def open_before(self, types: Iterable[str], statuses: Iterable[str], read_at: str) -> list[str]:
        """Documents that were open when they were last read, and were not read since."""
        return self._before(types, read_at, documents.c.status.in_(list(statuses)))

    def dated_before(
        self, types: Iterable[str], first: date | None, end: date | None, read_at: str
    ) -> list[str]:
        """Documents dated from a day on and before another (None: open) that were not read since."""
        bounds = [documents.c.date >= first] if first else []
        return self._before(types, read_at, *bounds, *([documents.c.date < end] if end else []))

    def _before(self, types: Iterable[str], read_at: str, *which: ColumnElement[bool]) -> list[str]:
        query = select(documents.c.document_id).where(
            documents.c.connection == self._connection,
            documents.c.type.in_(list(types)),
            documents.c.read_at < read_at,
            *which,
        )
        with self._database.engine.connect() as tx:
            return list(tx.execute(query).scalars())

    def _row(
        self, document: SeenDocument | Unread, read_at: str, now: datetime, before_us: bool
    ) -> dict[str, Any]:
        row: dict[str, Any] = {
            "connection": self._connection,
            "document_id": document.id,
            "before_us": before_us,
            "since": now,
            "read_at": read_at,
        }
        if isinstance(document, SeenDocument):
            facts = {name: getattr(document, name) for name in _FACTS}
            return row | facts | {name: plain(facts[name]) for name in _AMOUNTS}
        blank = dict.fromkeys(_FACTS)
        blank |= {"contact_id": "", "contact_name": "", "currency": "", "total": "0"}
        told = {name: getattr(document, name) for name in ("type", "number", "mark", "status", "modified")}
        held = {"findings": findings_json([document.finding]), "raw": document.raw, "standing": UNREADABLE}
        return row | blank | told | held

    def _standing(self, tx: Connection, ids: Sequence[str]) -> dict[str, Row[Any]]:
        """As they stand; locked in the sequence of their ids, everywhere: no two transactions wait for each other."""
        found: dict[str, Row[Any]] = {}
        for start in range(0, len(ids), CHUNK):
            these = documents.c.document_id.in_(list(ids[start : start + CHUNK]))
            query = select(documents).where(documents.c.connection == self._connection, these)
            rows = tx.execute(query.order_by(documents.c.document_id).with_for_update())
            found |= {row.document_id: row for row in rows}
        return found

    def _chunks(self, tx: Connection, table: Table, ids: Sequence[str]) -> Iterator[Row[Any]]:
        for start in range(0, len(ids), CHUNK):
            chunk = ids[start : start + CHUNK]
            query = select(table).where(
                table.c.connection == self._connection, table.c.document_id.in_(list(chunk))
            )
            yield from tx.execute(query)

    def _forget(self, tx: Connection, fine: Sequence[str]) -> None:
        """What was held as unreadable, and needs not be kept now."""
        for start in range(0, len(fine), CHUNK):
            these = documents.c.document_id.in_(list(fine[start : start + CHUNK]))
            here = documents.c.connection == self._connection, documents.c.raw.is_not(None)
            tx.execute(delete(documents).where(*here, these))

    def _touch(self, tx: Connection, ids: Sequence[str], values: Mapping[str, Any]) -> None:
        for start in range(0, len(ids), CHUNK):
            these = documents.c.document_id.in_(ids[start : start + CHUNK])
            tx.execute(
                update(documents).where(documents.c.connection == self._connection, these).values(**values)
            )

    def _make_due(self, tx: Connection, ids: Sequence[str], now: datetime) -> None:
        """The orders of these documents are to be shown anew."""
        found = {(row.kind, row.order_id) for row in self._chunks(tx, links, ids)}
        found |= {(row.kind, row.order_id) for row in self._chunks(tx, matches, ids) if row.state == "linked"}
        make_due(tx, self._connection, found, now)

    def _point(self, tx: Connection, pointers: Iterable[Pointer]) -> None:
        wanted: dict[tuple[str, str], str] = {}
        for p in pointers:
            key = (p.endpoint, p.document_id)
            wanted[key] = max(p.changed, wanted.get(key, ""))
        read = {
            row.document_id: row.read_at or ""
            for row in self._chunks(tx, documents, sorted({id_ for _, id_ in wanted}))
        }
        late = [key for key, changed in sorted(wanted.items()) if read.get(key[1], "") <= changed]
        upsert(tx, unread, [self._unread(*key) for key in late])

    def _lost(self, tx: Connection, ids: Sequence[str], read_at: str, now: datetime) -> None:
        """Xero knows these no more: a company that was reset, or restored from a backup."""
        known = self._standing(tx, ids)
        self._touch(tx, sorted(known), {"status": MISSING, "read_at": read_at})
        self._make_due(tx, [id_ for id_, row in known.items() if row.status != MISSING], now)

    def _answered(self, tx: Connection, endpoint: str, ids: Sequence[str]) -> None:
        for start in range(0, len(ids), CHUNK):
            tx.execute(
                delete(unread).where(
                    unread.c.connection == self._connection,
                    unread.c.endpoint == endpoint,
                    unread.c.document_id.in_(list(ids[start : start + CHUNK])),
                )
            )

    def _unread(self, endpoint: str, document_id: str) -> dict[str, str]:
        return {"connection": self._connection, "endpoint": endpoint, "document_id": document_id}


SEEN = [documents.c.document_id, *(documents.c[name] for name in _FACTS)]


def seen_of(row: Row[Any]) -> SeenDocument:
    """A row of the mirror as a document; of its columns, `SEEN` are needed."""
    facts = {name: value for name, value in row._mapping.items() if name in _FACTS}
    for name in _AMOUNTS:
        facts[name] = Decimal(facts[name] or 0)
    facts |= {name: facts[name] or "" for name in ("text", "lines", "taxes")}
    facts |= {"id": row.document_id, "sent": bool(facts["sent"]), "line_count": facts["line_count"] or 0}
    return SeenDocument(**facts)


def _differs(row: Mapping[str, Any], standing: Row[Any] | None) -> bool:
    """Whether a document says anything else than it did."""
    if standing is None:
        return True
    known = standing._mapping
    if "raw" in row or known["raw"] is not None:
        return bool(row.get("raw") != known["raw"])
    return any((row[name] or None) != (known[name] or None) for name in _FACTS)


def _keep_lines(row: dict[str, Any], standing: Row[Any]) -> None:
    """A reading that shows no lines changes nothing of them, as long as the sums are those that they came to."""
    known = standing._mapping
    shows_none = row["lines"] == "" and known["lines"]
    if shows_none and all(row[name] == known[name] for name in ("net", "tax", "total")):
        row |= {name: known[name] for name in _OF_LINES}


def _keep(row: dict[str, Any], standing: Row[Any]) -> None:
    """Whose a document is stays as it was, unless what told it changed."""
    known = standing._mapping
    if "raw" in row:
        return
    row |= {"standing": None, "findings": None, "raw": None}
    same = all((row[name] or None) == (known[name] or None) for name in _IDENTITY)
    same = same and (row["status"] in GONE) is (known["status"] in GONE)
    if known["raw"] is None and same:
        row |= {name: known[name] for name in ("standing", "since", "findings")}
