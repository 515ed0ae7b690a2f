"""A run that cannot do its work ends at once, by a name that people and automations know."""

from contextlib import closing
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from prefect import flow
from prefect.client.schemas.objects import State
from prefect.events import Event
from prefect.states import Completed

from deployments.sandbox.server import Sandbox
from flows import endings
from flows.backfill import backfill
from flows.endings import with_named_endings
from flows.invoice_import import invoice_import
from flows.order_export import order_export
from flows.reconciliation import reconciliation
from tasks import reports
from tasks.connections.connection import Connection
from tasks.connections.settings import ledger_url
from tasks.domain.errors import LedgerError, Mistake, NeedsConsent, Offline, SettingsError, WrongOrganisation
from tasks.events import follow_orders
from tasks.ledger.database import Database
from tasks.ledger.events import store
from tasks.ledger.told import Event as Told
from tasks.ledger.told import Side
from tasks.ledger.trail import Entry, told
from tasks.xero.auth import EARLY
from tasks.xero.identity import PATIENCE
from tests.consent import BY_CONSENT, consent
from tests.flows.test_order_export import artifact
from tests.ledger.older import EARLIER, older
from tests.support import Connect, order

LIFE = timedelta(minutes=30)


@pytest.fixture
def events(monkeypatch: pytest.MonkeyPatch) -> list[dict[str, Any]]:
    sent: list[dict[str, Any]] = []
    monkeypatch.setattr(endings, "emit_event", lambda **event: sent.append(event))
    return sent


@pytest.fixture
def shop(sandbox: Sandbox, connect: Connect) -> Connection:
    """A connection by a consent that Xero has ended since."""
    connection = connect(BY_CONSENT)
    consent(connection)
    sandbox.load_orders([order(1)])
    sandbox.advance(61 * 86_400)
    return connection


def run(**parameters: Any) -> State:
    return order_export(return_state=True, **parameters)  # type: ignore[call-overload]


def test_a_run_without_consent_ends_with_what_to_do_and_an_event(
    sandbox: Sandbox, shop: Connection, events: list[dict[str, Any]]
) -> None:
    for _ in range(2):
        state = run()
        assert (state.type.value, state.name) == ("FAILED", "NeedsConsent")
        assert "Run `monstock-xero connect sandbox`" in str(state.message)
    assert [event["event"] for event in events] == ["monstock-xero.connection.needs-consent"] * 2
    assert events[0]["resource"]["prefect.resource.id"] == "monstock-xero.connection.sandbox"
    assert events[0]["payload"]["message"] == state.message


def test_once_it_is_known_nothing_is_tried_any_more(
    sandbox: Sandbox, shop: Connection, events: list[dict[str, Any]]
) -> None:
    run()
    before = [sandbox.state(on)["calls"] for on in ("xero", "monstock")], sandbox.state()["other_calls"]
    run()
    assert before == (
        [sandbox.state(on)["calls"] for on in ("xero", "monstock")],
        sandbox.state()["other_calls"],
    )


def test_an_error_in_a_step_is_not_tried_again(
    sandbox: Sandbox, shop: Connection, events: list[dict[str, Any]]
) -> None:
    assert run().name == "NeedsConsent"
    others = sandbox.state()["other_calls"]
    assert others["POST /connect/token"] == 2  # the code, and one renewal that was refused


def test_after_a_new_consent_the_run_goes_on(
    sandbox: Sandbox, shop: Connection, events: list[dict[str, Any]]
) -> None:
    run()
    consent(shop)
    assert run().name == "Completed"


def test_the_event_is_one_that_prefect_sends(shop: Connection, monkeypatch: pytest.MonkeyPatch) -> None:
    sent: list[Event | None] = []
    emit = endings.emit_event
    monkeypatch.setattr(endings, "emit_event", lambda **event: sent.append(emit(**event)))
    assert run().name == "NeedsConsent"
    [event] = sent
    assert event is not None
    assert (event.event, event.resource.id) == (endings.NEEDS_CONSENT, "monstock-xero.connection.sandbox")


def test_a_run_whose_renewals_got_no_answer_asks_once_more_at_its_end(
    sandbox: Sandbox, connect: Connect
) -> None:
    connection = connect(BY_CONSENT)
    consent(connection)
    before = connection.consents.of("sandbox")
    sandbox.load_orders([order(1)])
    sandbox.advance((LIFE - EARLY).total_seconds() + 30)
    lost = sandbox.fault("lose_answer", path="/connect/token", method="POST", next=PATIENCE.attempts)
    assert run().name == "Completed"
    [fault] = [one for one in sandbox.control("GET", "/faults") if one["id"] == lost["id"]]
    assert fault["done"] == PATIENCE.attempts
    after = connection.consents.of("sandbox")
    assert before is not None
    assert after is not None
    assert after.refresh != before.refresh == after.previous
    assert after.renewer_until is None


