"""A night that differs reaches a person: from the event through the server's own triggers to a webhook."""

import json
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import suppress
from datetime import UTC, datetime
from functools import partial
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from queue import Empty, Queue
from typing import Any
from uuid import UUID, uuid4

import pytest
import typer
from prefect.blocks.notifications import (
    CustomWebhookNotificationBlock,
    MicrosoftTeamsWebhook,
    SendgridEmail,
    SlackWebhook,
)
from prefect.blocks.system import Secret
from prefect.client.orchestration import SyncPrefectClient, get_client
from prefect.client.schemas.objects import State
from prefect.events import emit_event
from prefect.states import Completed, Crashed, Failed

from deployments.automations import (
    CONSENT,
    FAILED,
    FLOWS,
    GONE,
    KINDS,
    NIGHT_WITHIN,
    NO_NIGHT,
    RECONCILIATION,
    SILENCE,
    STUCK,
    main,
    watch,
)
from flows import alerts
from flows.endings import ENDINGS
from tasks.domain.errors import NeedsConsent
from tasks.reconciling.summing import quarrel
from tests.reconciling.nights import night, totals

Messages = Queue[dict[str, str]]
ALERTS = (RECONCILIATION, FAILED, NO_NIGHT, CONSENT)


@pytest.fixture
def messages() -> Iterator[tuple[str, Messages]]:
    """A place that messages are posted to, and those that came."""
    came: Messages = Queue()

    class Place(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            came.put(json.loads(self.rfile.read(int(self.headers["Content-Length"]))))
            self.send_response(204)
            self.end_headers()

        def log_message(self, *_: Any) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Place)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}/", came
    server.shutdown()
    server.server_close()
    thread.join()


@pytest.fixture
def client() -> Iterator[SyncPrefectClient]:
    """A client to a server without automations of ours."""
    with get_client(sync_client=True) as one:
        yield one
        for found in ours(one):
            one.delete_automation(found.id)


def test_automations_are_made_once_and_follow(
    client: SyncPrefectClient, messages: tuple[str, Messages], capsys: pytest.CaptureFixture[str]
) -> None:
    first, second = webhook(messages[0]), webhook(messages[0])
    main()
    assert capsys.readouterr().out.splitlines() == [f"{GONE}: created", f"{STUCK}: created"]
    main(first)
    assert capsys.readouterr().out.splitlines() == [
        f"{GONE}: unchanged",
        f"{STUCK}: unchanged",
        f"{RECONCILIATION}: created",
        f"{FAILED}: created",
        f"{NO_NIGHT}: created",
        f"{CONSENT}: created",
    ]
    made = ours(client, *ALERTS)
    client.pause_automation(made[0].id)

    main(first)
    assert "unchanged" in capsys.readouterr().out
    main(second)
    assert capsys.readouterr().out.count("updated") == len(ALERTS)
    main(second, silence_seconds=120)
    assert f"{GONE}: updated" in capsys.readouterr().out

    found = ours(client, *ALERTS)
    assert [one.id for one in found] == [one.id for one in made]
    assert [one.enabled for one in found] == [False, True, True, True]
    blocks = {str(one.actions[0].block_document_id) for one in found}
    assert blocks == {str(client.read_block_document_by_name(second.split("/")[1], "custom-webhook").id)}


def test_a_night_with_something_new_becomes_a_message_and_one_that_was_told_does_not(
    client: SyncPrefectClient, messages: tuple[str, Messages]
) -> None:
    main(webhook(messages[0]))
    alerts.announce(night(connection="calm"), "")
    differs = night({"difference": -1_250}, connection="shop")
    assert heard(messages[1], lambda: alerts.announce(differs, "https://reports.test/shop/")) == {
        "subject": "Monstock and Xero: shop",
        "body": "1 discrepancy (1 new) over 4,812 orders and 4,790 documents; difference EUR 12.50.\n\n"
        "https://reports.test/shop/",
    }
    alerts.announce(night({"state": "seen"}, {"state": "accepted"}, connection="shop"), "")
    alerts.announce(
        night(connection="other", gaps=["The bills could not be read."]), ""
    )  # told as a failed run
    alerts.announce(night({"state": "seen"}, {"state": "open"}, connection="other"), "")
    other = messages[1].get(timeout=60)
    assert other["subject"] == "Monstock and Xero: other"
    assert other["body"].startswith("2 discrepancies (1 new)")
    assert not other["body"].endswith("\n")
    with pytest.raises(Empty):
        messages[1].get(timeout=2)


