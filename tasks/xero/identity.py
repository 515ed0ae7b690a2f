"""Xero's identity service, as one app sees it: consent, tokens, and the organisations that a token reaches.

None of these calls counts as a call to the accounting API.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Any
from urllib.parse import quote

import httpx
import stamina
from authlib.oauth2.rfc6749.parameters import prepare_grant_uri
from authlib.oauth2.rfc7636 import create_s256_code_challenge
from pydantic import SecretStr

from tasks.domain.errors import NotAuthorised, Offline, Transient
from tasks.ledger.consents import Tokens
from tasks.transport.clock import FarClock
from tasks.transport.http import Patience, trusted

SCOPES = "accounting.invoices accounting.payments accounting.contacts accounting.settings.read"
# A consent that lasts longer than a token asks for this as well.
LASTING = f"offline_access {SCOPES}"

# All tries for two refresh tokens end within the lease of a renewal; each phase of a request has so many seconds.
REQUEST_SECONDS = 10.0
PATIENCE = Patience(attempts=3, timeout=20.0, first_pause=0.2, longest_pause=2.0)


class GrantRefused(NotAuthorised):
    """Xero no longer takes this code or refresh token."""


@dataclass(frozen=True, slots=True)
class Organisation:
    """An organisation that a token reaches; `id` is that of Xero's connection between it and the app."""

    id: str
    tenant_id: str
    name: str


@dataclass(frozen=True, slots=True)
class Addresses:
    """Where the identity service is, its consent page, and the list of connections."""

    identity: str
    login: str
    connections: str


