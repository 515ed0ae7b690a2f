"""Processes on one ledger, and a far side that gives tokens and takes only one of them."""

from datetime import UTC, datetime, timedelta
from urllib.parse import parse_qs

import httpx
from pydantic import SecretStr

from tasks.ledger.consents import App, Consents, Tokens
from tasks.ledger.database import Database
from tasks.ledger.pins import Pins
from tasks.transport.clock import FarClock
from tasks.transport.http import Http, Patience
from tasks.xero.auth import Consented, CustomConnection, TokenAuth
from tasks.xero.identity import SCOPES, Addresses, Identity
from tests.transport.far_side import FarSide

SECRET = "s3cr3t-of-ours"
AT = Addresses("http://id.example", "http://login.example", "http://api.example/connections")
LIFE = timedelta(minutes=30)
ONCE = Patience(attempts=1, timeout=5.0, first_pause=0.001, longest_pause=0.002)


def token(number: int, **more: str) -> httpx.Response:
    return httpx.Response(200, json={"access_token": f"token-{number}", "expires_in": 1800, **more})


def renewal(number: int) -> httpx.Response:
    return token(number, refresh_token=f"refresh-{number}", scope=f"offline_access {SCOPES}")


def gone() -> httpx.Response:
    return httpx.Response(400, json={"error": "invalid_grant"})


class Api(FarSide):
    """Takes only the token it was told to; everything else is a 401. Its clock is `ahead` of ours."""

    good = "token-1"
    ahead = timedelta()

    def __call__(self, request: httpx.Request) -> httpx.Response:
        if "/connect/token" in str(request.url):
            answer = super().__call__(request)
        else:
            self.sent.append(("API", request.method, request.read(), dict(request.headers)))
            right = request.headers["Authorization"] == f"Bearer {self.good}"
            answer = httpx.Response(200 if right else 401, json={})
        answer.headers["Date"] = (datetime.now(UTC) + self.ahead).strftime("%a, %d %b %Y %H:%M:%S GMT")
        return answer


class Process:
    """One process of several on a ledger: its own clock and memory, the same far side."""

    def __init__(self, far: Api, database: Database, grant: str, patience: Patience = ONCE) -> None:
        self.clock = FarClock()
        key = SecretStr(SECRET) if grant == "client_credentials" else None
        identity = Identity(AT, "our-id", key, self.clock, patience, httpx.MockTransport(far))
        self.consents = Consents(database, App(AT.identity, "our-id", grant))
        self.auth: TokenAuth = (
            CustomConnection(identity, self.consents, self.clock)
            if key
            else Consented(identity, self.consents, self.clock, "shop")
        )
        self.http: Http = far.http(auth=self.auth, clock=self.clock)


def custom(far: Api, database: Database) -> Http:
    return Process(far, database, "client_credentials").http


def consented(far: Api, database: Database, patience: Patience = ONCE) -> Process:
    return Process(far, database, "authorization_code", patience)


def given(database: Database, left: timedelta = timedelta(0), refresh: str = "refresh-0") -> str:
    """A consent of connection shop, whose access token lives so much longer."""
    consents, now = Consents(database, App(AT.identity, "our-id", "authorization_code")), datetime.now(UTC)
    tokens = Tokens(SecretStr("token-0"), now, now + left, f"offline_access {SCOPES}", SecretStr(refresh))
    with database.begin() as tx:
        consent_id = consents.add(tx, tokens)
        Pins(database, "shop").join(tx, "tenant-1", "Shop Ltd", consent_id)
    return consent_id


def asked(far: Api) -> list[dict[str, str]]:
    """The forms that the identity service was sent."""
    return [
        {name: values[0] for name, values in parse_qs(body.decode()).items()}
        for what, _, body, _ in far.sent
        if what != "API"
    ]


def used(far: Api) -> list[str]:
    """The refresh tokens it was asked with."""
    return [form["refresh_token"] for form in asked(far)]
