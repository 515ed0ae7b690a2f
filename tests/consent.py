"""A person's consent at the sandbox, by script."""

from urllib.parse import parse_qs, urlsplit

import httpx
from authlib.common.security import generate_token

from tasks.connections.connection import Connection
from tasks.connections.joining import join_anew

BACK = "http://localhost:8403/callback"
# Turns the sandbox's settings into those of an app without a secret.
BY_CONSENT = {
    "client_id =": 'grant = "authorization_code"\nclient_id =',
    "client_secret =": "# client_secret =",
}


def consent(connection: Connection, organisation: str = "Sandbox Trading Ltd") -> None:
    """A person lets the app in, and chooses the organisation."""
    verifier = generate_token(64)
    page = connection.identity.consent_page(BACK, "state", verifier)
    back = httpx.get(f"{page}&approve=true", trust_env=False, verify=False).headers["location"]
    tokens = connection.identity.redeem(parse_qs(urlsplit(back).query)["code"][0], BACK, verifier)
    listed = connection.identity.organisations(tokens.access)
    [chosen] = [one for one in listed if one.name == organisation]
    join_anew(connection, chosen, tokens, listed)
