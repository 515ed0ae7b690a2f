"""The Prefect UI as an accountant uses it: a real browser on the real stack, with the sandboxes behind it.

`pytest tests/deployments/test_ui.py --screenshots docs` makes the README's pictures.
"""

import re
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from http import HTTPStatus
from pathlib import Path
from typing import Any

import httpx
import pytest
from playwright.sync_api import Locator, Page, expect, sync_playwright

from deployments.stack import Stack
from tests.deployments.conftest import NewStack
from tests.deployments.prefect_api import asked, deployed, pause, registered

CHROMIUM = Path("/usr/bin/chromium")
pytestmark = [
    pytest.mark.skipif(not CHROMIUM.exists(), reason="needs Debian's chromium"),
]

TENANT = "5a9d0b0e-0000-4000-8000-000000000001"
CREDENTIALS = {
    "grant_type": "client_credentials",
    "client_id": "sandbox-client",
    "client_secret": "sandbox-secret",
}
Shot = Callable[..., None]
WIDTH, HEIGHT = 1200, 900
FINAL = {"COMPLETED", "FAILED", "CRASHED", "CANCELLED"}


@pytest.fixture(scope="module")
def stack(new_stack: NewStack, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    """The stack of `make up`; nothing runs in it by itself."""
    one = new_stack(tmp_path_factory.mktemp("ui"))
    try:
        one.start(lambda _: None)
        one.serve(lambda _: None)
        for deployment in registered(one, {}).values():
            pause(one, deployment)
        yield one
    finally:
        one.stop()


@pytest.fixture(scope="module")
def page(stack: Stack) -> Iterator[Page]:
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=CHROMIUM, args=["--no-sandbox", "--no-proxy-server"]
        )
        page = browser.new_page(viewport={"width": WIDTH, "height": HEIGHT}, color_scheme="light")
        page.set_default_timeout(20_000)
        expect.set_options(timeout=20_000)
        yield page
        browser.close()


@pytest.fixture
def shot(page: Page, request: pytest.FixtureRequest) -> Shot:
    """Save what the browser shows, if somebody asked for pictures."""
    folder = request.config.getoption("--screenshots")

    def save(name: str, height: int = HEIGHT) -> None:
        if folder:
            page.set_viewport_size({"width": WIDTH, "height": height})
            page.wait_for_timeout(5000)  # for the graph of the run, which comes late
            page.screenshot(path=Path(folder, f"prefect-{name}.png"), animations="disabled")
            page.set_viewport_size({"width": WIDTH, "height": HEIGHT})

    return save


class Xero:
    """The sandbox of Xero, and an app of somebody else's that may connect and disconnect its organisation."""

    def __init__(self, stack: Stack) -> None:
        self._url = f"http://127.0.0.1:{stack.ports['xero']}"
        self._token = ""
        self.connect()

    def ask(self, verb: str, url: str, **body: Any) -> Any:
        headers = {
            "Authorization": f"Bearer {self._token}",
            "Xero-Tenant-Id": TENANT,
            "Accept": "application/json",
        }
        sent = {"json": body} if body else {}
        answer = httpx.request(
            verb, f"{self._url}/{url}", headers=headers, timeout=30, trust_env=False, **sent
        )
        return answer.raise_for_status().json() if answer.content else None

    def connect(self) -> None:
        """A custom connection is there again with its next token."""
        answer = httpx.post(f"{self._url}/connect/token", data=CREDENTIALS, trust_env=False)
        self._token = answer.raise_for_status().json()["access_token"]

    def disconnect_while(self, call: str, number: int) -> None:
        """End the connection once so many of those calls have arrived."""
        [connection] = self.ask("GET", "connections")
        for _ in range(600):
            if self.ask("GET", "sandbox/state")["calls"].get(call, 0) >= number:
                break
            time.sleep(0.05)
        self.ask("DELETE", f"connections/{connection['id']}")

    def documents(self) -> dict[str, tuple[str, str]]:
        """Number and last change of every invoice and purchase order, by id."""
        invoices = self.ask("GET", "api.xro/2.0/Invoices?page=1&pageSize=1000")["Invoices"]
        orders = self.ask("GET", "api.xro/2.0/PurchaseOrders?page=1&pageSize=1000")["PurchaseOrders"]
        found = {one["InvoiceID"]: (one["InvoiceNumber"], one["UpdatedDateUTC"]) for one in invoices}
        return found | {
            one["PurchaseOrderID"]: (one["PurchaseOrderNumber"], one["UpdatedDateUTC"]) for one in orders
        }


def days_ago(days: int) -> str:
    return str(datetime.now(UTC).date() - timedelta(days))


def form(page: Page, stack: Stack, name: str) -> None:
    """Open a deployment's page, and from there its form."""
    page.goto(f"{stack.prefect_url}/deployments/deployment/{deployed(stack)[name]['id']}")
    page.get_by_role("button", name="Run", exact=True).click()
    page.get_by_text("Custom run").click()


def field(page: Page, title: str) -> Locator:
    return page.locator(".schema-form-property", has=page.get_by_text(f"{title} (Optional)", exact=True))