@pytest.mark.parametrize(
    "ended",
    [
        Failed(name="WrongOrganisation", message="Another organisation answers."),
        Failed(name="Incomplete", message="Incomplete: the bills could not be read."),
        Crashed(message="No heartbeat for 90 seconds."),
    ],
    ids=lambda state: state.name,
)
def test_a_run_that_failed_becomes_a_message_once(
    client: SyncPrefectClient, messages: tuple[str, Messages], ended: State
) -> None:
    main(webhook(messages[0]))
    shop, other = (deployed(client, name) for name in ("shop", "other"))
    told = heard(messages[1], lambda: ends(client, shop, ended))
    assert told["subject"] == "Monstock and Xero: the night of shop"
    assert told["body"] == f"{ended.name}: {ended.message}"  # the address follows, where the server has a UI
    for state in (ended, Completed(), Failed(name="NeedsConsent")):
        ends(client, shop, state)
    for name in ("NeedsConsent", "BadParameters"):
        ends(client, other, Failed(name=name))
    ends(client, other, ended)
    assert messages[1].get(timeout=60)["subject"] == "Monstock and Xero: the night of other"
    with pytest.raises(Empty):
        messages[1].get(timeout=2)


def test_a_connection_that_no_night_came_to_becomes_a_message_once(
    client: SyncPrefectClient, messages: tuple[str, Messages], monkeypatch: pytest.MonkeyPatch
) -> None:
    main(webhook(messages[0]))
    heard(messages[1], lambda: alerts.announce(night({}, connection="other"), ""))
    long_ago = datetime.now(UTC) - NIGHT_WITHIN
    monkeypatch.setattr(alerts, "emit_event", partial(emit_event, occurred=long_ago))
    alerts.announce(night({}, connection="shop"), "")
    assert messages[1].get(timeout=60)["subject"] == "Monstock and Xero: shop"
    [watching] = ours(client, NO_NIGHT)
    client.pause_automation(watching.id)
    client.resume_automation(watching.id)  # so the server looks now, and not when a day is over
    told = messages[1].get(timeout=60)
    assert told["subject"] == "Monstock and Xero: shop was not reconciled"
    assert told["body"].startswith("No reconciliation came to an end for 26 hours.")


def test_a_consent_that_ended_becomes_a_message(
    client: SyncPrefectClient, messages: tuple[str, Messages]
) -> None:
    main(webhook(messages[0]))
    needed = NeedsConsent("Run `monstock-xero connect shop`.")
    assert heard(messages[1], lambda: ENDINGS[NeedsConsent]("shop", needed)) == {
        "subject": "Monstock and Xero: shop needs consent",
        "body": "Run `monstock-xero connect shop`.",
    }


SUMS = {"totals": totals(("2026-10", "EUR", "sales", "OUTPUT", 10, 5, 0, 0))}
KNOWN = quarrel(night(**SUMS))
TOLD = [alerts.DIFFERENCES]
NEW = [alerts.DIFFERENCES, alerts.NEWS]


