"""A night that differs reaches a person: from the event through the server's own triggers to a webhook."""

import json
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from queue import Empty, Queue
from typing import Any
from uuid import uuid4

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

from deployments.automations import CONSENT, FLOWS, GONE, KINDS, RECONCILIATION, SILENCE, STUCK, main, watch
from flows import alerts
from flows.endings import ENDINGS
from tasks.domain.errors import NeedsConsent
from tests.reconciling.nights import night

Messages = Queue[dict[str, str]]


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
        f"{CONSENT}: created",
    ]
    made = ours(client, RECONCILIATION, CONSENT)
    client.pause_automation(made[0].id)

    main(first)
    assert "unchanged" in capsys.readouterr().out
    main(second)
    assert capsys.readouterr().out.count("updated") == 2
    main(second, silence_seconds=120)
    assert f"{GONE}: updated" in capsys.readouterr().out

    found = ours(client, RECONCILIATION, CONSENT)
    assert [one.id for one in found] == [one.id for one in made]
    assert [one.enabled for one in found] == [False, True]
    blocks = {str(one.actions[0].block_document_id) for one in found}
    assert blocks == {str(client.read_block_document_by_name(second.split("/")[1], "custom-webhook").id)}


def test_a_night_that_differs_becomes_a_message(
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
    alerts.announce(night(connection="other", gaps=["The bills could not be read."]), "")
    other = messages[1].get(timeout=60)
    assert other["subject"] == "Monstock and Xero: other"
    assert other["body"].startswith("Incomplete: The bills could not be read.")
    assert not other["body"].endswith("\n")
    alerts.announce(night({"state": "seen"}, connection="shop"), "")
    assert messages[1].get(timeout=60)["subject"] == "Monstock and Xero: shop"  # the second night tells anew
    with pytest.raises(Empty):
        messages[1].get(timeout=2)


def test_a_consent_that_ended_becomes_a_message(
    client: SyncPrefectClient, messages: tuple[str, Messages]
) -> None:
    main(webhook(messages[0]))
    needed = NeedsConsent("Run `monstock-xero connect shop`.")
    assert heard(messages[1], lambda: ENDINGS[NeedsConsent]("shop", needed)) == {
        "subject": "Monstock and Xero: shop needs consent",
        "body": "Run `monstock-xero connect shop`.",
    }


@pytest.mark.parametrize(
    ("rows", "facts", "event"),
    [
        ([], {}, alerts.MATCHED),
        ([{"state": "accepted"}], {}, alerts.MATCHED),
        ([{"state": "seen", "difference": 5}], {}, alerts.DIFFERENCES),
        ([], {"gaps": ["x"]}, alerts.INCOMPLETE),
        ([{}], {"gaps": ["x"]}, alerts.INCOMPLETE),
    ],
)
def test_the_event_of_a_night(
    rows: list[dict[str, Any]], facts: dict[str, Any], event: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    sent: list[dict[str, Any]] = []
    monkeypatch.setattr(alerts, "emit_event", lambda **given: sent.append(given))
    alerts.announce(night(*rows, **facts), "file:///r/index.html")
    assert [one["event"] for one in sent] == [event]
    assert sent[0]["resource"]["prefect.resource.id"] == "monstock-xero.connection.shop"
    payload = json.loads(json.dumps(sent[0]["payload"]))
    assert set(payload) == {"sentence", "counts", "new", "money", "report"}
    assert payload["new"] == sum(row.get("state", "open") == "open" for row in rows)
    assert payload["money"] == ({"EUR": "0.05"} if event == alerts.DIFFERENCES else {})


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


def webhook(url: str) -> str:
    block = CustomWebhookNotificationBlock(
        name="place", url=url, json_data={"subject": "{{subject}}", "body": "{{body}}"}
    )
    name = f"place-{uuid4().hex[:8]}"
    block.save(name)
    return f"custom-webhook/{name}"


def ours(client: SyncPrefectClient, *names: str) -> list[Any]:
    wanted = names or (GONE, STUCK, RECONCILIATION, CONSENT)
    found = [client.read_automations_by_name(name) for name in wanted]
    return [one for named in found for one in named]