class Identity:
    """Asks for one app. One without a secret (PKCE alone) names itself by its id."""

    def __init__(
        self,
        addresses: Addresses,
        client_id: str,
        client_secret: SecretStr | None,
        clock: FarClock,
        patience: Patience = PATIENCE,
        transport: httpx.BaseTransport | None = None,
    ) -> None:
        self._at = addresses
        self._client_id = client_id
        self._secret = client_secret
        self._clock = clock
        self._patience = patience
        self._transport = transport

    def consent_page(self, redirect_uri: str, state: str, verifier: str) -> str:
        """The address at which a person allows access; the answer goes to `redirect_uri`."""
        page: str = prepare_grant_uri(
            f"{self._at.login}/identity/connect/authorize",
            self._client_id,
            "code",
            redirect_uri=redirect_uri,
            scope=LASTING,
            state=state,
            code_challenge=create_s256_code_challenge(verifier),
            code_challenge_method="S256",
        )
        return page

    def own_tokens(self) -> Tokens:
        """A token by client credentials, for the one organisation of a custom connection."""
        return self._tokens(grant_type="client_credentials", scope=SCOPES)

    def redeem(self, code: str, redirect_uri: str, verifier: str) -> Tokens:
        """Tokens for the code of a consent. Raises `GrantRefused` where it is spent."""
        tokens = self._tokens(
            grant_type="authorization_code", code=code, redirect_uri=redirect_uri, code_verifier=verifier
        )
        if missing := missing_scopes(tokens.scopes, LASTING):
            raise NotAuthorised(
                f"The consent grants no {', '.join(missing)}. Allow that to app {self._client_id} on Xero's "
                "developer site, and give the consent again."
            )
        return tokens

    def refresh(self, token: SecretStr) -> Tokens:
        """New tokens for a refresh token. A lost answer is asked for again by the same one.

        Raises `GrantRefused` where Xero takes it no more.
        """
        return self._tokens(grant_type="refresh_token", refresh_token=token.get_secret_value())

    def revoke(self, token: SecretStr) -> None:
        """End a consent: all its tokens, and all connections of the person who gave it to this app."""
        form = {"token": token.get_secret_value()}
        if (answer := self._post("revocation", form)).status_code != httpx.codes.OK:
            raise self._refusal(answer)

    def organisations(self, access: SecretStr) -> list[Organisation]:
        """What a token reaches, by name."""
        answer = self._ask("GET", self._at.connections, headers=_bearer(access))
        if answer.status_code != httpx.codes.OK:
            raise NotAuthorised(
                f"Xero does not list the organisations of this consent ({_said(answer)}).",
                status=answer.status_code,
            )
        try:
            rows = [row for row in answer.json() if row.get("tenantType", "ORGANISATION") == "ORGANISATION"]
            found = [Organisation(row["id"], row["tenantId"], row["tenantName"]) for row in rows]
        except (ValueError, KeyError, TypeError, AttributeError):
            raise Offline("Xero answered without a whole list of organisations.") from None
        return sorted(found, key=lambda one: one.name.casefold())

    def leave(self, organisation: Organisation, access: SecretStr) -> None:
        """Take the connection between the app and an organisation away."""
        address = f"{self._at.connections}/{quote(organisation.id, safe='')}"
        answer = self._ask("DELETE", address, headers=_bearer(access))
        if answer.status_code not in {httpx.codes.NO_CONTENT, httpx.codes.OK, httpx.codes.NOT_FOUND}:
            raise NotAuthorised(
                f'Xero does not end the connection to "{organisation.name}" ({_said(answer)}).',
                status=answer.status_code,
            )

    def _tokens(self, **form: str) -> Tokens:
        """Ask for tokens until a whole answer comes, or patience ends."""
        for attempt in self._patiently():
            with attempt:
                return self._once(form)
        raise AssertionError("unreachable")  # pragma: no cover

    def _once(self, form: Mapping[str, str]) -> Tokens:
        answer = self._send("POST", f"{self._at.identity}/connect/token", **self._named(form))
        if answer.status_code != httpx.codes.OK:
            raise self._refusal(answer, form["grant_type"])
        try:
            return self._read(answer.json())
        except (ValueError, KeyError, TypeError, AttributeError):
            raise Offline("Xero's identity service answered without a whole token.") from None

    def _read(self, answer: Mapping[str, Any]) -> Tokens:
        now, refresh = self._clock.now(), answer.get("refresh_token")
        return Tokens(
            access=SecretStr(answer["access_token"]),
            given_at=now,
            access_until=now + timedelta(seconds=float(answer["expires_in"])),
            scopes=answer.get("scope", LASTING),
            refresh=SecretStr(refresh) if refresh else None,
        )

    def _post(self, path: str, form: Mapping[str, str]) -> httpx.Response:
        return self._ask("POST", f"{self._at.identity}/connect/{path}", **self._named(form))

    def _named(self, form: Mapping[str, str]) -> dict[str, Any]:
        """The form with who asks: by id and secret, or by the id alone."""
        if self._secret is None:
            return {"data": {**form, "client_id": self._client_id}}
        return {
            "data": dict(form),
            "auth": httpx.BasicAuth(self._client_id, self._secret.get_secret_value()),
        }

    def _ask(self, method: str, address: str, **more: Any) -> httpx.Response:
        for attempt in self._patiently():
            with attempt:
                return self._send(method, address, **more)
        raise AssertionError("unreachable")  # pragma: no cover

    def _patiently(self) -> Any:
        p = self._patience
        return stamina.retry_context(
            on=Transient,
            attempts=p.attempts,
            timeout=p.timeout,
            wait_initial=p.first_pause,
            wait_max=p.longest_pause,
            wait_jitter=p.first_pause,
        )

    def _send(self, method: str, address: str, **more: Any) -> httpx.Response:
        """One request. Raises `Offline` where no answer comes, or one that says nothing about us."""
        try:
            with httpx.Client(timeout=REQUEST_SECONDS, transport=self._transport, verify=trusted()) as client:
                answer = client.request(method, address, **more)
        except httpx.RequestError as error:
            raise Offline(f"Xero's identity service does not answer ({type(error).__name__}).") from error
        self._clock.see(answer.headers)
        if answer.status_code == httpx.codes.TOO_MANY_REQUESTS or answer.is_server_error:
            raise Offline(
                f"Xero's identity service is out of order at the moment ({answer.status_code}).",
                status=answer.status_code,
            )
        return answer

    def _refusal(self, answer: httpx.Response, grant: str = "") -> NotAuthorised:
        code, status = _error(answer), answer.status_code
        if code == "invalid_grant" and grant != "client_credentials":
            return GrantRefused("Xero no longer takes what this consent gave (invalid_grant)", status=status)
        if code == "invalid_scope":
            return NotAuthorised(
                f"Xero does not give app {self._client_id} all of the scopes {SCOPES}. "
                "Add what is missing to the app on Xero's developer site.",
                status=status,
            )
        return NotAuthorised(
            f"Xero's identity service refuses the client credentials ({_said(answer)}). "
            "Check client_id, client_secret and the app's scopes.",
            status=status,
        )


def missing_scopes(granted: str, wanted: str = SCOPES) -> list[str]:
    """Scopes that we need and were not given."""
    return sorted(set(wanted.split()) - set(granted.split()))


def _bearer(access: SecretStr) -> dict[str, str]:
    return {"Authorization": f"Bearer {access.get_secret_value()}", "Accept": "application/json"}


def _error(answer: httpx.Response) -> str:
    try:
        return str(answer.json()["error"])
    except (ValueError, KeyError, TypeError):
        return ""


def _said(answer: httpx.Response) -> str:
    return f"{answer.status_code}: {' '.join(answer.text[:200].split())}"
