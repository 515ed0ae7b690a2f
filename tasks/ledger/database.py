"""Opens the ledger: SQLite for one machine, Postgres for many; any address that SQLAlchemy knows."""

import sqlite3
import time
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from functools import lru_cache
from pathlib import Path
from typing import Any

from sqlalchemy import (
    URL,
    ColumnElement,
    Connection,
    Dialect,
    Engine,
    Executable,
    Table,
    case,
    create_engine,
    event,
    func,
    make_url,
    select,
)
from sqlalchemy.dialects.postgresql import insert as postgres_insert
from sqlalchemy.dialects.sqlite import insert as sqlite_insert
from sqlalchemy.exc import SQLAlchemyError

from tasks.domain.errors import LedgerError
from tasks.ledger import migrating

BUSY_SECONDS = 30


class Database:
    """The ledger's database. All writing happens in `begin()`: one transaction, alone on SQLite.

    Raises `OtherSchema` where its schema is not ours, now or before any later writing, unless it is opened `as_it_is`:
    to be backed up or upgraded. So no process goes on over a ledger that another version has upgraded meanwhile.
    """

    def __init__(self, url: str, *, as_it_is: bool = False) -> None:
        try:
            parsed = make_url(url)
            self.engine = _engine(parsed)
        except (SQLAlchemyError, ImportError, ValueError) as error:
            raise LedgerError(f"LEDGER_URL is no address of a database: {type(error).__name__}.") from None
        self._writer = self.engine.execution_options(writes=True)
        self._passing = self.engine.execution_options(writes=True, passing=True)
        self._as_it_is = as_it_is
        try:
            if not as_it_is:
                self._prepare()
        except SQLAlchemyError as error:
            self.close()
            raise LedgerError(f"The ledger at {self.address} cannot be opened ({reason(error)}).") from None
        except LedgerError:
            self.close()
            raise

    @property
    def address(self) -> str:
        """The ledger's address without its user and password, however oddly they are written."""
        url = self.engine.url
        where = f"{(url.host or '').rpartition('@')[2]}/{url.database or ''}" if url.host else url.database
        return f"{url.get_backend_name()}:{where or 'memory'}"

    @contextmanager
    def begin(self) -> Iterator[Connection]:
        """A transaction that writes."""
        with self._writer.begin() as tx:
            self._require_ours(tx)
            yield tx

    @contextmanager
    def snapshot(self) -> Iterator[Connection]:
        """A reading in which everything is as it was at one moment, however long it takes."""
        one_moment = {} if self.engine.dialect.name == "sqlite" else {"isolation_level": "REPEATABLE READ"}
        with self.engine.connect().execution_options(**one_moment) as tx:
            yield tx

    @contextmanager
    def begin_passing(self) -> Iterator[Connection]:
        """A transaction over what a power cut may take back a moment of: SQLite does not wait for the disk."""
        with self._passing.begin() as tx:
            self._require_ours(tx)
            yield tx

    def now(self, tx: Connection) -> datetime:
        """One clock for all who share the ledger: the database's, or this machine's where it is a file on it."""
        if tx.dialect.name == "postgresql":
            at: datetime = tx.execute(select(func.clock_timestamp())).scalar_one()
            return at.astimezone(UTC)
        return datetime.now(UTC)

    def close(self) -> None:
        """Let the database go."""
        self.engine.dispose()

    def schema(self) -> str | None:
        """The schema that it has; None where there is no ledger yet."""
        with self.engine.connect() as tx:
            return migrating.current(tx)

    def require_ours(self) -> None:
        """Raise `OtherSchema` where another version has upgraded it since it was opened."""
        with self.engine.connect() as tx:
            self._require_ours(tx)

    def _require_ours(self, tx: Connection) -> None:
        if not self._as_it_is:
            migrating.require_still_ours(tx, self.address)

    def _prepare(self) -> None:
        found = self.schema()
        if found is not None:
            migrating.require_ours(found, self.address)
            return
        with self._writer.begin() as tx:
            migrating.migrate(tx)


