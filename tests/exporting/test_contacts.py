"""Customers and suppliers: found where they stand in Xero, made where they do not, never mixed up."""

import pytest

from deployments.sandbox.server import Sandbox
from tasks.connections.connection import Connection
from tasks.exporting import books, sending
from tasks.ledger.claims import Outcome
from tasks.xero.wire import contact_element
from tests.exporting.driver import change, export, found, invoices, standing
from tests.support import line, order
from tests.xero.desk import outcomes

ACME = {"id": "c-1", "name": "Acme", "countryCode": "GB"}


def contact(sandbox: Sandbox, name: str, **fields: str) -> str:
    """A contact that a person made in Xero."""
    made = sandbox.edit("create", kind="contact", fields={"Name": name, **fields})
    return str(made["ContactID"])


def owners(connection: Connection) -> list[str]:
    return [row["Contact"]["ContactID"] for row in invoices(connection)]


def test_a_contact_of_that_exact_name_is_taken(sandbox: Sandbox, connection: Connection) -> None:
    known = contact(sandbox, "ACME")
    sandbox.load_orders([order(contact=ACME)])
    export(connection)
    assert owners(connection) == [known]


def test_our_number_goes_before_the_name(sandbox: Sandbox, connection: Connection) -> None:
    contact(sandbox, "Acme")
    ours = contact(sandbox, "Renamed Ltd", ContactNumber="MS-c-1")
    sandbox.load_orders([order(contact=ACME)])
    export(connection)
    assert owners(connection) == [ours]


def test_the_stored_link_goes_before_everything(sandbox: Sandbox, connection: Connection) -> None:
    known = contact(sandbox, "Acme")
    sandbox.load_orders([order(1, contact=ACME)])
    export(connection)
    sandbox.advance(2)
    sandbox.edit("edit", kind="contact", id=known, fields={"Name": "Renamed Ltd"})
    contact(sandbox, "Acme")
    sandbox.load_orders([order(2, contact=ACME)])
    export(connection)
    assert owners(connection) == [known, known]


def test_two_customers_of_one_name_stay_two(sandbox: Sandbox, connection: Connection) -> None:
    sandbox.load_orders([order(1, contact=ACME), order(2, contact={**ACME, "id": "c-2"})])
    export(connection)
    names = {row["Contact"]["Name"] for row in invoices(connection)}
    assert names == {"Acme", "Acme (2)"}


def test_a_contact_with_a_number_of_somebody_elses_is_not_taken(
    sandbox: Sandbox, connection: Connection
) -> None:
    contact(sandbox, "Acme", ContactNumber="theirs-1")
    sandbox.load_orders([order(contact=ACME)])
    export(connection)
    assert invoices(connection)[0]["Contact"]["Name"] == "Acme (2)"


def test_an_archived_contact_holds_the_order(sandbox: Sandbox, connection: Connection) -> None:
    contact(sandbox, "Acme")
    sandbox.edit("archive_contact", name="Acme")
    sandbox.load_orders([order(contact=ACME)])
    assert export(connection) == []
    assert found(connection, "co-1") == 'contact archived: Contact "Acme" is archived in Xero.'


def test_a_name_that_somebody_takes_in_the_last_moment_gets_a_suffix(
    sandbox: Sandbox, connection: Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Between our reading of the contacts and our writing, a person makes a contact of that name."""
    free_names = sending._free_names

    def too_late(*given: object) -> dict[str, str]:
        names = free_names(*given)  # type: ignore[arg-type]
        if names == {"c-1": "Acme"}:
            contact(sandbox, "Acme", ContactNumber="theirs-1")
        return names

    monkeypatch.setattr(sending, "_free_names", too_late)
    sandbox.load_orders([order(contact=ACME)])
    assert outcomes(export(connection)) == [Outcome.written] * 2
    assert invoices(connection)[0]["Contact"]["Name"] == "Acme (2)"


def test_an_order_whose_contact_xero_refuses_is_rejected_with_xeros_reason(
    sandbox: Sandbox, connection: Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as patch:
        patch.setattr(
            sending, "contact_element", lambda c, name, n: contact_element(c, name.replace("Acme", "<>"), n)
        )
        sandbox.load_orders([order(1, contact=ACME), order(2)])
        export(connection)
    assert standing(connection) == {"co-1": "rejected", "co-2": "exported"}
    assert found(connection, "co-1") == "contact rejected: The contact name cannot contain < or >."
    change(sandbox, "co-1", lines=[line(quantity="5")])
    export(connection)
    assert standing(connection)["co-1"] == "exported"


def test_an_order_whose_contact_another_worker_is_making_waits(
    sandbox: Sandbox, connection: Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    sandbox.load_orders([order(contact=ACME)])
    monkeypatch.setattr("tests.exporting.driver.create_contacts", lambda *_: [])
    assert export(connection) == []
    assert standing(connection) == {"co-1": "pending"}
    monkeypatch.undo()
    assert outcomes(export(connection)) == [Outcome.written] * 2


def test_a_contact_whose_answer_was_lost_is_found_by_its_number(
    sandbox: Sandbox, connection: Connection
) -> None:
    sandbox.fault("error_after", method="PUT", path="/Contacts$")
    sandbox.load_orders([order(contact=ACME)])
    assert outcomes(export(connection)) == [Outcome.adopted, Outcome.written]
    assert books.refresh_contacts(connection) == 1


def test_an_order_of_a_merged_contact_goes_to_the_survivor(sandbox: Sandbox, connection: Connection) -> None:
    sandbox.load_orders([order(1, contact=ACME), order(2, contact={**ACME, "id": "c-2"})])
    export(connection)
    ids = {row["Contact"]["Name"]: row["Contact"]["ContactID"] for row in invoices(connection)}
    sandbox.edit("merge_contacts", name="Acme (2)", into=ids["Acme"])
    sandbox.advance(2)
    sandbox.load_orders([order(3, contact={**ACME, "id": "c-2"}), order(4, contact={**ACME, "id": "c-3"})])
    export(connection)
    assert standing(connection) == {f"co-{n}": "exported" for n in (1, 2, 3, 4)}
    third, fourth = (row["Contact"] for row in invoices(connection)[2:])
    assert third["ContactID"] == ids["Acme"]
    assert fourth["ContactID"] not in ids.values()


def test_a_dozen_customers_of_one_name_stay_a_dozen(sandbox: Sandbox, connection: Connection) -> None:
    sandbox.load_orders([order(n, contact={**ACME, "id": f"c-{n}"}) for n in range(1, 8)])
    export(connection)
    sandbox.load_orders([order(n, contact={**ACME, "id": f"c-{n}"}) for n in range(8, 13)])
    export(connection)
    assert len(set(owners(connection))) == 12


def test_a_contact_that_was_just_made_is_known_without_another_reading(
    sandbox: Sandbox, connection: Connection
) -> None:
    sandbox.load_orders([order(1, contact=ACME)])
    export(connection)
    (made,) = connection.contacts.find([], ["MS-c-1"], [])
    assert (made.name, connection.contacts.links(["c-1"])) == ("Acme", {"c-1": made.id})
