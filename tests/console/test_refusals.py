"""What nobody should send: refused with a bare answer, and the ledger is not asked."""

import time
from contextlib import suppress
from typing import Any

import httpx
import pytest
from sqlalchemy import event

from deployments.console import bodies, protocol, watching
from deployments.console.bodies import BODY_BYTES
from deployments.console.serving import receiving
from tasks.ledger.database import Database
from tests.console.served import (
    BARE,
    SECRET,
    Served,
    answer,
    listening,
    monstock_headers,
    soon,
    xero_body,
    xero_event,
    xero_signature,
)

POST = b"POST /webhooks/xero HTTP/1.1\r\nhost: x\r\n"
CLOSED = BARE | {"connection"}


def test_a_body_that_says_it_is_too_long_is_refused_before_it_is_sent(served: Served) -> None:
    with served.connect() as connection:
        connection.sendall(POST + b"content-length: %d\r\n\r\n" % (BODY_BYTES + 1))
        assert answer(connection) == (413, CLOSED, b"")


def test_a_body_that_does_not_say_is_counted(served: Served) -> None:
    with served.connect() as connection:
        connection.sendall(POST + b"transfer-encoding: chunked\r\n\r\n")
        for _ in range(BODY_BYTES // 2**16):
            connection.sendall(b"10000\r\n" + b"x" * 2**16 + b"\r\n")
        connection.sendall(b"1\r\nx\r\n")
        assert answer(connection) == (413, CLOSED, b"")


def test_a_body_of_just_the_length_is_read(served: Served) -> None:
    raw = xero_body().ljust(BODY_BYTES)
    assert served.post("/webhooks/xero", raw, {"x-xero-signature": xero_signature(raw)}).status_code == 200
    chunks = iter([raw[:7], raw[7:]])
    assert served.post("/webhooks/xero", chunks, {"x-xero-signature": xero_signature(raw)}).status_code == 200


@pytest.mark.parametrize("length", [b"-1", b"x", b"1, 2", b"99999999999999999999"])
def test_a_length_that_is_none_is_refused(length: bytes, served: Served) -> None:
    with served.connect() as connection:
        connection.sendall(POST + b"content-length: " + length + b"\r\n\r\n")
        assert answer(connection)[0] in {400, 413}


def test_a_body_that_does_not_come_is_not_awaited(served: Served, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bodies, "READ_SECONDS", 0.1)
    with served.connect() as connection:
        connection.sendall(POST + b"content-length: 10\r\n\r\nhalf")
        assert answer(connection) == (408, CLOSED, b"")


def test_bodies_that_are_read_at_once_have_a_limit_together(
    served: Served, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(bodies, "ROOM_BYTES", 100)
    raw = xero_body().ljust(101)
    signed = {"x-xero-signature": xero_signature(raw)}
    assert served.post("/webhooks/xero", raw, signed).status_code == 503
    monkeypatch.setattr(bodies, "ROOM_BYTES", 101)
    assert served.post("/webhooks/xero", raw, signed).status_code == 200


def test_whoever_does_not_end_their_head_is_let_go(served: Served, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(protocol, "HEAD_SECONDS", 0.1)
    with served.connect() as silent, served.connect() as slow, served.connect() as second:
        slow.sendall(POST)
        second.sendall(b"GET /health HTTP/1.1\r\nhost: x\r\n\r\n")
        received = b""
        while not received.endswith(b"ok"):
            received += second.recv(65536)
        second.sendall(POST)
        assert silent.recv(1) == slow.recv(1) == second.recv(1) == b""


def test_of_too_many_connections_the_last_are_refused(
    served: Served, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(protocol, "CONNECTIONS", 2)
    with served.connect() as first, served.connect() as second, served.connect() as third:
        with suppress(ConnectionResetError):
            assert third.recv(1) == b""
        for one in (first, second):
            one.sendall(b"GET /health HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n")
            assert answer(one)[0] == 200
    assert httpx.get(f"{served.url}/health", trust_env=False, verify=False).status_code == 200


def test_a_connection_that_rests_between_two_requests_is_kept(
    served: Served, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(protocol, "HEAD_SECONDS", 0.05)
    with httpx.Client(trust_env=False, verify=False) as client:
        streams = set()
        for _ in range(3):
            found = client.get(f"{served.url}/health")
            streams.add(found.extensions["network_stream"].get_extra_info("client_addr"))
            time.sleep(0.3)
    assert len(streams) == 1


@pytest.mark.parametrize(
    "sent", [b"\x16\x03\x01\x02\x00\x01\r\n\r\n", b"hello\r\n\r\n"], ids=["TLS", "words"]
)
def test_what_is_no_http_gets_no_words(sent: bytes, served: Served) -> None:
    with served.connect() as connection:
        connection.sendall(sent)
        status, _, rest = answer(connection)
        assert (status, rest) == (400, b"")


def test_another_method_is_not_allowed(served: Served) -> None:
    for path in ("/webhooks/xero", "/webhooks/monstock/sandbox"):
        for method in ("GET", "HEAD", "PUT", "DELETE", "OPTIONS", "PATCH", "NONSENSE"):
            found = httpx.request(method, f"{served.url}{path}", trust_env=False, verify=False)
            assert (found.status_code, found.content, set(found.headers)) == (405, b"", BARE | {"allow"})
            assert found.headers["allow"] == "POST"


def test_other_paths_are_not_found(served: Served) -> None:
    for path in (
        "/",
        "/docs",
        "/openapi.json",
        "/webhooks",
        "/webhooks/xero/",
        "/webhooks/xero/x",
        "/.env",
        "/%00",
    ):
        found = httpx.get(f"{served.url}{path}", trust_env=False, verify=False)
        assert (found.status_code, found.content, set(found.headers)) == (404, b"", BARE)


def test_it_says_that_it_is_there(served: Served) -> None:
    found = httpx.get(f"{served.url}/health", trust_env=False, verify=False)
    assert (found.status_code, found.text) == (200, "ok")


@pytest.fixture
def asked(ledger: Database, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """What any ledger that is opened from now on is asked."""
    statements: list[str] = []
    opened = Database.__init__

    def open_(self: Database, *args: Any, **how: Any) -> None:
        opened(self, *args, **how)

        @event.listens_for(self.engine, "before_cursor_execute")
        def note(_c: Any, _cursor: Any, statement: str, *_: Any) -> None:
            statements.append(statement)

    monkeypatch.setattr(Database, "__init__", open_)
    return statements


def test_a_flood_of_strangers_asks_nothing_of_the_ledger(
    asked: list[str], settings_file: Any, ledger: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(watching, "LOOK_SECONDS", 3600.0)
    raw = xero_body(xero_event())
    strange = monstock_headers(raw, secret="whsec_" + "A" * 32)
    unknown = xero_body(xero_event(tenantId="5a9d0b0e-0000-4000-8000-000000000009"))
    with receiving(lambda _: None) as app, listening(app) as url:
        served = Served(url, ledger)
        soon(lambda: any("DELETE FROM events" in statement for statement in asked))  # once at the start
        before = len(asked)
        with httpx.Client(trust_env=False, verify=False, base_url=url) as client:
            for _ in range(50):
                client.post("/webhooks/xero", content=raw, headers={"x-xero-signature": "x"})
                client.post("/webhooks/monstock/sandbox", content=raw, headers=strange)
                client.post(
                    "/webhooks/monstock/nobody", content=raw, headers=monstock_headers(raw, secret=SECRET)
                )
                signed = {"x-xero-signature": xero_signature(unknown)}
                client.post("/webhooks/xero", content=unknown, headers=signed)
        assert asked[before:] == []
        assert served.xero(xero_event()).status_code == 200
        assert len(asked) > before
