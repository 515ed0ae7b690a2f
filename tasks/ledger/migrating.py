"""Which schema a ledger has, and the way to ours: Alembic's migrations in one transaction, one process at a time."""

from pathlib import Path

from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, String, column, inspect, select, table

from tasks.domain.errors import OtherSchema
from tasks.ledger.schema import metadata

MIGRATIONS = Path(__file__).with_name("migrations")
VERSIONS = "alembic_version"


def _config() -> Config:
    config = Config()
    config.set_main_option("script_location", str(MIGRATIONS))
    return config


# As they were when this process began: what lies on the disk later may be a newer version's, which this one is not.
_KNOWN = [script.revision for script in ScriptDirectory.from_config(_config()).walk_revisions()][::-1]
_CURRENT = select(column("version_num", String)).select_from(table(VERSIONS))


def revisions() -> list[str]:
    """Every schema that this version knows, the oldest first; the last one is ours."""
    return list(_KNOWN)


def current(tx: Connection) -> str | None:
    """The schema that the ledger has; None where there is none yet."""
    return MigrationContext.configure(tx).get_current_revision()


def require_still_ours(tx: Connection, place: str) -> None:
    """Raise `OtherSchema` where the schema of a ledger that was ours is another by now. One small query."""
    found = tx.execute(_CURRENT).scalar_one()
    if found != _KNOWN[-1]:
        require_ours(found, place)


def require_ours(found: str, place: str) -> None:
    """Raise `OtherSchema`, with what to do, unless that schema is the one that this version works with."""
    require_known(found, place)
    if found != (ours := _KNOWN[-1]):
        raise OtherSchema(
            f"The ledger at {place} has schema {found}, this version of monstock-xero needs {ours}. "
            "Run `monstock-xero upgrade`: it makes a backup first.",
            older=True,
        )


def require_known(found: str, place: str) -> None:
    """Raise `OtherSchema` where that schema is of a later version than this one."""
    if found not in _KNOWN:
        raise OtherSchema(
            f"The ledger at {place} has schema {found}, this version of monstock-xero needs {_KNOWN[-1]}. "
            "A newer version has made it: install that one here as well.",
            older=False,
        )


def take_turn(tx: Connection) -> None:
    """Wait until no other process migrates: SQLite's writers wait for each other, Postgres is told to."""
    if tx.dialect.name == "postgresql":
        tx.exec_driver_sql("select pg_advisory_xact_lock(hashtext('monstock-xero ledger'))")


def migrate(tx: Connection, to: str = "head") -> None:
    """Bring the schema to ours as part of a transaction. Who comes second finds the work done."""
    take_turn(tx)
    config = _config()
    config.attributes["connection"] = tx
    command.upgrade(config, to)


def tables(tx: Connection) -> list[str]:
    """Our tables, as far as they are there; the database may hold others' as well."""
    there = set(inspect(tx).get_table_names())
    return sorted(there & {*metadata.tables, VERSIONS})
