"""Nothing of Xero is lost, whatever changes while it is read."""

import json
from datetime import UTC, datetime
from typing import Any

import pytest

from deployments.sandbox.server import Sandbox
from tasks.connections.connection import Connection
from tasks.domain.errors import NoAnswer
from tasks.importing.reading import Reading
from tasks.ledger.mirror import Mirror
from tasks.xero import client as client_module
from tasks.xero.endpoints import INVOICES
from tests.importing.books import at_each_page, fill, in_xero, invoice, mirrored, standing
from tests.importing.driver import import_, read


@pytest.fixture
def small_pages(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(client_module, "PAGE_SIZE", 50)


def calls(sandbox: Sandbox, path: str = "Invoices") -> int:
    return int(sandbox.state()["calls"].get(f"GET /{path}", 0))


def test_five_thousand_arrive_in_one_pass_while_an_earlier_one_changes_at_every_page(
    sandbox: Sandbox, connection: Connection
) -> None:
    fill(sandbox, 5000, seconds=0.41)

    def edit(page: int) -> None:
        sandbox.advance(1)
        sandbox.edit("edit", kind="invoice", number=f"INV-{page}", fields={"Reference": f"edit {page}"})

    at_each_page(connection, edit)
    read(connection)
    found = mirrored(connection)
    assert len(found) == 5000
    assert calls(sandbox) <= 8
    last = calls(sandbox)
    assert [standing(connection, f"INV-{n}").reference for n in range(1, last)] == [
        f"edit {n}" for n in range(1, last)
    ]


@pytest.mark.parametrize("inclusive", [True, False])
def test_a_second_that_holds_more_than_a_page_is_read_whole(
    sandbox: Sandbox, connection: Connection, inclusive: bool
) -> None:
    sandbox.settings(switches={"if_modified_since_inclusive": inclusive})
    sandbox.control("POST", "/clock", {"set": "2026-11-01T00:00:00Z"})
    fill(sandbox, 1500)
    sandbox.advance(10)
    invoice(sandbox, "LATER")
    read(connection)
    assert len(mirrored(connection)) == 1501
    sandbox.advance(10)
    invoice(sandbox, "AGAIN")
    done = read(connection)
    assert done.changed["Invoices"] == 1
    sandbox.settings(switches={"if_modified_since_inclusive": True})


def test_a_clock_that_jumps_back_hides_no_change(sandbox: Sandbox, connection: Connection) -> None:
    fill(sandbox, 3, seconds=1)
    read(connection)
    sandbox.advance(-3600)
    sandbox.edit("edit", kind="invoice", number="INV-1", fields={"Reference": "after the jump"})
    read(connection)
    assert standing(connection, "INV-1").reference == "after the jump"
    sandbox.advance(60)
    sandbox.edit("edit", kind="invoice", number="INV-2", fields={"Reference": "and on"})
    read(connection)
    assert standing(connection, "INV-2").reference == "and on"
    assert read(connection).changed.total() == 0


def test_a_clock_that_jumps_back_is_remembered_when_a_page_fails_after_it(
    sandbox: Sandbox, connection: Connection
) -> None:
    fill(sandbox, 3, seconds=1)
    read(connection)
    sandbox.advance(-3600)
    sandbox.edit("edit", kind="invoice", number="INV-1", fields={"Reference": "after the jump"})
    reading = Reading(connection, INVOICES)
    reading.step()
    sandbox.fault("lose_answer", next=2, method="GET", path="/Invoices$")
    with pytest.raises(NoAnswer):
        reading.step()
    while not reading.done:
        reading.step()
    assert standing(connection, "INV-1").reference == "after the jump"


@pytest.mark.parametrize(
    ("fields", "said"),
    [({"Status": "PARKED"}, 'Status "PARKED" is not known'), ({"Total": "much"}, "Total is no amount")],
)
def test_what_cannot_be_read_is_held_with_its_text_and_its_page_goes_on(
    sandbox: Sandbox, connection: Connection, fields: dict[str, Any], said: str
) -> None:
    fill(sandbox, 3, seconds=1)
    rewrite(connection, "INV-2", fields)
    assert read(connection).changed["Invoices"] == 3
    held = standing(connection, "INV-2")
    assert held.standing == "unreadable"
    assert json.loads(held.findings)[0]["detail"].startswith(said)
    assert str(next(iter(fields.values()))).encode() in held.raw
    assert {standing(connection, n).standing for n in ("INV", "INV-1")} == {None}


def test_what_can_be_read_again_is_held_no_more(sandbox: Sandbox, connection: Connection) -> None:
    fill(sandbox, 2, seconds=1)
    sandbox.fault("unknown_enum", next=1, method="GET", path="/Invoices$")
    read(connection)
    assert connection.mirror.counts() == {"unreadable": 1, "to be looked at": 1}
    sandbox.advance(5)
    for number in ("INV", "INV-1"):
        sandbox.edit("edit", kind="invoice", number=number, fields={"Reference": "new"})
    read(connection)
    assert connection.mirror.counts() == {"to be looked at": 2}
    assert standing(connection, "INV").raw is None


@pytest.mark.parametrize("fields", [{"InvoiceID": None}, {"UpdatedDateUTC": "soon"}, {"LineItems": 7}])
def test_a_record_that_is_none_at_all_holds_up_nothing(
    sandbox: Sandbox, connection: Connection, fields: dict[str, Any]
) -> None:
    fill(sandbox, 3, seconds=1)
    rewrite(connection, "INV-2", fields)
    read(connection)
    assert connection.mirror.counts() == {"unreadable": 1, "to be looked at": 2}
    assert read(connection).changed.total() == 0


def test_a_payment_that_cannot_be_read_is_held_with_its_text(
    sandbox: Sandbox, connection: Connection
) -> None:
    fill(sandbox, 2, seconds=1)
    read(connection)
    sandbox.advance(2)
    for number in ("INV", "INV-1"):
        sandbox.edit("pay", number=number, amount="5.00")
    rewrite(connection, "", {"Invoice": 7}, "Payments")
    read(connection)
    assert connection.mirror.counts()["unreadable"] == 1
    assert str(standing(connection, "INV").paid) == "5.00"


def test_a_field_that_nobody_knows_is_left_alone(sandbox: Sandbox, connection: Connection) -> None:
    """Xero adds fields without notice."""
    fill(sandbox, 1)
    rewrite(connection, "INV", {"CarbonGrams": 12})
    read(connection)
    assert standing(connection, "INV").standing is None


def test_a_page_whose_noting_failed_comes_again(
    sandbox: Sandbox, connection: Connection, small_pages: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    fill(sandbox, 180, seconds=0.41)
    take_in, pages = Mirror.take_in, iter([False, True])

    def full_disk(self: Mirror, *args: Any, **kwargs: Any) -> int:
        if args[0] and next(pages, False):
            raise OSError("the disk is full")
        return take_in(self, *args, **kwargs)

    monkeypatch.setattr(Mirror, "take_in", full_disk)
    reading = Reading(connection, INVOICES)
    reading.step()
    with pytest.raises(OSError, match="full"):
        reading.step()
    while not reading.done:
        reading.step()
    assert mirrored(connection) == in_xero(connection)


def test_a_run_that_died_is_continued_by_the_next(
    sandbox: Sandbox, connection: Connection, small_pages: None
) -> None:
    fill(sandbox, 400, seconds=0.41)
    sandbox.fault("lose_answer", at=[4, 5], method="GET", path="/Invoices$")
    with pytest.raises(NoAnswer):
        read(connection)
    assert len(mirrored(connection)) < 200
    sandbox.control("DELETE", "/calls")
    read(connection)
    assert mirrored(connection) == in_xero(connection)
    assert calls(sandbox) < 8 + 9


def test_more_than_xero_lists_at_once_is_read_by_dates(
    sandbox: Sandbox, connection: Connection, small_pages: None
) -> None:
    sandbox.settings(switches={"rows_touched_limit": 300})
    fill(sandbox, 1000, seconds=0.41, days=0.5)
    sandbox.fault("lose_answer", at=[15, 16], method="GET", path="/Invoices$")
    with pytest.raises(NoAnswer):
        read(connection)
    begun = connection.orders.cursor("Invoices by dates since")
    assert begun is not None
    sandbox.edit("edit", kind="invoice", number="INV-1", fields={"Reference": "meanwhile"})
    read(connection)
    assert len(mirrored(connection)) == 1000
    assert standing(connection, "INV-1").reference == "meanwhile"
    sandbox.settings(switches={"rows_touched_limit": 100_000})
    sandbox.advance(5)
    sandbox.edit("edit", kind="invoice", number="INV-2", fields={"Reference": "later"})
    read(connection)
    assert standing(connection, "INV-2").reference == "later"
    assert mirrored(connection) == in_xero(connection)
    assert connection.orders.cursor("Invoices by dates since") is None
    sandbox.control("DELETE", "/calls")
    assert read(connection).changed.total() == 0
    assert sandbox.state()["calls"]["total"] == 6


def test_what_moves_no_stamp_is_found_by_the_listing_of_open_documents(
    sandbox: Sandbox, connection: Connection
) -> None:
    fill(sandbox, 3, seconds=1)
    sandbox.edit("pay", number="INV-1", amount="10.00")
    sandbox.advance(5)
    invoice(sandbox, "LATER")
    read(connection)
    sandbox.edit("edit", kind="invoice", number="INV-1", fields={"DueDate": "2027-01-01"})
    sandbox.advance(2)
    assert read(connection).changed.total() == 0
    assert read(connection, open_documents=True).changed["Invoices"] == 1
    assert str(standing(connection, "INV-1").due_date) == "2027-01-01"


def test_a_document_that_the_listing_does_not_show_is_read_by_id(
    sandbox: Sandbox, connection: Connection
) -> None:
    fill(sandbox, 3, seconds=1)
    sandbox.advance(5)
    invoice(sandbox, "LATER")
    read(connection)
    sandbox.settings(switches={"payment_moves_invoice": False, "deleted_payments_shown": False})
    sandbox.edit("pay", number="INV-1")
    with connection.database.begin() as tx:
        tx.exec_driver_sql("delete from cursors where stream = 'Payments'")
    connection.mirror.take_in([], "", "Payments", f"{datetime.now(UTC).isoformat()} 0")
    sandbox.advance(2)
    done = read(connection, open_documents=True)
    assert done.rows["read again"] == 1
    assert standing(connection, "INV-1").status == "PAID"


def test_nothing_changed_costs_six_calls_and_writes_nothing(sandbox: Sandbox, connection: Connection) -> None:
    fill(sandbox, 30, seconds=1)
    sandbox.advance(5)
    import_(connection)
    before = dump(connection)
    sandbox.control("DELETE", "/calls")
    done = import_(connection)
    assert done.changed.total() == 0
    assert sandbox.state()["calls"]["total"] == 6
    assert dump(connection) == before


def rewrite(connection: Connection, number: str, fields: dict[str, Any], listing: str = "Invoices") -> None:
    """Xero's listing answers with something else in one row: the invoice of that number, else the first."""

    def hook(response: Any) -> None:
        if response.request.url.path.endswith(f"/{listing}"):
            data = json.loads(response.read())
            rows = [row for row in data[listing] if row.get("InvoiceNumber", "") == number]
            for row in rows[:1]:
                row.update(fields)
            response._content = json.dumps(data).encode()

    hooks = connection.xero.http._client.event_hooks
    hooks["response"].append(hook)
    connection.xero.http._client.event_hooks = hooks


def dump(connection: Connection) -> list[Any]:
    """Everything in the ledger but what counts calls."""
    from tasks.ledger.schema import metadata

    skipped = {"budgets", "consents", "keys"}
    with connection.database.engine.connect() as tx:
        return [tx.execute(t.select()).all() for t in metadata.sorted_tables if t.name not in skipped]


def test_a_clock_that_is_set_by_a_second_while_pages_are_listed_makes_nothing_be_read_again(
    sandbox: Sandbox, connection: Connection, small_pages: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    fill(sandbox, 120, seconds=2)
    sandbox.advance(2)
    read(connection)
    before = iter(f"2030-01-01T00:00:{60 - n:02}.000+00:00" for n in range(1, 60))
    monkeypatch.setattr("tasks.importing.listing.read_at", lambda *_: next(before))
    asked = calls(sandbox)
    read(connection, open_documents=True)
    assert calls(sandbox) - asked == 1 + 3
