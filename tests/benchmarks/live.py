"""How long a change in one system takes to have its effect in the other, all processes running; echoes and bursts."""

import re
import time
from collections.abc import Callable, Iterator
from datetime import UTC, date, datetime
from itertools import count
from statistics import quantiles
from typing import Any

import httpx

from deployments.sandbox.server import Sandbox
from tests.benchmarks import books, orders
from tests.benchmarks.bench import Bench
from tests.benchmarks.figures import Figure, at_most, exactly
from tests.benchmarks.listening import listening
from tests.benchmarks.stage import Stage

A_SECOND = 5
MEDIAN, SLOW = 0.5, 1.5
PATIENCE = 120.0
APPROVED = {'status = "DRAFT"                      # or "SUBMITTED", "AUTHORISED"': 'status = "AUTHORISED"'}
_WIRE = re.compile(r"/Date\((\d+)")


def live(bench: Bench) -> Iterator[Figure]:
    """Seconds from one system's stamp of a change to the other's stamp of its effect."""
    yield from _changes(bench)
    yield from _echoes(bench)
    yield from _burst(bench)


def _changes(bench: Bench) -> Iterator[Figure]:
    """New orders in Monstock and payments in Xero, side by side, so many a second of each."""
    seconds = 30 if bench.quick else 300
    number = A_SECOND * seconds
    with bench.stage("live", APPROVED) as stage:
        before = range(number)
        orders.load(stage.sandbox, before, days=[date(2026, 10, 1)])
        stage.export()
        with listening(stage):
            _warm(stage, number)
            steady = count(number + 10)
            paid = iter(before)

            def change() -> None:
                stage.sandbox.load_orders([orders.order(next(steady))])
                stage.sandbox.edit("pay", number=f"MS-CO-{next(paid):07d}", amount="1.00")

            _at_a_rate(change, number)
            new = range(number + 10, 2 * number + 10)
            to_xero = _settled(lambda: _until_invoiced(stage.sandbox, new), number)
            to_monstock = _settled(lambda: _until_shown(stage.sandbox, before), number)
    name = f"{A_SECOND} changes a second in each system for {seconds} s"
    for direction, took in (("Monstock to Xero", to_xero), ("Xero to Monstock", to_monstock)):
        yield exactly(f"{name}, {direction}: arrived", len(took), number)
        cuts = quantiles(took, n=100)
        yield at_most("  half of them within", cuts[49], MEDIAN, " s", digits=2)
        yield at_most("  95 % of them within", cuts[94], SLOW, " s", digits=2)
        yield Figure("  99 %, and the slowest", f"{cuts[98]:.2f} s, {max(took):.2f} s")


def _warm(stage: Stage, number: int) -> None:
    """One of each, so that what is read once is read."""
    stage.sandbox.load_orders([orders.order(number)])
    _settled(lambda: _until_invoiced(stage.sandbox, range(number, number + 1)), 1)


def _at_a_rate(change: Callable[[], None], number: int) -> None:
    begun = time.monotonic()
    for at in range(number):
        time.sleep(max(0.0, begun + at / A_SECOND - time.monotonic()))
        change()


def _settled(look: Callable[[], list[float]], number: int) -> list[float]:
    """Look until all of them are there, or for so long that the rest will not come."""
    until = time.monotonic() + PATIENCE
    while len(found := look()) < number and time.monotonic() < until:
        time.sleep(2)
    return found


def _until_invoiced(sandbox: Sandbox, numbers: range) -> list[float]:
    """Seconds from an order's stamp to its invoice's."""
    wanted = {f"MS-CO-{n:07d}": f"co-{n}" for n in numbers}
    made = {
        wanted[row["InvoiceNumber"]]: _moment(row["UpdatedDateUTC"])
        for row in books.rows(sandbox.xero_url, "Invoices")
        if row.get("InvoiceNumber") in wanted
    }
    ordered = {row["id"]: datetime.fromisoformat(row["createdAt"]) for row in _orders(sandbox)}
    return [(at - ordered[id_]).total_seconds() for id_, at in made.items()]


