"""A document that Xero tells of shows on its order at once; an echo of our own writing costs nothing."""

from collections import Counter
from collections.abc import Iterator, Sequence
from threading import Thread
from time import sleep
from typing import Any

import pytest

from deployments.sandbox.server import Sandbox
from tasks.domain.errors import NotAuthorised, Offline, Refused, ServerFault
from tasks.importing.outcome import Read
from tasks.ledger.following import Following
from tasks.ledger.told import KNOWN, Followed, Side
from tasks.listening import documents, echoes
from tasks.listening.documents import ToldDocuments
from tasks.xero.endpoints import INVOICES, PREPAYMENTS, Endpoint
from tasks.xero.reading import modified, read_documents
from tests.exporting.driver import export, invoices
from tests.exporting.driver import read as read_orders
from tests.importing.driver import import_, link, read, show_all
from tests.listening.driver import Live, outcomes
from tests.support import order

NUMBER = "MS-CO-2026-00001"


@pytest.fixture
def invoice(sandbox: Sandbox, live: Live) -> dict[str, Any]:
    """An approved invoice that an export made, and nobody has read since."""
    sandbox.load_orders([order()])
    export(live.connection)
    [made] = invoices(live.connection)
    live.calls(sandbox)
    return dict(made)


def test_a_payment_of_an_invoice_shows_with_one_call_to_each(
    sandbox: Sandbox, live: Live, invoice: dict[str, Any]
) -> None:
    sandbox.edit("pay", number=NUMBER, amount="10.00")
    done = live.documents(invoice["InvoiceID"])
    assert done == Counter({"documents read": 1, "orders shown": 1})
    calls = live.calls(sandbox)
    calls.pop("xero GET /Organisation", None)
    assert calls == {"xero GET /Invoices": 1, "monstock PUT /customer-orders/{id}/accounting": 1}
    assert link(sandbox, "co-1")["amountPaid"] == "10.00"


def test_an_echo_of_our_own_write_ends_without_a_call(
    sandbox: Sandbox, live: Live, invoice: dict[str, Any]
) -> None:
    assert live.documents(invoice["InvoiceID"], changed=modified(invoice)) == Counter()
    assert live.calls(sandbox) == {}


def test_what_the_import_has_read_by_then_ends_without_a_call(
    sandbox: Sandbox, live: Live, invoice: dict[str, Any]
) -> None:
    sandbox.edit("pay", number=NUMBER, amount="10.00")
    [paid] = live.connection.xero.one(INVOICES, invoice["InvoiceID"])
    import_(live.connection)
    live.calls(sandbox)
    assert live.documents(invoice["InvoiceID"], changed=modified(paid)) == Counter()
    assert live.calls(sandbox) == {}


@pytest.fixture
def slow(sandbox: Sandbox, live: Live, monkeypatch: pytest.MonkeyPatch) -> Iterator[dict[str, Any]]:
    """An invoice of ours that stands in Xero, which has not answered yet; nobody who calls has so much patience."""
    monkeypatch.setattr(echoes, "PATIENCE", 0.0)
    sandbox.load_orders([order(2)])
    export(live.connection)
    sandbox.load_orders([order()])
    sandbox.fault("slow_answer", method="PUT", path="/Invoices$", seconds=1.0)
    writing = Thread(target=export, args=[live.connection])
    writing.start()
    while sandbox.state()["documents"].get("invoice") != 2:
        sleep(0.01)
    yield invoices(live.connection)[0]
    writing.join()


