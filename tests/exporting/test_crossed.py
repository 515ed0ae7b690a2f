"""Two companies over one Monstock account, at work at once while both far sides fail: nothing of one in the other."""

from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from typing import Any

import pytest
from sqlalchemy import select

from deployments.sandbox.server import Sandbox
from tasks.connections.connection import Connection, open_connection
from tasks.connections.settings import settings_file
from tasks.domain.errors import NeedsConsent, Parked, Transient
from tasks.ledger.schema import metadata
from tests.consent import consent
from tests.exporting.driver import alive, change, export, invoices, purchase_orders, standing
from tests.sandbox.api import OTHER_TENANT, TENANT
from tests.support import Connect, line, order
from tests.xero.desk import impatient

OTHER = "Someone Else Ltd"
ROUNDS = 4


@pytest.fixture
def two(connect: Connect, no_waiting: None) -> tuple[Connection, Connection]:
    """One by client credentials, the other by a person's consent to another organisation."""
    customer = "[connections.sandbox.customer]"
    connect({customer: f'[connections.sandbox.orders]\nchannels = ["Web"]\n{customer}'})
    file = settings_file()
    text = file.read_text()
    second = (
        text.replace("connections.sandbox", "connections.other")
        .replace('"MS-"', '"B-"')
        .replace('["Web"]', '["Shop"]')
        .replace("client_id =", 'grant = "authorization_code"\nclient_id =')
        .replace(TENANT, OTHER_TENANT)
        .replace("Sandbox Trading Ltd", OTHER)
    )
    file.write_text(text + second)
    pair = impatient(open_connection("sandbox")), open_connection("other")
    consent(pair[1], OTHER)
    return pair[0], impatient(pair[1])


def fault_each_way(sandbox: Sandbox, turn: int) -> None:
    """Answers lost, failures, bursts and dead tokens, of both systems, for whoever calls next."""
    sandbox.fault("lose_answer", method="PUT", every=3 + turn % 2)
    sandbox.fault("error_after", method="P.*", path="/Invoices$", every=5)
    sandbox.fault("expire_tokens", every=9)
    sandbox.fault("lose_answer", path="/connect/token", every=2)
    sandbox.fault("throttle", every=11, problem="concurrent")
    sandbox.fault("offline", on="monstock", every=4)


def run(connection: Connection) -> None:
    with suppress(Transient, Parked):
        export(connection)


def rows(connection: Connection, table: str, *columns: str) -> set[tuple[Any, ...]]:
    found = metadata.tables[table]
    query = select(*(found.c[name] for name in columns)).where(found.c.connection == connection.name)
    with connection.database.engine.connect() as tx:
        return {tuple(row) for row in tx.execute(query)}


def test_nothing_of_one_is_found_in_the_other(sandbox: Sandbox, two: tuple[Connection, Connection]) -> None:
    web, shop = [], []
    for turn in range(ROUNDS):
        fresh = range(turn * 20, turn * 20 + 20)
        web += [f"co-{n}" for n in fresh if n % 2 == 0] + [f"so-{n}" for n in fresh if n % 4 == 0]
        shop += [f"co-{n}" for n in fresh if n % 2] + [f"so-{n}" for n in fresh if n % 4 == 1]
        channels = {n: {"channel": "Shop" if n % 2 else "Web"} for n in fresh}
        sandbox.load_orders([order(n, **channels[n]) for n in fresh])
        sandbox.load_orders([order(n, kind="supplier", **channels[n]) for n in fresh if n % 4 < 2])
        change(sandbox, f"co-{turn * 10}", lines=[line(quantity="7")])
        fault_each_way(sandbox, turn)
        with ThreadPoolExecutor(2) as pool:
            list(pool.map(run, two))
        sandbox.clear_faults()
    for connection in two:
        for _ in range(3):
            export(connection)

    for connection, mine, prefix in ((two[0], web, "MS-"), (two[1], shop, "B-")):
        assert {order_id for order_id, state in standing(connection).items() if state == "exported"} == set(
            mine
        )
        documents = alive(invoices(connection)) + alive(purchase_orders(connection))
        numbers = [row.get("InvoiceNumber") or row["PurchaseOrderNumber"] for row in documents]
        assert len(numbers) == len(set(numbers)) == len(mine)
        assert all(number.startswith(prefix) for number in numbers)
        for table in ("orders", "links"):
            assert {key for (key,) in rows(connection, table, "order_id")} == set(mine)
        theirs = {key for (key,) in rows(two[connection is two[0]], "links", "document_id")}
        assert not {key for (key,) in rows(connection, "documents", "document_id")} & theirs
        assert {run_id for (run_id,) in rows(connection, "attempts", "run_id")} == {"run"}


def test_a_dead_consent_of_one_stops_that_one_alone(
    sandbox: Sandbox, two: tuple[Connection, Connection]
) -> None:
    sandbox.load_orders([order(1, channel="Web"), order(2, channel="Shop")])
    consented = two[1].consents.of("other")
    assert consented
    assert consented.refresh
    two[1].identity.revoke(consented.refresh)
    with pytest.raises(NeedsConsent, match="connection other in no more"):
        export(two[1])
    before = sandbox.state()["calls"]["total"]
    with pytest.raises(NeedsConsent):
        export(two[1])
    assert sandbox.state()["calls"]["total"] == before
    export(two[0])
    assert standing(two[0]) == {"co-1": "exported"}
