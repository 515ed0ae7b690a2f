"""What a run is forecast to need beside what it then takes."""

from collections import Counter
from collections.abc import Callable
from datetime import date

import pytest

from deployments.sandbox.server import Sandbox
from tasks.connections.connection import Connection
from tasks.domain.budget import Limits
from tasks.exporting.forecast import Forecast, foresee, of_calls
from tasks.ledger.standing import Scope
from tests.exporting.after import APPROVED, CREDITING, cancel, notes, send_out
from tests.exporting.driver import change, export, write
from tests.support import FREE, Connect, line, order

CALLS, SHARE = 3, 0.02


def used(sandbox: Sandbox, connection: Connection) -> tuple[Counter[str], int]:
    """Calls that an export takes, by kind, and those to Monstock."""
    for on in ("xero", "monstock"):
        sandbox.control("DELETE", "/calls", on=on)
    export(connection)
    calls = Counter(sandbox.state()["calls"])
    del calls["total"]
    return +calls, sandbox.state("monstock")["calls"]["total"]


def near(forecast: int, taken: int) -> bool:
    return abs(forecast - taken) <= max(CALLS, SHARE * taken)


def first_day(sandbox: Sandbox, connection: Connection) -> None:
    contacts = [{"id": f"customer-{n}", "name": f"Customer {n}", "countryCode": "GB"} for n in range(220)]
    sandbox.load_orders([order(n, contact=contacts[n % 220]) for n in range(900)])
    sandbox.load_orders([order(n, kind="supplier") for n in range(60)])


def some_held(sandbox: Sandbox, connection: Connection) -> None:
    first_day(sandbox, connection)
    odd = [line(taxRate="17.5")]
    sandbox.load_orders([order(n, lines=odd) for n in range(900, 940)])


def edited(sandbox: Sandbox, connection: Connection) -> None:
    sandbox.load_orders([order(n) for n in range(70)] + [order(n, kind="supplier") for n in range(12)])
    export(connection)
    for n in range(45):
        change(sandbox, f"co-{n}", lines=[line(quantity="4")])
    for n in range(6):
        change(sandbox, f"so-{n}", lines=[line(quantity="4")])


def nothing(sandbox: Sandbox, connection: Connection) -> None:
    sandbox.load_orders([order(1)])
    export(connection)


def ready_to_go(sandbox: Sandbox, connection: Connection) -> None:
    """What a window begins with: contacts are known, and some of its orders have their documents."""
    sandbox.load_orders([order(n, orderDate=f"2026-10-{n % 28 + 1:02d}") for n in range(120)])
    export(connection)
    sandbox.load_orders([order(n, orderDate=f"2026-10-{n % 28 + 1:02d}") for n in range(120, 400)])


@pytest.mark.parametrize("given", [first_day, some_held, edited, nothing])
def test_a_run_takes_what_was_forecast(
    given: Callable[[Sandbox, Connection], None], sandbox: Sandbox, connection: Connection
) -> None:
    given(sandbox, connection)
    told = foresee(connection, Scope(rules=connection.settings.digest), "forecast")
    xero, monstock = used(sandbox, connection)
    assert near(told.calls, xero.total()), (told.xero, xero)
    assert near(told.monstock.total(), monstock)
    assert {kind: told.xero[kind] for kind in told.xero if not kind.startswith("GET")} == {
        f"{method} {path.strip('/')}": count
        for (method, path), count in ((tuple(kind.split()), count) for kind, count in xero.items())
        if method != "GET"
    }


