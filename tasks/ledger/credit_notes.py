"""The credit notes that we made for orders, beside each order's own document."""

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

import msgspec
from sqlalchemy import and_, select

from tasks.domain.orders import Kind
from tasks.ledger.claims import ALLOCATE, PRIMARY
from tasks.ledger.database import Database
from tasks.ledger.schema import claims, documents, links, orders

CHUNK = 500
_parse = msgspec.json.Decoder(float_hook=Decimal)


@dataclass(frozen=True, slots=True)
class Noted:
    """A credit note of an order's: its role, the revision it was made for, and Xero's answer to that.

    `allocated` says that it was set against its invoice, by us.
    """

    role: str
    document_id: str
    number: str
    revision: str
    written: dict[str, Any]
    allocated: bool

    @property
    def total(self) -> Decimal:
        """What it credits, tax included."""
        return Decimal(str(self.written.get("Total") or 0))


class CreditNotes:
    """The credit notes of one connection."""

    def __init__(self, database: Database, connection: str) -> None:
        self._database = database
        self._connection = connection

    def of(self, kind: Kind, order_ids: Sequence[str]) -> dict[str, list[Noted]]:
        """Those of each order in its present generation, the oldest first."""
        found: dict[str, list[Noted]] = {}
        with self._database.engine.connect() as tx:
            for start in range(0, len(order_ids), CHUNK):
                ids = list(order_ids[start : start + CHUNK])
                these = links.c.connection == self._connection, links.c.kind == kind.value
                query = (
                    select(links, claims.c.state.label("allocation"))
                    .join(orders, _present)
                    .join(claims, _allocation, isouter=True)
                    .where(*these, links.c.order_id.in_(ids), links.c.role.not_in(PRIMARY))
                    .where(links.c.written.is_not(None))
                )
                for row in tx.execute(query):
                    found.setdefault(row.order_id, []).append(
                        Noted(
                            row.role,
                            row.document_id,
                            row.document_number or row.document_id,
                            row.revision,
                            _parse.decode(row.written),
                            row.allocation == "done",
                        )
                    )
        return {order_id: sorted(notes, key=_count) for order_id, notes in found.items()}

    def used_by_hand(self, contact_ids: Sequence[str]) -> dict[str, list[str]]:
        """By contact, the ids of living credit notes that are none of ours and of which something is used."""
        found: dict[str, list[str]] = {}
        ours = select(links.c.document_id).where(links.c.connection == self._connection)
        with self._database.engine.connect() as tx:
            for start in range(0, len(contact_ids), CHUNK):
                query = select(documents).where(
                    documents.c.connection == self._connection,
                    documents.c.contact_id.in_(list(contact_ids[start : start + CHUNK])),
                    documents.c.type.in_(["ACCRECCREDIT", "ACCPAYCREDIT"]),
                    documents.c.status.in_(["AUTHORISED", "PAID"]),
                    documents.c.document_id.not_in(ours),
                )
                for row in tx.execute(query):
                    if Decimal(row.due or 0) != Decimal(row.total):
                        found.setdefault(row.contact_id, []).append(row.document_id)
        return found


def _count(noted: Noted) -> int:
    return int(noted.role.rpartition("-")[2])


_present = and_(
    orders.c.connection == links.c.connection,
    orders.c.kind == links.c.kind,
    orders.c.order_id == links.c.order_id,
    orders.c.generation == links.c.generation,
)
_allocation = and_(
    claims.c.connection == links.c.connection,
    claims.c.subject == links.c.kind,
    claims.c.subject_id == links.c.order_id,
    claims.c.role == links.c.role,
    claims.c.generation == links.c.generation,
    claims.c.operation == ALLOCATE,
)
