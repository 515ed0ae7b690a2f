"""One token serves many calls, and its secret is never shown."""

from base64 import b64decode
from urllib.parse import parse_qs

import httpx
import pytest
from pydantic import SecretStr

from deployments.sandbox.server import Sandbox
from tasks.domain.errors import MonstockXeroError, NotAuthorised, Offline
from tasks.transport.http import Http
from tasks.xero import auth
from tasks.xero.auth import CustomConnection
from tests.support import Connect
from tests.transport.far_side import FAST, FarSide, Turn

SECRET = "s3cr3t-of-ours"


def token(number: int, seconds: int = 1800) -> httpx.Response:
    return httpx.Response(200, json={"access_token": f"token-{number}", "expires_in": seconds})


class Api(FarSide):
    """Takes only the token it was told to; everything else is a 401."""

    good = "token-1"

    def __call__(self, request: httpx.Request) -> httpx.Response:
        if "/connect/token" in str(request.url):
            return super().__call__(request)
        self.sent.append(("API", request.method, request.read(), dict(request.headers)))
        right = request.headers["Authorization"] == f"Bearer {self.good}"
        return httpx.Response(200 if right else 401, json={})


def client(far: Api) -> Http:
    own = CustomConnection("http://id.example/", "our-id", SecretStr(SECRET), httpx.MockTransport(far))
    return far.http(auth=own)


def asked_for_tokens(far: Api) -> int:
    return sum(what != "API" for what, *_ in far.sent)


def test_a_token_is_fetched_with_the_credentials_and_the_scopes_that_are_needed() -> None:
    far = Api(token(1))
    client(far).read("Invoices")
    method, url, body, headers = far.sent[0]
    assert (method, url) == ("POST", "http://id.example/connect/token")
    assert b64decode(headers["authorization"].removeprefix("Basic ")) == f"our-id:{SECRET}".encode()
    form = parse_qs(body.decode())
    assert form["grant_type"] == ["client_credentials"]
    assert "accounting.invoices" in form["scope"][0].split()
    assert "offline_access" not in form["scope"][0]


def test_a_token_is_fetched_once_and_used_again() -> None:
    far = Api(token(1))
    http = client(far)
    for _ in range(3):
        http.read("Invoices")
    assert asked_for_tokens(far) == 1


def test_a_token_is_renewed_before_its_end(monkeypatch: pytest.MonkeyPatch) -> None:
    far = Api(token(1), token(2))
    http, now = client(far), [1000.0]
    monkeypatch.setattr(auth.time, "monotonic", lambda: now[0])
    http.read("Invoices")
    now[0] += 1800 - auth.MARGIN - 1
    http.read("Invoices")
    assert asked_for_tokens(far) == 1
    far.good = "token-2"
    now[0] += 2
    http.read("Invoices")
    assert asked_for_tokens(far) == 2
    assert http.calls == {"GET Invoices": 3}


def test_a_401_costs_one_new_token_and_the_same_request_again() -> None:
    far = Api(token(1), token(2))
    http = client(far)
    http.read("Invoices")
    far.good = "token-2"
    http.write("PUT", "Invoices", b'{"a": 1}', headers={"Idempotency-Key": "k"})
    refused, again = far.sent[-3], far.sent[-1]
    assert refused[:3] == again[:3] == ("API", "PUT", b'{"a": 1}')
    assert refused[3]["idempotency-key"] == again[3]["idempotency-key"] == "k"
    assert (refused[3]["authorization"], again[3]["authorization"]) == ("Bearer token-1", "Bearer token-2")
    assert http.calls == {"GET Invoices": 1, "PUT Invoices": 2}


def test_a_second_401_ends_it() -> None:
    far = Api(token(1))
    far.good = "never"
    with pytest.raises(NotAuthorised):
        client(far).write("PUT", "Invoices", b"{}")
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
def test_an_identity_service_out_of_order_is_asked_again_and_no_write_is_lost(turn: Turn) -> None:
    far = Api(turn, turn, token(1))
    client(far).write("PUT", "Invoices", b"{}")
    assert [what for what, *_ in far.sent] == ["POST", "POST", "POST", "API"]


def test_an_identity_service_that_stays_away_sends_nothing() -> None:
    far = Api(httpx.Response(500))
    with pytest.raises(Offline):
        client(far).write("PUT", "Invoices", b"{}")
    assert asked_for_tokens(far) == len(far.sent) == FAST.attempts


@pytest.mark.parametrize("status", [400, 401, 403])
def test_refused_credentials_are_said_in_a_sentence_without_the_secret(status: int) -> None:
    far = Api(httpx.Response(status, json={"error": "invalid_client"}))
    http = client(far)
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
