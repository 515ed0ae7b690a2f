"""`monstock-xero inbox`: what each command says, changes and tells as JSON."""

import json
import subprocess
import sys
from collections import Counter
from collections.abc import Callable
from io import StringIO
from typing import Any

import pytest
from rich.console import Console
from sqlalchemy import literal, select
from typer.testing import CliRunner, Result

from deployments import inbox as commands
from deployments.cli import app
from deployments.inbox_display import show_items
from deployments.sandbox.server import Sandbox
from tasks.connections.connection import Connection
from tasks.connections.settings import settings_file
from tasks.domain.errors import SettingsError
from tasks.domain.outcomes import Cause, Finding
from tasks.ledger.items import Item, Proposal, Subject
from tasks.ledger.lookup import NotFoundByName
from tasks.ledger.schema import orders
from tasks.ledger.skipping import CannotSkip
from tests.exporting.driver import change, export
from tests.support import Connect, line, order

Inbox = Callable[..., Result]
NAME = "CO-2026-00002"


@pytest.fixture
def inbox(monkeypatch: pytest.MonkeyPatch) -> Inbox:
    monkeypatch.setattr(commands, "console", commands.Console(width=100))
    return lambda *words: CliRunner().invoke(app, ["inbox", *words], catch_exceptions=False)


@pytest.fixture
def shop(sandbox: Sandbox, connect: Connect) -> Connection:
    """One order written, one held for its tax, one for its status."""
    connection = connect()
    contact = {"id": "7", "name": "Ada [Lovelace]", "countryCode": "GB"}
    unmapped = [line(taxRate="17.5"), line(id="2", taxRate="17.5")]
    sandbox.load_orders([order(1), order(2, lines=unmapped, contact=contact), order(3, status="on_hold")])
    export(connection)
    return connection


def told(done: Result) -> Any:
    assert done.exit_code == 0, done.output
    return json.loads(done.stdout)


def test_the_list_says_what_to_do_once_for_each_cause(shop: Connection, inbox: Inbox) -> None:
    said = inbox().output
    assert said.startswith("In the inbox: 2 (")
    assert "tax rate not mapped 1" in said.splitlines()[0]
    row = next(line for line in said.splitlines() if NAME in line)
    assert "Ada [Lovelace]" in row
    assert "tax rate not mapped: No rule for" in row
    assert row.split()[-3:] == ["0", "min", "1"]
    assert said.count("`monstock-xero check` suggests it.") == 1
    assert "(2 times)" in " ".join(said.split())
    assert all(len(line) <= 100 for line in said.splitlines())


def test_a_finding_keeps_its_text_beside_proposals_and_a_link_says_what_it_is() -> None:
    found = (Finding(Cause.proposed, "Perhaps."), Finding(Cause.over_billed, "600 of 500."))
    proposal = Proposal("supplier", "so-1", "SO-1", "same total")
    facts: dict[str, Any] = {"contact": "", "date": None, "state": "", "since": None, "tries": 0}
    bill = Item("shop", Subject.document, "bill", "d1", "B-1", findings=found, proposals=(proposal,), **facts)
    links = [
        Item("shop", Subject.link, "supplier", n, f"SO-{n}", findings=(Finding(cause, "x"),), **facts)
        for n, cause in (("1", Cause.over_billed), ("2", Cause.not_shown))
    ]
    console = Console(width=110, record=True, file=StringIO())
    show_items(console, [bill, *links], 3, Counter(), skipped=False)
    said = " ".join(console.export_text().split())
    assert "perhaps an order's document: SO-1, same total" in said
    assert "billed beyond the order: 600 of 500." in said
    assert "SO-1 (its" in said
    assert "SO-2 (shown" in said


def test_an_empty_inbox_is_said_to_be_empty(connect: Connect, inbox: Inbox) -> None:
    connect()
    assert inbox().output == "The inbox is empty.\n"
    assert inbox("--skipped").output == "Nothing is skipped.\n"
    assert told(inbox("--json")) == []


def test_json_has_everything_and_is_filtered(shop: Connection, inbox: Inbox) -> None:
    found = told(inbox("--json"))
    assert {item["name"] for item in found} == {NAME, "CO-2026-00003"}
    (item,) = told(inbox("--json", "--cause", "Tax rate not mapped", "--kind", "customer"))
    assert (item["connection"], item["subject"], item["id"], item["tries"]) == ("sandbox", "order", "co-2", 1)
    assert item["findings"][0]["advice"].startswith("Add a [[connections.NAME.taxes]] rule")
    assert told(inbox("--json", "--cause", "tax_unmapped")) == [item]
    assert told(inbox("--json", "--to", "2001-01-01")) == []
    assert len(told(inbox("--json", "--from", "2001-01-01", "--limit", "1"))) == 1


def test_a_long_list_says_what_it_leaves_out(shop: Connection, inbox: Inbox) -> None:
    assert "The oldest 1 are shown" in inbox("--limit", "1").output


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (["--cause", "bad luck"], "is no cause; choose one of"),
        (["--kind", "bill"], "choose customer, supplier, order, document, link"),
        (["--cause", "tax_unmapped", "retry", "--all"], "put options behind"),
        (["retry"], "name one, or give --all"),
        (["retry", NAME, "--all"], "name one, or give --all"),
        (["retry", NAME, "--cause", "tax_unmapped"], "go with --all"),
        (["skip", NAME], "--reason"),
    ],
)
def test_what_cannot_be_meant_is_refused(words: list[str], says: str, shop: Connection, inbox: Inbox) -> None:
    done = inbox(*words)
    assert done.exit_code == 2
    assert says in " ".join(done.output.replace("│", " ").split())
    assert len(told(inbox("--json"))) == 2


