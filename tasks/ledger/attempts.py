"""Stored requests and the claims they settle: the ledger's half of the write protocol.

Three commits make a write: the request is stored with its claims, its sending is noted, its answer is
recorded. Between any two of them the process may die; what is stored tells the next one how to go on.
"""

import hashlib
import os
import socket
import uuid
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import Any

from sqlalchemy import ColumnElement, Connection, Row, and_, select, update

from tasks.domain.errors import MonstockXeroError
from tasks.ledger.claiming import claim_free, end_claims, open_claims
from tasks.ledger.claims import Claim, Settlement
from tasks.ledger.database import Database
from tasks.ledger.entries import news, of_settlement, requests
from tasks.ledger.schema import attempts, claims
from tasks.ledger.settlement import Reader, record
from tasks.ledger.trail import Entry, Trail

NO_ATTEMPT = "no request of ours"
ALLOCATIONS = "Allocations"


class LeaseLost(MonstockXeroError):
    """Another worker has taken the attempt over; it will see it through."""


@dataclass(frozen=True, slots=True)
class Attempt:
    """A stored request; `claims` stand in the order of its elements.

    `owner` names the one lease under which it is held: each taking over gives it a new one.
    """

    id: str
    method: str
    endpoint: str
    body: bytes
    key: str
    state: str
    claims: tuple[Claim, ...]
    owner: str
    lease_until: datetime
    sends: int = 0
    first_sent_at: datetime | None = None
    last_sent_at: datetime | None = None

    @property
    def path(self) -> str:
        """Where it goes. An allocation goes to its credit note, which is its claim's mark."""
        if self.endpoint != ALLOCATIONS or not self.claims:
            return self.endpoint
        return f"CreditNotes/{self.claims[0].mark}/{ALLOCATIONS}"


def new_owner() -> str:
    """A lease of this process, told apart from all others."""
    return f"{socket.gethostname()[:60]}/{os.getpid()}/{uuid.uuid4().hex[:12]}"


