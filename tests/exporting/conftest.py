"""Whole runs against the sandbox. Where the protocol waits, the sandbox's clock moves instead of ours."""

import pytest

from deployments.sandbox.server import Sandbox
from tasks.connections.connection import Connection
from tasks.exporting import sending
from tasks.xero.writing import Writer
from tests.support import Connect
from tests.xero.desk import impatient


@pytest.fixture
def no_waiting(sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch) -> None:
    made = sending.writer

    def writer(connection: Connection, run_id: str) -> Writer:
        patient = made(connection, run_id)
        patient._sleep = sandbox.advance
        return patient

    monkeypatch.setattr(sending, "writer", writer)


@pytest.fixture
def connection(sandbox: Sandbox, connect: Connect, no_waiting: None) -> Connection:
    return impatient(connect())


@pytest.fixture
def with_bills(sandbox: Sandbox, connect: Connect, no_waiting: None) -> Connection:
    """Supplier orders become bills."""
    return impatient(connect({'document = "purchase_order"': 'document = "bill"'}))