def _until_shown(sandbox: Sandbox, numbers: range) -> list[float]:
    """Seconds from a paid invoice's stamp to that of the order which shows the payment."""
    wanted = {f"co-{n}": f"MS-CO-{n:07d}" for n in numbers}
    paid = {
        row["InvoiceNumber"]: _moment(row["UpdatedDateUTC"])
        for row in books.rows(sandbox.xero_url, "Invoices")
        if float(row.get("AmountPaid") or 0)
    }
    shown = {
        row["id"]: datetime.fromisoformat(row["updatedAt"])
        for row in _orders(sandbox)
        if float((row["accounting"] or {}).get("amountPaid") or 0)
    }
    return [(shown[id_] - paid[no]).total_seconds() for id_, no in wanted.items() if id_ in shown]


def _orders(sandbox: Sandbox) -> Iterator[dict[str, Any]]:
    headers = {"Authorization": "Bearer sandbox-key"}
    with httpx.Client(headers=headers, timeout=60, trust_env=False) as http:
        cursor: str | None = ""
        while cursor is not None:
            params = {"limit": "250"} | ({"cursor": cursor} if cursor else {})
            page = (
                http.get(f"{sandbox.monstock_url}/customer-orders", params=params).raise_for_status().json()
            )
            yield from page["data"]
            cursor = page["nextCursor"]


def _moment(wire: str) -> datetime:
    found = _WIRE.match(wire)
    assert found
    return datetime.fromtimestamp(int(found[1]) / 1000, UTC)


def _echoes(bench: Bench) -> Iterator[Figure]:
    """An export of many orders, with Xero telling of each document that it makes."""
    numbers = range(1_000 if bench.quick else 10_000)
    calls = {}
    for told in (False, True):
        with bench.stage(f"echoes-{told}") as stage:
            orders.load(stage.sandbox, numbers)
            if told:
                with listening(stage):
                    stage.export()
                    _quiet(stage)
                    delivered = stage.sandbox.webhook("xero")["delivered"]
            else:
                stage.export()
            calls[told] = _reads(stage)
    name = f"an export of {len(numbers):,} orders, of which Xero tells"
    yield Figure(f"{name}: events", f"{delivered:,}", f"at least {len(numbers):,}", delivered >= len(numbers))
    yield exactly("  reads because of them", calls[True] - calls[False], 0)


def _burst(bench: Bench) -> Iterator[Figure]:
    """Many orders at once, under Xero's limits."""
    numbers = range(500)
    keep = {"limits = { minute = 0, in_flight = 0, day = 0 }\napi_url": "api_url"}
    with bench.stage("burst", keep) as stage, listening(stage):
        _warm(stage, len(numbers))
        stage.sandbox.settings(limits=True)
        stage.sandbox.control("DELETE", "/calls")
        begun = time.monotonic()
        orders.load(stage.sandbox, numbers, customers=1)
        arrived = _settled(lambda: _until_invoiced(stage.sandbox, numbers), len(numbers))
        took = time.monotonic() - begun
        state = stage.sandbox.state()
    yield exactly(f"{len(numbers)} orders at once, limits on: arrived", len(arrived), len(numbers))
    yield at_most("  calls that write them", state["calls"].get("PUT /Invoices", 0), len(numbers) // 50 + 1)
    yield exactly("  calls refused", sum(state["refused"].values()), 0)
    yield Figure("  all of them within", f"{took:.0f} s")


def _reads(stage: Stage) -> int:
    found = stage.sandbox.state()["calls"]
    return sum(n for what, n in found.items() if what.startswith("GET "))


def _quiet(stage: Stage) -> None:
    """Wait until everything that is to be told is told, and followed."""
    until = time.monotonic() + PATIENCE
    while stage.sandbox.webhook("xero")["waiting"] and time.monotonic() < until:
        time.sleep(0.5)
    time.sleep(5)
