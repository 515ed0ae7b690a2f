"""Empties contents of the audit trail: one person's on request, everybody's after the legal term.

The rows stay, with the codes of what they held, so that the chain still holds. A row of its own says which
contents are gone and why: `verify` accepts a missing one only where such a row names it.
"""

import zlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import TypeVar

import msgspec
from sqlalchemy import ColumnElement, Connection, Table, and_, select, tuple_, update

from tasks.domain.outcomes import OrderState
from tasks.ledger.database import upsert
from tasks.ledger.schema import (
    accounting,
    claims,
    contact_links,
    cursors,
    decisions,
    documents,
    links,
    orders,
    trail,
)
from tasks.ledger.trail import GONE, Entry, Trail

CHUNK = 500
# As many rows are emptied in one transaction.
AT_ONCE = 5_000
STREAM = "trail-expiry"
# What stands where a person wrote why a document is skipped, so that it stays skipped.
ERASED = "(erased)"
Subject = tuple[str, str]
T = TypeVar("T")
_parse = msgspec.json.Decoder(float_hook=Decimal)
_json = msgspec.json.Encoder(decimal_format="number")


@dataclass(frozen=True, slots=True)
class Erased:
    """What an erasure did: contents emptied, orders gone through, and those of them that still wait."""

    contents: int
    orders: int
    waiting: list[str]


def erase(chain: Trail, contact_id: str, reason: str, by: str) -> Erased:
    """Empty every content about a contact of Monstock's or about its orders, and clear its name in the ledger.

    Contents that name the contact's own record in Xero count as about it, whichever order they belong to. An
    order that is not settled keeps its JSON, without which it could not be exported; it is named in the answer.
    """
    xero_id = _xero_id(chain, contact_id)
    naming = _naming(chain, xero_id) if xero_id else []
    with chain.begin() as tx:
        of_contact = and_(orders.c.connection == chain.connection, orders.c.contact_id == contact_id)
        found = tx.execute(select(orders).where(of_contact)).all()
        subjects: list[Subject] = [
            ("contact", contact_id),
            *sorted((row.kind, row.order_id) for row in found),
        ]
        _clear_names(tx, chain.connection, of_contact, subjects, xero_id)
        chain.lock(tx)
        numbers = sorted({*_numbers(tx, chain.connection, subjects), *naming})
        _empty(tx, chain.connection, numbers)
        content = {"rows": ranges(numbers), "reason": reason}
        chain.append(tx, [Entry("erased", "contact", contact_id, content=content)], f"person: {by}")
    waiting = [row.reference for row in found if row.payload is not None]
    return Erased(len(numbers), len(found), waiting)


def expire(chain: Trail, before: datetime, run_id: str) -> int:
    """Empty all contents of rows older than `before`; returns how many. One small question where there are none."""
    count = 0
    while True:
        old = _old(chain, before)
        if not old:
            return count
        with chain.begin() as tx:
            last = old[-1][0]
            done = {"connection": chain.connection, "stream": STREAM, "position": str(last)}
            upsert(tx, cursors, [done])
            chain.lock(tx)
            numbers = [number for number, kept in old if kept]
            _empty(tx, chain.connection, numbers)
            content = {"rows": ranges(numbers), "before": before.isoformat()}
            if numbers:
                chain.append(tx, [Entry("expired", "connection", chain.connection, content=content)], run_id)
        count += len(numbers)


def ranges(numbers: Sequence[int]) -> list[tuple[int, int]]:
    """Ascending numbers as ranges, both ends included."""
    found: list[tuple[int, int]] = []
    for number in numbers:
        first = found.pop()[0] if found and found[-1][1] == number - 1 else number
        found.append((first, number))
    return found


def _old(chain: Trail, before: datetime) -> list[tuple[int, bool]]:
    """The next rows past their term, each with whether it has a content to be emptied."""
    done = select(cursors.c.position).where(
        cursors.c.connection == chain.connection, cursors.c.stream == STREAM
    )
    with chain.database.engine.connect() as tx:
        after = int(tx.execute(done).scalar() or 0)
        query = (
            select(trail.c.number, trail.c.at, trail.c.event, trail.c.content.is_not(None).label("kept"))
            .where(trail.c.connection == chain.connection, trail.c.number > after)
            .order_by(trail.c.number)
        )
        # Rows stand in the order of time: the first one that is young enough ends it.
        first = tx.execute(query.limit(1)).one_or_none()
        if first is None or first.at >= before:
            return []
        found = []
        for row in tx.execute(query.limit(AT_ONCE)):
            if row.at >= before:
                break
            found.append((row.number, row.kept and row.event not in GONE))
        return found


