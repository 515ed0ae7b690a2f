"""Events are lost, doubled and shuffled, and runs work beside them: after the next poll both sides are equal."""

import random
from collections.abc import Iterator
from threading import Event as Flag
from threading import Thread

import pytest

from deployments import following
from deployments.console import watching
from deployments.console.serving import receiving
from deployments.sandbox.server import Sandbox
from tasks.connections.connection import Connection
from tasks.events import FOLLOWERS
from tasks.ledger.told import Side
from tests.console.served import KEY, SECRET, listening, soon
from tests.exporting.driver import export, invoices
from tests.importing.driver import import_
from tests.ledger.told import waiting
from tests.reconciling.driver import night
from tests.support import line, order

# Of each kind of trouble; those that are paid are not edited, and those that are cancelled are not paid.
ORDERS = 40
PAID, EDITED, CANCELLED, BOUGHT = (range(start, start + ORDERS) for start in range(0, 4 * ORDERS, ORDERS))


@pytest.fixture
def told(sandbox: Sandbox, approved: Connection, monkeypatch: pytest.MonkeyPatch) -> Iterator[Connection]:
    """Both systems tell a receiver, whose calls are followed by threads of this process; much goes wrong on the way."""

    def start(side: Side) -> None:
        FOLLOWERS[side].fn()

    monkeypatch.setattr(following, "_start", start)
    monkeypatch.setattr(watching, "LOOK_SECONDS", 0.05)
    trouble = {"drop": 0.3, "repeat": 0.2, "shuffle": True, "window_ms": 200, "seed": 7}
    with receiving(following.call) as app, listening(app) as url:
        sandbox.subscribe("xero", f"{url}/webhooks/xero", KEY.decode(), **trouble)
        sandbox.subscribe("monstock", f"{url}/webhooks/monstock/sandbox", SECRET, **trouble)
        try:
            soon(lambda: sandbox.webhook("xero")["status"] == "OK")
            yield approved
            soon(lambda: not waiting(approved.database, approved.name))
        finally:
            for on in ("xero", "monstock"):
                sandbox.unsubscribe(on)


def quiet(sandbox: Sandbox, connection: Connection) -> None:
    """Everything that was to be told is told, and followed."""
    soon(lambda: not any(sandbox.webhook(on)["waiting"] for on in ("xero", "monstock")))
    soon(lambda: not waiting(connection.database, connection.name))


def change(sandbox: Sandbox, connection: Connection, dice: random.Random) -> None:
    """What people do on both sides."""
    lines = [line(quantity=str(dice.randint(1, 9)))]
    match dice.choice(["edit", "cancel", "pay", "pay", "buy", "new"]):
        case "edit":
            sandbox.load_orders([order(dice.choice(EDITED), lines=lines)])
        case "cancel":
            sandbox.load_orders([order(dice.choice(CANCELLED), status="cancelled")])
        case "pay":
            sandbox.edit("pay", number=f"MS-CO-2026-{dice.choice(PAID):05d}", amount="1.00")
        case "buy":
            sandbox.load_orders([order(dice.choice(BOUGHT), kind="supplier", lines=lines)])
        case "new":
            sandbox.load_orders([order(dice.randint(1_000, 1_100))])


@pytest.mark.parametrize("with_runs", [False, True], ids=["alone", "beside runs"])
def test_both_sides_are_equal_after_the_next_poll(
    sandbox: Sandbox, told: Connection, with_runs: bool
) -> None:
    sandbox.load_orders([order(n) for these in (PAID, EDITED, CANCELLED) for n in these])
    sandbox.load_orders([order(n, kind="supplier") for n in BOUGHT])
    export(told)
    quiet(sandbox, told)
    export(told)  # an order waits whose contact another run is just making
    import_(told)
    ended = Flag()

    def runs() -> None:
        while not ended.wait(0.3):
            export(told, run_id="poll")
            import_(told)

    beside = Thread(target=runs)
    if with_runs:
        beside.start()
    dice = random.Random(7)
    for _ in range(120):
        change(sandbox, told, dice)
    quiet(sandbox, told)
    ended.set()
    if with_runs:
        beside.join()

    heard = [sandbox.webhook(on) for on in ("xero", "monstock")]
    assert all(one["dropped"] and one["repeated"] for one in heard)
    live = [row for row in followed(told) if row == "followed"]
    assert len(live) > 20

    sandbox.advance(2)
    export(told, run_id="poll")
    import_(told)
    found = night(told).rows
    assert found.empty, found[["kind", "order_id", "ours", "theirs", "cause"]].to_string()
    marks = [row["Url"] for row in invoices(told) if row["Status"] not in {"VOIDED", "DELETED"}]
    assert len(marks) == len(set(marks))


def followed(connection: Connection) -> list[str]:
    """What became of each event."""
    with connection.database.engine.connect() as tx:
        return [row[0] for row in tx.exec_driver_sql("select outcome from events")]
