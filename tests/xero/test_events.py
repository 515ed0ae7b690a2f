"""Xero's webhooks as they come: signed, thin, in any order, and some of them not to be read."""

import base64
import hashlib
import hmac
import json
from contextlib import suppress
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tasks.domain.errors import Unreadable
from tasks.ledger.told import Event, Side
from tasks.xero.events import is_signed, read

TENANT, DOCUMENT = "5a9d0b0e-0000-4000-8000-000000000001", "0d2e6b0a-1111-4000-8000-000000000007"


def event(**changes: Any) -> dict[str, Any]:
    return {
        "resourceUrl": f"https://api.xero.com/api.xro/2.0/Invoices/{DOCUMENT}",
        "resourceId": DOCUMENT,
        "eventDateUtc": "2026-11-30T03:03:52.123",
        "eventType": "UPDATE",
        "eventCategory": "INVOICE",
        "tenantId": TENANT,
        "tenantType": "ORGANISATION",
    } | changes


def body(*events: Any) -> bytes:
    return json.dumps(
        {"events": events, "firstEventSequence": 1, "lastEventSequence": len(events), "entropy": "S0m3"}
    ).encode()


def only(**changes: Any) -> Event:
    [(_, found)] = read(body(event(**changes))).events
    return found


def test_a_signature_is_of_the_raw_bytes() -> None:
    raw, key = b'{"events": [] }', b"the-key"
    signed = base64.b64encode(hmac.new(key, raw, hashlib.sha256).digest())
    assert is_signed(raw, signed, key)
    for other_body, other_signature, other_key in [
        (b'{"events":[]}', signed, key),
        (raw, signed, b"another key"),
        (raw, signed[:-1], key),
        (raw, signed.lower(), key),
        (raw, base64.b64decode(signed), key),
        (raw, hmac.new(key, raw, hashlib.sha256).hexdigest().encode(), key),
        (raw, b"", key),
        (raw, "é".encode("latin-1"), key),
    ]:
        assert not is_signed(other_body, other_signature, other_key)


def test_a_known_signature() -> None:
    """As `openssl dgst -sha256 -hmac key -binary | base64` makes it of {}."""
    assert is_signed(b"{}", b"p3dyTZQ+tI3Gm8qKSm1XoE2z+ex+HeTlgehgJlvfMDI=", b"key")


def test_an_event_names_the_document_and_when_it_changed() -> None:
    found = read(body(event(tenantId=TENANT.upper(), resourceId=DOCUMENT.upper())))
    [(tenant, told)] = found.events
    assert (tenant, told.side, told.subject, told.subject_id) == (TENANT, Side.documents, "INVOICE", DOCUMENT)
    assert told.changed == "2026-11-30T03:03:52.123+00:00"
    assert len(told.id) == 64
    assert found.odd == ()


@pytest.mark.parametrize("category", ["INVOICE", "CREDITNOTE", "PREPAYMENT", "OVERPAYMENT"])
def test_documents_are_followed(category: str) -> None:
    assert only(eventCategory=category).subject == category


@pytest.mark.parametrize("category", ["CONTACT", "SUBSCRIPTION"])
def test_contacts_are_left(category: str) -> None:
    found = read(body(event(eventCategory=category), event()))
    assert len(found.events) == 1
    assert found.odd == ()


def test_nothing_is_told_by_an_intent_to_receive() -> None:
    assert read(body()).events == ()


def test_a_repeated_event_bears_the_same_id_and_another_one_does_not() -> None:
    first = only()
    assert only(entropy="other", resourceUrl="https://elsewhere.example").id == first.id
    others = [
        only(tenantId=DOCUMENT),
        only(resourceId=TENANT),
        only(eventDateUtc="2026-11-30T03:03:52.124"),
        only(eventType="CREATE"),
        only(eventCategory="CREDITNOTE"),
    ]
    assert len({first.id, *(other.id for other in others)}) == 6


@pytest.mark.parametrize(
    ("told", "changed"),
    [
        ("2026-11-30T03:03:52", "2026-11-30T03:03:52.000+00:00"),
        ("2026-11-30T03:03:52.1234567", "2026-11-30T03:03:52.123+00:00"),
        ("2026-11-30T03:03:52.5Z", "2026-11-30T03:03:52.500+00:00"),
        ("2026-11-30T04:03:52+01:00", "2026-11-30T03:03:52.000+00:00"),
    ],
)
def test_a_date_without_a_zone_is_utc(told: str, changed: str) -> None:
    assert only(eventDateUtc=told).changed == changed


BROKEN: list[Any] = [
    None,
    7,
    [],
    {},
    event(resourceId="7"),
    event(resourceId=None),
    event(resourceId=f"{DOCUMENT}\n"),
    event(tenantId=["x"]),
    event(eventDateUtc="yesterday"),
    event(eventDateUtc="0001-01-01T00:00:00+14:00"),
    event(eventCategory=""),
    event(eventType="X" * 41),
]


@pytest.mark.parametrize("broken", BROKEN)
def test_one_that_cannot_be_read_is_told_and_the_others_go_on(broken: Any) -> None:
    found = read(body(event(), broken, event(eventType="CREATE")))
    assert [told.subject_id for _, told in found.events] == [DOCUMENT, DOCUMENT]
    assert len(found.odd) == 1


def test_a_category_that_is_new_is_told() -> None:
    found = read(body(event(eventCategory="PAYSLIP"), event()))
    assert len(found.events) == 1
    assert found.odd == ("Xero told of a category that is not known here.",)


@pytest.mark.parametrize(
    "raw", [b"", b"{}", b"[]", b"\xff", b'{"events": 3}', b'{"events": [', b"[" * 100_000, b'{"events":null}']
)
def test_a_signed_body_without_events_says_so(raw: bytes) -> None:
    with pytest.raises(Unreadable, match="Xero signed what is no list of events"):
        read(raw)


@given(st.binary())
def test_no_signed_bytes_are_too_odd(raw: bytes) -> None:
    with suppress(Unreadable):
        assert read(raw).events == ()


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(),
    lambda inner: st.lists(inner, max_size=3),
    max_leaves=5,
)


@given(st.lists(st.fixed_dictionaries({}, optional=dict.fromkeys(event(), json_values)), max_size=6))
def test_whatever_stands_beside_it_an_event_arrives(changes: list[dict[str, Any]]) -> None:
    rows = [event(**change) for change in changes]
    found = read(body(*rows, event()))
    assert only() in [told for _, told in found.events]
    assert all(len(told.id) == 64 and len(told.subject_id) == 36 for _, told in found.events)
