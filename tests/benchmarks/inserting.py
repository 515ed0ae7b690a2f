"""Rows into a ledger by the hundred thousand."""

from collections.abc import Iterator, Sequence
from datetime import date
from typing import Any

from sqlalchemy import Connection, Table

Row = tuple[Any, ...]


def insert(tx: Connection, table: Table, columns: str, rows: Iterator[Row] | Sequence[Row]) -> None:
    """As fast as the database takes rows, past SQLAlchemy."""
    names = columns.split()
    driver: Any = tx.connection.driver_connection
    if tx.dialect.name == "postgresql":
        with driver.cursor().copy(f"COPY {table.name} ({', '.join(names)}) FROM STDIN") as copy:
            for row in rows:
                copy.write_row(row)
        return
    texts = (tuple(str(one) if isinstance(one, date) else one for one in row) for row in rows)
    driver.executemany(
        f"INSERT INTO {table.name} ({', '.join(names)}) VALUES ({', '.join('?' * len(names))})", texts
    )
