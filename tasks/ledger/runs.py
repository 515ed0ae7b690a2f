"""What runs did: by the requests that they stored, and what each of those claimed."""

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Row, Select, and_, func, select, tuple_

from tasks.domain.orders import Kind
from tasks.ledger.claims import ALLOCATE, CREATE, PRIMARY
from tasks.ledger.database import Database
from tasks.ledger.documents import parse_written
from tasks.ledger.schema import attempts, claims, contact_links, contacts, links, orders

CHUNK = 500
Key = tuple[str, str, str, int]


@dataclass(frozen=True, slots=True)
class Made:
    """Something that a run did to an order's document or to a contact, and how the ledger knows it now.

    `generation` is that of the document, `present` that of its order; `revision` is the order's own. `written` is the
    document as our last write left it, where it was asked for.
    """

    subject: str
    subject_id: str
    role: str
    generation: int
    operation: str
    reference: str
    present: int
    revision: str
    document_id: str
    document_type: str
    number: str
    origin: str
    status: str
    total: str
    currency: str
    mark: str
    written: Mapping[str, Any]

    @property
    def key(self) -> Key:
        """Which role of which order, in which generation."""
        return self.subject, self.subject_id, self.role, self.generation

    @property
    def is_document(self) -> bool:
        """Whether the run made an order's own document."""
        return self.operation == CREATE and self.role in PRIMARY

    @property
    def is_past(self) -> bool:
        """Whether its order has been rolled back, or sent anew, since."""
        return self.generation < self.present


class Runs:
    """The runs of one connection."""

    def __init__(self, database: Database, connection: str) -> None:
        self._database = database
        self._connection = connection

    def named(self, beginning: str) -> list[str]:
        """The ids of runs that wrote something and begin so."""
        query = select(attempts.c.run_id).distinct().where(attempts.c.connection == self._connection)
        query = query.where(attempts.c.run_id.startswith(beginning, autoescape=True))
        with self._database.engine.connect() as tx:
            return sorted(tx.execute(query).scalars())

    def did(self, run_ids: Collection[str]) -> list[Made]:
        """Everything that these runs wrote and that came to stand, each order's document once."""
        stored = select(attempts.c.id).where(
            attempts.c.connection == self._connection, attempts.c.run_id.in_(sorted(run_ids))
        )
        query = self._facts(_LIGHT).where(claims.c.attempt_id.in_(stored), claims.c.operation != ALLOCATE)
        with self._database.engine.connect() as tx:
            return [_made(row) for row in tx.execute(query)]

    def under_way(self, run_ids: Collection[str]) -> int:
        """How many documents these runs were about to make when they ended; nobody knows yet whether they did."""
        query = select(func.count()).select_from(claims.join(attempts, attempts.c.id == claims.c.attempt_id))
        query = query.where(attempts.c.connection == self._connection, attempts.c.run_id.in_(sorted(run_ids)))
        query = query.where(
            claims.c.state == "open", claims.c.operation == CREATE, claims.c.role.in_(PRIMARY)
        )
        with self._database.engine.connect() as tx:
            return int(tx.execute(query).scalar_one())

    def standing(self, made: Sequence[Made]) -> Iterator[Made]:
        """The same as the ledger knows them at this moment, with what was written last."""
        this = tuple_(claims.c.subject, claims.c.subject_id, claims.c.role, claims.c.generation)
        with self._database.engine.connect() as tx:
            for start in range(0, len(made), CHUNK):
                keys = [one.key for one in made[start : start + CHUNK]]
                # By columns as well, since SQLite finds no tuple by an index.
                near = (
                    claims.c.subject.in_({key[0] for key in keys}),
                    claims.c.subject_id.in_([key[1] for key in keys]),
                )
                query = self._facts([*_LIGHT, links.c.written]).where(*near, this.in_(keys))
                for row in tx.execute(query.where(claims.c.operation == CREATE)):
                    yield _made(row)

    def _facts(self, columns: Sequence[Any]) -> Select[Any]:
        query = select(*columns).join_from(claims, attempts, attempts.c.id == claims.c.attempt_id)
        for table, theirs in _BESIDE:
            query = query.join(table, theirs, isouter=True)
        done = claims.c.connection == self._connection, claims.c.state == "done"
        return query.where(*done).order_by(claims.c.subject, orders.c.reference, claims.c.generation)


_LIGHT = [
    *(claims.c.subject, claims.c.subject_id, claims.c.role, claims.c.generation, claims.c.operation),
    claims.c.mark,
    func.coalesce(orders.c.reference, contacts.c.name, claims.c.subject_id).label("reference"),
    orders.c.generation.label("present"),
    orders.c.revision,
    func.coalesce(links.c.document_id, contact_links.c.xero_id).label("document_id"),
    *(links.c.document_type, links.c.document_number, links.c.origin, links.c.status),
    *(links.c.total, links.c.currency),
]
_BESIDE = [
    (
        orders,
        and_(
            orders.c.connection == claims.c.connection,
            orders.c.kind == claims.c.subject,
            orders.c.order_id == claims.c.subject_id,
        ),
    ),
    (
        links,
        and_(
            links.c.connection == claims.c.connection,
            links.c.kind == claims.c.subject,
            links.c.order_id == claims.c.subject_id,
            links.c.role == claims.c.role,
            links.c.generation == claims.c.generation,
        ),
    ),
    (
        contact_links,
        and_(
            claims.c.subject == "contact",
            contact_links.c.connection == claims.c.connection,
            contact_links.c.contact_id == claims.c.subject_id,
        ),
    ),
    (
        contacts,
        and_(
            contacts.c.connection == contact_links.c.connection, contacts.c.xero_id == contact_links.c.xero_id
        ),
    ),
]


def _made(row: Row[Any]) -> Made:
    return Made(
        subject=row.subject,
        subject_id=row.subject_id,
        role=row.role,
        generation=row.generation,
        operation=row.operation,
        reference=row.reference,
        present=row.present or row.generation,
        revision=row.revision or "",
        document_id=row.document_id or "",
        document_type=row.document_type or ("contact" if row.subject not in set(Kind) else ""),
        number=row.document_number or "",
        origin=row.origin or "",
        status=row.status or "",
        total=row.total or "",
        currency=row.currency or "",
        mark=row.mark,
        written=parse_written(getattr(row, "written", None)),
    )