def test_skip_takes_out_and_retry_brings_back(sandbox: Sandbox, shop: Connection, inbox: Inbox) -> None:
    done = told(inbox("skip", NAME, "--reason", "entered twice", "--json"))
    assert (done["id"], done["state"], done["reason"]) == ("co-2", "skipped", "entered twice")
    export(shop)
    assert NAME not in inbox().output
    assert "entered twice" in inbox("--skipped").output
    change(sandbox, "co-2", lines=[line()])
    (back,) = told(inbox("retry", NAME, "--json"))
    assert (back["id"], back["becomes"]) == ("co-2", "pending")
    export(shop)
    assert NAME not in inbox().output
    assert told(inbox("--skipped", "--json")) == []


def test_all_that_the_filters_leave_are_retried(shop: Connection, inbox: Inbox) -> None:
    assert told(inbox("retry", "--all", "--cause", "period locked", "--json")) == []
    assert "1 put back" in inbox("retry", "--all", "--cause", "tax_unmapped").output
    assert [item["name"] for item in told(inbox("--json"))] == ["CO-2026-00003"]
    inbox("skip", "CO-2026-00003", "--reason", "no order of ours")
    assert "Order CO-2026-00003 goes with the next export." in inbox("retry", "--all", "--skipped").output


def test_what_is_in_no_trouble_is_answered_with_a_sentence(shop: Connection, inbox: Inbox) -> None:
    with pytest.raises(CannotSkip, match="CO-2026-00001 is exported"):
        inbox("skip", "CO-2026-00001", "--reason", "x")
    with pytest.raises(commands.NothingToRetry, match=r"order CO-2026-00001 .* is exported"):
        inbox("retry", "CO-2026-00001")
    with pytest.raises(NotFoundByName, match='No order or document "CO-9"'):
        inbox("show", "CO-9")
    with pytest.raises(SettingsError):
        inbox("--connection", "shop")


def test_the_story_of_an_order_is_told_with_request_and_answer(shop: Connection, inbox: Inbox) -> None:
    said = inbox("show", "CO-2026-00001").output
    assert said.startswith("Customer order CO-2026-00001 (id co-1, connection sandbox)")
    assert "invoice MS-CO-2026-00001: DRAFT, total 45.00" in said
    assert "written  customer co-1" in said
    assert '"InvoiceNumber": "MS-CO-2026-00001"' in said
    story = told(inbox("show", "co-1", "--json"))
    assert [row["event"] for row in story["trail"]] == ["written"]
    assert story["trail"][0]["content"]["request"]["InvoiceNumber"] == "MS-CO-2026-00001"
    assert story["documents"][0]["document_number"] == "MS-CO-2026-00001"


def test_the_story_of_a_skipped_order_names_who_and_why(shop: Connection, inbox: Inbox) -> None:
    inbox("skip", NAME, "--reason", "entered [twice]")
    said = inbox("show", NAME).output
    assert "skipped since" in said
    assert "entered [twice]" in said
    story = told(inbox("show", NAME, "--json"))
    assert [row["event"] for row in story["trail"]] == ["held", "skip"]
    assert story["decisions"][0]["reason"] == "entered [twice]"


def test_two_connections_are_listed_side_by_side_and_kept_apart(
    sandbox: Sandbox, shop: Connection, inbox: Inbox
) -> None:
    file = settings_file()
    text = file.read_text()
    prefixed = text.replace("connections.sandbox", "connections.other").replace('"MS-"', '"B-"')
    customer = "[connections.{}.customer]"
    for name, channel in (("sandbox", "Web"), ("other", "Shop")):
        old = customer.format(name)
        new = f'[connections.{name}.orders]\nchannels = ["{channel}"]\n{old}'
        text, prefixed = text.replace(old, new), prefixed.replace(old, new)
    file.write_text(text + prefixed)
    with shop.database.begin() as tx:
        names = [column.name for column in orders.columns if column.name != "connection"]
        same = select(literal("other"), *(orders.c[name] for name in names)).where(
            orders.c.order_id == "co-2"
        )
        tx.execute(orders.insert().from_select(["connection", *names], same))
    assert len(told(inbox("--json"))) == 3
    assert [item["connection"] for item in told(inbox("--json", "-c", "other"))] == ["other"]
    with pytest.raises(NotFoundByName, match=r"connection other\); customer order CO-2026-00002"):
        inbox("skip", NAME, "--reason", "x")
    inbox("skip", NAME, "--reason", "x", "-c", "other")
    assert {item["connection"] for item in told(inbox("--json"))} == {"sandbox"}
    assert told(inbox("retry", "--all", "--skipped", "-c", "sandbox", "--json")) == []


def test_the_command_starts_without_prefect() -> None:
    code = "import sys, deployments.cli, deployments.inbox; sys.exit('prefect' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
