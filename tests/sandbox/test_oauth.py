"""Consent, tokens, connections."""

import base64
import hashlib
from typing import Any
from urllib.parse import parse_qs, urlsplit

import httpx
import pytest

from deployments.sandbox.server import Sandbox
from tests.sandbox.api import OTHER_TENANT, SECRET, TENANT, Api, invoice

BACK = "http://localhost:8403/callback"
VERIFIER = "v" * 43
CHALLENGE = base64.urlsafe_b64encode(hashlib.sha256(VERIFIER.encode()).digest()).decode().rstrip("=")
SCOPES = "offline_access accounting.invoices accounting.contacts accounting.settings.read"


@pytest.fixture
def http(sandbox: Sandbox) -> Any:
    with httpx.Client(base_url=sandbox.xero_url, trust_env=False, verify=False) as client:
        yield client


def consent(http: httpx.Client, **more: str) -> httpx.Response:
    asked = {
        "response_type": "code",
        "client_id": SECRET["client_id"],
        "redirect_uri": BACK,
        "scope": SCOPES,
        "state": "s-1",
        **more,
    }
    return http.get("/identity/connect/authorize", params=asked)


def code(http: httpx.Client, **more: str) -> str:
    back = consent(http, approve="true", **more)
    assert back.status_code == 302, back.text
    query = parse_qs(urlsplit(back.headers["location"]).query)
    assert query["state"] == ["s-1"]
    return query["code"][0]


def token(http: httpx.Client, **form: str) -> httpx.Response:
    return http.post("/connect/token", data=form)


def redeem(http: httpx.Client, **more: str) -> dict[str, Any]:
    answer = token(
        http, grant_type="authorization_code", code=code(http, **more), redirect_uri=BACK, **SECRET
    )
    assert answer.status_code == 200, answer.text
    return dict(answer.json())


def refresh(http: httpx.Client, old: str) -> httpx.Response:
    return token(http, grant_type="refresh_token", refresh_token=old, **SECRET)


def organisation(http: httpx.Client, access: str, tenant: str | None = TENANT) -> httpx.Response:
    headers = {"authorization": f"Bearer {access}", "accept": "application/json"}
    if tenant is not None:
        headers["xero-tenant-id"] = tenant
    return http.get("/api.xro/2.0/Organisation", headers=headers)


def test_the_consent_page_is_for_people(http: httpx.Client) -> None:
    page = consent(http)
    assert page.headers["content-type"].startswith("text/html")
    assert "Sandbox Trading Ltd" in page.text
    assert "name=approve value=true" in page.text
    assert "error=access_denied" in consent(http, deny="true").headers["location"]


def test_a_person_ticks_the_organisations_on_the_page(http: httpx.Client) -> None:
    ticked = {"page": "1", "approve": "true", OTHER_TENANT: "on"}
    back = parse_qs(urlsplit(consent(http, **ticked).headers["location"]).query)["code"][0]
    grant = {"grant_type": "authorization_code", "redirect_uri": BACK, **SECRET}
    access = token(http, code=back, **grant).json()["access_token"]
    found = http.get("/connections", headers={"authorization": f"Bearer {access}"}).json()
    assert [one["tenantName"] for one in found] == ["Someone Else Ltd"]
    none = consent(http, page="1", approve="true")
    assert (none.status_code, "Allow access?" in none.text) == (200, True)


@pytest.mark.parametrize(
    ("more", "error"),
    [
        ({"client_id": "other"}, "unauthorized_client"),
        ({"response_type": "token"}, "unsupported_response_type"),
        ({"redirect_uri": "http://127.0.0.1:8403/callback"}, "invalid_redirect_uri"),
        ({"redirect_uri": "http://example.com/callback"}, "invalid_redirect_uri"),
        ({"scope": "accounting.transactions"}, "invalid_scope"),
        ({"scope": ""}, "invalid_scope"),
    ],
)
def test_consent_is_refused(http: httpx.Client, more: dict[str, str], error: str) -> None:
    answer = consent(http, **more)
    assert (answer.status_code, answer.json()) == (400, {"error": error})


