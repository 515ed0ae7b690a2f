"""Xero's identity service beside the tokens: what a consent reaches, and its end."""

from typing import Any

import httpx
import pytest
from pydantic import SecretStr

from tasks.domain.errors import NotAuthorised, Offline
from tasks.transport.clock import FarClock
from tasks.xero.identity import LASTING, Addresses, Identity, Organisation
from tests.transport.far_side import FAST, FarSide

AT = Addresses("http://id.example", "http://login.example", "http://api.example/connections")
ACCESS, REFRESH = SecretStr("access-1"), SecretStr("refresh-1")
ACME = Organisation("c/1", "t-1", "Acme Ltd")


def identity(far: FarSide, secret: str | None = "s3cr3t") -> Identity:
    key = SecretStr(secret) if secret else None
    return Identity(AT, "our-id", key, FarClock(), FAST, httpx.MockTransport(far))


def row(number: int, name: str, **more: Any) -> dict[str, Any]:
    return {
        "id": f"c-{number}",
        "tenantId": f"t-{number}",
        "tenantName": name,
        "tenantType": "ORGANISATION",
        **more,
    }


def test_organisations_are_listed_by_name_and_nothing_else_is() -> None:
    far = FarSide(
        httpx.Response(200, json=[row(1, "beta"), row(2, "Alpha"), row(3, "Firm", tenantType="PRACTICE")])
    )
    assert [one.name for one in identity(far).organisations(ACCESS)] == ["Alpha", "beta"]
    method, url, _, headers = far.sent[0]
    assert (method, url, headers["authorization"]) == ("GET", AT.connections, "Bearer access-1")


def test_a_list_that_is_refused_says_so_without_the_token() -> None:
    far = FarSide(httpx.Response(403, json={"Title": "Forbidden"}))
    with pytest.raises(NotAuthorised, match=r"does not list the organisations .*403: .*Forbidden") as refused:
        identity(far).organisations(ACCESS)
    assert (refused.value.status, "access-1" in str(refused.value)) == (403, False)


@pytest.mark.parametrize("content", [b"[{}]", b"{}x", b'"text"', b'["text"]'])
def test_a_list_that_is_not_whole_is_not_believed(content: bytes) -> None:
    with pytest.raises(Offline, match="whole list"):
        identity(FarSide(httpx.Response(200, content=content))).organisations(ACCESS)


@pytest.mark.parametrize("status", [204, 404])
def test_a_connection_that_is_gone_is_left(status: int) -> None:
    far = FarSide(httpx.ReadTimeout("slow"), httpx.Response(status))
    identity(far).leave(ACME, ACCESS)
    assert [(method, url) for method, url, *_ in far.sent] == [("DELETE", f"{AT.connections}/c%2F1")] * 2


def test_a_connection_that_cannot_be_ended_is_named() -> None:
    with pytest.raises(NotAuthorised, match=r'does not end the connection to "Acme Ltd" \(403'):
        identity(FarSide(httpx.Response(403))).leave(ACME, ACCESS)


def test_a_consent_is_revoked_by_its_refresh_token() -> None:
    far = FarSide(httpx.Response(503), httpx.Response(200))
    identity(far).revoke(REFRESH)
    _, url, body, headers = far.sent[-1]
    assert (url, body) == ("http://id.example/connect/revocation", b"token=refresh-1")
    assert headers["authorization"].startswith("Basic ")


def test_an_app_without_a_secret_names_itself_by_its_id() -> None:
    far = FarSide(httpx.Response(200))
    identity(far, None).revoke(REFRESH)
    _, _, body, headers = far.sent[0]
    assert body == b"token=refresh-1&client_id=our-id"
    assert "authorization" not in headers


def test_a_revocation_that_is_refused_says_so() -> None:
    with pytest.raises(NotAuthorised, match=r"invalid_client.*Check client_id"):
        identity(FarSide(httpx.Response(400, json={"error": "invalid_client"}))).revoke(REFRESH)


def redeemed(scope: str | None) -> Any:
    answer = {"access_token": "access-1", "expires_in": 1800, "refresh_token": "refresh-1"}
    far = FarSide(httpx.Response(200, json=answer | ({"scope": scope} if scope else {})))
    return identity(far).redeem("code-1", "http://localhost:1/callback", "v" * 64)


def test_a_consent_that_grants_too_little_is_not_taken() -> None:
    with pytest.raises(NotAuthorised, match=r"grants no accounting\.payments, offline_access\. Allow that"):
        redeemed("accounting.invoices accounting.contacts accounting.settings.read")
    assert redeemed(LASTING).refresh == REFRESH


def test_scopes_that_are_not_named_are_those_that_were_asked_for() -> None:
    assert redeemed(None).scopes == LASTING


def test_a_code_that_is_spent_says_so() -> None:
    far = FarSide(httpx.Response(400, json={"error": "invalid_grant"}))
    with pytest.raises(NotAuthorised, match="invalid_grant"):
        identity(far).redeem("code-1", "http://localhost:1/callback", "v" * 64)
