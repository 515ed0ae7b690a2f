"""Before the first write of a process the live organisation is compared with the pinned one, whatever the way there."""

import pytest

from deployments.sandbox.server import Sandbox
from tasks.connections.connection import Connection
from tasks.connections.settings import settings_file
from tasks.domain.errors import WrongOrganisation
from tasks.domain.orders import Contact
from tasks.exporting.books import open_books, read_lists
from tasks.exporting.sending import create_contacts, writer
from tasks.ledger.pins import Pins
from tests.exporting.driver import export
from tests.support import order

ORGANISATION = "GET /Organisation"
ACME = Contact(id="customer-1", name="Acme Ltd")


def compared(sandbox: Sandbox) -> int:
    """How often the live organisation was asked for its name."""
    return int(sandbox.state()["calls"].get(ORGANISATION, 0))


def test_a_write_without_a_run_around_it_compares_first_and_once(
    sandbox: Sandbox, connection: Connection
) -> None:
    for _ in range(2):
        writer(connection, "run")
    assert compared(sandbox) == 1


def test_a_run_compares_once(sandbox: Sandbox, connection: Connection) -> None:
    sandbox.load_orders([order(1), order(2, kind="supplier")])
    assert len(export(connection)) == 4
    assert compared(sandbox) == 1


def test_what_the_run_has_compared_is_not_compared_again(sandbox: Sandbox, connection: Connection) -> None:
    open_books(connection, read_lists(connection))
    writer(connection, "run")
    assert compared(sandbox) == 1


def test_another_organisation_is_written_nothing(sandbox: Sandbox, connection: Connection) -> None:
    sandbox.edit("organisation", fields={"Name": "Someone Else Ltd"})
    for _ in range(2):
        with pytest.raises(WrongOrganisation, match="Nothing was written"):
            create_contacts(connection, [ACME], "run")
    assert sandbox.state()["documents"].get("contact", 0) == 0
    assert connection.pins.read() is None
    assert connection.attempts.unfinished() == []


def test_a_twin_under_the_same_prefix_writes_nothing(sandbox: Sandbox, connection: Connection) -> None:
    """Joined by `connect`, the other one's organisation does not stand in the file."""
    file = settings_file()
    text = file.read_text().replace("connections.sandbox", "connections.other")
    text = text.replace("tenant_", "# tenant_").replace("SANDBOX_MONSTOCK_KEY", "OTHER_MONSTOCK_KEY")
    file.write_text(file.read_text() + text)
    Pins(connection.database, "other").note(connection.organisation.tenant_id, "Sandbox Trading Ltd")
    with pytest.raises(WrongOrganisation, match='"other" and "sandbox" would write to one organisation'):
        create_contacts(connection, [ACME], "run")
    assert sandbox.state()["documents"].get("contact", 0) == 0
