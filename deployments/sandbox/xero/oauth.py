"""The identity service: consent, tokens that rotate with a grace, revocation, connections."""

import base64
import hashlib
import re
import secrets
from typing import Any
from urllib.parse import unquote, urlsplit
from uuid import uuid4

from deployments.sandbox.clock import Clock
from deployments.sandbox.codec import Json
from deployments.sandbox.store import Filter, Store
from deployments.sandbox.web import Answer, Request
from deployments.sandbox.xero.consent_page import back, chosen, page
from deployments.sandbox.xero.errors import HTML, BarredError, MissingError
from deployments.sandbox.xero.reference import ORGANISATIONS, TENANT

CLIENT_ID = "sandbox-client"
CLIENT_SECRET = "sandbox-secret"  # noqa: S105 - of a stand-in on loopback
ACCESS_SECONDS = 30 * 60
GRACE_SECONDS = 30 * 60
REFRESH_SECONDS = 60 * 86_400
CODE_SECONDS = 5 * 60
_AREAS = (
    "invoices",
    "payments",
    "contacts",
    "settings",
    "banktransactions",
    "attachments",
    "budgets",
    "reports",
)
SCOPES = {"openid", "profile", "email", "offline_access"} | {
    f"accounting.{area}{suffix}" for area in _AREAS for suffix in ("", ".read")
}


class OAuthError(Exception):
    """400 with an OAuth error code."""

    def answer(self) -> Answer:
        """As RFC 6749 has it."""
        return Answer.json({"error": str(self)}, 400)


