"""Access tokens for Xero's API."""

import time
from collections.abc import Generator
from threading import RLock

import httpx
from pydantic import SecretStr

from tasks.domain.errors import NotAuthorised, Offline

# A token is given up this many seconds before its end, so that no call leaves with one that dies on the way.
MARGIN = 60.0

SCOPES = "accounting.invoices accounting.payments accounting.contacts accounting.settings.read"


class CustomConnection(httpx.Auth):
    """Client credentials: an app of one organisation. Xero gives no refresh token; each token lives 30 minutes.

    A 401 costs one new token and one more try of the same request.
    """

    requires_response_body = True

    def __init__(self, identity_url: str, client_id: str, client_secret: SecretStr) -> None:
        self._token_url = identity_url.rstrip("/") + "/connect/token"
        self._credentials = httpx.BasicAuth(client_id, client_secret.get_secret_value())
        self._token: SecretStr | None = None
        self._good_until = 0.0
        self._lock = RLock()

    def auth_flow(self, request: httpx.Request) -> Generator[httpx.Request, httpx.Response, None]:
        """Put a token on the request; on 401 fetch a new one, once."""
        if self._token is None or time.monotonic() > self._good_until:
            yield from self._fetch()
        used = self._put_on(request)
        response = yield request
        if response.status_code == 401:
            with self._lock:
                if self._token is used:
                    self._token = None
            if self._token is None:
                yield from self._fetch()
            self._put_on(request)
            yield request

    def _put_on(self, request: httpx.Request) -> SecretStr | None:
        token = self._token
        if token is not None:
            request.headers["Authorization"] = f"Bearer {token.get_secret_value()}"
        return token

    def _fetch(self) -> Generator[httpx.Request, httpx.Response, None]:
        form = {"grant_type": "client_credentials", "scope": SCOPES}
        ask = httpx.Request("POST", self._token_url, data=form)
        response = yield next(self._credentials.auth_flow(ask))
        if response.status_code == 429 or response.status_code >= 500:
            raise Offline(
                f"Xero's identity service gives no token at the moment ({response.status_code}).",
                status=response.status_code,
            )
        if response.status_code != 200:
            raise NotAuthorised(
                f"Xero's identity service refuses the client credentials ({response.status_code}: "
                f"{' '.join(response.text[:200].split())}). Check client_id, client_secret and the app's scopes.",
                status=response.status_code,
            )
        try:
            answer = response.json()
            token, seconds = SecretStr(answer["access_token"]), float(answer["expires_in"])
        except (ValueError, KeyError, TypeError):
            raise Offline("Xero's identity service answered without a whole token.") from None
        with self._lock:
            self._token = token
            self._good_until = time.monotonic() + seconds - MARGIN
