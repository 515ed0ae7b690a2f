"""Two runs at one order at the same time: neither takes the other's document for a stranger's."""

from collections.abc import Sequence
from typing import Any

import pytest

from deployments.sandbox.server import Sandbox
from tasks.connections.connection import Connection
from tasks.domain.outcomes import Cause, Finding
from tasks.exporting.books import sweep
from tasks.ledger.standing import Scope
from tests.exporting.driver import export, purchase_orders, read, standing
from tests.support import order
from tests.xero.desk import another


def test_a_document_that_another_run_makes_while_this_one_plans_is_no_strangers(
    sandbox: Sandbox, connection: Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    sandbox.load_orders([order(1, kind="supplier")])
    read(connection)
    beside, real = another(connection), connection.documents.bearing

    def meanwhile(numbers: Sequence[str]) -> Any:
        if not purchase_orders(beside):
            export(beside, run_id="beside")
            sandbox.advance(2)
            sweep(beside)
        return real(numbers)

    monkeypatch.setattr(connection.documents, "bearing", meanwhile)
    export(connection)
    assert standing(connection) == {"so-1": "exported"}
    assert len(purchase_orders(connection)) == 1


def test_what_another_run_has_exported_is_not_held(sandbox: Sandbox, connection: Connection) -> None:
    sandbox.load_orders([order(1)])
    read(connection)
    [planned] = connection.orders.unsettled(Scope(), None, 1)
    export(another(connection), run_id="beside")
    assert connection.orders.hold([(planned.seen, (Finding(Cause.number_taken, "x"),))], "late") == 0
    assert standing(connection) == {"co-1": "exported"}
