"""Copies of a ledger on SQLite, by its backup interface: whole, though others write meanwhile."""

import sqlite3
import time
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

from tasks.domain.errors import LedgerError
from tasks.ledger.database import BUSY_SECONDS, Database


class Copies:
    """What `backups` asks of a database, for SQLite."""

    @staticmethod
    def copy(database: Database, to: Path) -> None:
        """Write the ledger into an empty file, and read it whole there."""
        try:
            with closing(_reading(_place(database))) as ledger, closing(sqlite3.connect(to)) as copy:
                ledger.backup(copy)
                copy.execute("pragma journal_mode = delete")
                _require_whole(copy, to)
        except sqlite3.Error as error:
            raise LedgerError(f"The ledger at {database.address} cannot be copied: {error}.") from None

    @staticmethod
    def schema_of(source: Path) -> str:
        """The schema of the ledger in a copy. Raises `LedgerError` where it is none, or damaged."""
        try:
            with closing(_reading(source)) as copy:
                _require_whole(copy, source)
                return str(copy.execute("select version_num from alembic_version").fetchone()[0])
        except (sqlite3.Error, TypeError) as error:
            raise LedgerError(f"{source} is no backup of a ledger on SQLite: {error}.") from None

    @staticmethod
    def put_back(database: Database, source: Path) -> None:
        """Write the copy over whatever is there, in one transaction."""
        place = _place(database)
        try:
            with closing(_reading(source)) as copy, closing(sqlite3.connect(place)) as ledger:
                copy.backup(ledger, progress=_patience(database))
        except sqlite3.Error as error:
            raise LedgerError(f"The ledger at {database.address} cannot be written: {error}.") from None


def _place(database: Database) -> Path:
    name = database.engine.url.database
    if not name or name == ":memory:":
        raise LedgerError("The ledger is in memory only; there is nothing to copy it from or to.")
    return Path(name)


def _reading(place: Path) -> sqlite3.Connection:
    return sqlite3.connect(f"{place.resolve().as_uri()}?mode=ro", uri=True, timeout=BUSY_SECONDS)


def _require_whole(copy: sqlite3.Connection, place: Path) -> None:
    if (found := copy.execute("pragma integrity_check").fetchone()[0]) != "ok":
        raise LedgerError(f"{place} is damaged: {found}.")


def _patience(database: Database) -> Callable[[int, int, int], None]:
    """Python tries for ever while another one writes; we do not."""
    end = time.monotonic() + BUSY_SECONDS

    def check(_status: int, _left: int, _total: int) -> None:
        if time.monotonic() > end:
            raise LedgerError(
                f"The ledger at {database.address} is in use. End what works with it, and try again."
            )

    return check
