"""The directory of Xero's contacts, and which of Monstock's each one is."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import msgspec
from sqlalchemy import Row, Select, and_, or_, select
from sqlalchemy.exc import IntegrityError

from tasks.domain.books import PaymentTerms, XeroContact
from tasks.ledger.database import Database, insert, upsert
from tasks.ledger.schema import contact_links, contacts, cursors

CHUNK = 500
STREAM = "contacts"


class Contacts:
    """The contacts of one connection."""

    def __init__(self, database: Database, connection: str) -> None:
        self._database = database
        self._connection = connection

    def take_in(self, rows: Iterable[tuple[XeroContact, str]], position: str | None) -> None:
        """Note contacts (each with its name's key) and how far the reading has come, in one transaction."""
        with self._database.begin() as tx:
            upsert(tx, contacts, [self._row(contact, key) for contact, key in rows])
            if position:
                upsert(
                    tx, cursors, [{"connection": self._connection, "stream": STREAM, "position": position}]
                )

    def links(self, contact_ids: Sequence[str]) -> dict[str, str]:
        """Which Xero contact each of these Monstock contacts is, where that is known."""
        query = select(contact_links.c.contact_id, contact_links.c.xero_id)
        rows = self._chunks(query, contact_links, contact_links.c.contact_id, contact_ids)
        return {row.contact_id: row.xero_id for row in rows}

    def ids(self, contact_ids: Sequence[str]) -> dict[str, str]:
        """The id to write for each of these Monstock contacts: where it was merged, that of the survivor."""
        known = and_(
            contacts.c.connection == contact_links.c.connection, contacts.c.xero_id == contact_links.c.xero_id
        )
        query = select(contact_links.c.contact_id, contact_links.c.xero_id, contacts.c.merged_to)
        query = query.join_from(contact_links, contacts, known, isouter=True)
        rows = list(self._chunks(query, contact_links, contact_links.c.contact_id, contact_ids))
        gone = self.find([row.xero_id for row in rows if row.merged_to], [], [])
        merged = {contact.id: contact.merged_to for contact in gone}
        return {row.contact_id: _survivor(row.xero_id, merged) for row in rows}

    def names_like(self, keys: Sequence[str]) -> list[XeroContact]:
        """Contacts whose name key is one of these, or one of these with a suffix: "acme", "acme (2)"."""
        found: list[XeroContact] = []
        with self._database.engine.connect() as tx:
            for key in keys:
                alike = contacts.c.name_key.startswith(f"{key} (", autoescape=True)
                query = select(contacts).where(
                    contacts.c.connection == self._connection, or_(contacts.c.name_key == key, alike)
                )
                found += [_read(row) for row in tx.execute(query)]
        return found

    def link(self, pairs: Iterable[tuple[str, str]]) -> None:
        """Note matches; a Xero contact that another Monstock contact took meanwhile is left to that one."""
        for contact_id, xero_id in pairs:
            try:
                with self._database.begin() as tx:
                    row = {"connection": self._connection, "contact_id": contact_id, "xero_id": xero_id}
                    keys = [contact_links.c.connection, contact_links.c.contact_id]
                    statement = insert(tx.dialect)(contact_links).values(row)
                    tx.execute(
                        statement.on_conflict_do_update(index_elements=keys, set_={"xero_id": xero_id})
                    )
            except IntegrityError:
                continue

    def linked(self, xero_ids: Sequence[str]) -> set[str]:
        """Which of these Xero contacts are somebody's already."""
        query = select(contact_links.c.xero_id)
        return {row.xero_id for row in self._chunks(query, contact_links, contact_links.c.xero_id, xero_ids)}

    def find(self, ids: Sequence[str], numbers: Sequence[str], names: Sequence[str]) -> list[XeroContact]:
        """Contacts by id, number or name key, with those that they were merged into."""
        found: dict[str, XeroContact] = {}
        for column, values in (
            (contacts.c.xero_id, ids),
            (contacts.c.number, numbers),
            (contacts.c.name_key, names),
        ):
            for row in self._chunks(select(contacts), contacts, column, values):
                found[row.xero_id] = _read(row)
        while missing := [c.merged_to for c in found.values() if c.merged_to and c.merged_to not in found]:
            rows = list(self._chunks(select(contacts), contacts, contacts.c.xero_id, missing))
            if not rows:
                break
            found |= {row.xero_id: _read(row) for row in rows}
        return list(found.values())

    def _chunks(
        self, query: Select[Any], table: Any, column: Any, values: Sequence[str]
    ) -> Iterable[Row[Any]]:
        with self._database.engine.connect() as tx:
            for start in range(0, len(values), CHUNK):
                chunk = list(values[start : start + CHUNK])
                yield from tx.execute(query.where(table.c.connection == self._connection, column.in_(chunk)))

    def _row(self, contact: XeroContact, key: str) -> dict[str, Any]:
        terms = {
            side: {"day": t.day, "type": t.type}
            for side, t in (("sales", contact.sales_terms), ("bills", contact.bill_terms))
            if t
        }
        return {
            "connection": self._connection,
            "xero_id": contact.id,
            "name": contact.name,
            "name_key": key,
            "number": contact.number,
            "status": contact.status,
            "merged_to": contact.merged_to,
            "terms": msgspec.json.encode(terms).decode() if terms else None,
        }


def _survivor(xero_id: str, merged: Mapping[str, str | None]) -> str:
    seen = {xero_id}
    while (onward := merged.get(xero_id)) and onward not in seen:
        seen.add(onward)
        xero_id = onward
    return xero_id


def _read(row: Row[Any]) -> XeroContact:
    terms = msgspec.json.decode(row.terms) if row.terms else {}
    sales, bills = (PaymentTerms(**terms[side]) if side in terms else None for side in ("sales", "bills"))
    return XeroContact(row.xero_id, row.name, row.status, row.number, row.merged_to, sales, bills)
