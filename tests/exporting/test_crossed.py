"""Two companies over one Monstock account, at work at once while both far sides fail: nothing of one in the other."""

from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from typing import Any

import pytest
from sqlalchemy import select

from deployments.sandbox.server import Sandbox
from tasks.connections.connection import Connection, open_connection
from tasks.connections.settings import settings_file
from tasks.domain.errors import NeedsConsent, NotAuthorised, Parked, Transient
from tasks.ledger.schema import metadata
from tasks.ledger.verifying import Verification
from tests.consent import consent
from tests.exporting.driver import alive, change, export, invoices, purchase_orders, standing
from tests.sandbox.api import OTHER_TENANT, TENANT
from tests.support import FREE, Connect, line, order
from tests.xero.desk import impatient

OTHER = "Someone Else Ltd"
ROUNDS = 4
# Limits that are kept, and do not slow a test down.
PLENTY = "limits = { minute = 6000, in_flight = 5, day = 100000 }"


@pytest.fixture
def two(connect: Connect, no_waiting: None) -> tuple[Connection, Connection]:
    """One by client credentials, the other by a person's consent to another organisation."""
    customer = "[connections.sandbox.customer]"
    connect({customer: f'[connections.sandbox.orders]\nchannels = ["Web"]\n{customer}', FREE: PLENTY})
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
    with suppress(Transient, Parked, NotAuthorised):  # two in a row: the other one's call ended both tokens
        export(connection, run_id=f"run of {connection.name}")


def rows(connection: Connection, table: str, *columns: str) -> set[tuple[Any, ...]]:
    found = metadata.tables[table]
    query = select(*(found.c[name] for name in columns)).where(found.c.connection == connection.name)
    with connection.database.engine.connect() as tx:
        return {tuple(row) for row in tx.execute(query)}


def names(connection: Connection, table: str) -> set[str]:
    with connection.database.engine.connect() as tx:
        return set(tx.execute(select(metadata.tables[table].c.connection)).scalars())


def budgets(connection: Connection) -> set[str]:
    with connection.database.engine.connect() as tx:
        return set(tx.execute(select(metadata.tables["budgets"].c.scope)).scalars())


def test_nothing_of_one_is_found_in_the_other(sandbox: Sandbox, two: tuple[Connection, Connection]) -> None:
    sandbox.settings(minute_limit=6000, day_limit=100_000)
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
            run(connection)

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
        for table, found in metadata.tables.items():
            if {"connection", "run_id"} <= set(found.c.keys()) and table not in {
                "discrepancies",
                "backfill_chunks",
                "events",
                "followers",
            }:
                assert {by for (by,) in rows(connection, table, "run_id")} == {f"run of {connection.name}"}, (
                    table
                )
        assert list(Verification(connection.trail).breaks()) == []
    for table, found in metadata.tables.items():
        if "connection" in found.c:
            assert names(two[0], table) <= {"sandbox", "other"}, table
    assert len(budgets(two[0])) == 3, "one for each organisation, and one for the account that they share"


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