def _xero_id(chain: Trail, contact_id: str) -> str | None:
    query = select(contact_links.c.xero_id).where(
        contact_links.c.connection == chain.connection, contact_links.c.contact_id == contact_id
    )
    with chain.database.engine.connect() as tx:
        return tx.execute(query).scalar()


def _naming(chain: Trail, xero_id: str) -> list[int]:
    """Rows whose content names a record of Xero's: an order may have been another contact's once."""
    query = (
        select(trail.c.number, trail.c.content)
        .where(trail.c.connection == chain.connection, trail.c.event.not_in(GONE))
        .where(trail.c.content.is_not(None))
        .execution_options(yield_per=1000)
    )
    with chain.database.snapshot() as tx:
        return [row.number for row in tx.execute(query) if _names(row.content, xero_id.encode())]


def _names(content: bytes, xero_id: bytes) -> bool:
    """Whether a content names a record. One that is damaged is left for `verify` to find."""
    try:
        return xero_id in zlib.decompress(content)
    except zlib.error:
        return False


def _clear_names(
    tx: Connection,
    connection: str,
    of_contact: ColumnElement[bool],
    subjects: Sequence[Subject],
    xero_id: str | None,
) -> None:
    """What else the ledger keeps of a contact, as far as nothing needs it any more.

    Of our last write of a document, the contact's id and what is compared with Xero stays.
    """
    for chunk in _chunks(subjects):
        ended = claims.c.connection == connection, claims.c.state != "open"
        these = tuple_(claims.c.subject, claims.c.subject_id).in_(chunk)
        tx.execute(update(claims).where(*ended, these).values(warnings=None, findings=None))
        decided = (
            decisions.c.connection == connection,
            tuple_(decisions.c.kind, decisions.c.order_id).in_(chunk),
        )
        tx.execute(update(decisions).where(*decided).values(reason=None))
    # From here on in the sequence in which a settlement locks: links, then orders, each by its key.
    for subject in subjects:
        _clear_links(tx, links.c.connection == connection, *_are(links, subject))
    for subject in subjects:
        this = of_contact, *_are(orders, subject)
        tx.execute(update(orders).where(*this).values(contact_name=None))
        done = orders.c.state == OrderState.exported.value
        tx.execute(update(orders).where(*this, done).values(findings=None))
    if xero_id:
        seen = documents.c.connection == connection, documents.c.contact_id == xero_id
        tx.execute(update(documents).where(*seen).values(contact_name=""))
        tx.execute(update(documents).where(*seen, documents.c.skipped.is_not(None)).values(skipped=ERASED))
    for subject in subjects:
        taken_out = accounting.c.connection == connection, accounting.c.skipped.is_not(None)
        tx.execute(update(accounting).where(*taken_out, *_are(accounting, subject)).values(skipped=ERASED))


def _clear_links(tx: Connection, *these: ColumnElement[bool]) -> None:
    """Locked, since what is written back is made of what was read: no settlement comes between."""
    query = select(*links.primary_key.columns, links.c.written).where(*these, links.c.written.is_not(None))
    for row in tx.execute(query.with_for_update()).mappings().all():
        this = [column == row[column.name] for column in links.primary_key.columns]
        tx.execute(update(links).where(*this).values(written=_nameless(row["written"])))


def _are(table: Table, subject: Subject) -> tuple[ColumnElement[bool], ...]:
    kind, order_id = subject
    return table.c.kind == kind, table.c.order_id == order_id


def _nameless(written: bytes) -> bytes:
    """A document without its contact's name and addresses."""
    document = _parse.decode(written)
    contact = document.get("Contact") or {}
    kept = {name: contact[name] for name in ("ContactID",) if name in contact}
    return _json.encode({**document, "Contact": kept})


def _numbers(tx: Connection, connection: str, subjects: Sequence[Subject]) -> list[int]:
    """Rows about these subjects that have a content."""
    found: list[int] = []
    for chunk in _chunks(subjects):
        these = tuple_(trail.c.subject, trail.c.subject_id).in_(chunk)
        query = select(trail.c.number).where(trail.c.connection == connection, these)
        query = query.where(trail.c.content.is_not(None), trail.c.event.not_in(GONE))
        found += tx.execute(query).scalars()
    return found


def _empty(tx: Connection, connection: str, numbers: Sequence[int]) -> None:
    for chunk in _chunks(numbers):
        these = trail.c.connection == connection, trail.c.number.in_(chunk)
        tx.execute(update(trail).where(*these).values(content=None))


def _chunks(values: Sequence[T]) -> Iterator[list[T]]:
    for start in range(0, len(values), CHUNK):
        yield list(values[start : start + CHUNK])
