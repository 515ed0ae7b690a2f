"""Imports run against the sandbox, on documents that an export made."""

import pytest

from deployments.sandbox.server import Sandbox
from tasks.connections.connection import Connection
from tests.exporting.conftest import connection, no_waiting, with_bills
from tests.support import Connect
from tests.xero.desk import impatient

__all__ = ["connection", "no_waiting", "with_bills"]


@pytest.fixture
def approved(sandbox: Sandbox, connect: Connect, no_waiting: None) -> Connection:
    """Documents are approved as they are made."""
    draft = 'status = "DRAFT"                      # or "SUBMITTED", "AUTHORISED"'
    return impatient(connect({draft: 'status = "AUTHORISED"'}))
