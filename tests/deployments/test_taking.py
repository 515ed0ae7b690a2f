"""`monstock-xero take`: what it says, and that it does it."""

import pytest
from typer.testing import CliRunner, Result

from deployments.cli import app
from deployments.sandbox.server import Sandbox
from tasks.connections.connection import Connection
from tests.exporting.after import NUMBER, exported
from tests.exporting.driver import change, export, standing
from tests.support import Connect, line


@pytest.fixture
def conflicting(sandbox: Sandbox, connect: Connect) -> Connection:
    connection = connect()
    exported(sandbox, connection)
    sandbox.edit("edit", kind="invoice", number=NUMBER, fields={"DueDate": "2027-01-01"})
    change(sandbox, "co-1", lines=[line(quantity="5")])
    export(connection)
    return connection


def take(*words: str) -> Result:
    return CliRunner().invoke(app, ["take", *words], catch_exceptions=False)


@pytest.mark.parametrize(
    ("whose", "says", "then"),
    [
        ("theirs", f"{NUMBER} stands as it is (DRAFT, 150.0", "exported"),
        ("ours", f"{NUMBER} becomes what order CO-2026-00001 says with the next export.", "pending"),
    ],
)
def test_one_version_is_taken(
    conflicting: Connection, monkeypatch: pytest.MonkeyPatch, whose: str, says: str, then: str
) -> None:
    monkeypatch.setenv("COLUMNS", "300")
    done = take("CO-2026-00001", whose)
    assert done.exit_code == 0
    assert says in done.output
    assert standing(conflicting) == {"co-1": then}