class Identity:
    """Tokens and connections, kept in the store."""

    def __init__(self, store: Store, clock: Clock, switches: dict[str, Any]) -> None:
        self._store = store
        self._clock = clock
        self._switches = switches

    # -- what the API asks

    def bearer(self, request: Request) -> Json:
        """The access token of a request; BarredError 401 if it is missing, unknown or expired."""
        kind, _, token = request.headers.get("authorization", "").partition(" ")
        found = self._token(token, "access") if kind.lower() == "bearer" else None
        if found is None:
            raise BarredError(401, "AuthenticationUnsuccessful")
        if found["expires"] <= self._clock.timestamp():
            raise BarredError(401, "TokenExpired: token expired")
        return found

    def tenant(self, token: Json, request: Request) -> str:
        """The organisation of a call. A custom connection has one and need not name it."""
        asked = request.headers.get("xero-tenant-id")
        if asked is None and token["grant"] == "client_credentials":
            return str(token["tenants"][0])
        connected = {connection["tenantId"] for connection in self._connections(token)}
        if asked is None or asked.lower() not in connected:
            raise BarredError(403, "AuthenticationUnsuccessful")
        return asked.lower()

    def expire_access(self) -> None:
        """End every access token now."""
        for token in self._store.find("", "token", Filter("type = 'access'")):
            self._store.put("", "token", token | {"expires": 0})

    # -- /identity/connect/authorize

    def authorize(self, request: Request) -> Answer:
        """The consent page; with `approve=true` (or `deny=true`) in the query straight back to the app."""
        asked = request.query
        self._check_consent(asked)
        if asked.get("deny") == "true":
            return back(asked, {"error": "access_denied"})
        tenants = chosen(asked)
        if asked.get("approve") != "true" or not tenants:
            return Answer.text(page(request), 200, HTML)
        code = self._issue("code", asked["scope"].split(), tenants, CODE_SECONDS, "authorization_code")
        code |= {
            "redirect_uri": asked["redirect_uri"],
            "challenge": asked.get("code_challenge"),
            "method": asked.get("code_challenge_method", "plain"),
        }
        self._store.put("", "token", code)
        return back(asked, {"code": code["token"]})

    def _check_consent(self, asked: dict[str, str]) -> None:
        if asked.get("client_id") != CLIENT_ID:
            raise OAuthError("unauthorized_client")
        if asked.get("response_type") != "code":
            raise OAuthError("unsupported_response_type")
        target = urlsplit(asked.get("redirect_uri", ""))
        local = {"localhost"} if self._switches["localhost_only_redirect"] else {"localhost", "127.0.0.1"}
        if not (target.scheme == "https" or (target.scheme == "http" and target.hostname in local)):
            raise OAuthError("invalid_redirect_uri")
        if not asked.get("scope") or not set(asked["scope"].split()) <= SCOPES:
            raise OAuthError("invalid_scope")

    # -- /connect/token and /connect/revocation

    def token(self, request: Request) -> Answer:
        """Code, refresh or client credentials for tokens."""
        form = request.form()
        grant = form.get("grant_type", "")
        known = self._client(request, form)
        if grant == "authorization_code":
            return self._redeem(form, known)
        if grant == "refresh_token":
            return self._refresh(form, known)
        if not known:
            raise OAuthError("invalid_client")
        if grant == "client_credentials":
            return self._custom(form)
        raise OAuthError("unsupported_grant_type")

    def _client(self, request: Request, form: dict[str, str]) -> bool:
        """Whether the client showed its secret, in the form or as Basic. A wrong one is an error."""
        basic = request.headers.get("authorization", "")
        if basic.lower().startswith("basic "):
            try:
                client, _, secret = base64.b64decode(basic[6:]).decode().partition(":")
            except ValueError as error:
                raise OAuthError("invalid_client") from error
            client, secret = unquote(client), unquote(secret)
        else:
            client, secret = form.get("client_id", ""), form.get("client_secret", "")
        if client != CLIENT_ID or secret not in ("", CLIENT_SECRET):
            raise OAuthError("invalid_client")
        return secret == CLIENT_SECRET

    def _redeem(self, form: dict[str, str], known: bool) -> Answer:
        code = self._token(form.get("code", ""), "code")
        if code is None or code["expires"] <= self._clock.timestamp():
            raise OAuthError("invalid_grant")
        self._store.delete("", "token", code["token"])
        if form.get("redirect_uri") != code["redirect_uri"]:
            raise OAuthError("invalid_grant")
        if code["challenge"] is None and not known:
            raise OAuthError("invalid_client")
        if code["challenge"] is not None and code["challenge"] != _challenge(form, code["method"]):
            raise OAuthError("invalid_grant")
        self._connect(code["tenants"])
        return self._tokens(code["scopes"], code["tenants"], public=not known)

    def _refresh(self, form: dict[str, str], known: bool) -> Answer:
        old = self._token(form.get("refresh_token", ""), "refresh")
        self._admit(old, known)
        if old is None or old["expires"] <= self._clock.timestamp():
            raise OAuthError("invalid_grant")
        grace = self._clock.timestamp() + GRACE_SECONDS
        if not old["replaced"]:
            self._store.put("", "token", old | {"replaced": True, "expires": min(old["expires"], grace)})
        return self._tokens(old["scopes"], old["tenants"], old["public"])

    def _admit(self, token: Json | None, known: bool) -> None:
        """An app without a secret (its code was redeemed by the verifier alone) shows its id; others the secret."""
        if token is not None and not token["public"] and not known:
            raise OAuthError("invalid_client")

    def _custom(self, form: dict[str, str]) -> Answer:
        scopes = form.get("scope", "").split() or sorted(SCOPES - {"offline_access"})
        if not set(scopes) <= SCOPES:
            raise OAuthError("invalid_scope")
        self._connect([TENANT])
        access = self._issue("access", scopes, [TENANT], ACCESS_SECONDS, "client_credentials")
        return _token_answer(access, scopes)

    def _tokens(self, scopes: list[str], tenants: list[str], public: bool) -> Answer:
        access = self._issue("access", scopes, tenants, ACCESS_SECONDS, "authorization_code")
        body = _token_answer(access, scopes)
        if "offline_access" not in scopes:
            return body
        refresh = self._issue("refresh", scopes, tenants, REFRESH_SECONDS, "authorization_code")
        refresh |= {"public": public}
        self._store.put("", "token", refresh)
        return _token_answer(access, scopes, refresh)

    def revoke(self, request: Request) -> Answer:
        """Revoke a refresh token, and with it the user's connections."""
        form = request.form()
        known = self._client(request, form)
        token = self._token(form.get("token", ""), "refresh")
        self._admit(token, known)
        if token is not None:
            for kind in ("access", "refresh"):
                for one in self._store.find("", "token", Filter("type = ?", (kind,))):
                    if one["grant"] == token["grant"] and one["tenants"] == token["tenants"]:
                        self._store.delete("", "token", one["token"])
            for tenant in token["tenants"]:
                self._store.delete("", "connection", _connection_id(tenant))
        return Answer(200, b"", None)

    # -- /connections

    def connections(self, request: Request) -> Answer:
        """GET: the organisations that the token reaches. DELETE: leave one."""
        token = self.bearer(request)
        reached = self._connections(token)
        key = request.path.rstrip("/").rpartition("/")[2].lower()
        if request.method == "GET" and key == "connections":
            return Answer.json(reached)
        if request.method != "DELETE" or key not in {connection["id"] for connection in reached}:
            raise MissingError
        self._store.delete("", "connection", key)
        return Answer(204, b"", None)

    def _connections(self, token: Json) -> list[Json]:
        found = self._store.find("", "connection", order="id")
        return [self._named(one) for one in found if one["tenantId"] in token["tenants"]]

    def _named(self, connection: Json) -> Json:
        """With the organisation's name as it is by now."""
        tenant = connection["tenantId"]
        organisation = self._store.get(tenant, "organisation", tenant)
        return connection | {"tenantName": organisation["Name"]} if organisation else connection

    def _connect(self, tenants: list[str]) -> None:
        now = self._clock.now().replace(tzinfo=None).isoformat(timespec="microseconds") + "0"
        for tenant in tenants:
            if tenant not in ORGANISATIONS:
                raise OAuthError("access_denied")
            old = self._store.get("", "connection", _connection_id(tenant))
            body = {
                "id": _connection_id(tenant),
                "authEventId": str(uuid4()),
                "tenantId": tenant,
                "tenantType": "ORGANISATION",
                "tenantName": ORGANISATIONS[tenant],
                "createdDateUtc": old["createdDateUtc"] if old else now,
                "updatedDateUtc": now,
            }
            self._store.put("", "connection", body)

    # -- tokens in the store

    def _token(self, token: str, kind: str) -> Json | None:
        found = self._store.get("", "token", token)
        return found if found is not None and found["Type"] == kind else None

    def _issue(self, kind: str, scopes: list[str], tenants: list[str], seconds: int, grant: str) -> Json:
        token = {
            "token": secrets.token_urlsafe(32),
            "Type": kind,
            "scopes": scopes,
            "tenants": tenants,
            "grant": grant,
            "expires": self._clock.timestamp() + seconds,
            "replaced": False,
        }
        self._store.put("", "token", token)
        return token


def _challenge(form: dict[str, str], method: str) -> str:
    verifier = form.get("code_verifier", "")
    if method == "S256":
        return base64.urlsafe_b64encode(hashlib.sha256(verifier.encode()).digest()).decode().rstrip("=")
    return verifier


def _token_answer(access: Json, scopes: list[str], refresh: Json | None = None) -> Answer:
    body = {
        "access_token": access["token"],
        "expires_in": ACCESS_SECONDS,
        "token_type": "Bearer",
        "scope": " ".join(scopes),
    }
    if "openid" in scopes:
        body["id_token"] = "e30.e30."  # noqa: S105 - an empty one
    if refresh is not None:
        body["refresh_token"] = refresh["token"]
    answer = Answer.json(body)
    answer.headers["Cache-Control"] = "no-store"
    return answer


def _connection_id(tenant: str) -> str:
    return re.sub("^.{8}", "c0ffee00", tenant)
