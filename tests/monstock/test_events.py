"""Monstock's webhooks: Standard Webhooks, and what they tell of."""

import base64
import json
import time
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from standardwebhooks import Webhook

from tasks.domain.errors import Unreadable
from tasks.exporting import intake
from tasks.ledger.told import Side
from tasks.monstock import wire
from tasks.monstock.events import is_signed, read, verifier

SECRET = "whsec_" + base64.b64encode(b"k" * 24).decode()
OTHER = "whsec_" + base64.b64encode(b"o" * 24).decode()


def body(type_: str = "customer_order.updated", **changes: Any) -> bytes:
    told = {"type": type_, "timestamp": "2026-11-30T03:03:52.123456Z", "data": {"id": "co-7"}}
    return json.dumps(told | changes).encode()


def headers(raw: bytes, *, secret: str = SECRET, at: float = 0.0, id_: str = "msg_1") -> dict[str, str]:
    """Signed so many seconds from now."""
    moment = datetime.fromtimestamp(int(time.time() + at), UTC)
    return {
        "webhook-id": id_,
        "webhook-timestamp": str(int(moment.timestamp())),
        "webhook-signature": Webhook(secret).sign(id_, moment, raw.decode()),
    }


def test_a_signed_body_is_known() -> None:
    raw = body()
    assert is_signed(verifier(SECRET), raw, headers(raw))
    assert not is_signed(verifier(SECRET), raw + b" ", headers(raw))
    assert not is_signed(verifier(SECRET), raw, headers(raw, secret=OTHER))


def test_the_specifications_own_example() -> None:
    """Its signature, too old by now: so the clock is what refuses it."""
    webhook = verifier("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw")
    signed = webhook.sign(
        "msg_p5jXN8AQM9LWM0D4loKWxJek", datetime.fromtimestamp(1614265330, UTC), '{"test": 2432232314}'
    )
    assert signed == "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="
    told = {
        "webhook-id": "msg_p5jXN8AQM9LWM0D4loKWxJek",
        "webhook-timestamp": "1614265330",
        "webhook-signature": signed,
    }
    assert not is_signed(webhook, b'{"test": 2432232314}', told)


@pytest.mark.parametrize(("at", "taken"), [(-310, False), (-280, True), (0, True), (280, True), (310, False)])
def test_what_was_sent_more_than_five_minutes_from_now_is_refused(at: float, taken: bool) -> None:
    raw = body()
    assert is_signed(verifier(SECRET), raw, headers(raw, at=at)) is taken


def test_any_one_of_several_signatures_will_do() -> None:
    raw = body()
    told = headers(raw)
    wrong = headers(raw, secret=OTHER)["webhook-signature"]
    told["webhook-signature"] = f"v1a,AAAA {wrong} {told['webhook-signature']}"
    assert is_signed(verifier(SECRET), raw, told)
    told["webhook-signature"] = f"v1a,AAAA {wrong}"
    assert not is_signed(verifier(SECRET), raw, told)


@pytest.mark.parametrize("name", ["webhook-id", "webhook-timestamp", "webhook-signature"])
@pytest.mark.parametrize(
    "value", [None, "", "x", "v1,", "v1", "v1,é", "nan", "inf", "1e400", "v1,a,b", ",", " "]
)
def test_without_its_headers_it_is_refused(name: str, value: str | None) -> None:
    raw = body()
    told = headers(raw)
    if value is None:
        del told[name]
    else:
        told[name] = value
    assert not is_signed(verifier(SECRET), raw, told)


@given(
    st.binary(),
    st.dictionaries(st.sampled_from(["webhook-id", "webhook-timestamp", "webhook-signature"]), st.text()),
)
def test_no_stranger_is_let_in_nor_too_odd(raw: bytes, told: dict[str, str]) -> None:
    assert not is_signed(verifier(SECRET), raw, told)
    assert not is_signed(verifier(SECRET), raw, headers(body()) | told) or raw == body()


@pytest.mark.parametrize(
    "secret",
    [
        "",
        "whsec_",
        SECRET.removeprefix("whsec_"),
        SECRET[:-1] + "!",
        f"{SECRET}\n",
        "whsec_" + base64.b64encode(b"k" * 23).decode(),
        "whsec_" + base64.b64encode(b"k" * 65).decode(),
        "whsec_" + "A" * 33,
        "whsec_säge",
    ],
)
def test_what_is_no_secret_is_not_repeated(secret: str) -> None:
    with pytest.raises(
        ValueError, match=r'^is no secret of Standard Webhooks: "whsec_", and 24 to 64 bytes in base64.$'
    ):
        verifier(secret)


def test_a_secret_may_leave_its_padding_away() -> None:
    raw, secret = body(), "whsec_" + base64.b64encode(b"k" * 25).decode()
    assert secret.endswith("==")
    assert is_signed(verifier(secret.rstrip("=")), raw, headers(raw, secret=secret))


@pytest.mark.parametrize("kind", ["customer", "supplier"])
@pytest.mark.parametrize("what", ["created", "updated", "confirmed", "cancelled"])
def test_an_event_names_the_order_and_when_it_changed(kind: str, what: str) -> None:
    found = read(body(f"{kind}_order.{what}"), "msg_1")
    assert found is not None
    assert (found.id, found.side, found.subject, found.subject_id) == ("msg_1", Side.orders, kind, "co-7")
    assert found.changed == "2026-11-30T03:03:52.123456+00:00"


def test_its_stamp_sorts_with_those_of_orders_in_the_ledger() -> None:
    stamp = "2026-11-30T04:03:52+01:00"
    found = read(body(timestamp=stamp), "msg_1")
    assert found is not None
    record = wire.record({"id": "co-7", "updatedAt": stamp}, intake.Kind.customer)
    assert found.changed == wire.sortable(record.updated_at) == "2026-11-30T03:03:52.000000+00:00"


@pytest.mark.parametrize("stamp", ["", "yesterday", "2026-11-30T04:03:52", "0001-01-01T00:00:00+14:00"])
def test_a_stamp_that_cannot_be_read_counts_as_new(stamp: str) -> None:
    before = wire.sortable("")
    found = read(body(timestamp=stamp), "msg_1")
    assert found is not None
    assert found.changed >= before


def test_a_long_id_is_shortened_to_one_that_is_the_same_again() -> None:
    ids = [found.id for id_ in ("m" * 65, "m" * 65, "m" * 66) if (found := read(body(), id_))]
    assert ids[0] == ids[1] != ids[2]
    assert {len(id_) for id_ in ids} == {64}


@pytest.mark.parametrize(
    "type_", ["", "contact.updated", "customer_order.deleted", "xcustomer_order.created"]
)
def test_what_is_not_followed_is_no_event(type_: str) -> None:
    assert read(body(type_), "msg_1") is None


@pytest.mark.parametrize(
    "raw",
    [
        b"",
        b"[]",
        b"\xff",
        b"[" * 100_000,
        body(data={}),
        body(data={"id": ""}),
        body(data={"id": 7}),
        body(data={"id": "x" * 65}),
        body(data={"id": "nul\0"}),
        body(data={"id": "line\n"}),
        b'{"type":"customer_order.updated","data":{"id":"\\ud800"}}',
    ],
)
def test_what_names_no_order_says_so(raw: bytes) -> None:
    with pytest.raises(Unreadable, match="Monstock signed what names no order"):
        read(raw, "msg_1")
