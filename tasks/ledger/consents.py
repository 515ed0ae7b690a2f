"""Consents and their tokens. The tokens of a row belong to a consent, and one consent may serve several connections.

Tokens lie there sealed. Only who holds the lease of a row may renew its tokens, so that of any number of processes
one asks Xero at a time, and no transaction is open while it does.
"""

import uuid
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from pydantic import SecretStr
from sqlalchemy import ColumnElement, Connection, Row, Select, and_, delete, or_, select, update

from tasks.ledger.attempts import new_owner
from tasks.ledger.database import Database, upsert
from tasks.ledger.keyring import Keyring, once_more
from tasks.ledger.schema import connections, consents

# Longer than a renewal takes at worst: two refresh tokens, one after the other, each with all its tries.
LEASE = timedelta(minutes=2)
# For so long Xero still takes the refresh token before the current one.
GRACE = timedelta(minutes=30)


@dataclass(frozen=True, slots=True)
class App:
    """An app as it is known to Xero. Every consent is given to one."""

    identity_url: str
    client_id: str
    grant: str

    @property
    def own_id(self) -> str:
        """The id of the one row of a custom connection: the same on every machine."""
        return str(uuid.uuid5(uuid.NAMESPACE_URL, f"{self.identity_url}#{self.client_id}"))


@dataclass(frozen=True, slots=True)
class Tokens:
    """What the identity service gave: times by its clock, scopes as it granted them."""

    access: SecretStr
    given_at: datetime
    access_until: datetime
    scopes: str
    refresh: SecretStr | None = None


@dataclass(frozen=True, slots=True)
class Consent:
    """A consent as its row stood when it was read; `dead` says why only a person can help."""

    id: str
    scopes: str
    dead: str | None
    access: SecretStr | None
    access_until: datetime | None
    refresh: SecretStr | None
    previous: SecretStr | None
    previous_until: datetime | None
    renewer_until: datetime | None
    changed_at: datetime

    @property
    def bearer(self) -> str:
        """Its access token as a header bears it: not to be shown."""
        return f"Bearer {self.access.get_secret_value()}" if self.access else ""


@dataclass(frozen=True, slots=True)
class Lease:
    """The right to renew one consent's tokens."""

    consent: Consent
    owner: str