class Attempts:
    """The attempts of one connection, as one process sees them. `read` tells what an answered document says."""

    def __init__(
        self, database: Database, connection: str, tenant_id: str, lease: timedelta, read: Reader
    ) -> None:
        self._database = database
        self._connection = connection
        self._tenant_id = tenant_id
        self._reader = read
        self._trail = Trail(database, connection)
        self.lease = lease

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
        attempt_id, owner = str(uuid.uuid4()), new_owner()
        now = datetime.now(UTC)
        with self._database.begin() as tx:
            free = claim_free(tx, self._connection, wanted, attempt_id)
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
                    owner=owner,
                    lease_until=now + self.lease,
                    stored_at=now,
                    sends=0,
                )
            )
        held = tuple(wanted[i] for i in free)
        return Attempt(attempt_id, method, endpoint, body, digest, "stored", held, owner, now + self.lease)

    def keep(self, attempt: Attempt) -> Attempt:
        """While it waits in line, renew the lease once half of it is spent. Raises `LeaseLost`."""
        now = datetime.now(UTC)
        if attempt.lease_until - now > self.lease / 2:
            return attempt
        with self._database.begin() as tx:
            self._change(tx, attempt, lease_until=now + self.lease)
        return replace(attempt, lease_until=now + self.lease)

    def note_sent(self, attempt: Attempt, xero_now: datetime) -> Attempt:
        """Commit (b), right before each sending: checks and renews the lease. Raises `LeaseLost`.

        A lease that ran out but was taken by nobody is still ours: taking over changes the owner.
        """
        now = datetime.now(UTC)
        first = attempt.first_sent_at or xero_now
        with self._database.begin() as tx:
            self._change(
                tx,
                attempt,
                state="sent",
                first_sent_at=first,
                last_sent_at=xero_now,
                sends=attempts.c.sends + 1,
                lease_until=now + self.lease,
            )
        return replace(
            attempt,
            state="sent",
            first_sent_at=first,
            last_sent_at=xero_now,
            sends=attempt.sends + 1,
            lease_until=now + self.lease,
        )

    def note_fault(self, attempt: Attempt) -> Attempt:
        """Xero answered 500 and keeps that answer under the key: it is never sent again, only read back."""
        with self._database.begin() as tx:
            self._change(tx, attempt, state="faulted", lease_until=datetime.now(UTC) + self.lease)
        return replace(attempt, state="faulted")

    def leave(self, attempt: Attempt) -> None:
        """Give the lease up: no answer could be had, and whoever comes next may go on at once."""
        with suppress(LeaseLost), self._database.begin() as tx:
            self._change(tx, attempt, lease_until=datetime.now(UTC))

    def settle(
        self,
        attempt: Attempt,
        settlements: Sequence[Settlement],
        outcome: str,
        run_id: str,
        correlation_id: str | None = None,
    ) -> None:
        """Commit (c): record what became of each claim, with links, orders and trail, in one transaction.

        From here on the trail alone keeps the request, each order's part in a row of its own.
        """
        now = datetime.now(UTC)
        entries = self._entries(attempt, settlements, outcome, correlation_id)
        with self._trail.begin() as tx:
            self._change(tx, attempt, state="closed", closed_at=now, outcome=outcome, body=b"")
            end_claims(tx, self._connection, attempt.id, settlements)
            record(tx, self._connection, settlements, run_id, now, self._reader)
            self._trail.append(tx, entries, run_id)

    def adopt(self, settlements: Sequence[Settlement], run_id: str) -> list[Settlement]:
        """Record what was found out about orders without a request of this ledger's. Returns what was recorded.

        What another worker has claimed is left to that one.
        """
        now = datetime.now(UTC)
        with self._trail.begin() as tx:
            free = claim_free(tx, self._connection, [s.claim for s in settlements], NO_ATTEMPT, filled=True)
            settled = [settlements[place] for place in free]
            end_claims(tx, self._connection, NO_ATTEMPT, settled)
            told = [of_settlement(s, {}) for s in news(tx, self._connection, settled)]
            record(tx, self._connection, settled, run_id, now, self._reader)
            self._trail.append(tx, told, run_id)
        return settled

    def refusals(self, subject: str, ids: Sequence[str]) -> dict[str, str]:
        """Why these could not be written (JSON of findings): those whose last claim came free with a reason."""
        query = select(claims.c.subject_id, claims.c.findings).where(
            claims.c.connection == self._connection,
            claims.c.subject == subject,
            claims.c.subject_id.in_(list(ids)),
            claims.c.state == "released",
            claims.c.findings.is_not(None),
        )
        with self._database.engine.connect() as tx:
            return {row.subject_id: row.findings for row in tx.execute(query)}

    def unfinished(self) -> list[Attempt]:
        """Attempts of this connection that nobody has closed, oldest first."""
        with self._database.engine.connect() as tx:
            rows = tx.execute(
                select(attempts)
                .where(attempts.c.connection == self._connection, attempts.c.state != "closed")
                .order_by(attempts.c.stored_at)
            ).all()
            return [self._read(row, open_claims(tx, row.id)) for row in rows]

    def on_their_way(self) -> set[str]:
        """Ids of requests that were sent and not answered, while their lease lives."""
        query = select(attempts.c.id).where(
            attempts.c.connection == self._connection,
            attempts.c.state == "sent",
            attempts.c.lease_until > datetime.now(UTC),
        )
        with self._database.engine.connect() as tx:
            return set(tx.execute(query).scalars())

    def take_over(self, attempt: Attempt) -> Attempt | None:
        """The attempt under a lease of ours, if the one it had has run out."""
        now, owner = datetime.now(UTC), new_owner()
        with self._database.begin() as tx:
            taken = tx.execute(
                update(attempts)
                .where(self._held(attempt), attempts.c.lease_until <= now)
                .values(owner=owner, lease_until=now + self.lease)
            )
        return replace(attempt, owner=owner, lease_until=now + self.lease) if taken.rowcount == 1 else None

    @staticmethod
    def _entries(
        attempt: Attempt, settlements: Sequence[Settlement], outcome: str, correlation_id: str | None
    ) -> list[Entry]:
        call = {
            "method": attempt.method,
            "path": attempt.path,
            "attempt": attempt.id,
            "key": attempt.key,
            "sends": attempt.sends,
            "ended": outcome,
            "correlation_id": correlation_id,
        }
        asked = requests(attempt.endpoint, attempt.body, [claim.key for claim in attempt.claims])
        return [of_settlement(s, call, asked[s.claim.key]) for s in settlements]

    def _held(self, attempt: Attempt) -> ColumnElement[bool]:
        """Under the lease that we know of, and open."""
        return and_(
            attempts.c.id == attempt.id, attempts.c.owner == attempt.owner, attempts.c.state != "closed"
        )

    def _change(self, tx: Connection, attempt: Attempt, **values: Any) -> None:
        """Change an attempt, or raise `LeaseLost`."""
        if tx.execute(update(attempts).where(self._held(attempt)).values(**values)).rowcount != 1:
            raise LeaseLost(f"Attempt {attempt.id} is another worker's now.")

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
            owner=row.owner,
            lease_until=row.lease_until,
            sends=row.sends,
            first_sent_at=row.first_sent_at,
            last_sent_at=row.last_sent_at,
        )