@pytest.mark.parametrize("ends", ["NeedsConsent", "WrongOrganisation"])
def test_a_run_that_ends_by_an_error_publishes_the_head_of_the_trail(
    sandbox: Sandbox, connect: Connect, events: list[dict[str, Any]], ends: str
) -> None:
    connection = connect(BY_CONSENT)
    consent(connection)
    connection.trail.note(Entry("connected", "connection", ends), "person: Ada")
    sandbox.load_orders([order(1)])
    if ends == "NeedsConsent":
        sandbox.advance(61 * 86_400)
        run()
    else:
        sandbox.edit("organisation", fields={"Name": "Renamed Ltd"})
        assert run().name == "WrongOrganisation"
    assert artifact("audit-head-sandbox").data == told("sandbox", connection.trail.head())


def test_a_head_that_cannot_be_published_changes_nothing(
    shop: Connection, events: list[dict[str, Any]], monkeypatch: pytest.MonkeyPatch
) -> None:
    def gone(**_: Any) -> None:
        raise ConnectionError

    monkeypatch.setattr(reports, "create_markdown_artifact", gone)
    assert run().name == "NeedsConsent"


@pytest.mark.parametrize(
    ("schema", "name", "says"),
    [
        (EARLIER[0], "LedgerNeedsUpgrade", "Run `monstock-xero upgrade`: it makes a backup first."),
        (EARLIER[-1], "LedgerNeedsUpgrade", "Run `monstock-xero upgrade`: it makes a backup first."),
        ("9999", "LedgerIsNewer", "A newer version has made it: install that one here as well."),
    ],
)
@pytest.mark.parametrize("which", [order_export, invoice_import, reconciliation, backfill])
def test_a_run_on_a_ledger_of_another_version_ends_with_what_to_do(
    sandbox: Sandbox,
    connect: Connect,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    schema: str,
    name: str,
    says: str,
    which: Any,
) -> None:
    connect()
    url = f"sqlite:///{tmp_path / 'other.db'}"
    older(url, schema if schema in EARLIER else EARLIER[-1])
    if schema not in EARLIER:
        other = Database(url, as_it_is=True)
        with other.begin() as tx:
            tx.exec_driver_sql(f"update alembic_version set version_num = '{schema}'")
        other.close()
    monkeypatch.setenv("LEDGER_URL", url)
    dates = {"date_from": "2026-10-01", "date_to": "2026-10-02"} if which is backfill else {}
    state = which(**dates, return_state=True)
    assert (state.type.value, state.name) == ("FAILED", name)
    assert f"has schema {schema}, this version of monstock-xero needs " in str(state.message)
    assert str(state.message).endswith(says)


@pytest.mark.parametrize("which", [order_export, invoice_import, reconciliation, backfill, follow_orders])
def test_a_process_that_has_the_ledger_open_when_it_is_upgraded_writes_nothing_more(
    sandbox: Sandbox, connect: Connect, which: Any
) -> None:
    connection = connect()
    sandbox.load_orders([order(1)])
    assert run().name == "Completed"
    sandbox.load_orders([order(2)])
    if which is follow_orders:
        event = Told("of co-2", Side.orders, "customer", "co-2", "9999")
        store(connection.database, [(connection.name, event)])
    with closing(Database(ledger_url(), as_it_is=True)) as other, other.begin() as tx:
        tx.exec_driver_sql("update alembic_version set version_num = '9999'")
    before = [sandbox.state(on)["calls"] for on in ("xero", "monstock")]
    dates = {"date_from": "2026-10-01", "date_to": "2026-10-02"} if which is backfill else {}
    state = which(**dates, return_state=True)
    assert state.is_failed()
    assert str(state.message).endswith("A newer version has made it: install that one here as well.")
    assert [sandbox.state(on)["calls"] for on in ("xero", "monstock")] == before


ERRORS: dict[str, Exception] = {
    "ledger": LedgerError("The ledger is gone."),
    "organisation": WrongOrganisation("Another organisation answers."),
    "settings": SettingsError([Mistake("connections.toml, line 3", "Name a prefix.")]),
    "call": Offline("Xero is away."),
    "ours": KeyError("x"),
}


@flow
@with_named_endings
def failing(connection: str = "web", error: str = "consent") -> State[Any]:
    if error == "consent":
        raise NeedsConsent("Run connect.")
    if error in ERRORS:
        raise ERRORS[error]
    return Completed(message=connection)


def test_the_connection_is_named_by_position_name_or_default(events: list[dict[str, Any]]) -> None:
    failing("shop", return_state=True)
    failing(connection="shop", return_state=True)
    failing(return_state=True)
    names = [event["resource"]["prefect.resource.name"] for event in events]
    assert names == ["shop", "shop", "web"]


@pytest.mark.parametrize(
    ("error", "name"),
    [
        ("ledger", "LedgerError"),
        ("organisation", "WrongOrganisation"),
        ("settings", "SettingsError"),
        ("call", "Offline"),
    ],
)
def test_whatever_else_keeps_a_run_from_its_work_ends_it_by_its_name(error: str, name: str) -> None:
    state = failing(error=error, return_state=True)
    assert (state.type.value, state.name, state.message) == ("FAILED", name, str(ERRORS[error]))


def test_mistakes_of_ours_and_good_ends_are_as_they_were(events: list[dict[str, Any]]) -> None:
    assert failing(error="none", return_state=True).message == "web"
    with pytest.raises(KeyError):
        failing(error="ours")
    assert events == []
