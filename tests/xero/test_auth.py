"""One token serves many calls and all processes, is renewed before its end, and is never shown."""

from base64 import b64decode
from datetime import timedelta
from urllib.parse import parse_qs

import httpx
import pytest

from deployments.sandbox.server import Sandbox
from tasks.domain.errors import MonstockXeroError, NotAuthorised, Offline
from tasks.ledger.database import Database
from tasks.xero.auth import EARLY
from tasks.xero.identity import SCOPES
from tests.support import Connect
from tests.transport.far_side import FAST, Turn
from tests.xero.processes import (
    LIFE,
    SECRET,
    Api,
    asked,
    custom,
    token,
)


def test_a_token_is_fetched_with_the_credentials_and_the_scopes_that_are_needed(database: Database) -> None:
    far = Api(token(1))
    custom(far, database).read("Invoices")
    method, url, body, headers = far.sent[0]
    assert (method, url) == ("POST", "http://id.example/connect/token")
    assert b64decode(headers["authorization"].removeprefix("Basic ")) == f"our-id:{SECRET}".encode()
    form = parse_qs(body.decode())
    assert form["grant_type"] == ["client_credentials"]
    assert form["scope"] == [
        "accounting.invoices accounting.payments accounting.contacts accounting.settings.read"
    ]


def test_a_token_is_fetched_once_for_all_processes(database: Database) -> None:
    far = Api(token(1))
    for _ in range(3):
        http = custom(far, database)
        http.read("Invoices")
        http.read("Invoices")
    assert len(asked(far)) == 1


def test_a_token_is_renewed_before_its_end_by_xeros_clock(database: Database) -> None:
    far = Api(token(1), token(2))
    far.ahead = timedelta(hours=5)
    http = custom(far, database)
    http.read("Invoices")
    far.ahead += LIFE - EARLY - timedelta(seconds=5)
    for _ in range(2):  # the first one's answer tells what time it is
        http.read("Invoices")
    assert len(asked(far)) == 1
    far.ahead += timedelta(seconds=10)
    http.read("Invoices")
    far.good = "token-2"
    http.read("Invoices")
    assert len(asked(far)) == 2
    assert http.calls == {"GET Invoices": 5}


def test_a_401_costs_one_new_token_and_the_same_request_again(database: Database) -> None:
    far = Api(token(1), token(2))
    http = custom(far, database)
    http.read("Invoices")
    far.good = "token-2"
    http.write("PUT", "Invoices", b'{"a": 1}', headers={"Idempotency-Key": "k"})
    refused, again = far.sent[-3], far.sent[-1]
    assert refused[:3] == again[:3] == ("API", "PUT", b'{"a": 1}')
    assert refused[3]["idempotency-key"] == again[3]["idempotency-key"] == "k"
    assert (refused[3]["authorization"], again[3]["authorization"]) == ("Bearer token-1", "Bearer token-2")
    assert http.calls == {"GET Invoices": 1, "PUT Invoices": 2}


def test_a_401_that_another_process_has_cured_costs_no_new_token(database: Database) -> None:
    far = Api(token(1), token(2))
    first, second = custom(far, database), custom(far, database)
    first.read("Invoices")
    second.read("Invoices")
    far.good = "token-2"
    first.read("Invoices")
    second.read("Invoices")
    assert len(asked(far)) == 2


def test_a_second_401_ends_it(database: Database) -> None:
    far = Api(token(1), token(2))
    far.good = "never"
    with pytest.raises(NotAuthorised):
        custom(far, database).write("PUT", "Invoices", b"{}")
    assert [what for what, *_ in far.sent] == ["POST", "API", "POST", "API"]


@pytest.mark.parametrize(
    "turn",
    [
        pytest.param(httpx.Response(503, text="down"), id="503"),
        pytest.param(httpx.Response(500), id="500"),
        pytest.param(httpx.Response(429), id="429"),
        pytest.param(httpx.ConnectError("refused"), id="no connection"),
        pytest.param(httpx.ReadTimeout("slow"), id="timeout"),
        pytest.param(httpx.Response(200, content=b'{"access_to'), id="cut JSON"),
        pytest.param(httpx.Response(200, json={"access_token": "x"}), id="no end named"),
        pytest.param(httpx.Response(200, json=[]), id="no token"),
    ],
)
def test_an_identity_service_out_of_order_is_asked_again_and_no_write_is_lost(
    turn: Turn, database: Database
) -> None:
    far = Api(turn, turn, token(1))
    custom(far, database).write("PUT", "Invoices", b"{}")
    assert [what for what, *_ in far.sent] == ["POST", "POST", "POST", "API"]


def test_an_identity_service_that_stays_away_sends_nothing(database: Database) -> None:
    far = Api(httpx.Response(500))
    with pytest.raises(Offline):
        custom(far, database).write("PUT", "Invoices", b"{}")
    assert len(asked(far)) == len(far.sent) == FAST.attempts


def test_a_scope_that_a_custom_connection_was_given_since_is_seen_at_once(database: Database) -> None:
    far = Api(token(1, scope="accounting.invoices"), token(2, scope=SCOPES))
    with pytest.raises(NotAuthorised, match=r"grants no accounting\.contacts, .*Add the scope"):
        custom(far, database).read("Invoices")
    far.good = "token-2"
    custom(far, database).read("Invoices")
    assert len(asked(far)) == 2


def test_an_app_without_the_scopes_is_told_which(database: Database) -> None:
    far = Api(httpx.Response(400, json={"error": "invalid_scope"}))
    with pytest.raises(NotAuthorised, match=r"all of the scopes accounting\.invoices .*developer site"):
        custom(far, database).read("Invoices")


@pytest.mark.parametrize("status", [400, 401, 403])
def test_refused_credentials_are_said_in_a_sentence_without_the_secret(
    status: int, database: Database
) -> None:
    far = Api(httpx.Response(status, json={"error": "invalid_client"}))
    http = custom(far, database)
    with pytest.raises(NotAuthorised) as refused:
        http.read("Invoices")
    assert "refuses the client credentials" in str(refused.value)
    assert "invalid_client" in str(refused.value)
    assert len(far.sent) == 1
    encoded = far.sent[0][3]["authorization"]
    for shown in (str(refused.value), repr(refused.value), repr(http), repr(vars(http))):
        assert SECRET not in shown
        assert encoded not in shown


def test_the_sandbox_gives_tokens_and_takes_them_away(sandbox: Sandbox, connect: Connect) -> None:
    xero = connect().xero
    assert xero.organisation()["Name"] == "Sandbox Trading Ltd"
    sandbox.fault("expire_tokens")
    assert xero.organisation()["Name"] == "Sandbox Trading Ltd"
    assert xero.http.calls == {"GET Organisation": 3}


def test_wrong_credentials_stop_at_the_sandbox(connect: Connect, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SANDBOX_XERO_SECRET", SECRET)
    with pytest.raises(MonstockXeroError, match="Check client_id, client_secret") as refused:
        connect().xero.organisation()
    assert SECRET not in str(refused.value)
