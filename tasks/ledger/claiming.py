"""The rows of claims: what is free is claimed, what has ended is done or free again. Within others' transactions."""

from collections.abc import Sequence
from functools import lru_cache
from typing import Any

from sqlalchemy import Connection, Dialect, Executable, and_, or_, select, update

from tasks.domain.outcomes import OrderState
from tasks.ledger.claims import ENDS, UPDATE, Claim, Settlement
from tasks.ledger.database import compiled, insert
from tasks.ledger.schema import claims, orders
from tasks.ledger.settlement import findings_json


def claim_free(
    tx: Connection, connection: str, wanted: Sequence[Claim], attempt_id: str, *, filled: bool = False
) -> list[int]:
    """Claim what is new or free again (with `filled`: also what has a document), and return its positions.

    An update may follow an update, but not repeat it; a removal may be repeated, since a document that is gone
    is seen before anything is sent. An order that has moved on is left out, for its turn comes again; so is one
    that a person skipped, unless it has its document. Rows go in by their key, so that two workers never wait for
    each other both.
    """
    stale = _stale(tx, connection, wanted, also_skipped=not filled)
    rows = [
        _row(connection, claim, attempt_id, position)
        for position, claim in enumerate(wanted)
        if claim.key not in stale
    ]
    if not rows:
        return []
    rows.sort(key=lambda row: (row["subject"], row["subject_id"]))
    statement = _claiming(tx.dialect, tuple(rows[0]), wanted[0].operation, filled)
    return sorted(row.position for row in tx.execute(statement, rows))


@lru_cache(maxsize=64)
def _claiming(dialect: Dialect, columns: tuple[str, ...], operation: str, filled: bool) -> Executable:
    statement = insert(dialect)(claims)
    state, done = claims.c.state, claims.c.state == "done"
    if operation == UPDATE:
        done = and_(done, claims.c.revision != statement.excluded.revision)
        filled = True
    free = or_(state == "released", done) if filled or operation in ENDS else state == "released"
    changed = {c: statement.excluded[c] for c in columns if c not in claims.primary_key.columns}
    statement = statement.on_conflict_do_update(
        index_elements=list(claims.primary_key.columns), set_=changed, where=free
    ).returning(claims.c.position)
    return compiled(dialect, statement, columns)


def end_claims(tx: Connection, connection: str, attempt_id: str, settlements: Sequence[Settlement]) -> None:
    """End an attempt's claims: done, or free again with the reason."""
    groups: dict[tuple[str, str, str | None], list[str]] = {}
    for s in settlements:
        state = "done" if s.keeps_claim else "released"
        group = s.claim.subject, state, findings_json(s.findings)
        groups.setdefault(group, []).append(s.claim.subject_id)
    for (subject, state, findings), ids in groups.items():
        tx.execute(
            update(claims)
            .where(claims.c.connection == connection, claims.c.attempt_id == attempt_id)
            .where(claims.c.subject == subject, claims.c.subject_id.in_(ids), claims.c.state == "open")
            .values(state=state, findings=findings)
        )


def open_claims(tx: Connection, attempt_id: str) -> tuple[Claim, ...]:
    """What an attempt claims and has not ended yet, in the order of its elements."""
    rows = tx.execute(
        select(claims)
        .where(claims.c.attempt_id == attempt_id, claims.c.state == "open")
        .order_by(claims.c.position)
    )
    return tuple(
        Claim(
            subject=row.subject,
            subject_id=row.subject_id,
            role=row.role,
            mark=row.mark,
            revision=row.revision,
            rules=row.rules,
            generation=row.generation,
            operation=row.operation,
            number=row.number,
            total=row.total,
            warnings=row.warnings,
        )
        for row in rows
    )


def _stale(
    tx: Connection, connection: str, wanted: Sequence[Claim], *, also_skipped: bool
) -> set[tuple[str, str]]:
    """Orders that have another revision by now than the one that was to be written, or were skipped."""
    revisions = {claim.key: claim.revision for claim in wanted}
    query = select(orders.c.kind, orders.c.order_id, orders.c.revision, orders.c.state).where(
        orders.c.connection == connection,
        orders.c.kind.in_({claim.subject for claim in wanted}),
        orders.c.order_id.in_([claim.subject_id for claim in wanted]),
    )
    return {
        (row.kind, row.order_id)
        for row in tx.execute(query)
        if revisions.get((row.kind, row.order_id), row.revision) != row.revision
        or (also_skipped and row.state == OrderState.skipped)
    }


def _row(connection: str, claim: Claim, attempt_id: str, position: int) -> dict[str, Any]:
    return {
        "connection": connection,
        "subject": claim.subject,
        "subject_id": claim.subject_id,
        "role": claim.role,
        "generation": claim.generation,
        "operation": claim.operation,
        "attempt_id": attempt_id,
        "position": position,
        "state": "open",
        "mark": claim.mark,
        "number": claim.number,
        "total": claim.total,
        "revision": claim.revision,
        "rules": claim.rules,
        "warnings": claim.warnings,
        "findings": None,
    }
