"""A desk to write from: a connection to the sandbox with little patience, and documents ready to be sent."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import timedelta
from typing import Any

import httpx
import pytest

from deployments.sandbox.server import Sandbox
from tasks.connections.connection import Connection, _open
from tasks.connections.settings import ConnectionSettings
from tasks.ledger.attempts import Attempt, Attempts
from tasks.ledger.claims import UPDATE, Claim, Outcome, Settlement
from tasks.ledger.database import Database
from tasks.transport.http import Patience
from tasks.xero.client import XeroClient
from tasks.xero.endpoints import INVOICES, PURCHASE_ORDERS, Endpoint
from tasks.xero.identity import PATIENCE
from tasks.xero.reading import read_written
from tasks.xero.writing import Item, Writer
from tests.support import Connect

NOBODY = "00000000-0000-0000-0000-00000000dead"


def impatient(connection: Connection) -> Connection:
    """Tries a call to Xero twice, and makes no pauses."""
    connection.xero.http.patience = Patience(attempts=2, timeout=20, first_pause=0.01, longest_pause=0.01)
    connection.monstock.http.patience = Patience(first_pause=0.01, longest_pause=0.01)
    connection.identity._patience = replace(PATIENCE, first_pause=0.01, longest_pause=0.01)
    return connection


def another(connection: Connection, ledger: str | None = None, **settings: Any) -> Connection:
    """A second process on the same ledger, or on that at another address."""
    changed = ConnectionSettings.model_validate({**connection.settings.model_dump(), **settings})
    url = ledger or connection.database.engine.url.render_as_string(hide_password=False)
    made = impatient(Connection(connection.name, changed, Database(url)))
    _open[(made.name, f"another {id(made)}", url)] = made  # so that it is closed with the others
    return made


class Desk:
    """Writes to the sandbox. Waiting moves the sandbox's clock instead of ours."""

    def __init__(self, sandbox: Sandbox, connection: Connection) -> None:
        self.sandbox = sandbox
        self.connection = connection
        made = sandbox.edit("create", kind="contact", fields={"Name": "Acme"})
        self.contact: str = made["ContactID"]
        connection.xero.organisation()  # tells Xero's time, as the first call of a run does

    @property
    def client(self) -> XeroClient:
        return self.connection.xero

    def writer(
        self, connection: Connection | None = None, sleep: Callable[[float], None] | None = None
    ) -> Writer:
        at = connection or self.connection
        return Writer(at.xero, at.attempts, "run", sleep=sleep or self.sandbox.advance)

    def write(self, *items: Item, endpoint: Endpoint = INVOICES) -> list[Settlement]:
        return self.writer().write(endpoint, items)

    def finish(self) -> list[Settlement]:
        """What the next run does first, as soon as it may."""
        database, lease = self.connection.database, timedelta(minutes=1)
        attempts = Attempts(database, "sandbox", self.client.tenant_id, lease, read_written)
        left = [attempt for attempt in map(attempts.take_over, attempts.unfinished()) if attempt]
        return [settled for attempt in left for settled in self.writer().finish(attempt)]

    def open(self) -> list[Attempt]:
        return self.connection.attempts.unfinished()

    def invoice(self, number: int = 1, **fields: Any) -> Item:
        """3 x 12.50 at 20 %: 45.00."""
        claim = Claim(
            "customer",
            str(number),
            "sale",
            f"http://shop/{number}",
            "r1",
            "rules",
            number=f"MS-{number}",
            total="45",
        )
        element = {
            "Type": "ACCREC",
            "InvoiceNumber": claim.number,
            "Url": claim.mark,
            "Contact": {"ContactID": self.contact},
            "Date": "2026-10-01",
            "LineAmountTypes": "Exclusive",
            "LineItems": [_line()],
            **fields,
        }
        return Item(claim, element)

    def bill(self, number: int = 1, **fields: Any) -> Item:
        """What Xero itself does not keep apart: two bills may bear one number."""
        item = self.invoice(number, Type="ACCPAY", LineItems=[_line("310", "INPUT2")], **fields)
        return Item(replace(item.claim, subject="supplier", role="purchase"), item.element)

    def order(self, number: int = 1, **fields: Any) -> Item:
        """A purchase order."""
        claim = replace(
            self.invoice(number).claim, subject="supplier", role="purchase", mark=f"SO-{number} [{number}]"
        )
        element = {
            "PurchaseOrderNumber": claim.number,
            "Reference": claim.mark,
            "Contact": {"ContactID": self.contact},
            "Date": "2026-10-01",
            "LineAmountTypes": "Exclusive",
            "LineItems": [_line("310", "INPUT2")],
            **fields,
        }
        return Item(claim, element)

    def update(self, item: Item, document_id: str, **fields: Any) -> Item:
        """A change of an invoice that stands."""
        claim = replace(item.claim, operation=UPDATE, revision="r2")
        return Item(claim, {**item.element, "InvoiceID": document_id, **fields})

    def documents(self, endpoint: Endpoint = INVOICES) -> list[dict[str, Any]]:
        """Everything of an endpoint."""
        return self.client.page(endpoint.name).rows

    def orders(self) -> list[dict[str, Any]]:
        return self.documents(PURCHASE_ORDERS)

    def calls(self, method: str = "PUT", path: str = "/Invoices") -> int:
        """How many the sandbox counted."""
        return int(self.sandbox.state()["calls"].get(f"{method} {path}", 0))


def outcomes(settled: list[Settlement]) -> list[Outcome]:
    """What became of each."""
    return [settlement.outcome for settlement in settled]


def texts(settled: list[Settlement]) -> str:
    """Everything that was found."""
    return " | ".join(f"{f.cause}: {f.detail}" for settlement in settled for f in settlement.findings)


def _line(account: str = "200", tax: str = "OUTPUT2") -> dict[str, Any]:
    return {"Description": "Mug", "Quantity": 3, "UnitAmount": 12.5, "AccountCode": account, "TaxType": tax}


@contextmanager
def answered(desk: Desk, content: bytes) -> Iterator[None]:
    """Xero does the work, and a broken proxy says something else, with status 200."""

    def replace_answer(response: httpx.Response) -> None:
        if response.request.method == "PUT":
            response.read()
            response._content = content

    hooks = desk.client.http._client.event_hooks
    hooks["response"].append(replace_answer)
    desk.client.http._client.event_hooks = hooks
    yield


@pytest.fixture
def desk(sandbox: Sandbox, connect: Connect) -> Desk:
    """On a fresh sandbox and a fresh ledger."""
    return Desk(sandbox, impatient(connect()))