def test_127_is_a_redirect_address_by_switch(http: httpx.Client, sandbox: Sandbox) -> None:
    sandbox.settings(switches={"localhost_only_redirect": False})
    assert consent(http, redirect_uri="http://127.0.0.1:8403/callback").status_code == 200


def test_a_code_works_once_with_its_secret_or_its_verifier(http: httpx.Client) -> None:
    grant = {"grant_type": "authorization_code", "redirect_uri": BACK}
    first = code(http)
    assert token(http, code=first, **grant, **SECRET).status_code == 200
    assert token(http, code=first, **grant, **SECRET).json() == {"error": "invalid_grant"}
    public = {**grant, "client_id": SECRET["client_id"]}
    assert token(http, code=code(http), **public).json() == {"error": "invalid_client"}
    pkce = {"code_challenge": CHALLENGE, "code_challenge_method": "S256"}
    assert token(http, code=code(http, **pkce), code_verifier=VERIFIER, **public).status_code == 200
    wrong = token(http, code=code(http, **pkce), code_verifier="w" * 43, **public)
    assert wrong.json() == {"error": "invalid_grant"}
    other = {**grant, "redirect_uri": "http://localhost:1/other"}
    assert token(http, code=code(http), **other, **SECRET).json() == {"error": "invalid_grant"}


def test_an_app_without_a_secret_refreshes_and_revokes_by_its_id_alone(http: httpx.Client) -> None:
    public = {"client_id": SECRET["client_id"]}
    pkce = code(http, code_challenge=CHALLENGE, code_challenge_method="S256")
    grant = {"grant_type": "authorization_code", "redirect_uri": BACK, "code_verifier": VERIFIER}
    tokens = token(http, code=pkce, **grant, **public).json()
    for _ in range(2):
        renewed = token(http, grant_type="refresh_token", refresh_token=tokens["refresh_token"], **public)
        tokens = renewed.json()
    revoked = http.post("/connect/revocation", data={"token": tokens["refresh_token"], **public})
    assert revoked.status_code == 200
    again = token(http, grant_type="refresh_token", refresh_token=tokens["refresh_token"], **public)
    assert again.json() == {"error": "invalid_grant"}


def test_an_app_with_a_secret_shows_it_whenever_it_asks(http: httpx.Client) -> None:
    public = {"client_id": SECRET["client_id"]}
    old = redeem(http)["refresh_token"]
    asked = token(http, grant_type="refresh_token", refresh_token=old, **public)
    assert (asked.status_code, asked.json()) == (400, {"error": "invalid_client"})
    revoked = http.post("/connect/revocation", data={"token": old, **public})
    assert (revoked.status_code, revoked.json()) == (400, {"error": "invalid_client"})
    assert refresh(http, old).status_code == 200


def test_refusals_are_counted_by_their_reason(http: httpx.Client, sandbox: Sandbox) -> None:
    refresh(http, "nonsense")
    assert sandbox.state()["refused"] == {"400 invalid_grant": 1}


def test_client_id_and_secret_as_basic(http: httpx.Client) -> None:
    form = {"grant_type": "client_credentials"}
    assert http.post("/connect/token", data=form, auth=tuple(SECRET.values())).status_code == 200
    wrong = http.post("/connect/token", data=form, auth=("sandbox-client", "wrong"))
    assert (wrong.status_code, wrong.json()) == (400, {"error": "invalid_client"})


def test_access_lasts_thirty_minutes(http: httpx.Client, sandbox: Sandbox) -> None:
    access = redeem(http)["access_token"]
    sandbox.advance(29 * 60)
    assert organisation(http, access).status_code == 200
    sandbox.advance(2 * 60)
    answer = organisation(http, access)
    assert answer.status_code == 401
    assert {"Title", "Status", "Detail"} <= set(answer.json())


