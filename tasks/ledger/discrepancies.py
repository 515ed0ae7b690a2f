"""What became of discrepancies from night to night: the next one knows them again and does not shout twice."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Row, Select, and_, func, select, update

from tasks.domain.discrepancies import Life
from tasks.domain.errors import MonstockXeroError
from tasks.ledger.database import Database, upsert
from tasks.ledger.schema import cursors, discrepancies, documents, orders
from tasks.ledger.trail import Entry, Trail

CHUNK = 500
_STANDING = (Life.open.value, Life.seen.value, Life.accepted.value)
_SAYS = ("ours", "theirs", "difference")
# What says in the table of cursors what was told of the sums.
_SUMS = "sums told"


class NoSuchDiscrepancy(MonstockXeroError):
    """What a person names is not known, or has ended; the text says so."""


@dataclass(frozen=True, slots=True)
class Told:
    """A discrepancy as a night found it. `reason` is set where it is accepted by what people did elsewhere."""

    id: str
    kind: str
    order_kind: str
    order_id: str
    document_id: str
    ours: str
    theirs: str
    difference: str | None
    cause: str
    since: datetime | None
    reason: str = ""


@dataclass(frozen=True, slots=True)
class Known:
    """What is known of one by now."""

    state: Life
    first_seen: datetime
    since: datetime | None
    reason: str


class Discrepancies:
    """The discrepancies of one connection; `rules` is the digest under which people decide."""

    def __init__(self, database: Database, connection: str, rules: str | None = None) -> None:
        self._database = database
        self._connection = connection
        self._rules = rules
        self._trail = Trail(database, connection)

    def note(self, told: Sequence[Told], now: datetime, run_id: str) -> dict[str, Known]:
        """Note what was found. Returns what is known of each, by id.

        What is new, came back, or says something else is open until it was told (`tell`); then it is seen.
        """
        known: dict[str, Known] = {}
        with self._database.begin() as tx:
            for start in range(0, len(told), CHUNK):
                chunk = sorted(told[start : start + CHUNK], key=lambda one: one.id)
                rows = {row.id: row for row in self._rows(tx, [one.id for one in chunk])}
                noted = [self._noted(one, rows.get(one.id), now, run_id) for one in chunk]
                upsert(tx, discrepancies, noted)
                known |= {
                    row["id"]: Known(Life(row["state"]), row["first_seen"], row["since"], row["reason"] or "")
                    for row in noted
                }
        return known

    def tell(self, run_id: str, sums: str, period: str = "") -> None:
        """What this night noted was told to people, and of its sums this."""
        row = {"connection": self._connection, "stream": f"{_SUMS} {period}".strip(), "position": sums}
        news = discrepancies.c.run_id == run_id, discrepancies.c.told_at.is_(None)
        with self._database.begin() as tx:
            told_at = self._database.now(tx)
            tx.execute(update(discrepancies).where(self._ours, *news).values(told_at=told_at))
            upsert(tx, cursors, [row])

    def sums_told(self, period: str = "") -> str:
        """What was told of the sums last, of nights or of such a period; "" if nothing."""
        stream = f"{_SUMS} {period}".strip()
        ours = cursors.c.connection == self._connection, cursors.c.stream == stream
        with self._database.engine.connect() as tx:
            return tx.execute(select(cursors.c.position).where(*ours)).scalar() or ""

    def standing(self) -> list[Row[Any]]:
        """Those that have not ended: their ids, kinds, orders and documents."""
        columns = (discrepancies.c[name] for name in ("id", "kind", "order_kind", "order_id", "document_id"))
        query = select(*columns).where(self._ours, discrepancies.c.state.in_(_STANDING))
        with self._database.engine.connect() as tx:
            return list(tx.execute(query))

    def end(self, ids: Iterable[str], repaired: Iterable[str], now: datetime, run_id: str) -> list[Row[Any]]:
        """These were looked for and not found any more: this run's repair ended them, or people or another run did.

        Returns them as they are now, each with its order's `reference` and its document's facts.
        """
        left, mended = sorted(set(ids)), set(repaired)
        with self._database.begin() as tx:
            for state, these in (
                (Life.repaired, [id_ for id_ in left if id_ in mended]),
                (Life.gone, [id_ for id_ in left if id_ not in mended]),
            ):
                for start in range(0, len(these), CHUNK):
                    chunk = discrepancies.c.id.in_(these[start : start + CHUNK])
                    values = {"state": state.value, "last_seen": now, "run_id": run_id}
                    tx.execute(update(discrepancies).where(self._ours, chunk).values(**values))
            found: list[Row[Any]] = []
            for start in range(0, len(left), CHUNK):
                chunk = discrepancies.c.id.in_(left[start : start + CHUNK])
                found += tx.execute(_named().where(self._ours, chunk)).all()
            return found

    def listed(self, states: Iterable[Life], limit: int | None = None) -> list[Row[Any]]:
        """Those that stand so, the oldest first."""
        wanted = discrepancies.c.state.in_([state.value for state in states])
        query = _named().where(self._ours, wanted).order_by(discrepancies.c.first_seen, discrepancies.c.id)
        with self._database.engine.connect() as tx:
            return list(tx.execute(query.limit(limit) if limit else query))

    def accept(self, id_: str, reason: str, by: str) -> None:
        """A person lets it stand, as long as both sides say what they say now. Raises `NoSuchDiscrepancy`."""
        if not reason.strip():
            raise NoSuchDiscrepancy("Say why: the reason stays in the report and in the audit trail.")
        self._decide(id_, by, "accepted", {"state": Life.accepted.value, "reason": reason, "decided_by": by})

    def reopen(self, id_: str, by: str) -> None:
        """It is to be looked at again. Raises `NoSuchDiscrepancy`."""
        self._decide(id_, by, "reopened", {"state": Life.open.value, "reason": None, "decided_by": None})

    @property
    def _ours(self) -> Any:
        return discrepancies.c.connection == self._connection

    def _rows(self, tx: Connection, ids: Sequence[str]) -> list[Row[Any]]:
        return list(tx.execute(select(discrepancies).where(self._ours, discrepancies.c.id.in_(list(ids)))))

    def _noted(self, one: Told, row: Row[Any] | None, now: datetime, run_id: str) -> dict[str, Any]:
        since = row.since if row and row.since and not Life(row.state).ended else one.since
        state, reason, by = _state(one, row, run_id)
        return {
            "connection": self._connection,
            "id": one.id,
            "kind": one.kind,
            "order_kind": one.order_kind or None,
            "order_id": one.order_id or None,
            "document_id": one.document_id or None,
            "ours": one.ours,
            "theirs": one.theirs,
            "difference": one.difference,
            "cause": one.cause,
            "state": state.value,
            "since": since or now,
            "first_seen": row.first_seen if row and not Life(row.state).ended else now,
            "last_seen": now,
            "run_id": run_id,
            "reason": reason or None,
            "decided_by": by,
            "told_at": row.told_at if row and state is not Life.open else None,
        }

    def _decide(self, id_: str, by: str, event: str, values: Mapping[str, Any]) -> None:
        with self._trail.begin() as tx:
            query = select(discrepancies).where(self._ours, discrepancies.c.id == id_).with_for_update()
            row = tx.execute(query).one_or_none()
            if row is None or row.state not in _STANDING:
                known = "has ended" if row else "is not known"
                listed = "`monstock-xero discrepancies` lists those that stand"
                raise NoSuchDiscrepancy(f"Discrepancy {id_} {known}; {listed}.")
            tx.execute(update(discrepancies).where(self._ours, discrepancies.c.id == id_).values(**values))
            facts = {"discrepancy": id_, "kind": row.kind, "ours": row.ours, "theirs": row.theirs}
            subject, subject_id = (
                row.order_kind or "connection",
                row.order_id or row.document_id or self._connection,
            )
            said = Entry(
                event,
                subject,
                subject_id,
                rules=self._rules,
                document_id=row.document_id,
                content=facts | {"reason": values["reason"], "by": by},
            )
            self._trail.append(tx, [said], f"person: {by}")


def _named() -> Select[Any]:
    """Discrepancies with the names by which people know their orders and documents."""
    order = and_(
        orders.c.connection == discrepancies.c.connection,
        orders.c.kind == discrepancies.c.order_kind,
        orders.c.order_id == discrepancies.c.order_id,
    )
    document = and_(
        documents.c.connection == discrepancies.c.connection,
        documents.c.document_id == discrepancies.c.document_id,
    )
    facts = (documents.c[name] for name in ("type", "number", "date"))
    return (
        select(
            *discrepancies.columns,
            orders.c.reference,
            *facts,
            func.coalesce(orders.c.contact_name, documents.c.contact_name).label("contact"),
            func.coalesce(documents.c.currency, orders.c.currency).label("currency"),
        )
        .join_from(discrepancies, orders, order, isouter=True)
        .join(documents, document, isouter=True)
    )


def _state(one: Told, row: Row[Any] | None, run_id: str) -> tuple[Life, str, str | None]:
    """Where it stands now, why it is accepted, and who said so."""
    if one.reason:
        return Life.accepted, one.reason, None
    if row is None or Life(row.state).ended:
        return Life.open, "", None
    same = all(getattr(one, name) == getattr(row, name) for name in _SAYS)
    if row.state == Life.accepted.value:
        return (
            (Life.accepted, row.reason or "", row.decided_by)
            if same and row.decided_by
            else (Life.open, "", None)
        )
    if row.run_id == run_id:
        return Life(row.state), "", None
    return (Life.seen if same and row.told_at else Life.open), "", None
