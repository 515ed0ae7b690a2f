"""Webhooks of both systems: who is subscribed, and how deliveries go wrong and are made good."""

import socket
import threading
from pathlib import Path
from typing import Any

import pytest

from deployments.sandbox import post
from deployments.sandbox.server import Sandbox, running
from tests.sandbox.receiver import KEY, SECRET, Answer, Delivery, Receiver, always, good, receiving, until

LINES = [{"name": "mug", "quantity": "1", "unitPrice": "2", "taxRate": "0"}]
DAY = 24 * 3600


def listen(sandbox: Sandbox, receiver: Receiver, **how: Any) -> None:
    sandbox.subscribe("monstock", receiver.url, SECRET, **how)


def order(sandbox: Sandbox, *keys: str) -> None:
    sandbox.load_orders([{"id": key, "lines": LINES} for key in keys])


def stand_still(sandbox: Sandbox) -> None:
    """No try comes before the test moves the clock."""
    sandbox.control("POST", "/clock", {"set": "2026-11-05T10:00:00Z"})


def drained(sandbox: Sandbox, on: str = "monstock") -> dict[str, Any]:
    until(lambda: sandbox.webhook(on)["waiting"] == 0)
    return sandbox.webhook(on)


def test_without_a_subscription_there_is_none(sandbox: Sandbox) -> None:
    for on in ("xero", "monstock"):
        assert sandbox.webhook(on) == {"url": None, "status": "not subscribed"}
        sandbox.unsubscribe(on)


def test_it_shows_how_it_stands_but_never_the_key(sandbox: Sandbox, receiver: Receiver) -> None:
    for on, key in (("xero", KEY), ("monstock", SECRET)):
        first = sandbox.subscribe(on, receiver.url, key)
        until(lambda on=on: sandbox.webhook(on)["status"] == "OK")
        shown = sandbox.webhook(on)
        assert shown["url"] == receiver.url
        assert key not in str([first, shown, sandbox.state(on), sandbox.control("GET", "/settings", on=on)])
        sandbox.unsubscribe(on)
        assert sandbox.webhook(on)["status"] == "not subscribed"


@pytest.mark.parametrize(
    ("on", "wrong", "says"),
    [
        ("xero", {"url": "here"}, "url must be"),
        ("xero", {"url": "http://127.0.0.1/a b"}, "url must be"),
        ("xero", {"key": ""}, "key must be"),
        ("xero", {"key": None}, "key must be"),
        ("xero", {"dorp": 1}, "unknown fields: dorp"),
        ("xero", {"drop": 1.5}, "shares from 0 to 1"),
        ("xero", {"delay_ms": -1}, "cannot be negative"),
        ("monstock", {"key": "plainly-no-secret"}, "key must be whsec_"),
        ("monstock", {"key": "whsec_%%%"}, "key must be whsec_"),
    ],
)
def test_mistakes_are_named_without_the_key(
    sandbox: Sandbox, on: str, wrong: dict[str, Any], says: str
) -> None:
    body = {"url": "http://127.0.0.1:9/hook", "key": SECRET, **wrong}
    with pytest.raises(ValueError, match=says) as raised:
        sandbox.control("PUT", "/webhook", body, on=on)
    assert not body["key"] or body["key"] not in str(raised.value)
    assert sandbox.webhook(on)["status"] == "not subscribed"


def test_it_outlives_the_process_and_counts_on(tmp_path: Path) -> None:
    with receiving() as receiver:
        with running(tmp_path) as sandbox:
            sandbox.subscribe("xero", receiver.url, KEY, delay_ms=1)
            until(lambda: sandbox.webhook("xero")["status"] == "OK")
            sandbox.edit("create", kind="contact", fields={"Name": "One"})
            drained(sandbox, "xero")
        greetings = sum(not one.json["events"] for one in receiver.deliveries)
        with running(tmp_path) as sandbox:
            shown = sandbox.webhook("xero")
            assert (shown["url"], shown["status"], shown["delay_ms"]) == (receiver.url, "OK", 1)
            sandbox.edit("create", kind="contact", fields={"Name": "Two"})
            drained(sandbox, "xero")
        one, two = [one.json for one in receiver.deliveries if one.json["events"]]
        assert two["firstEventSequence"] == one["lastEventSequence"] + 1
        assert len(receiver.deliveries) == greetings + 2  # Xero does not try anew