def test_the_echo_that_comes_before_the_answer_waits_for_it(
    sandbox: Sandbox, live: Live, slow: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Xero tells of what it carried out before we hear of it. Whoever waits looks now and then."""
    looks, take = [], Following.take

    def counted(*args: Any) -> Any:
        looks.append(1)
        return take(*args)

    monkeypatch.setattr(Following, "take", counted)
    live.told(Side.documents, slow["InvoiceID"], changed=modified(slow))
    assert echoes.is_news(Followed("sandbox", Side.documents))
    before = sandbox.state()["calls"]["total"]
    assert live.follow(Side.documents) == Counter()
    assert sandbox.state()["calls"]["total"] == before
    assert outcomes(live) == {slow["InvoiceID"]: KNOWN}
    assert 1 < len(looks) < 12


def test_what_somebody_did_to_another_document_does_not_wait_for_that_answer(
    sandbox: Sandbox, live: Live, slow: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    sandbox.edit("pay", number="MS-CO-2026-00002", amount="10.00")
    other = invoices(live.connection)[1]
    live.told(Side.documents, slow["InvoiceID"], changed=modified(slow))
    live.told(Side.documents, other["InvoiceID"], changed=modified(other))
    on_their_way: list[int] = []
    carry = ToldDocuments.carry

    def noted(*args: Any) -> Any:
        on_their_way.append(len(live.connection.attempts.on_their_way()))
        return carry(*args)

    monkeypatch.setattr(ToldDocuments, "carry", noted)
    assert live.follow(Side.documents)["orders shown"] == 1
    assert on_their_way == [1]
    assert outcomes(live) == {slow["InvoiceID"]: KNOWN, other["InvoiceID"]: "followed"}


def test_a_credit_shows_on_the_order_of_the_invoice_that_it_changed(
    sandbox: Sandbox, live: Live, invoice: dict[str, Any]
) -> None:
    sandbox.edit("credit", number=NUMBER, amount="15.00")
    [note] = live.connection.xero.listing("CreditNotes")
    live.documents(note["CreditNoteID"], subject="CREDITNOTE")
    assert link(sandbox, "co-1")["amountCredited"] == "15.00"


def test_an_invoice_that_a_person_made_for_an_order_shows_on_it(sandbox: Sandbox, live: Live) -> None:
    """One that bears the order's reference; an order that is no more than read gets no second one."""
    sandbox.load_orders([order()])
    read_orders(live.connection, "run")
    sold = {
        "Description": "x",
        "Quantity": 3,
        "UnitAmount": "12.50",
        "AccountCode": "200",
        "TaxType": "OUTPUT2",
    }
    made = {"Type": "ACCREC", "InvoiceNumber": "INV-77", "Reference": "CO-2026-00001", "Date": "2026-10-01"}
    made |= {"DueDate": "2026-10-31"}
    made |= {"Contact": {"Name": "Customer 1"}, "LineItems": [sold], "Status": "AUTHORISED"}
    sandbox.edit("create", kind="invoice", fields=made)
    [stranger] = invoices(live.connection)
    assert live.documents(stranger["InvoiceID"])["orders shown"] == 1
    assert link(sandbox, "co-1")["documentNumber"] == "INV-77"


def test_what_xero_no_longer_knows_is_no_trouble(sandbox: Sandbox, live: Live) -> None:
    done = live.documents("00000000-0000-4000-8000-000000000000")
    assert done == Counter({"documents read": 1})


def test_a_category_that_nobody_knows_is_read_by_nobody(sandbox: Sandbox, live: Live) -> None:
    assert live.documents("00000000-0000-4000-8000-000000000000", subject="QUOTE")["orders shown"] == 0


def test_where_monstock_is_away_the_run_is_tried_again_and_shows_it(
    sandbox: Sandbox, live: Live, invoice: dict[str, Any]
) -> None:
    sandbox.edit("pay", number=NUMBER, amount="10.00")
    [paid] = live.connection.xero.one(INVOICES, invoice["InvoiceID"])
    sandbox.fault("offline", on="monstock", method="PUT", every=1)
    live.told(Side.documents, invoice["InvoiceID"], changed=modified(paid))
    with pytest.raises(Offline):
        live.follow(Side.documents)
    sandbox.clear_faults()
    live.again(Side.documents)
    assert live.follow(Side.documents)["orders shown"] == 1
    assert link(sandbox, "co-1")["amountPaid"] == "10.00"


def test_an_order_that_two_show_at_once_is_shown_once_more(
    sandbox: Sandbox, live: Live, invoice: dict[str, Any]
) -> None:
    """The import is about to show what it read before; the live way shows what came since."""
    import_(live.connection)
    sandbox.edit("pay", number=NUMBER, amount="10.00")
    sandbox.advance(2)
    read(live.connection)
    show, shown = live.connection.monstock.show, []

    def late(*args: Any) -> Any:
        if not shown:
            shown.append(1)
            sandbox.edit("pay", number=NUMBER, amount="5.00")
            live.documents(invoice["InvoiceID"])
        return show(*args)

    live.connection.monstock.show = late  # type: ignore[method-assign]
    show_all(live.connection, Read())
    assert live.connection.shown.waiting() == 1
    show_all(live.connection, Read())
    assert live.connection.shown.waiting() == 0
    assert link(sandbox, "co-1")["amountPaid"] == "15.00"


def test_a_reading_that_was_overtaken_changes_nothing(
    sandbox: Sandbox, live: Live, invoice: dict[str, Any]
) -> None:
    [before] = live.connection.xero.one(INVOICES, invoice["InvoiceID"])
    sandbox.edit("pay", number=NUMBER, amount="10.00")
    live.documents(invoice["InvoiceID"])
    old = read_documents(INVOICES, [before])
    live.connection.mirror.take_in(old, "9999", by=live.connection.there_by_now)
    show_all(live.connection, Read())
    assert link(sandbox, "co-1")["amountPaid"] == "10.00"


def test_a_credit_that_cannot_be_read_stops_no_invoice(
    sandbox: Sandbox, live: Live, invoice: dict[str, Any]
) -> None:
    sandbox.edit("credit", number=NUMBER, amount="15.00")
    [note] = live.connection.xero.listing("CreditNotes")
    sandbox.fault("error_before", method="GET", path="/CreditNotes/", every=1)
    live.told(Side.documents, note["CreditNoteID"], subject="CREDITNOTE")
    done = live.documents(invoice["InvoiceID"])
    assert (done["orders shown"], done["left to the next poll"]) == (1, 1)
    assert str(outcomes(live)[note["CreditNoteID"]]).startswith("left to the next poll: GET")
    assert link(sandbox, "co-1")["amountCredited"] == "15.00"


def test_what_we_may_not_read_stops_no_invoice_and_is_said_where_it_is_all(
    sandbox: Sandbox,
    live: Live,
    invoice: dict[str, Any],
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    """A scope is missing: at each of them, however many there are, and alone."""
    one = live.connection.xero.one

    def forbidden(endpoint: Endpoint, id_: str) -> Any:
        if endpoint is PREPAYMENTS:
            raise NotAuthorised("GET Prepayments answered 403", status=403)
        return one(endpoint, id_)

    monkeypatch.setattr(live.connection.xero, "one", forbidden)
    sandbox.edit("pay", number=NUMBER, amount="10.00")
    live.told(Side.documents, *(f"prepayment-{n}" for n in range(5)), subject="PREPAYMENT")
    done = live.documents(invoice["InvoiceID"])
    assert (done["orders shown"], done["left to the next poll"]) == (1, 5)
    assert not caplog.messages
    assert live.documents("prepayment-6", subject="PREPAYMENT")["left to the next poll"] == 1
    assert caplog.messages == [
        "Nothing that was told of the documents of sandbox could be followed, and all 1 are left to the next poll: "
        "GET Prepayments answered 403"
    ]


def test_a_list_that_xero_does_not_answer_is_read_one_by_one(
    sandbox: Sandbox, live: Live, invoice: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    """As one id of it may be the cause."""
    sandbox.edit("pay", number=NUMBER, amount="10.00")
    monkeypatch.setattr(live.connection.xero, "by_values", lists_without(live, "bad"))
    done = live.documents("bad", invoice["InvoiceID"])
    assert (done["orders shown"], done["left to the next poll"]) == (1, 1)
    assert outcomes(live) == {
        "bad": "left to the next poll: GET answered 400",
        invoice["InvoiceID"]: "followed",
    }


def test_where_xero_answers_nothing_one_list_is_tried(live: Live, monkeypatch: pytest.MonkeyPatch) -> None:
    """And of that so many by themselves as tell that Xero is away."""
    asked = []

    def fails(_: str, __: str, values: Sequence[str], *___: Any) -> Any:
        asked.append(len(values))
        raise ServerFault("GET answered 500", status=500)

    monkeypatch.setattr(documents, "IDS_A_CALL", 3)
    monkeypatch.setattr(live.connection.xero, "by_values", fails)
    with pytest.raises(ServerFault):
        live.documents(*(f"invoice-{n}" for n in range(9)))
    assert asked == [3, 1, 1, 1]


def lists_without(live: Live, bad: str) -> Any:
    """Xero refuses lists with this id."""
    by_values = live.connection.xero.by_values

    def answer(endpoint: str, parameter: str, values: Sequence[str], *rest: Any) -> Any:
        if bad in values:
            raise Refused("GET answered 400", status=400)
        return by_values(endpoint, parameter, values, *rest)

    return answer


def test_an_order_that_cannot_be_shown_stops_no_other(
    sandbox: Sandbox, live: Live, invoice: dict[str, Any]
) -> None:
    sandbox.load_orders([order(2)])
    export(live.connection)
    other = invoices(live.connection)[1]
    sandbox.fault("error_before", on="monstock", method="PUT", path="/co-1/accounting", every=1)
    done = live.documents(invoice["InvoiceID"], other["InvoiceID"])
    assert (done["orders shown"], done["not shown"], done["left to the next poll"]) == (1, 1, 1)
    said = outcomes(live)
    assert str(said[invoice["InvoiceID"]]).startswith("left to the next poll: PUT")
    assert said[other["InvoiceID"]] == "followed"