def test_credit_notes_and_cancelled_orders_are_counted(
    sandbox: Sandbox, connect: Connect, no_waiting: None
) -> None:
    connection = connect(APPROVED | CREDITING)
    sandbox.load_orders([order(n) for n in range(8)] + [order(n, kind="supplier") for n in range(3)])
    export(connection)
    for n in range(4):
        send_out(sandbox, f"MS-CO-2026-{n:05d}")
    for order_id in ("co-0", "co-4", "so-1"):
        cancel(sandbox, order_id)
    for n in (1, 2, 3, 5):
        change(sandbox, f"co-{n}", lines=[line(quantity="2")])
    told = foresee(connection, Scope(rules=connection.settings.digest), "forecast")
    xero, _ = used(sandbox, connection)
    assert len(notes(connection)) == 4
    assert told.documents == 7
    assert near(told.calls, xero.total()), (told.xero, xero)
    written = Counter[str]()
    for name, count in xero.items():
        written[name.replace(" /", " ").removesuffix("/{id}/Allocations")] += count
    assert {name: n for name, n in told.xero.items() if not name.startswith("GET")} == {
        name: n for name, n in written.items() if not name.startswith("GET")
    }


def test_a_window_takes_what_was_forecast(sandbox: Sandbox, connection: Connection) -> None:
    ready_to_go(sandbox, connection)
    days = {"date_from": date(2026, 10, 5), "date_to": date(2026, 10, 25)}
    told = foresee(connection, Scope(rules=connection.settings.digest, **days), "forecast")
    for on in ("xero", "monstock"):
        sandbox.control("DELETE", "/calls", on=on)
    list(write(connection, **days))
    assert near(told.calls, sandbox.state()["calls"]["total"])
    assert told.documents == 210


def test_bytes_are_foreseen(sandbox: Sandbox, connection: Connection) -> None:
    first_day(sandbox, connection)
    told = foresee(connection, Scope(rules=connection.settings.digest), "forecast")
    before = connection.xero.http.received
    export(connection)
    assert told.megabytes == pytest.approx((connection.xero.http.received - before) / 1e6, rel=0.25)


def test_a_forecast_writes_nothing_and_a_window_is_only_its_days(
    sandbox: Sandbox, connection: Connection
) -> None:
    sandbox.load_orders([order(n, orderDate=f"2026-10-{n:02d}") for n in range(1, 11)])
    scope = Scope(rules=connection.settings.digest, date_from=date(2026, 10, 3), date_to=date(2026, 10, 5))
    told = foresee(connection, scope, "forecast")
    assert told.documents == 3
    assert not [kind for kind in sandbox.state()["calls"] if kind.startswith(("PUT", "POST"))]


def test_the_day_is_told_with_its_reserve(sandbox: Sandbox, connect: Connect) -> None:
    connection = connect(free=False)
    sandbox.settings(day_limit=1000)
    sandbox.load_orders([order(n) for n in range(3)])
    told = foresee(connection, Scope(rules=connection.settings.digest), "forecast")
    assert (told.left, told.making) == (991, 9)
    assert (told.limits.day, told.a_day, told.fits_today, told.days) == (1000, 800, True, 1)
    assert told.sentence().startswith("3 documents to write: ")
    assert ("days with the reserve kept", "1 (20% kept back)") in told.rows()


@pytest.mark.parametrize(
    ("calls", "left", "fits", "days"),
    [
        (4000, None, True, 1),
        (4001, None, False, 2),
        (100, 1100, True, 1),
        (101, 1100, False, 1),
        (9000, 5000, False, 3),
    ],
)
def test_what_passes_the_budget_is_said(calls: int, left: int | None, fits: bool, days: int) -> None:
    limits = Limits(minute=60, in_flight=5, day=5000)
    told = Forecast(1, 0, Counter(x=calls), Counter(), 0.0, 0, limits, 300, left, None)
    assert (told.fits_today, told.days) == (fits, days)


@pytest.mark.parametrize(
    "limits", ["minute = 0, in_flight = 0, day = 0", "minute = 60, in_flight = 5, day = 0"]
)
def test_where_no_limit_of_a_day_is_kept_any_number_fits(
    sandbox: Sandbox, connect: Connect, limits: str
) -> None:
    connection = connect({f"{FREE}\napi_url": f"limits = {{ {limits} }}\napi_url"})
    told = of_calls(connection, Counter(x=4_001))
    assert (told.fits_today, told.days, told.minutes) == (True, 1, 67 if "60" in limits else 0)
    assert ("share of the day's calls", "0.0% of unlimited") in told.rows()
    assert ", today, " in told.sentence()
