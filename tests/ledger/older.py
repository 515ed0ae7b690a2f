"""Ledgers of earlier versions, with a row in every table that they had."""

from datetime import UTC, date, datetime
from typing import Any

from sqlalchemy import (
    Boolean,
    Date,
    DateTime,
    Integer,
    LargeBinary,
    MetaData,
    Numeric,
    insert,
)

from tasks.ledger.database import Database
from tasks.ledger.migrating import VERSIONS, migrate, revisions
from tasks.ledger.schema import deflate

EARLIER = revisions()[:-1]
_VALUES: list[tuple[Any, Any]] = [
    (Boolean, True),
    (Integer, 1),
    (Numeric, 1),
    (DateTime, datetime(2026, 10, 1, 12, tzinfo=UTC)),
    (Date, date(2026, 10, 1)),
    (LargeBinary, deflate(b"{}")),
]


def older(url: str, revision: str) -> dict[str, list[dict[str, Any]]]:
    """Make a ledger of an earlier schema; returns its rows by table."""
    database = Database(url, as_it_is=True)
    with database.begin() as tx:
        migrate(tx, revision)
        known = MetaData()
        known.reflect(tx)
        for table in known.tables.values():
            if table.name != VERSIONS:
                tx.execute(insert(table), {column.name: _value(column.type) for column in table.columns})
    made = rows(database)
    database.close()
    return made


def rows(database: Database) -> dict[str, list[dict[str, Any]]]:
    """Everything in a ledger, as the database gives it."""
    known = MetaData()
    with database.engine.connect() as tx:
        known.reflect(tx)
        return {
            name: [dict(row) for row in tx.execute(table.select()).mappings()]
            for name, table in known.tables.items()
            if name != VERSIONS
        }


def kept(before: list[dict[str, Any]], after: list[dict[str, Any]]) -> bool:
    """Whether a table's rows still say what they said, whatever columns came to them."""
    return [
        {name: new.get(name, "gone") for name in old} for old, new in zip(before, after, strict=True)
    ] == before


def _value(kind: Any) -> Any:
    found = [value for type_, value in _VALUES if isinstance(kind, type_)]
    return found[0] if found else "7"[: kind.length] if kind.length else "7"
