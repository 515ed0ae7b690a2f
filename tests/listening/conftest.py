"""What is told of is followed against the sandbox, without Prefect."""

import pytest

from tasks.connections.connection import Connection
from tests.exporting.conftest import connection, no_waiting
from tests.importing.conftest import approved
from tests.listening.driver import Live

__all__ = ["approved", "connection", "no_waiting"]


@pytest.fixture
def live(approved: Connection) -> Live:
    """A process that follows what is told of; documents are approved as they are made."""
    return Live(approved)
