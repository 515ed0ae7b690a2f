from collections.abc import Iterator
from pathlib import Path

import pytest

from tasks.ledger.database import Database
from tests.support import NewLedger


@pytest.fixture
def database(tmp_path: Path, new_ledger: NewLedger) -> Iterator[Database]:
    """A ledger that several processes share."""
    opened = Database(new_ledger(tmp_path / "ledger.db"))
    yield opened
    opened.close()