@pytest.mark.parametrize(
    ("rows", "facts", "events"),
    [
        ([], {}, [alerts.MATCHED]),
        ([{"state": "accepted"}], {}, [alerts.MATCHED]),
        ([{"state": "seen", "difference": 5}], {}, TOLD),
        ([{"state": "seen", "difference": 5}, {"state": "gone"}, {"state": "repaired"}], {}, TOLD),
        ([{"state": "open", "difference": 5}], {}, NEW),
        ([{"state": "open", "difference": 2}, {"state": "seen", "difference": 3}], {}, NEW),
        ([], SUMS, NEW),
        ([{"state": "seen", "difference": 5}], SUMS, NEW),
        ([], SUMS | {"told": KNOWN}, TOLD),
        ([{"state": "seen", "difference": 5}], SUMS | {"told": KNOWN}, TOLD),
        ([{"state": "open", "difference": 5}], SUMS | {"told": KNOWN}, NEW),
        ([], SUMS | {"told": "something else"}, NEW),
        ([], {"gaps": ["x"]}, [alerts.INCOMPLETE]),
        ([{}], {"gaps": ["x"]}, [alerts.INCOMPLETE]),
    ],
)
def test_the_events_of_a_night(
    rows: list[dict[str, Any]], facts: dict[str, Any], events: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    sent: list[dict[str, Any]] = []
    monkeypatch.setattr(alerts, "emit_event", lambda **given: sent.append(given))
    told = facts.get("told", "")
    whole = {name: fact for name, fact in facts.items() if name != "told"}
    alerts.announce(night(*rows, **whole), "file:///r/index.html", told)
    assert [one["event"] for one in sent] == events
    for one in sent:
        assert one["resource"]["prefect.resource.id"] == "monstock-xero.connection.shop"
        payload = json.loads(json.dumps(one["payload"]))
        assert set(payload) == {"sentence", "counts", "new", "money", "report"}
        assert payload["new"] == sum(row.get("state", "open") == "open" for row in rows)
        assert payload["money"] == ({"EUR": "0.05"} if any("difference" in row for row in rows) else {})


def test_a_block_that_is_not_there_or_cannot_tell_is_refused(client: SyncPrefectClient) -> None:
    Secret(value="x").save(name := f"mute-{uuid4().hex[:8]}")
    for block, said in (
        ("slack-webhook/nobody", "has no block"),
        ("finance", "KIND/NAME"),
        (f"secret/{name}", "sends no messages"),
    ):
        with pytest.raises(typer.BadParameter, match=said):
            main(block)
    assert ours(client) == []


def test_a_process_that_serves_ends_what_a_killed_one_left(client: SyncPrefectClient) -> None:
    watch()
    [gone] = ours(client, GONE)
    assert gone.trigger.within.total_seconds() == SILENCE
    assert gone.trigger.match_related["prefect.resource.name"] == FLOWS
    main(silence_seconds=300)
    watch()
    assert [one.trigger.within.total_seconds() for one in ours(client, GONE)] == [300]


def test_the_kinds_it_names_are_what_prefect_brings_along() -> None:
    brought = {SlackWebhook, MicrosoftTeamsWebhook, SendgridEmail, CustomWebhookNotificationBlock}
    assert {block.get_block_type_slug() for block in brought} == set(KINDS.split(", "))


def test_it_explains_itself() -> None:
    told = subprocess.run(
        [sys.executable, "-m", "deployments.automations", "--help"], capture_output=True, check=True
    )
    assert b"--block" in told.stdout


def heard(messages: Messages, say: Callable[[], object]) -> dict[str, str]:
    """What came of saying it; said again where the server had not taken in yet the automation that was just made."""
    for _ in range(6):
        say()
        with suppress(Empty):
            return messages.get(timeout=10)
    raise Empty


def deployed(client: SyncPrefectClient, name: str) -> UUID:
    """The deployment of the nights of a connection."""
    return client.create_deployment(client.create_flow_from_name("reconciliation"), name)


def ends(client: SyncPrefectClient, deployment: UUID, state: State) -> None:
    """A run of it ends so."""
    connection = client.read_deployment(deployment).name
    run = client.create_flow_run_from_deployment(deployment, name=f"the night of {connection}")
    client.set_flow_run_state(run.id, state.model_copy(), force=True)


def webhook(url: str) -> str:
    block = CustomWebhookNotificationBlock(
        name="place", url=url, json_data={"subject": "{{subject}}", "body": "{{body}}"}
    )
    name = f"place-{uuid4().hex[:8]}"
    block.save(name)
    return f"custom-webhook/{name}"


def ours(client: SyncPrefectClient, *names: str) -> list[Any]:
    wanted = names or (GONE, STUCK, *ALERTS)
    found = [client.read_automations_by_name(name) for name in wanted]
    return [one for named in found for one in named]
