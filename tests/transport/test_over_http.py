"""The table over real HTTP: the sandbox breaks its calls, and nothing is lost or doubled."""

from typing import Any

import pytest

from deployments.sandbox.server import Sandbox
from tasks.domain.errors import Offline, Parked, ServerFault
from tasks.transport.http import Http, Patience
from tasks.xero.endpoints import CONTACTS
from tasks.xero.wire import body
from tests.support import Connect, order
from tests.transport.far_side import FAST

BROKEN = [
    pytest.param("lose_answer", {}, id="lost"),
    pytest.param("cut", {}, id="cut"),
    pytest.param("cut", {"broken": True}, id="cut off"),
    pytest.param("offline", {}, id="offline"),
    pytest.param("throttle", {"problem": "concurrent"}, id="throttled"),
    pytest.param("throttle", {"problem": "minute", "retry_after": 0}, id="throttled for a moment"),
    pytest.param("slow_answer", {"seconds": 0.6}, id="slow"),
]


@pytest.mark.parametrize(("kind", "how"), [*BROKEN, pytest.param("error_before", {}, id="500")])
def test_a_read_gets_its_answer_in_the_end(kind: str, how: dict[str, Any], sandbox: Sandbox) -> None:
    sandbox.load_orders([order(1)])
    sandbox.fault(kind, on="monstock", next=2, **how)
    http = Http(
        sandbox.monstock_url, headers={"Authorization": "Bearer sandbox-key"}, patience=FAST, timeout=0.4
    )
    assert len(http.read("customer-orders").data["data"]) == 1
    assert http.calls == {"GET customer-orders": 3}
    http.close()


@pytest.mark.parametrize(("kind", "how"), BROKEN)
def test_a_write_is_carried_out_once_under_its_key(
    kind: str, how: dict[str, Any], sandbox: Sandbox, connect: Connect
) -> None:
    xero = connect({'prefix = "MS-"': 'prefix = "MS-"\nrequest_timeout = 0.4'}).xero
    xero.http.patience = FAST
    sandbox.fault(kind, method="PUT", next=1, **how)
    sent = body("Contacts", [{"Name": "Ada"}])
    [made] = xero.send("PUT", CONTACTS, sent, "key-1", lambda: None).data["Contacts"]
    assert (made["Name"], made["StatusAttributeString"]) == ("Ada", "OK")
    assert [row["ContactID"] for row in xero.page("Contacts").rows] == [made["ContactID"]]


@pytest.mark.parametrize(
    ("kind", "how", "raised"),
    [
        ("error_after", {}, ServerFault),
        ("error_before", {}, ServerFault),
        ("throttle", {"problem": "day", "retry_after": 7200}, Parked),
    ],
)
def test_a_write_that_must_not_be_repeated_is_sent_once(
    kind: str, how: dict[str, Any], raised: type[Exception], sandbox: Sandbox, connect: Connect
) -> None:
    xero = connect().xero
    sandbox.fault(kind, method="PUT", **how)
    with pytest.raises(raised):
        xero.send("PUT", CONTACTS, body("Contacts", [{"Name": "Ada"}]), "key-1", lambda: None)
    assert xero.http.calls == {"PUT Contacts": 1}


def test_nobody_at_home_is_offline() -> None:
    http = Http("http://127.0.0.1:9", patience=Patience(2, 1.0, 0.001, 0.001))
    with pytest.raises(Offline, match="no connection"):
        http.read("customer-orders")


def test_bytes_that_came_are_counted(connect: Connect) -> None:
    http = connect().monstock.http
    answers = [http.read("customer-orders"), http.read("supplier-orders")]
    assert http.received == sum(len(answer.content) for answer in answers)
