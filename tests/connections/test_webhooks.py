"""Keys and secrets of webhooks: for whom each speaks, and what is said of those that are wrong."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tasks.connections.settings import load
from tasks.connections.webhooks import Senders, senders, tenants, told_of
from tasks.domain.errors import SettingsError
from tasks.ledger.database import Database
from tasks.ledger.pins import Pins
from tasks.ledger.told import Side
from tests.connections.files import SANDBOX, Write
from tests.support import NewLedger

TENANT = "5a9d0b0e-0000-4000-8000-000000000001"
KEY = "the-key-of-an-app"
SECRET = "whsec_" + "A" * 32


def with_second(**changes: str) -> str:
    """A second connection beside the sandbox's: its own account and prefix."""
    other = SANDBOX.replace("connections.sandbox", "connections.other")
    for old, new in ({"prefix": '"B-"', "api_key": '{ env = "OTHER_MONSTOCK_KEY" }'} | changes).items():
        assert f"\n{old} = " in other
        other = other.replace(f"\n{old} = ", f"\n{old} = {new} #")
    return SANDBOX + other


def found(write: Write, text: str) -> Senders:
    return senders(load(write(text)))


def test_the_sandboxs_own_need_no_set_up(write: Write) -> None:
    told = found(write, SANDBOX)
    assert [(app.key, app.connections) for app in told.apps] == [(b"sandbox-webhook-key", {"sandbox"})]
    assert {name: account.connections for name, account in told.accounts.items()} == {"sandbox": ("sandbox",)}


def test_they_are_not_shown(write: Write, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SANDBOX_XERO_WEBHOOK_KEY", KEY)
    monkeypatch.setenv("SANDBOX_MONSTOCK_WEBHOOK_SECRET", SECRET)
    shown = f"{found(write, SANDBOX)!r}"
    assert KEY not in shown
    assert "AAAA" not in shown
    assert "0, 0, 0" not in shown


def test_one_key_speaks_for_every_connection_of_its_app(write: Write) -> None:
    silent = with_second(webhook_key='{ env = "X" }').replace('webhook_key = { env = "X" } #', "# ")
    assert [app.connections for app in found(write, silent).apps] == [{"sandbox", "other"}]


def test_of_which_sides_webhooks_are_taken_is_known_without_a_secret(write: Write) -> None:
    alone = load(write(with_second(webhook_secret='{ env = "UNSET" }', client_id='"another"')))
    assert told_of(alone, "sandbox") == (Side.orders, Side.documents)
    text = with_second().replace("\nwebhook_secret = ", "\n# ")
    first, rest = text.split("[connections.other", 1)
    shared = load(write(first.replace("\nwebhook_key = ", "\n# ") + "[connections.other" + rest))
    assert told_of(shared, "sandbox") == told_of(shared, "other") == (Side.documents,)


def test_keys_of_two_apps_are_two(write: Write, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OTHER_KEY", f" {KEY}\n")
    told = found(write, with_second(client_id='"another"', webhook_key='{ env = "OTHER_KEY" }'))
    assert [(app.key, app.connections) for app in told.apps] == [
        (b"sandbox-webhook-key", {"sandbox"}),
        (KEY.encode(), {"other"}),
    ]


def test_a_secret_speaks_for_every_connection_over_its_account(write: Write) -> None:
    text = with_second(api_key='{ env = "SANDBOX_MONSTOCK_KEY" }')
    text += (
        '[connections.sandbox.orders]\nchannels = ["Web"]\n[connections.other.orders]\nchannels = ["Shop"]\n'
    )
    assert found(write, text).accounts["other"].connections == ("other", "sandbox")


def test_without_any_nobody_is_known(write: Write) -> None:
    text = SANDBOX.replace("webhook_key", "# webhook_key").replace("webhook_secret", "# webhook_secret")
    assert found(write, text) == Senders((), {})


def test_all_that_is_wrong_is_said_at_once_with_its_place(
    write: Write, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SANDBOX_MONSTOCK_WEBHOOK_SECRET", "s3cr3t")
    with pytest.raises(SettingsError) as refused:
        found(write, SANDBOX.replace("SANDBOX_XERO_WEBHOOK_KEY", "NOT_SET"))
    assert [str(mistake) for mistake in refused.value.mistakes] == [
        "connections.sandbox.xero.webhook_key: environment variable NOT_SET is not set.",
        "connections.sandbox.monstock.webhook_secret: is no secret of Standard Webhooks: "
        '"whsec_", and 24 to 64 bytes in base64.',
    ]


def test_the_sandboxs_are_taken_on_this_machine_alone(write: Write) -> None:
    text = SANDBOX.replace("http://127.0.0.1:8401", "https://monstock.example")
    text = text.replace("http://127.0.0.1:8402/api", "https://api.xero.com/api")
    with pytest.raises(SettingsError) as refused:
        found(write, text)
    assert [mistake.place for mistake in refused.value.mistakes] == [
        "connections.sandbox.xero.webhook_key",
        "connections.sandbox.monstock.webhook_secret",
    ]


@pytest.fixture
def database(tmp_path: Path, new_ledger: NewLedger) -> Iterator[Database]:
    opened = Database(new_ledger(tmp_path / "ledger.db"))
    yield opened
    opened.close()


def test_an_organisation_is_the_settings_else_the_one_that_was_joined(
    write: Write, database: Database
) -> None:
    named = with_second(tenant_id=f'"{TENANT.upper()}"')
    assert tenants(load(write(named)), database) == {TENANT: {"sandbox", "other"}}
    gone = ("tenant_id", "tenant_name")
    unnamed = load(write("\n".join(line for line in SANDBOX.splitlines() if not line.startswith(gone))))
    assert tenants(unnamed, database) == {}
    pins = Pins(database, "sandbox")
    with database.begin() as tx:
        pins.join(tx, "ABC", "Someone Else Ltd", "consent")
    assert tenants(unnamed, database) == {"abc": {"sandbox"}}
    with database.begin() as tx:
        pins.move(tx, ["sandbox"], None)
    assert tenants(unnamed, database) == {}