def pick(page: Page, title: str, day: str) -> None:
    field(page, title).get_by_text("Select date").click()
    page.locator("input[type=date]").fill(day)
    page.get_by_role("button", name="Apply").click()


def submit(page: Page) -> str:
    """The id of the run that the form starts. A busy server on SQLite wants the button pressed again."""
    for _ in range(5):
        with page.expect_response(re.compile("create_flow_run")) as answer:
            page.get_by_role("button", name="Submit").click()
        if answer.value.status != HTTPStatus.SERVICE_UNAVAILABLE:
            break
    assert answer.value.ok, answer.value.text()
    return str(answer.value.json()["id"])


def ended(stack: Stack, run: str, runs: int = 1) -> dict[str, Any]:
    """The final state of a run that began so many times."""
    for _ in range(600):
        found = asked(stack, f"flow_runs/{run}", "GET")
        if found["state"]["type"] in FINAL and found["run_count"] == runs:
            return dict(found["state"])
        time.sleep(0.1)
    raise AssertionError(f"the run did not end: {found['state']}")


def opened(page: Page, stack: Stack, run: str, tab: str) -> None:
    page.goto(f"{stack.prefect_url}/runs/flow-run/{run}")
    page.get_by_text(tab, exact=True).last.click()


def look_into(page: Page, artifact: str) -> None:
    """Open an artifact from the page of its run, which lists what comes into sight."""
    page.mouse.move(700, 700)
    page.mouse.wheel(0, 5000)
    page.get_by_text(artifact, exact=True).last.click()


def test_a_dry_run_of_a_window_from_the_form_to_its_artifact(page: Page, stack: Stack, shot: Shot) -> None:
    form(page, stack, "order-export/sandbox")
    expect(field(page, "Connection")).to_contain_text("Another connection has deployments of its own.")
    expect(field(page, "Connection").get_by_role("button").last).to_have_text("sandbox")
    expect(field(page, "Orders")).to_contain_text("customer and supplier orders")
    expect(field(page, "Order date from")).to_contain_text("Leave empty for what changed since the last run.")
    expect(page.locator("form")).not_to_contain_text("None")
    pick(page, "Order date from", days_ago(14))
    pick(page, "Order date to", days_ago(7))
    dry_run = field(page, "Dry run").get_by_role("switch")
    dry_run.click()
    expect(dry_run).to_be_checked()
    shot("form", 1340)
    run = submit(page)

    state = ended(stack, run)
    assert state["name"] == "DryRun", state["message"]
    opened(page, stack, run, "Artifacts")
    expect(page.get_by_text("DryRun", exact=True)).to_be_visible()
    look_into(page, "order-export-dry-run-sandbox")
    expect(
        page.get_by_text(re.compile(r"\d+ requests would be sent; nothing was written")).first
    ).to_be_visible()


def test_a_bad_range_is_answered_by_a_sentence(page: Page, stack: Stack) -> None:
    form(page, stack, "reconciliation/sandbox")
    pick(page, "Date from", "2026-10-31")
    pick(page, "Date to", "2026-10-01")
    run = submit(page)
    assert ended(stack, run)["name"] == "BadParameters"
    opened(page, stack, run, "Details")
    page.get_by_text("See More").click()
    sentence = "The period ends (2026-10-01) before it begins (2026-10-31): swap the two dates."
    expect(page.get_by_text(sentence)).to_be_visible()


def test_a_failed_run_retried_from_the_ui_writes_only_what_is_missing(
    page: Page, stack: Stack, shot: Shot
) -> None:
    """The organisation is disconnected while the second batch of invoices is under way, and connected again."""
    xero = Xero(stack)
    xero.ask("POST", "sandbox/faults", kind="slow_answer", method="PUT", path="/Invoices$", at=[2], seconds=3)
    form(page, stack, "order-export/sandbox")
    run = submit(page)
    xero.disconnect_while("PUT /Invoices", 2)
    state = ended(stack, run)
    assert (state["type"], "403" in state["message"]) == ("FAILED", True), state["message"]

    xero.connect()
    before = xero.documents()
    assert before
    xero.ask("DELETE", "sandbox/calls")
    opened(page, stack, run, "Details")
    page.get_by_role("button", name="Retry").click()
    page.get_by_role("dialog").get_by_role("button", name="Retry").click()
    state = ended(stack, run, runs=2)
    assert state["type"] == "COMPLETED", state["message"]

    after = xero.documents()
    left = len(after) - len(before)
    assert {key: after[key] for key in before} == before
    assert len(after) == len({number for number, _ in after.values()})
    assert f" {left:,} exported" in state["message"]
    calls = xero.ask("GET", "sandbox/state")["calls"]
    writes = sum(count for call, count in calls.items() if call.startswith("PUT"))
    assert writes <= left / 50 + 2, calls
    opened(page, stack, run, "Artifacts")
    expect(page.get_by_text("CompletedWithWarnings", exact=True)).to_be_visible()
    shot("run")
    look_into(page, "order-export-sandbox")
    expect(page.get_by_text("tax rate not mapped").first).to_be_visible()
    shot("artifact")
