"""Brings an older ledger to our schema: a backup and the migrations, with nobody writing in between."""

from collections.abc import Callable
from typing import NamedTuple

from alembic.util.exc import CommandError
from sqlalchemy import Connection
from sqlalchemy.exc import SQLAlchemyError

from tasks.domain.errors import LedgerError
from tasks.ledger import migrating
from tasks.ledger.database import BUSY_SECONDS, Database, reason


class Upgraded(NamedTuple):
    """From which schema to which; the same twice where there was nothing to do."""

    before: str | None
    after: str


def upgrade(database: Database, back_up: Callable[[], None]) -> Upgraded:
    """Upgrade a ledger that was opened as it is. Two at once: the second one finds the work done.

    Raises `OtherSchema` where it is a newer version's, `LedgerError` where it cannot be done; then it is as it was.
    """
    try:
        with database.begin() as tx:
            migrating.take_turn(tx)
            before, ours = migrating.current(tx), migrating.revisions()[-1]
            if before is not None:
                migrating.require_known(before, database.address)
            if before not in (None, ours):
                _hold_writers(tx)
                back_up()
            if before != ours:
                migrating.migrate(tx)
        return Upgraded(before, ours)
    except (SQLAlchemyError, CommandError) as error:
        why = reason(error) if isinstance(error, SQLAlchemyError) else str(error)
        raise LedgerError(
            f"The ledger at {database.address} is as it was ({why}). End every process that works with it, and "
            "run `monstock-xero upgrade` again."
        ) from None


def _hold_writers(tx: Connection) -> None:
    """What were written after the backup would be lost on the way back. SQLite has one writer, and that is us."""
    if tx.dialect.name == "postgresql":
        tx.exec_driver_sql(f"set local lock_timeout = '{BUSY_SECONDS}s'")
        tx.exec_driver_sql(f"lock table {', '.join(migrating.tables(tx))} in exclusive mode")
