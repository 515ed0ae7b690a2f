"""`monstock-xero check`: every mistake with its place, everything unmapped with a suggestion."""

import re
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from sqlalchemy import update
from typer.testing import CliRunner, Result

from deployments.cli import app, main
from deployments.sandbox.server import Sandbox
from tasks.ledger.events import store
from tasks.ledger.schema import events, followers
from tasks.ledger.told import Event, Side
from tests.support import Connect, line, order


@pytest.fixture
def check(monkeypatch: pytest.MonkeyPatch) -> Callable[[], Result]:
    monkeypatch.setenv("COLUMNS", "300")
    return lambda: CliRunner().invoke(app, ["check"], catch_exceptions=False)


def test_a_sound_connection_is_called_well(
    sandbox: Sandbox, connect: Connect, check: Callable[[], Result]
) -> None:
    connect()
    sandbox.load_orders([order(n) for n in range(1, 4)])
    done = check()
    assert done.exit_code == 0, done.output
    assert '"Sandbox Trading Ltd", as pinned' in done.output
    assert "3 recent orders that are due were read" in done.output
    assert "All is well." in done.output


@pytest.mark.parametrize(
    ("broken", "says"),
    [
        ({'type = "RROUTPUT"': 'type = "OUTPUT2"'}, "taxes[1] (line 50): OUTPUT2 stands at 20"),
        ({'default_account = "200"': 'default_account = "999"'}, "Account 999 is not active in Xero."),
        ({'category = "Channel"': 'category = "Colour"'}, 'no tracking category "Colour"'),
        ({"Sandbox Trading Ltd": "Acme Ltd"}, 'pinned to "Acme Ltd"'),
        ({'client_id = "sandbox-client"': 'client_id = "nobody"'}, "refuses the client credentials"),
    ],
    ids=["tax", "account", "tracking", "organisation", "credentials"],
)
def test_a_setting_that_xero_contradicts_is_named(
    connect: Connect, check: Callable[[], Result], broken: dict[str, str], says: str
) -> None:
    connect(broken)
    done = check()
    assert done.exit_code == 1
    assert says in done.output
    assert "sandbox-secret" not in done.output


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        ({"lines": [line(taxRate="12.5")]}, "No rule for 12.50 % for customer orders to GB"),
        ({"currency": "CHF"}, "Add CHF in Xero"),
        ({"warehouse": "Oslo"}, 'has no option "Oslo"'),
    ],
    ids=["tax rate", "currency", "tracking"],
)
def test_what_recent_orders_use_and_nothing_maps_is_listed(
    sandbox: Sandbox, connect: Connect, check: Callable[[], Result], changes: dict[str, object], says: str
) -> None:
    connect()
    sandbox.load_orders([order(1), order(2, **changes), order(3, **changes)])
    done = check()
    assert done.exit_code == 1
    assert says in done.output
    assert "2 recent orders, CO-2026-00002 for one" in done.output


def test_an_unmapped_rate_that_xero_has_comes_with_the_rule_to_paste(
    sandbox: Sandbox, connect: Connect, check: Callable[[], Result]
) -> None:
    connect({'kind = "customer"\nrate = 5': 'kind = "customer"\nrate = 7'})
    sandbox.load_orders([order(1, lines=[line(), line(id="2", taxRate="5")])])
    assert '[[connections.sandbox.taxes]]\n        kind = "customer"\n        rate = 5' in check().output


def test_how_the_live_way_stands_is_said(
    sandbox: Sandbox, connect: Connect, check: Callable[[], Result]
) -> None:
    def said() -> tuple[int, str]:
        done = check()
        return done.exit_code, " ".join(done.output.split())

    connection = connect()
    assert "The last event came over 3 days ago, if ever." in said()[1]
    store(connection.database, [("sandbox", Event("a", Side.documents, "INVOICE", "inv-1", "2026"))])
    code, text = said()
    assert code == 0
    assert re.search(
        r"The last event came at 2\S+ \S+ UTC\. 1 wait or are being followed, the oldest since", text
    )
    with connection.database.begin() as tx:
        tx.execute(update(events).values(received_at=datetime.now(UTC) - timedelta(hours=1)))
        tx.execute(update(followers).values(busy_until=datetime.now(UTC)))
    code, text = said()
    assert code == 1
    assert "Nobody follows them: do `monstock-xero receive` and `monstock-xero follow` run?" in text


def test_without_webhooks_nothing_is_said_of_them(connect: Connect, check: Callable[[], Result]) -> None:
    connect({"webhook_key = ": "# ", "webhook_secret = ": "# "})
    assert "event" not in check().output


def test_mistakes_in_the_file_are_sentences_with_their_line(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "connections.toml"
    file.write_text('[connections.acme]\nexport_from = "soon"\nprefx = "A-"\n')
    monkeypatch.setenv("MONSTOCK_XERO_CONFIG", str(file))
    monkeypatch.setenv("COLUMNS", "300")
    monkeypatch.setattr("sys.argv", ["monstock-xero", "check"])
    with pytest.raises(SystemExit) as ended:
        main()
    assert ended.value.code == 1
    said = capsys.readouterr().err
    assert f"{file}:2: connections.acme.export_from" in said
    assert f"{file}:3: connections.acme.prefx: is not a setting" in said
    assert "connections.acme.monstock: is required and missing" in said
