"""The whole way: orders in Monstock's sandbox, the flow on Prefect, documents in Xero's sandbox."""

from prefect.client.schemas.objects import State

from deployments.sandbox.server import Sandbox
from flows.order_export import order_export
from tests.support import Connect, order


def run(**parameters: object) -> State:
    return order_export(return_state=True, **parameters)  # type: ignore[call-overload]


def test_every_confirmed_order_stands_in_xero_once(sandbox: Sandbox, connect: Connect) -> None:
    connect()
    sandbox.load_orders([order(n) for n in range(1, 61)] + [order(n, kind="supplier") for n in range(1, 11)])
    first = run()
    assert first.name == "Completed", first.message
    assert sandbox.state()["documents"]["invoice"] == 60
    assert sandbox.state()["documents"]["purchase_order"] == 10
    second = run()
    assert second.name == "NothingToExport"
    assert sandbox.state()["documents"]["invoice"] == 60
