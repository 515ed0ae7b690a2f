"""What happens to an order and its invoice after the export, in a word each."""

from typing import Any

from deployments.sandbox.server import Sandbox
from tasks.connections.connection import Connection
from tests.exporting.driver import export
from tests.support import line, order

NUMBER = "MS-CO-2026-00001"
APPROVED = {'status = "DRAFT"': 'status = "AUTHORISED"'}
RULES = '[connections.sandbox.customer]\ndocument = "invoice"\n'
SUPPLIER = "[connections.sandbox.supplier]\n"
BILLS = {
    f'{SUPPLIER}document = "purchase_order"': f'{SUPPLIER}document = "bill"\nreturns = "credit"\ncancelled = "credit"'
}
CREDITING = {RULES: f'{RULES}returns = "credit"\ncancelled = "credit"\n'}


def exported(sandbox: Sandbox, connection: Connection, **changes: Any) -> None:
    """One order of 10 x 12.50 at 20 % (150.00) has its document."""
    sandbox.load_orders([order(**{"lines": [line(quantity="10")], **changes})])
    export(connection)


def cancel(sandbox: Sandbox, order_id: str = "co-1") -> None:
    """A person cancels the order, a moment later."""
    sandbox.advance(2)
    sandbox.edit("cancel", on="monstock", id=order_id)


def confirm(sandbox: Sandbox, order_id: str = "co-1") -> None:
    """And confirms it again."""
    sandbox.advance(2)
    sandbox.edit("confirm", on="monstock", id=order_id)


def send_out(sandbox: Sandbox, number: str = NUMBER) -> None:
    """The customer is given the invoice."""
    sandbox.edit("edit", kind="invoice", number=number, fields={"SentToContact": True})


def pay(sandbox: Sandbox, amount: str, number: str = NUMBER) -> None:
    """Money comes in."""
    sandbox.edit("pay", number=number, amount=amount)


def notes(connection: Connection) -> list[dict[str, Any]]:
    """Credit notes with lines and allocations, by number."""
    rows = connection.xero.page("CreditNotes", {"unitdp": "4"}).rows
    return sorted(rows, key=lambda row: str(row["CreditNoteNumber"]))


def writes(sandbox: Sandbox) -> dict[str, int]:
    """The calls to Xero that write, by method and path."""
    calls = sandbox.state()["calls"]
    return {name: count for name, count in calls.items() if name.startswith(("PUT", "POST"))}


def quiet(sandbox: Sandbox, connection: Connection) -> bool:
    """Whether two more runs write nothing, the second one with everything read anew."""
    before = writes(sandbox)
    export(connection)
    export(connection, retry_rejected=True)
    return writes(sandbox) == before