def test_a_reset_keeps_it_and_forgets_what_waits(sandbox: Sandbox, receiver: Receiver) -> None:
    listen(sandbox, receiver, delay_ms=3_600_000)
    order(sandbox, "o-1", "o-2")
    assert sandbox.webhook("monstock")["waiting"] == 2
    sandbox.reset()
    shown = sandbox.webhook("monstock")
    assert (shown["status"], shown["waiting"], shown["delivered"]) == ("OK", 0, 0)
    assert receiver.deliveries == []


def test_it_is_delivered_again_until_it_is_taken(sandbox: Sandbox, receiver: Receiver) -> None:
    stand_still(sandbox)
    receiver.answers = always(500)
    listen(sandbox, receiver)
    order(sandbox, "o-1")
    until(lambda: sandbox.webhook("monstock")["refused"] == 1)
    shown = sandbox.webhook("monstock")
    assert (shown["reason"], shown["next_try"]) == (
        "the last try was answered 500",
        "2026-11-05T10:00:01+00:00",
    )
    sandbox.advance(10)
    until(lambda: sandbox.webhook("monstock")["refused"] == 2)
    order(sandbox, "o-2")
    receiver.answers = good
    sandbox.advance(60)
    shown = drained(sandbox)
    assert (shown["delivered"], shown["reason"], shown["next_try"]) == (2, "", None)
    assert {key for _, key in receiver.changes()} == {"o-1", "o-2"}


def test_what_no_receiver_takes_for_a_day_ends_the_subscription(sandbox: Sandbox, receiver: Receiver) -> None:
    stand_still(sandbox)
    receiver.answers = always(401)
    listen(sandbox, receiver)
    order(sandbox, "o-1")
    until(lambda: sandbox.webhook("monstock")["refused"] == 1)
    sandbox.advance(DAY - 3600)
    until(lambda: sandbox.webhook("monstock")["refused"] == 2)
    assert sandbox.webhook("monstock")["status"] == "OK"
    sandbox.advance(3600)
    until(lambda: sandbox.webhook("monstock")["status"] == "disabled")
    tries = len(receiver.deliveries)
    order(sandbox, "o-2")
    sandbox.advance(DAY)
    shown = sandbox.webhook("monstock")
    assert (shown["status"], shown["waiting"], len(receiver.deliveries)) == ("disabled", 1, tries)
    sandbox.reset()
    assert sandbox.webhook("monstock")["status"] == "disabled"
    receiver.answers = good
    listen(sandbox, receiver)
    order(sandbox, "o-3")
    assert drained(sandbox)["delivered"] == 1


def test_nobody_there_is_a_failure(sandbox: Sandbox) -> None:
    with socket.socket() as held:
        held.bind(("127.0.0.1", 0))
        sandbox.subscribe("monstock", f"http://127.0.0.1:{held.getsockname()[1]}/", SECRET)
        order(sandbox, "o-1")
        until(lambda: sandbox.webhook("monstock")["failed"] == 1)
    assert "came to nothing" in sandbox.webhook("monstock")["reason"]
    sandbox.unsubscribe("monstock")


