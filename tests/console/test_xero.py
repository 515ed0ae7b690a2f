"""Xero's webhooks at the receiver's door: every answer is 200 or 401, or 503 where it is to send again."""

import logging
import sqlite3
import uuid
from contextlib import closing
from pathlib import Path

import pytest

from deployments.console import app
from tasks.ledger.pins import Pins
from tasks.ledger.told import Followed, Side
from tests.console.served import (
    BARE,
    SANDBOX,
    TENANT,
    Served,
    soon,
    xero_body,
    xero_event,
    xero_signature,
)

DOCUMENT = "0d2e6b0a-1111-4000-8000-000000000007"
KEPT = ("sandbox", "documents", "INVOICE", DOCUMENT)
OTHER_TENANT = "5a9d0b0e-0000-4000-8000-000000000002"


def test_an_event_that_is_answered_is_in_the_ledger_and_somebody_is_called(served: Served) -> None:
    answer = served.xero(xero_event(DOCUMENT))
    assert served.kept() == [KEPT]
    assert (answer.status_code, answer.content, set(answer.headers)) == (200, b"", BARE)
    assert soon(lambda: served.calls) == [[Followed("sandbox", Side.documents)]]


def test_an_event_that_comes_twice_is_kept_once(served: Served) -> None:
    assert [served.xero(xero_event(DOCUMENT)).status_code for _ in "12"] == [200, 200]
    assert served.kept() == [KEPT]


@pytest.mark.parametrize("signature", [None, b"", b"x", b"\xe9"])
def test_without_its_signature_it_is_refused(signature: bytes | None, served: Served) -> None:
    headers = {} if signature is None else {"x-xero-signature": signature}
    answer = served.post("/webhooks/xero", xero_body(xero_event()), headers)
    assert (answer.status_code, answer.content, set(answer.headers)) == (401, b"", BARE)
    assert served.kept() == []


def test_the_signature_is_of_the_bytes_that_came(served: Served) -> None:
    raw = xero_body(xero_event(DOCUMENT))
    signature = {"x-xero-signature": xero_signature(raw)}
    assert served.post("/webhooks/xero", raw + b"\n", signature).status_code == 401
    spaced = raw.replace(b'": ', b'" :\t')
    answer = served.post("/webhooks/xero", spaced, {"x-xero-signature": xero_signature(spaced)})
    assert answer.status_code == 200
    assert served.kept() == [KEPT]


def test_an_intent_to_receive_is_answered_by_its_signature_alone(served: Served) -> None:
    """Xero signs some of them wrongly, and switches the webhooks on only if those are refused."""
    keys = [b"sandbox-webhook-key", b"wrong", b"sandbox-webhook-key", b"", b"sandbox-webhook-keyx"]
    answers = [served.xero(key=key) for key in keys]
    assert [answer.status_code for answer in answers] == [200, 401, 200, 401, 401]
    assert {answer.content for answer in answers} == {b""}
    assert served.kept() == []


def test_of_a_body_what_can_be_read_is_kept(served: Served) -> None:
    contact = xero_event(eventCategory="CONTACT")
    assert served.xero(xero_event("7"), None, contact, xero_event(DOCUMENT)).status_code == 200
    assert served.kept() == [KEPT]


@pytest.mark.parametrize("raw", [b"", b"[]", b"\xff\x00"])
def test_a_signed_body_that_cannot_be_read_is_not_asked_for_again(raw: bytes, served: Served) -> None:
    answer = served.post("/webhooks/xero", raw, {"x-xero-signature": xero_signature(raw)})
    assert answer.status_code == 200


def test_tenants_that_are_no_connections_are_answered_and_named_once(
    served: Served, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.WARNING):
        for _ in range(20):
            assert served.xero(xero_event(tenantId=OTHER_TENANT)).status_code == 200
    assert served.kept() == []
    assert [OTHER_TENANT in line for line in caplog.messages] == [True]


def test_an_organisation_that_is_joined_meanwhile_is_known(served: Served, settings_file: Path) -> None:
    settings_file.write_text(
        SANDBOX.replace("tenant_id", "# tenant_id").replace("tenant_name", "# tenant_name")
    )

    def forgotten() -> bool:
        before = len(served.kept())
        return served.xero(xero_event()).status_code == 200 and len(served.kept()) == before

    soon(forgotten)
    pins = Pins(served.database, "sandbox")
    with served.database.begin() as tx:
        pins.join(tx, TENANT, "Sandbox Trading Ltd", "consent")

    def known() -> bool:
        return served.xero(xero_event(DOCUMENT)).status_code == 200 and KEPT in served.kept()

    soon(known)


def two_apps(monkeypatch: pytest.MonkeyPatch) -> str:
    """Two connections of two apps with a key each, to two organisations."""
    monkeypatch.setenv("OTHER_KEY", "the-other-key")
    other = SANDBOX.replace("connections.sandbox", "connections.other").replace(TENANT, OTHER_TENANT)
    for old, new in {
        'prefix = "MS-"': 'prefix = "B-"',
        "SANDBOX_MONSTOCK_KEY": "OTHER_MONSTOCK_KEY",
        '"sandbox-client"': '"another"',
        "SANDBOX_XERO_WEBHOOK_KEY": "OTHER_KEY",
    }.items():
        other = other.replace(old, new)
    return SANDBOX + other


def test_a_key_speaks_for_the_organisations_of_its_own_app(
    served: Served, settings_file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert served.xero(key=b"the-other-key").status_code == 401
    settings_file.write_text(two_apps(monkeypatch))
    soon(lambda: served.xero(key=b"the-other-key").status_code == 200)
    both = xero_event(DOCUMENT), xero_event(DOCUMENT, tenantId=OTHER_TENANT)
    assert served.xero(*both, key=b"the-other-key").status_code == 200
    assert served.kept() == [("other", *KEPT[1:])]
    assert served.xero(*both).status_code == 200
    assert served.kept() == [("other", *KEPT[1:]), KEPT]


def test_while_the_ledger_cannot_be_written_it_is_to_come_again(
    served: Served, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(app, "KEEP_SECONDS", 0.1)
    file = served.database.engine.url.database
    assert file is not None
    with closing(sqlite3.connect(file, isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        answer = served.xero(xero_event(DOCUMENT))
        assert (answer.status_code, answer.content, set(answer.headers)) == (503, b"", BARE)
        assert served.xero().status_code == 200  # there is nothing to keep
        other.execute("ROLLBACK")
    monkeypatch.setattr(app, "KEEP_SECONDS", 20)
    assert served.xero(xero_event(DOCUMENT)).status_code == 200
    assert served.kept() == [KEPT]


def test_a_thousand_events_of_one_body_are_kept(served: Served) -> None:
    told = [xero_event(str(uuid.uuid4())) for _ in range(1000)]
    assert served.xero(*told).status_code == 200
    assert len(served.kept()) == 1000
