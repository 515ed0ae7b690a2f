"""Copies of the ledger in a file, and the way back: SQLite's own backup, Postgres' own programs.

A copy is as the ledger was at one moment, though runs go on meanwhile. It is read whole before it gets its name, and
nobody but its owner may read it: it holds what the ledger holds, with tokens and keys sealed under the master key.
"""

import os
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path

from sqlalchemy import select

from tasks.domain.errors import LedgerError
from tasks.ledger import dumps, sqlite_copies
from tasks.ledger.database import Database
from tasks.ledger.migrating import require_known, revisions
from tasks.ledger.schema import trail_heads
from tasks.ledger.trail import Entry, Head, Trail


def default_file(database: Database, beside: Path | None = None) -> Path:
    """Where a copy goes that nobody named: beside the ledger, or here where that is on a server; with the time."""
    url = database.engine.url
    on_disk = url.get_backend_name() == "sqlite" and url.database
    folder = beside.absolute().parent if beside else Path.cwd()
    name = Path(url.database or "").expanduser() if on_disk else folder / f"{url.database or 'ledger'}"
    return name.with_name(f"{name.name}.{database.schema()}-{datetime.now(UTC):%Y%m%dT%H%M%S.%fZ}.bak")


def back_up(database: Database, to: Path) -> None:
    """Copy the ledger to a file that is not there yet. Raises `LedgerError`; then there is none."""
    schema = database.schema()
    if schema is None:
        raise LedgerError(f"There is no ledger at {database.address}.")
    require_known(schema, database.address)
    if to.exists():
        raise LedgerError(f"{to} is there already. Name another file.")
    partial = to.with_name(f"{to.name}.partial")
    try:
        os.close(os.open(partial, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600))
    except OSError as error:
        raise LedgerError(f"{partial} cannot be written: {error.strerror}.") from None
    try:
        _tool(database).copy(database, partial)
        partial.replace(to)
    finally:
        partial.unlink(missing_ok=True)


def restore(database: Database, source: Path, *, overwrite: bool = False) -> Path | None:
    """Make the ledger what it was in the copy; what stands there is copied beside first, and that file is returned.

    What was written since is found by the next export, which sweeps Xero from the ledger's last write on. Raises
    `LedgerError` where there is a ledger and `overwrite` is not said, or the copy is none or a newer version's.
    Then everything is as it was.
    """
    if not source.is_file():
        raise LedgerError(f"There is no file {source}.")
    tool = _tool(database)
    require_known(tool.schema_of(source), str(source))
    before = None
    if database.schema() is not None:
        if not overwrite:
            raise LedgerError(
                f"There is a ledger at {database.address} already. End whatever works with it, and say --overwrite "
                "to replace it; it is backed up first."
            )
        back_up(database, before := default_file(database, source))
    tool.put_back(database, source)
    return before


def heads(database: Database) -> dict[str, Head]:
    """The head of each connection's audit trail, as far as the ledger has our schema."""
    if database.schema() != revisions()[-1]:
        return {}
    with database.engine.connect() as tx:
        return {row.connection: Head(row.number, row.mac) for row in tx.execute(select(trail_heads))}


def note_restored(database: Database, source: Path, replaced: Mapping[str, Head], by: str) -> None:
    """Append to every trail that the ledger was restored, from what, and which head it had before.

    So a head that was told in between, and that the trail knows no more, is explained.
    """
    for connection in heads(database):
        before = replaced.get(connection)
        content = {"file": source.name, "replaced": str(before) if before else None}
        Trail(database, connection).note(
            Entry("restored", "connection", connection, content=content), f"person: {by}"
        )


def _tool(database: Database) -> type[sqlite_copies.Copies] | type[dumps.Dumps]:
    return sqlite_copies.Copies if database.engine.dialect.name == "sqlite" else dumps.Dumps
