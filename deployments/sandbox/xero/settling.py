"""What an invoice owes, after payments and credits came or went."""

from deployments.sandbox.codec import Json
from deployments.sandbox.xero.call import Call
from deployments.sandbox.xero.totals import ZERO


def settle(call: Call, invoice: Json, day: str | None) -> None:
    """Store `invoice` with the sums and status that follow from its payments and credits of `day`."""
    invoice["AmountPaid"] = sum((payment["Amount"] for payment in invoice["_payments"]), ZERO)
    invoice["AmountCredited"] = sum((credit["AppliedAmount"] for credit in invoice["_credits"]), ZERO)
    invoice["AmountDue"] = invoice["Total"] - invoice["AmountPaid"] - invoice["AmountCredited"]
    done = invoice["AmountDue"] == 0 and bool(invoice["_payments"] or invoice["_credits"])
    invoice["Status"] = "PAID" if done else "AUTHORISED"
    invoice["FullyPaidOnDate"] = (day or call.today) if done else None
    if call.switches["payment_moves_invoice"]:
        invoice["UpdatedDateUTC"] = call.stamp
    call.store.put(call.tenant, "invoice", invoice, quiet=not call.switches["payment_sends_event"])
