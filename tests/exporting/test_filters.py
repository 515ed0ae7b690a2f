"""Several connections over one Monstock account: each takes its own orders, and none is lost or exported twice."""

from typing import Any

import pytest

from deployments.sandbox.server import Sandbox
from tasks.connections.connection import Connection, open_connection
from tasks.connections.settings import settings_file
from tests.exporting.driver import alive, change, export, found, invoices, standing
from tests.support import Connect, line, order
from tests.xero.desk import impatient

WEB, SHOP = {"channel": "Web"}, {"channel": "Shop"}


@pytest.fixture
def two(connect: Connect, no_waiting: None) -> tuple[Connection, Connection]:
    """Two connections over one account; both write to one organisation, under prefixes of their own."""
    customer = "[connections.sandbox.customer]"
    connect({customer: f'[connections.sandbox.orders]\nchannels = ["Web"]\n{customer}'})
    file = settings_file()
    text = file.read_text()
    other = text.replace("connections.sandbox", "connections.other").replace('"MS-"', '"B-"')
    file.write_text(text + other.replace('["Web"]', '["Shop"]'))
    return impatient(open_connection("sandbox")), impatient(open_connection("other"))


def numbers(connection: Connection) -> list[str]:
    return [row["InvoiceNumber"] for row in alive(invoices(connection))]


def test_each_takes_its_own_orders(sandbox: Sandbox, two: tuple[Connection, Connection]) -> None:
    sandbox.load_orders([order(1, **WEB), order(2, **SHOP), order(3, **WEB)])
    for connection in two:
        export(connection)
    assert numbers(two[0]) == ["B-CO-2026-00002", "MS-CO-2026-00001", "MS-CO-2026-00003"]
    assert standing(two[0]) == {"co-1": "exported", "co-3": "exported"}
    assert standing(two[1]) == {"co-2": "exported"}


@pytest.mark.parametrize("traits", [{"channel": "Fair"}, {}], ids=["another channel", "no channel"])
def test_an_order_that_fits_none_is_held_by_one_of_them(
    traits: dict[str, Any], sandbox: Sandbox, two: tuple[Connection, Connection]
) -> None:
    sandbox.load_orders([order(1, **traits)])
    for connection in two:
        export(connection)
    assert numbers(two[0]) == []
    assert standing(two[0]) == {}
    assert "fits the filter of none of other, sandbox" in found(two[1], "co-1")

    change(sandbox, "co-1", channel="Web")
    for connection in reversed(two):
        export(connection)
    assert numbers(two[0]) == ["MS-CO-2026-00001"]
    assert standing(two[1]) == {"co-1": "elsewhere"}


def test_an_order_that_changes_over_is_never_in_both_books(
    sandbox: Sandbox, two: tuple[Connection, Connection]
) -> None:
    sandbox.load_orders([order(1, **WEB)])
    export(two[0])
    change(sandbox, "co-1", channel="Shop")
    for connection in two:
        export(connection)
    assert numbers(two[0]) == ["MS-CO-2026-00001"]
    assert "its document stands in its books" in found(two[0], "co-1")
    assert "Connection sandbox has MS-CO-2026-00001" in found(two[1], "co-1")


def test_one_that_changes_over_before_its_export_goes_by_the_other(
    sandbox: Sandbox, two: tuple[Connection, Connection]
) -> None:
    sandbox.load_orders(
        [
            order(
                1,
                **WEB,
                lines=[line(taxRate="17.5")],
            )
        ]
    )
    export(two[0])
    assert standing(two[0]) == {"co-1": "held"}
    sandbox.load_orders([order(1, **SHOP)])
    for connection in two:
        export(connection)
    assert numbers(two[0]) == ["B-CO-2026-00001"]
    assert standing(two[0]) == {"co-1": "elsewhere"}
