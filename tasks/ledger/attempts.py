"""Stored requests and the claims they settle: the ledger's half of the write protocol.

Three commits make a write: the request is stored with its claims, its sending is noted, its answer is
recorded. Between any two of them the process may die; what is stored tells the next one how to go on.
"""

import hashlib
import os
import socket
import uuid
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import Any

from sqlalchemy import Row, and_, or_, select, update

from tasks.domain.errors import MonstockXeroError
from tasks.ledger.claims import UPDATE, Claim, Settlement
from tasks.ledger.database import Database, insert, upsert
from tasks.ledger.schema import attempts, claims
from tasks.ledger.settlement import record

NO_ATTEMPT = "no request of ours"


class LeaseLost(MonstockXeroError):
    """Another worker has taken the attempt over; it will see it through."""


@dataclass(frozen=True, slots=True)
class Attempt:
    """A stored request; `claims` stand in the order of its elements."""

    id: str
    method: str
    endpoint: str
    body: bytes
    key: str
    state: str
    claims: tuple[Claim, ...]
    lease_until: datetime
    first_sent_at: datetime | None = None
    last_sent_at: datetime | None = None


def owner() -> str:
    """This process, as a lease names it."""
    return f"{socket.gethostname()}/{os.getpid()}"


class Attempts:
    """The attempts of one connection, as one process sees them."""

    def __init__(self, database: Database, connection: str, tenant_id: str, lease: timedelta) -> None:
        self._database = database
        self._connection = connection
        self._tenant_id = tenant_id
        self.lease = lease
        self.owner = f"{owner()}/{uuid.uuid4().hex[:8]}"

    def store(
        self,
        method: str,
        endpoint: str,
        wanted: Sequence[Claim],
        build: Callable[[Sequence[int]], bytes],
        run_id: str,
    ) -> Attempt | None:
        """Commit (a): claim what is free, and store the request for just that.

        `build` makes the body from the positions in `wanted` that could be claimed. None if none could.
        """
        attempt_id = str(uuid.uuid4())
        now = datetime.now(UTC)
        with self._database.begin() as tx:
            rows = [self._claim_row(claim, attempt_id, position) for position, claim in enumerate(wanted)]
            statement = insert(tx)(claims).values(rows)
            reopened = claims.c.state == "released"
            if wanted[0].operation == UPDATE:
                reopened = claims.c.state.in_(["released", "done"])
            changed = {c: statement.excluded[c] for c in rows[0] if c not in claims.primary_key.columns}
            statement = statement.on_conflict_do_update(
                index_elements=list(claims.primary_key.columns), set_=changed, where=reopened
            ).returning(claims.c.position)
            free = sorted(row.position for row in tx.execute(statement))
            if not free:
                return None
            body = build(free)
            digest = hashlib.sha256(f"{self._tenant_id}{attempt_id}".encode() + body).hexdigest()
            tx.execute(
                attempts.insert().values(
                    id=attempt_id,
                    connection=self._connection,
                    run_id=run_id,
                    method=method,
                    endpoint=endpoint,
                    body=body,
                    key=digest,
                    state="stored",
                    owner=self.owner,
                    lease_until=now + self.lease,
                    stored_at=now,
                    sends=0,
                )
            )
        held = tuple(wanted[i] for i in free)
        return Attempt(attempt_id, method, endpoint, body, digest, "stored", held, now + self.lease)

    def note_sent(self, attempt: Attempt, xero_now: datetime) -> Attempt:
        """Commit (b), right before each sending: checks and renews the lease. Raises `LeaseLost`."""
        now = datetime.now(UTC)
        first = attempt.first_sent_at or xero_now
        with self._database.begin() as tx:
            renewed = tx.execute(
                update(attempts)
                .where(
                    attempts.c.id == attempt.id, attempts.c.owner == self.owner, attempts.c.state != "closed"
                )
                .where(attempts.c.lease_until > now)
                .values(
                    state="sent",
                    first_sent_at=first,
                    last_sent_at=xero_now,
                    sends=attempts.c.sends + 1,
                    lease_until=now + self.lease,
                )
            )
            if renewed.rowcount != 1:
                raise LeaseLost(f"Attempt {attempt.id} is no longer ours.")
        return replace(
            attempt, state="sent", first_sent_at=first, last_sent_at=xero_now, lease_until=now + self.lease
        )

    def note_fault(self, attempt: Attempt) -> Attempt:
        """Xero answered 500 and keeps that answer under the key: it is never sent again, only read back."""
        with self._database.begin() as tx:
            tx.execute(update(attempts).where(attempts.c.id == attempt.id).values(state="faulted"))
        return replace(attempt, state="faulted")

    def settle(
        self,
        attempt: Attempt,
        settlements: Sequence[Settlement],
        outcome: str,
        run_id: str,
        answer: bytes | None = None,
        correlation_id: str | None = None,
    ) -> None:
        """Commit (c): record what became of each claim, with links and orders, in one transaction."""
        now = datetime.now(UTC)
        with self._database.begin() as tx:
            closed = tx.execute(
                update(attempts)
                .where(
                    attempts.c.id == attempt.id, attempts.c.owner == self.owner, attempts.c.state != "closed"
                )
                .values(
                    state="closed",
                    closed_at=now,
                    outcome=outcome,
                    answer=answer,
                    correlation_id=correlation_id,
                )
            )
            if closed.rowcount != 1:
                raise LeaseLost(f"Attempt {attempt.id} was settled by another worker.")
            for (state, subject), ids in _by_state(settlements).items():
                tx.execute(
                    update(claims)
                    .where(claims.c.attempt_id == attempt.id)
                    .where(claims.c.subject == subject, claims.c.subject_id.in_(ids))
                    .values(state=state)
                )
            record(tx, self._connection, settlements, run_id, now)

    def adopt(self, settlements: Sequence[Settlement], run_id: str) -> None:
        """Record what was found out about orders without a request of this ledger's."""
        now = datetime.now(UTC)
        rows = [
            {**self._claim_row(s.claim, NO_ATTEMPT, place), "state": "done" if s.keeps_claim else "released"}
            for place, s in enumerate(settlements)
        ]
        with self._database.begin() as tx:
            upsert(tx, claims, rows)
            record(tx, self._connection, settlements, run_id, now)

    def unfinished(self) -> list[Attempt]:
        """Attempts of this connection that nobody has closed, oldest first."""
        with self._database.engine.connect() as tx:
            rows = tx.execute(
                select(attempts)
                .where(attempts.c.connection == self._connection, attempts.c.state != "closed")
                .order_by(attempts.c.stored_at)
            ).all()
            return [self._read(row, self._claims_of(tx, row.id)) for row in rows]

    def take_over(self, attempt: Attempt) -> bool:
        """Make an attempt ours whose lease has run out."""
        now = datetime.now(UTC)
        with self._database.begin() as tx:
            taken = tx.execute(
                update(attempts)
                .where(attempts.c.id == attempt.id, attempts.c.state != "closed")
                .where(or_(attempts.c.lease_until <= now, attempts.c.owner == self.owner))
                .values(owner=self.owner, lease_until=now + self.lease)
            )
        return taken.rowcount == 1

    def _claim_row(self, claim: Claim, attempt_id: str, position: int) -> dict[str, Any]:
        return {
            "connection": self._connection,
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
        }

    def _claims_of(self, tx: Any, attempt_id: str) -> tuple[Claim, ...]:
        rows = tx.execute(
            select(claims)
            .where(and_(claims.c.attempt_id == attempt_id, claims.c.state == "open"))
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

    @staticmethod
    def _read(row: Row[Any], held: tuple[Claim, ...]) -> Attempt:
        return Attempt(
            id=row.id,
            method=row.method,
            endpoint=row.endpoint,
            body=row.body,
            key=row.key,
            state=row.state,
            claims=held,
            lease_until=row.lease_until,
            first_sent_at=row.first_sent_at,
            last_sent_at=row.last_sent_at,
        )


def _by_state(settlements: Iterable[Settlement]) -> dict[tuple[str, str], list[str]]:
    states: dict[tuple[str, str], list[str]] = {}
    for settlement in settlements:
        state = "done" if settlement.keeps_claim else "released"
        states.setdefault((state, settlement.claim.subject), []).append(settlement.claim.subject_id)
    return states
