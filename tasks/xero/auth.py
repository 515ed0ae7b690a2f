"""Access tokens for Xero's API."""

import time
from threading import RLock

import httpx
from pydantic import SecretStr

from tasks.domain.errors import NotAuthorised, Offline

# A token is given up this many seconds before its end, so that no call leaves with one that dies on the way.
MARGIN = 60.0

SCOPES = "accounting.invoices accounting.payments accounting.contacts accounting.settings.read"


class CustomConnection:
    """Client credentials: an app of one organisation. Xero gives no refresh token; each token lives 30 minutes.

    A 401 costs one new token and one more try of the same request.
    """

    def __init__(
        self,
        identity_url: str,
        client_id: str,
        client_secret: SecretStr,
        transport: httpx.BaseTransport | None = None,
    ) -> None:
        self._token_url = identity_url.rstrip("/") + "/connect/token"
        self._credentials = httpx.BasicAuth(client_id, client_secret.get_secret_value())
        self._transport = transport
        self._token: SecretStr | None = None
        self._good_until = 0.0
        self._lock = RLock()

    def header(self) -> str:
        """The token, a new one where the last is spent."""
        with self._lock:
            token = self._token
            if token is None or time.monotonic() > self._good_until:
                token = self._fetch()
            return f"Bearer {token.get_secret_value()}"

    def refused(self, header: str) -> bool:
        """Forget that token; another one may do."""
        with self._lock:
            if self._token is not None and header == f"Bearer {self._token.get_secret_value()}":
                self._token = None
        return True

    def _fetch(self) -> SecretStr:
        form = {"grant_type": "client_credentials", "scope": SCOPES}
        try:
            with httpx.Client(timeout=30.0, transport=self._transport) as identity:
                response = identity.post(self._token_url, data=form, auth=self._credentials)
        except httpx.RequestError as error:
            raise Offline(f"Xero's identity service does not answer ({type(error).__name__}).") from error
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
        self._token = token
        self._good_until = time.monotonic() + seconds - MARGIN
        return token