def test_refresh_rotates_and_the_old_token_has_thirty_minutes_of_grace(
    http: httpx.Client, sandbox: Sandbox
) -> None:
    first = redeem(http)["refresh_token"]
    second = refresh(http, first).json()["refresh_token"]
    assert second != first
    sandbox.advance(29 * 60)
    third = refresh(http, first)
    assert third.status_code == 200
    sandbox.advance(2 * 60)
    assert (refresh(http, first).status_code, refresh(http, first).json()) == (
        400,
        {"error": "invalid_grant"},
    )
    assert refresh(http, second).status_code == 200


def test_an_unused_refresh_token_dies_after_sixty_days(http: httpx.Client, sandbox: Sandbox) -> None:
    tokens = redeem(http)
    sandbox.advance(59 * 86_400)
    tokens = refresh(http, tokens["refresh_token"]).json()
    sandbox.advance(61 * 86_400)
    assert refresh(http, tokens["refresh_token"]).json() == {"error": "invalid_grant"}


def test_without_offline_access_there_is_no_refresh_token(http: httpx.Client) -> None:
    assert "refresh_token" not in redeem(http, scope="accounting.invoices")


def test_a_custom_connection_has_one_organisation_and_no_refresh_token(http: httpx.Client) -> None:
    tokens = token(http, grant_type="client_credentials", **SECRET).json()
    assert "refresh_token" not in tokens
    assert (
        organisation(http, tokens["access_token"], None).json()["Organisations"][0]["Name"]
        == "Sandbox Trading Ltd"
    )
    assert organisation(http, tokens["access_token"], OTHER_TENANT).status_code == 403


def test_one_consent_may_reach_several_organisations(http: httpx.Client) -> None:
    access = redeem(http)["access_token"]
    assert organisation(http, access, OTHER_TENANT).json()["Organisations"][0]["Name"] == "Someone Else Ltd"
    for tenant in (None, "11111111-2222-4333-8444-555555555555"):
        assert organisation(http, access, tenant).status_code == 403


@pytest.mark.parametrize("path", ["/connections", "/Connections"])
def test_connections(http: httpx.Client, path: str) -> None:
    headers = {"authorization": f"Bearer {redeem(http)['access_token']}"}
    found = http.get(path, headers=headers).json()
    assert {one["tenantName"] for one in found} == {"Sandbox Trading Ltd", "Someone Else Ltd"}
    other = next(one for one in found if one["tenantId"] == OTHER_TENANT)
    assert http.delete(f"{path}/{other['id']}", headers=headers).status_code == 204
    assert [one["tenantId"] for one in http.get(path, headers=headers).json()] == [TENANT]
    assert organisation(http, headers["authorization"][7:], OTHER_TENANT).status_code == 403
    assert http.get(path).status_code == 401


def test_connections_bear_the_organisations_name_as_it_is_by_now(
    http: httpx.Client, sandbox: Sandbox
) -> None:
    headers = {"authorization": f"Bearer {redeem(http)['access_token']}"}
    sandbox.edit("organisation", fields={"Name": "Renamed Ltd"})
    assert "Renamed Ltd" in {one["tenantName"] for one in http.get("/connections", headers=headers).json()}


def test_revocation_ends_tokens_and_connections(http: httpx.Client) -> None:
    tokens = redeem(http)
    answer = http.post("/connect/revocation", data={"token": tokens["refresh_token"], **SECRET})
    assert answer.status_code == 200
    assert refresh(http, tokens["refresh_token"]).json() == {"error": "invalid_grant"}
    assert organisation(http, tokens["access_token"]).status_code == 401


def test_scopes_are_enforced(http: httpx.Client, api: Api) -> None:
    contact = api.contact()
    scopes = "accounting.contacts.read accounting.invoices"
    access = token(http, grant_type="client_credentials", scope=scopes, **SECRET).json()["access_token"]
    api.http.headers["authorization"] = f"Bearer {access}"
    assert api.get("Contacts").status_code == 200
    assert api.put("Invoices", invoice(contact))[0]["StatusAttributeString"] == "OK"
    assert api.write("PUT", "Contacts", {"Name": "B Ltd"}).status_code == 403
    for plural in ("Accounts", "Payments"):
        answer = api.get(plural)
        assert (answer.status_code, answer.json()["Title"]) == (403, "Forbidden")
