"""What `make up` leaves running until `make down`: flows that the Prefect UI can start, and the live way.

Both systems tell, the receiver keeps, Prefect's background tasks follow.
"""

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from sqlalchemy import create_engine, text

from deployments.sandbox.server import Sandbox
from deployments.stack import Stack
from tests.benchmarks import books
from tests.deployments.composed import until
from tests.deployments.conftest import NewStack
from tests.deployments.prefect_api import NAMES, asked, deployed
from tests.deployments.processes import looks_in_proc, monstock_xero, running
from tests.support import line, order

pytestmark = looks_in_proc
NOW = "strftime('%Y-%m-%d %H:%M:%f000', 'now')"


class Live:
    """The running stack, what was said when it started, and both systems as their users see them."""

    def __init__(self, stack: Stack, told: str) -> None:
        self.stack, self.told = stack, told
        self.systems = Sandbox(stack.ports["monstock"], stack.ports["xero"])

    def shown(self, number: int) -> dict[str, Any] | None:
        """What Monstock shows on an order."""
        url = f"{self.systems.monstock_url}/customer-orders/co-{number}"
        answer = httpx.get(url, headers={"Authorization": "Bearer sandbox-key"}, trust_env=False)
        found: dict[str, Any] | None = answer.raise_for_status().json()["accounting"]
        return found

    def invoices(self, number: int) -> list[dict[str, Any]]:
        """The invoices of an order."""
        rows = books.rows(self.systems.xero_url, "Invoices")
        return [row for row in rows if row.get("InvoiceNumber", "").endswith(f"{number:05d}")]

    def runs(self, name: str = "follow-orders") -> list[dict[str, Any]]:
        """The background tasks of a name as the Prefect UI shows them, the newest first."""
        found = asked(self.stack, "task_runs/filter", sort="EXPECTED_START_TIME_DESC")
        return [run for run in found if run["name"] == name]

    def kill_what_follows(self) -> None:
        """At once, with all that it has in hand."""
        [following] = running(self.stack, "deployments.following")
        os.killpg(following, signal.SIGKILL)
        if started := self.stack._processes.pop("following", None):
            started.wait()
        until(lambda: not running(self.stack, "deployments.following"))

    def ledger(self, statement: str) -> list[tuple[Any, ...]]:
        """Ask the ledger, or change it."""
        engine = create_engine(f"sqlite:///{self.stack.ledger}", connect_args={"timeout": 30})
        with engine.begin() as tx:
            done = tx.execute(text(statement))
            rows = [tuple(row) for row in done] if done.returns_rows else []
        engine.dispose()
        return rows


@pytest.fixture(scope="module")
def live(new_stack: NewStack, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Live]:
    stack = new_stack(tmp_path_factory.mktemp("live"))
    # What is due by its schedule would run in the midst of a test.
    told = monstock_xero(
        "up", "--folder", str(stack.folder), PREFECT_SERVER_SERVICES_SCHEDULER_ENABLED="false"
    )
    try:
        one = Live(stack, told)
        until(lambda: one.systems.webhook("xero")["status"] == "OK")
        yield one
        one.systems.close()
    finally:
        stack.stop_left()
        stack.stop()


def test_flows_can_be_started_from_the_prefect_ui(live: Live) -> None:
    assert f"Prefect UI: {live.stack.prefect_url}" in live.told
    assert httpx.get(f"{live.stack.prefect_url}/api/health", timeout=5, trust_env=False).json() is True
    assert set(deployed(live.stack)) >= NAMES


def test_an_order_is_invoiced_and_a_change_of_the_invoice_shows_on_it(live: Live) -> None:
    live.systems.load_orders([order(90_001)])
    until(lambda: live.shown(90_001))
    [invoice] = live.invoices(90_001)
    assert (live.shown(90_001) or {})["documentId"] == invoice["InvoiceID"]

    live.systems.edit("edit", kind="invoice", number=invoice["InvoiceNumber"], fields={"Status": "SUBMITTED"})
    until(lambda: (live.shown(90_001) or {})["status"] == "submitted")


def test_the_ui_shows_what_was_followed(live: Live) -> None:
    until(lambda: any("1 exported" in (run["state"]["message"] or "") for run in live.runs()))
    until(
        lambda: any(
            "orders shown" in (run["state"]["message"] or "") for run in live.runs("follow-documents")
        )
    )


def test_a_follower_that_is_killed_in_the_midst_of_a_write_doubles_nothing(live: Live) -> None:
    live.systems.fault("slow_answer", method="PUT", path="/Invoices$", seconds=3)
    live.systems.load_orders([order(90_003)])
    until(lambda: live.invoices(90_003))
    live.kill_what_follows()
    live.systems.clear_faults()
    assert live.ledger("select state from events where subject_id = 'co-90003'") == [("taken",)]

    # As time would.
    live.ledger(f"update followers set busy_until = {NOW}")
    live.ledger(f"update attempts set lease_until = {NOW} where state != 'closed'")
    live.stack._run("following", ["-m", "deployments.following"])
    until(lambda: live.ledger("select 1 from events where subject_id = 'co-90003' and state = 'done'"))
    live.systems.load_orders([order(90_003, lines=[line(quantity="5")])])
    until(lambda: [one["SubTotal"] for one in live.invoices(90_003)] == [62.5])


def test_whether_somebody_follows_can_be_asked(live: Live) -> None:
    def answers() -> int:
        command = [sys.executable, "-m", "deployments.answering"]
        return subprocess.run(
            command, env=live.stack.environment, check=False, capture_output=True
        ).returncode

    until(lambda: answers() == 0)
    live.kill_what_follows()
    live.ledger(f"update followers set busy_until = {NOW}")  # as time would
    until(lambda: answers() == 1)
    live.stack._run("following", ["-m", "deployments.following"])
    until(lambda: answers() == 0)


def test_results_of_background_tasks_do_not_pile_up(live: Live) -> None:
    for number in range(90_010, 90_013):
        live.systems.load_orders([order(number)])
        until(lambda number=number: live.shown(number))
        until(lambda: not live.ledger(f"select 1 from followers where busy_until > {NOW}"))
    kept = [file for file in Path(live.stack.folder, "prefect", "storage").rglob("*") if file.is_file()]
    assert len(kept) <= 2


def test_down_ends_it_all(live: Live) -> None:
    live.stack.stop()  # what was started here
    assert "stopped" in monstock_xero("down", "--folder", str(live.stack.folder))
    assert not running(live.stack)
    assert "Nothing was running" in monstock_xero("down", "--folder", str(live.stack.folder))