def upsert(
    tx: Connection,
    table: Table,
    rows: Sequence[Mapping[str, Any]],
    update: Iterable[str] | None = None,
    newer: str | None = None,
    kept: tuple[ColumnElement[bool], Collection[str]] | None = None,
) -> None:
    """Insert rows, or set the columns `update` (default: all but the key) where the key stands already.

    With `newer`, a row that stands is left alone if it has more in that column. With `kept`, one for which the
    condition holds keeps the columns named.
    """
    if rows:
        changed = tuple(update) if update is not None else None
        tx.execute(_upserting(tx.dialect, table, tuple(rows[0]), changed, newer, kept), list(rows))


@lru_cache(maxsize=256)
def _upserting(
    dialect: Dialect,
    table: Table,
    columns: tuple[str, ...],
    update: tuple[str, ...] | None,
    newer: str | None,
    kept: tuple[ColumnElement[bool], Collection[str]] | None,
) -> Executable:
    keys = [column.name for column in table.primary_key]
    statement = insert(dialect)(table)
    changed = [name for name in (columns if update is None else update) if name not in keys]
    values = {name: statement.excluded[name] for name in changed}
    if kept:
        values |= {name: case((kept[0], table.c[name]), else_=values[name]) for name in kept[1]}
    if values:
        older = statement.excluded[newer] >= table.c[newer] if newer else None
        statement = statement.on_conflict_do_update(index_elements=keys, set_=values, where=older)
    else:
        statement = statement.on_conflict_do_nothing(index_elements=keys)
    return compiled(dialect, statement, columns)


def compiled(dialect: Dialect, statement: Any, columns: Iterable[str]) -> Executable:
    """An INSERT of many rows with ON CONFLICT, to be kept: SQLAlchemy 2.0 would compile it anew each time."""
    made: Executable = statement.compile(dialect=dialect, column_keys=list(columns), for_executemany=True)
    return made


def insert(dialect: Dialect) -> Any:
    """The database's own INSERT, which knows ON CONFLICT."""
    return postgres_insert if dialect.name == "postgresql" else sqlite_insert


def reason(error: SQLAlchemyError) -> str:
    """The kind of error; a driver's own text may repeat the address with its password."""
    return type(getattr(error, "orig", None) or error).__name__


def _write_ahead(connection: sqlite3.Connection) -> None:
    """Turn the write-ahead log on. Where another process is just doing so, SQLite refuses instead of waiting."""
    until = time.monotonic() + BUSY_SECONDS
    while connection.execute("PRAGMA journal_mode").fetchone() != ("wal",):
        try:
            connection.execute("PRAGMA journal_mode=WAL")
        except sqlite3.OperationalError as error:
            if error.sqlite_errorcode != sqlite3.SQLITE_BUSY or time.monotonic() > until:
                raise
            time.sleep(0.01)


def _engine(parsed: URL) -> Engine:
    if parsed.drivername in {"postgres", "postgresql"}:
        parsed = parsed.set(drivername="postgresql+psycopg")
    if parsed.get_backend_name() not in {"sqlite", "postgresql"}:
        raise ValueError("the ledger is kept in SQLite or Postgres")
    if parsed.get_backend_name() != "sqlite":
        return create_engine(parsed, pool_pre_ping=True, hide_parameters=True)
    if parsed.database and parsed.database != ":memory:":
        Path(parsed.database).expanduser().parent.mkdir(parents=True, exist_ok=True)
    engine = create_engine(parsed, connect_args={"timeout": BUSY_SECONDS}, hide_parameters=True)

    @event.listens_for(engine, "connect")
    def _configure(connection: Any, _record: Any) -> None:
        connection.isolation_level = None
        _write_ahead(connection)

    @event.listens_for(engine, "begin")
    def _begin(tx: Connection) -> None:
        tx.exec_driver_sql(
            f"PRAGMA synchronous={'NORMAL' if tx.get_execution_options().get('passing') else 'FULL'}"
        )
        # A writer from the start: one that begins as a reader cannot wait for its turn later.
        tx.exec_driver_sql("BEGIN IMMEDIATE" if tx.get_execution_options().get("writes") else "BEGIN")

    return engine
