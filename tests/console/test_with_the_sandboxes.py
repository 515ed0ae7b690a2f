"""Both sandboxes, which know nothing of the receiver but the contracts, send it what changes."""

from deployments.sandbox.server import Sandbox
from tests.console.served import KEY, SECRET, Served, soon
from tests.support import order


def test_what_changes_there_is_kept_here(sandbox: Sandbox, served: Served) -> None:
    addresses = {
        "xero": {"url": f"{served.url}/webhooks/xero", "key": KEY.decode()},
        "monstock": {"url": f"{served.url}/webhooks/monstock/sandbox", "key": SECRET},
    }
    try:
        for on, wanted in addresses.items():
            sandbox.control("PUT", "/webhook", wanted, on=on)
            soon(lambda on=on: sandbox.control("GET", "/webhook", on=on)["status"] == "OK")
        sandbox.load_orders([order(1)])
        made = {
            "Type": "ACCREC",
            "Contact": {"Name": "A customer"},
            "LineItems": [{"Description": "Mug", "UnitAmount": 5}],
        }
        sandbox.edit("create", kind="invoice", fields=made)
        soon(lambda: len(served.kept()) == 2)
        assert [(side, subject) for _, side, subject, _ in served.kept()] == [
            ("documents", "INVOICE"),
            ("orders", "customer"),
        ]
        assert served.kept()[1][3] == "co-1"
    finally:
        for on in addresses:
            sandbox.control("DELETE", "/webhook", on=on)
