from collections.abc import Iterator
from pathlib import Path

import pytest

from tasks.ledger.database import Database


@pytest.fixture
def database(tmp_path: Path) -> Iterator[Database]:
    """A ledger that several processes share."""
    opened = Database(f"sqlite:///{tmp_path / 'ledger.db'}")
    yield opened
    opened.close()