class Consents:
    """The consents that one app was given."""

    def __init__(self, database: Database, app: App) -> None:
        self._database = database
        self._keyring = Keyring(database)
        self.app = app

    def get(self, consent_id: str) -> Consent | None:
        """One of them."""
        return next(iter(self._read(select(consents).where(consents.c.id == consent_id))), None)

    def of(self, connection: str) -> Consent | None:
        """The one that a connection uses, if it is this app's."""
        joined = select(consents).join(connections, connections.c.consent_id == consents.c.id)
        return next(iter(self._read(joined.where(connections.c.connection == connection))), None)

    def living(self) -> list[Consent]:
        """Those that let us in."""
        return self._read(select(consents).where(consents.c.dead.is_(None)).order_by(consents.c.changed_at))

    def users(self, consent_id: str) -> list[str]:
        """The connections that use it, by name."""
        query = select(connections.c.connection).where(connections.c.consent_id == consent_id)
        with self._database.engine.connect() as tx:
            return sorted(tx.execute(query).scalars())

    def add(self, tx: Connection, tokens: Tokens) -> str:
        """Keep a consent that was just given; returns its id."""
        consent_id = str(uuid.uuid4())
        self._insert(tx, consent_id, self._sealed(tx, tokens))
        return consent_id

    def own(self) -> Consent:
        """The row of a custom connection, made at its first use."""
        if (found := self.get(self.app.own_id)) is not None:
            return found
        with self._database.begin() as tx:
            self._insert(tx, self.app.own_id, {"scopes": ""})
        return self.own()

    def forget(self, tx: Connection, consent_id: str) -> None:
        """Delete a consent with its tokens."""
        tx.execute(delete(consents).where(consents.c.id == consent_id))

    def forget_unused(self, tx: Connection) -> None:
        """Delete those that no connection uses."""
        used = select(connections.c.consent_id).where(connections.c.consent_id.is_not(None))
        tx.execute(delete(consents).where(self._ours(), consents.c.id.not_in(used)))

    def lease(self, consent: Consent) -> Lease | None:
        """The right to renew, unless another one has it or the tokens have changed since they were read."""
        owner = new_owner()
        with self._database.engine.connect() as tx:
            now = self._database.now(tx)
        if consent.renewer_until is not None and consent.renewer_until > now:
            return None
        unchanged = and_(consents.c.id == consent.id, consents.c.changed_at == consent.changed_at)
        free = or_(consents.c.renewer_until.is_(None), consents.c.renewer_until <= now)
        with self._database.begin() as tx:
            taken = tx.execute(
                update(consents).where(unchanged, free).values(renewer=owner, renewer_until=now + LEASE)
            )
        return Lease(consent, owner) if taken.rowcount == 1 else None

    def keep(self, lease: Lease) -> bool:
        """Hold a lease for its whole time again. False where another one has it by now."""
        held = and_(consents.c.id == lease.consent.id, consents.c.renewer == lease.owner)
        with self._database.begin() as tx:
            until = self._database.now(tx) + LEASE
            return tx.execute(update(consents).where(held).values(renewer_until=until)).rowcount == 1

    def give_back(self, lease: Lease) -> None:
        """Let another one try."""
        with self._database.begin() as tx:
            self._change(tx, lease)

    def renew(self, lease: Lease, tokens: Tokens, used: SecretStr | None) -> Consent | None:
        """Keep new tokens, and the refresh token that was used for them. None where the lease was lost."""
        with self._database.begin() as tx:
            values = self._sealed(tx, tokens)
            if used is not None and used == lease.consent.refresh:
                values["previous"] = self._seal(tx, used)
                values["previous_until"] = tokens.given_at + GRACE
            kept = self._change(tx, lease, **values)
        return self.get(lease.consent.id) if kept else None

    def end(self, lease: Lease, why: str) -> None:
        """Only a person's new consent helps, and nobody asks for tokens any more; unless the lease was lost."""
        with self._database.begin() as tx:
            self._change(tx, lease, dead=why, access=None, refresh=None, previous=None)

    def _change(self, tx: Connection, lease: Lease, **values: Any) -> bool:
        """Change a row and give its lease back, if the lease is still ours."""
        held = and_(consents.c.id == lease.consent.id, consents.c.renewer == lease.owner)
        values |= {"renewer": None, "renewer_until": None}
        if len(values) > 2:
            values["changed_at"] = datetime.now(UTC)
        return tx.execute(update(consents).where(held).values(**values)).rowcount == 1

    def _insert(self, tx: Connection, consent_id: str, values: Mapping[str, Any]) -> None:
        app = {"identity_url": self.app.identity_url, "client_id": self.app.client_id}
        row = {"id": consent_id, **app, "grant_type": self.app.grant, "changed_at": datetime.now(UTC)}
        upsert(tx, consents, [{**row, **values}], update=())

    def _sealed(self, tx: Connection, tokens: Tokens) -> dict[str, Any]:
        values: dict[str, Any] = {
            "scopes": tokens.scopes,
            "access": self._seal(tx, tokens.access),
            "access_until": tokens.access_until,
        }
        if tokens.refresh is not None:
            values["refresh"] = self._seal(tx, tokens.refresh)
        return values

    def _seal(self, tx: Connection, token: SecretStr) -> bytes:
        return self._keyring.seal(tx, token.get_secret_value().encode())

    def _ours(self) -> ColumnElement[bool]:
        return and_(
            consents.c.identity_url == self.app.identity_url,
            consents.c.client_id == self.app.client_id,
            consents.c.grant_type == self.app.grant,
        )

    def _read(self, query: Select[Any]) -> list[Consent]:
        return once_more(lambda: self._opened(query))

    def _opened(self, query: Select[Any]) -> list[Consent]:
        with self._database.engine.connect() as tx:
            rows = tx.execute(query.where(self._ours())).all()
        return [self._consent(row) for row in rows]

    def _consent(self, row: Row[Any]) -> Consent:
        return Consent(
            id=row.id,
            scopes=row.scopes,
            dead=row.dead,
            access=self._open(row.access),
            access_until=row.access_until,
            refresh=self._open(row.refresh),
            previous=self._open(row.previous),
            previous_until=row.previous_until,
            renewer_until=row.renewer_until,
            changed_at=row.changed_at,
        )

    def _open(self, sealed: bytes | None) -> SecretStr | None:
        return None if sealed is None else SecretStr(self._keyring.open(sealed).decode())
