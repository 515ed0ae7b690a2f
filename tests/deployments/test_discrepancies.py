"""`monstock-xero discrepancies`: what differs is listed, accepted with a reason, and opened again."""

import json
from typing import Any

import pytest
from rich.console import Console
from typer.testing import CliRunner, Result

from deployments import discrepancies as commands
from deployments.cli import app
from deployments.sandbox.server import Sandbox
from tasks.connections.connection import Connection
from tasks.domain.discrepancies import Life
from tasks.ledger.discrepancies import NoSuchDiscrepancy
from tests.exporting.conftest import no_waiting
from tests.exporting.driver import export
from tests.importing.driver import import_
from tests.reconciling.driver import night
from tests.support import Connect, line, order
from tests.xero.desk import impatient

__all__ = ["no_waiting"]
EDITED, HELD = "CO-2026-00001", "CO-2026-00002"


@pytest.fixture
def shop(sandbox: Sandbox, connect: Connect, no_waiting: None, monkeypatch: pytest.MonkeyPatch) -> Connection:
    """A night found an invoice that was edited in Xero, and an order that is held."""
    monkeypatch.setattr(commands, "console", Console(width=200))
    connection = impatient(connect())
    sandbox.load_orders([order(1), order(2, lines=[line(taxRate="17.5")])])
    export(connection)
    sandbox.advance(2)
    import_(connection)
    sandbox.edit("edit", kind="invoice", number=f"MS-{EDITED}", fields={"Reference": "By hand"})
    sandbox.advance(2)
    night(connection)
    return connection


def said(*words: str) -> Result:
    return CliRunner().invoke(app, ["discrepancies", *words], catch_exceptions=False)


def told() -> list[dict[str, Any]]:
    done = said("--json")
    assert done.exit_code == 0, done.output
    rows: list[dict[str, Any]] = json.loads(done.stdout)
    return rows


def test_the_list_names_both_sides_and_says_what_to_do(shop: Connection) -> None:
    output = said().output
    row = next(text for text in output.splitlines() if EDITED in text)
    assert "reference" in row
    assert "By hand" in output
    assert output.count("`monstock-xero take ORDER theirs` lets the document stand") == 1
    assert {row["kind"]: row["reference"] for row in told()} == {"reference": EDITED, "held": HELD}


def test_what_is_accepted_is_quiet_until_it_says_something_else(shop: Connection, sandbox: Sandbox) -> None:
    (one,) = [row["id"] for row in told() if row["kind"] == "reference"]
    assert "is accepted" in said("accept", one, "the customer asked for it").output
    assert [row["kind"] for row in told()] == ["held"]
    assert "the customer asked for it" in said("--accepted").output
    night(shop, run_id="second")
    assert [row["kind"] for row in told()] == ["held"]
    sandbox.edit("edit", kind="invoice", number=f"MS-{EDITED}", fields={"Reference": "By another hand"})
    sandbox.advance(2)
    night(shop, run_id="third")
    assert {row["kind"]: row["state"] for row in told()} == {"reference": Life.open, "held": Life.seen}
    events = [row["event"] for row in shop.trail.of([("customer", "co-1")])]
    assert events[-1] == "accepted"


def test_reopen_takes_an_acceptance_back(shop: Connection) -> None:
    (one,) = [row["id"] for row in told() if row["kind"] == "held"]
    said("accept", one, "it will never be sent")
    assert "open again" in said("reopen", one).output
    assert {row["kind"] for row in told()} == {"reference", "held"}


def test_an_acceptance_needs_a_reason_and_something_to_accept(shop: Connection) -> None:
    with pytest.raises(NoSuchDiscrepancy, match="Say why"):
        said("accept", told()[0]["id"], " ")
    with pytest.raises(NoSuchDiscrepancy, match="is not known"):
        said("accept", "00000000", "because")


def test_where_nothing_differs_it_says_how_much_that_is_worth(sandbox: Sandbox, connect: Connect) -> None:
    connect()
    assert "as far as the last night looked" in " ".join(said().output.split())
