"""What Monstock tells of its orders, verified by the Standard Webhooks' own library."""

import itertools
import time
from typing import Any

import httpx
import pytest
from standardwebhooks import Webhook

from deployments.sandbox.monstock import events
from deployments.sandbox.server import Sandbox
from tests.sandbox.judge import told
from tests.sandbox.receiver import SECRET, Receiver, always, good, until
from tests.sandbox.test_monstock import LINK

LINES = [{"name": "mug", "quantity": "1", "unitPrice": "2", "taxRate": "0"}]


@pytest.fixture
def heard(sandbox: Sandbox, receiver: Receiver) -> Receiver:
    sandbox.load_orders([{"id": "c-1", "lines": LINES}, {"id": "s-1", "kind": "supplier", "lines": LINES}])
    sandbox.subscribe("monstock", receiver.url, SECRET)
    return receiver


def last(sandbox: Sandbox, receiver: Receiver) -> list[tuple[str, str]]:
    """What came, once all has; then it is forgotten."""
    until(lambda: sandbox.webhook("monstock")["waiting"] == 0)
    found = receiver.changes()
    for delivery in receiver.deliveries:
        assert Webhook(SECRET).verify(delivery.body, delivery.headers) == delivery.json
        assert told("monstock", "orderChanged", delivery.json) == []
    receiver.deliveries.clear()
    return found


def test_each_change_has_its_event(sandbox: Sandbox, heard: Receiver) -> None:
    def edit(action: str, key: str, **what: Any) -> list[tuple[str, str]]:
        sandbox.edit(action, on="monstock", id=key, **what)
        return last(sandbox, heard)

    new = {"id": "c-2", "status": "draft", "lines": LINES}
    assert edit("create", "c-2", order=new) == [("customer_order.created", "c-2")]
    assert edit("confirm", "c-2") == [("customer_order.confirmed", "c-2")]
    assert edit("confirm", "c-2") == []
    assert edit("fulfil", "c-2") == [("customer_order.updated", "c-2")]
    assert edit("edit", "s-1", fields={"externalReference": "A"}) == [("supplier_order.updated", "s-1")]
    assert edit("cancel", "s-1") == [("supplier_order.cancelled", "s-1")]
    assert edit("delete", "c-1") == [("customer_order.cancelled", "c-1")]
    assert edit("erase", "c-1") == []


def test_a_contacts_edit_tells_of_its_orders(sandbox: Sandbox, heard: Receiver) -> None:
    sandbox.edit("edit_contact", on="monstock", id="walk-in", fields={"name": "Someone"})
    found = last(sandbox, heard)
    assert sorted(found) == [("customer_order.updated", "c-1"), ("supplier_order.updated", "s-1")]


def test_orders_that_are_loaded_again_as_they_were_are_no_change(sandbox: Sandbox, heard: Receiver) -> None:
    sandbox.load_orders([{"id": "c-1", "lines": LINES}])
    assert last(sandbox, heard) == []
    sandbox.load_orders([{"id": "c-1", "lines": [*LINES, *LINES]}])
    assert last(sandbox, heard) == [("customer_order.updated", "c-1")]


def test_a_link_that_changes_nothing_is_not_told(
    monstock: httpx.Client, sandbox: Sandbox, heard: Receiver
) -> None:
    path = "/customer-orders/c-1/accounting"
    monstock.put(path, json=LINK)
    assert last(sandbox, heard) == [("customer_order.updated", "c-1")]
    monstock.put(path, json={**LINK, "syncedAt": "2026-11-09T00:00:00Z"})
    assert last(sandbox, heard) == []


def test_the_timestamp_is_the_orders_own(monstock: httpx.Client, sandbox: Sandbox, heard: Receiver) -> None:
    sandbox.control("POST", "/clock", {"set": "2026-11-05T10:00:00.123Z"}, on="monstock")
    sandbox.edit("fulfil", on="monstock", id="c-1")
    until(lambda: heard.deliveries)
    stamp = monstock.get("/customer-orders/c-1").json()["updatedAt"]
    assert heard.deliveries[0].json == {
        "type": "customer_order.updated",
        "timestamp": stamp,
        "data": {"id": "c-1"},
    }
    assert stamp == "2026-11-05T10:00:00.123Z"
    last(sandbox, heard)  # signed in real time, whatever the sandbox's clock says


def test_a_new_try_has_the_same_id_and_is_signed_anew(
    sandbox: Sandbox, heard: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    seconds = itertools.count(int(time.time()))
    monkeypatch.setattr(events, "time", type("Time", (), {"time": staticmethod(lambda: next(seconds))}))
    sandbox.control("POST", "/clock", {"set": "2026-11-05T10:00:00Z"})
    heard.answers = always(503)
    sandbox.edit("fulfil", on="monstock", id="c-1")
    until(lambda: sandbox.webhook("monstock")["refused"] == 1)
    heard.answers = good
    sandbox.advance(5)
    until(lambda: sandbox.webhook("monstock")["waiting"] == 0)
    first, second = heard.deliveries
    assert first.body == second.body
    assert first.headers["webhook-id"] == second.headers["webhook-id"]
    for name in ("webhook-timestamp", "webhook-signature"):
        assert first.headers[name] != second.headers[name]
    last(sandbox, heard)
