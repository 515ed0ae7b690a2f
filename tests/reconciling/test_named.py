"""A document that is said to be an order's: its row names that order and links it, and is known without it."""

from deployments.sandbox.server import Sandbox
from tests.exporting.conftest import no_waiting
from tests.importing.books import invoice
from tests.importing.driver import import_
from tests.reconciling.drifts import nightly
from tests.reconciling.driver import night
from tests.reconciling.test_nights import ordered, settled
from tests.support import Connect

__all__ = ["no_waiting"]


def test_a_second_document_of_an_order_is_named_by_it_until_it_is_gone(
    sandbox: Sandbox, connect: Connect, no_waiting: None
) -> None:
    shop = nightly(connect)
    settled(sandbox, shop, ordered(1), ordered(2))
    own = shop.xero.by_values("Invoices", "InvoiceNumbers", ["MS-CO-2026-00002"])[0]
    invoice(sandbox, "COPY", Url=own["Url"], Contact={"ContactID": own["Contact"]["ContactID"]})
    sandbox.advance(2)
    import_(shop)
    told = ["kind", "state", "number", "order", "order_id"]
    found = night(shop).rows
    assert found[told].values.tolist() == [["several documents", "open", "COPY", "CO-2026-00002", ""]]
    assert found["order_url"].tolist() == [own["Url"]]
    sandbox.edit("void", number="COPY")
    sandbox.advance(2)
    import_(shop)
    after = night(shop, run_id="next").rows
    assert after[told[:3]].values.tolist() == [["several documents", "gone", "COPY"]]
    assert after["id"].tolist() == found["id"].tolist()
