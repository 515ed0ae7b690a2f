"""Which organisation each connection belongs to, and by whose consent it is let in."""

from dataclasses import dataclass
from datetime import UTC, datetime

from sqlalchemy import Connection, Row, select, update

from tasks.ledger.database import Database, upsert
from tasks.ledger.schema import attempts, connections, links


@dataclass(frozen=True, slots=True)
class Pin:
    """The one organisation of a connection; `connected_at` (UTC) where a person joined it by `connect`."""

    tenant_id: str
    tenant_name: str
    consent_id: str | None = None
    connected_at: datetime | None = None

    def is_of(self, tenant_id: str) -> bool:
        """Whether it is pinned to that tenant, however the id is written."""
        return self.tenant_id.lower() == tenant_id.lower()


class Pins:
    """The pin of one connection, beside those of all others in the ledger."""

    def __init__(self, database: Database, connection: str) -> None:
        self._database = database
        self._connection = connection

    def read(self) -> Pin | None:
        """The organisation that it was joined to, or wrote to first."""
        return self.everyone().get(self._connection)

    def everyone(self) -> dict[str, Pin]:
        """All pins, by connection."""
        with self._database.engine.connect() as tx:
            return {row.connection: _pin(row) for row in tx.execute(select(connections))}

    def note(self, tenant_id: str, tenant_name: str) -> None:
        """Note the organisation that is about to be written to; from now on any other is refused."""
        row = {"connection": self._connection, "tenant_id": tenant_id, "tenant_name": tenant_name}
        with self._database.begin() as tx:
            upsert(tx, connections, [row], update=())

    def join(self, tx: Connection, tenant_id: str, tenant_name: str, consent_id: str) -> None:
        """Pin the organisation that a person chose, and the consent that reaches it."""
        row = {"connection": self._connection, "tenant_id": tenant_id, "tenant_name": tenant_name}
        joined = {"consent_id": consent_id, "connected_at": datetime.now(UTC)}
        upsert(tx, connections, [{**row, **joined}])

    def move(self, tx: Connection, names: list[str], consent_id: str | None) -> None:
        """Let connections use another consent, or none; each keeps its organisation."""
        tx.execute(
            update(connections).where(connections.c.connection.in_(names)).values(consent_id=consent_id)
        )

    def has_written(self) -> bool:
        """Whether anything was ever sent to its organisation, or a document of it is linked."""
        with self._database.engine.connect() as tx:
            return any(
                tx.execute(select(table.c.connection).where(table.c.connection == self._connection)).first()
                for table in (attempts, links)
            )


def _pin(row: Row[tuple[object, ...]]) -> Pin:
    return Pin(row.tenant_id, row.tenant_name, row.consent_id, row.connected_at)