def test_a_receiver_that_hangs_holds_nobody_up(
    sandbox: Sandbox, receiver: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    go = threading.Event()

    def hang(delivery: Delivery) -> Answer:
        go.wait(60)
        return good(delivery)

    receiver.answers = hang
    listen(sandbox, receiver)
    order(sandbox, *(f"o-{n}" for n in range(20)))
    until(lambda: len(receiver.deliveries) == 4)
    shown = sandbox.webhook("monstock")  # the stand-in answers
    assert (shown["waiting"], len(receiver.deliveries)) == (20, 4)
    go.set()
    assert drained(sandbox)["delivered"] == 20
    assert len({one.connection for one in receiver.deliveries}) == 4
    go.clear()
    monkeypatch.setattr(post, "SECONDS", 0.05)
    order(sandbox, "late")
    until(lambda: sandbox.webhook("monstock")["failed"] == 1)
    assert "no answer within" in sandbox.webhook("monstock")["reason"]
    go.set()


@pytest.mark.parametrize("how", ["chunked", "close", "body"])
def test_any_receivers_http_is_read(sandbox: Sandbox, receiver: Receiver, how: str) -> None:
    more = {"connection": "close"} if how == "close" else {}
    receiver.chunked = how == "chunked"
    receiver.answers = lambda delivery: (200, more, b"taken")
    listen(sandbox, receiver)
    for n in range(3):
        order(sandbox, f"o-{n}")
        assert drained(sandbox)["delivered"] == n + 1
    shown = sandbox.webhook("monstock")
    assert (shown["refused"], shown["failed"]) == (0, 0)
    assert len({one.connection for one in receiver.deliveries}) == (3 if how == "close" else 1)


def test_no_http_is_a_failure(sandbox: Sandbox) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:

        def hum() -> None:
            for _ in range(2):
                peer, _ = server.accept()
                with peer:
                    peer.recv(100_000)
                    peer.sendall(b"hum\r\n\r\n")

        thread = threading.Thread(target=hum)
        thread.start()
        stand_still(sandbox)
        sandbox.subscribe("monstock", f"http://127.0.0.1:{server.getsockname()[1]}", SECRET)
        order(sandbox, "o-1")
        until(lambda: sandbox.webhook("monstock")["failed"] == 1)
        sandbox.advance(5)
        until(lambda: sandbox.webhook("monstock")["failed"] == 2)
        thread.join()
    sandbox.unsubscribe("monstock")


def test_trouble_is_the_same_each_time(sandbox: Sandbox, receiver: Receiver) -> None:
    keys = [f"o-{n:03}" for n in range(200)]

    def arrived(**how: Any) -> list[str]:
        sandbox.reset()
        listen(sandbox, receiver, drop=0.3, repeat=0.2, shuffle=True, window_ms=100, **how)
        receiver.deliveries.clear()
        order(sandbox, *keys)
        shown = drained(sandbox)
        came = [key for _, key in receiver.changes()]
        assert len(came) == shown["delivered"] == 200 - shown["dropped"] + shown["repeated"]
        assert len(set(came)) == 200 - shown["dropped"]
        ids = {one.headers["webhook-id"] for one in receiver.deliveries}
        assert len(ids) == len(set(came))  # what is repeated bears the same id
        return came

    first, again, other = arrived(seed=7), arrived(seed=7), arrived(seed=8)
    assert sorted(first) == sorted(again) != sorted(other)
    assert 30 <= 200 - len(set(first)) <= 90


def test_nothing_dropped_nothing_doubled_without_trouble(sandbox: Sandbox, receiver: Receiver) -> None:
    listen(sandbox, receiver)
    keys = [f"o-{n:04}" for n in range(1_500)]
    order(sandbox, *keys)
    drained(sandbox)
    assert sorted(key for _, key in receiver.changes()) == keys


def test_all_can_be_dropped(sandbox: Sandbox, receiver: Receiver) -> None:
    listen(sandbox, receiver, drop=1)
    order(sandbox, "o-1", "o-2")
    shown = sandbox.webhook("monstock")
    assert (shown["dropped"], shown["waiting"], receiver.deliveries) == (2, 0, [])


def test_what_was_rolled_back_is_not_told(sandbox: Sandbox, receiver: Receiver) -> None:
    listen(sandbox, receiver)
    with pytest.raises(ValueError, match="KeyError"):
        sandbox.load_orders([{"id": "o-1", "lines": LINES}, {"id": "o-2"}])
    order(sandbox, "o-3")
    drained(sandbox)
    assert receiver.changes() == [("customer_order.created", "o-3")]
