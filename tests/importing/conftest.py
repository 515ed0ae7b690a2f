"""Imports run against the sandbox, on documents that an export made."""

from collections.abc import Iterator

import pytest

from deployments.sandbox.server import Sandbox
from tasks.connections.connection import Connection
from tests.exporting.conftest import connection, no_waiting, with_bills
from tests.support import Connect
from tests.xero.desk import both, impatient, sandbox

__all__ = ["both", "connection", "no_waiting", "sandbox", "with_bills"]


@pytest.fixture
def approved(sandbox: Sandbox, connect: Connect, no_waiting: None) -> Connection:
    """Documents are approved as they are made."""
    draft = 'status = "DRAFT"                      # or "SUBMITTED", "AUTHORISED"'
    return impatient(connect({draft: 'status = "AUTHORISED"'}))


@pytest.fixture(autouse=True)
def switches(sandbox: Sandbox) -> Iterator[None]:
    """What a test switches is switched back."""
    before = sandbox.settings()["switches"]
    yield
    sandbox.settings(switches=before)
