"""Every test of the ledger runs on SQLite and on Postgres."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import URL

from tasks.ledger.database import Database
from tasks.ledger.schema import metadata
from tests.postgres import fresh_database, postgres
from tests.support import NewLedger

__all__ = ["postgres"]

both = pytest.fixture(params=["sqlite", "postgres"])


@both
def empty_url(request: Any, tmp_path: Path) -> Iterator[str]:
    """The address of a database without any tables."""
    if request.param == "sqlite":
        yield f"sqlite:///{tmp_path / 'ledger.db'}"
    else:
        with fresh_database(request.getfixturevalue("postgres")) as url:
            yield url


@pytest.fixture(scope="session")
def postgres_ledger(postgres: URL) -> Iterator[str]:
    """One ledger on Postgres for all tests: to make it anew for each would take most of their time."""
    with fresh_database(postgres) as url:
        Database(url).close()
        yield url


@both
def database(request: Any, tmp_path: Path, new_ledger: NewLedger) -> Iterator[Database]:
    """A ledger without rows."""
    postgres = request.param == "postgres"
    url = request.getfixturevalue("postgres_ledger") if postgres else new_ledger(tmp_path / "ledger.db")
    opened = Database(url)
    yield opened
    if postgres:
        with opened.begin() as tx:
            tx.exec_driver_sql(f"truncate {', '.join(metadata.tables)}")
    opened.close()
