"""`monstock-xero connect` and `disconnect`: a person joins a connection to an organisation in Xero, by name."""

import re
import webbrowser
from hmac import compare_digest
from urllib.parse import parse_qs, urlsplit

import typer
from authlib.common.security import generate_token
from rich.console import Console

from deployments.loopback import PORT, Loopback
from deployments.person import who
from tasks.connections import joining
from tasks.connections.connection import Connection
from tasks.connections.joining import Reached
from tasks.domain.errors import MonstockXeroError
from tasks.ledger.consents import Tokens
from tasks.ledger.trail import Entry
from tasks.xero.identity import Organisation

# How many seconds a person has for Xero's pages.
PATIENCE = 600.0
STATE, VERIFIER = 32, 64


class NotConnected(MonstockXeroError):
    """No organisation was chosen; everything is as it was before."""


def connect(
    connection: Connection, wanted: str | None, console: Console, *, port: int = PORT, browser: bool = True
) -> None:
    """Let a person choose among the organisations that are reached already, or open Xero's consent for others.

    `wanted` names one, by name or tenant id, and spares the questions. Raises `NotConnected`, and
    `WrongOrganisation` where the connection belongs to another one.
    """
    custom = connection.settings.xero.is_custom
    known = joining.reached(connection)
    chosen = _choose([one.organisation for one in known], wanted, console, other=not custom)
    if chosen is not None:
        said = joining.join(connection, chosen, _consent_for(chosen, known))
    else:
        tokens = _consent(connection, console, port, browser=browser)
        listed = connection.identity.organisations(tokens.access)
        chosen = _choose(listed, wanted, console, other=False)
        said = joining.join_anew(connection, chosen, tokens, listed) if chosen else []
    _done(connection, "connected", said, console)


def disconnect(connection: Connection, console: Console, *, sure: bool) -> None:
    """End the connection at Xero, and the consent with its last one."""
    if not sure:
        typer.confirm(f"End connection {connection.name} to Xero?", abort=True)
    _done(connection, "disconnected", joining.part(connection), console)


def _consent_for(chosen: Organisation, known: list[Reached]) -> str:
    return next(one.consent_id for one in known if one.organisation == chosen)


def _consent(connection: Connection, console: Console, port: int, *, browser: bool) -> Tokens:
    """Xero's consent: a person allows access in the browser, and the code that comes back is redeemed."""
    state, verifier = generate_token(STATE), generate_token(VERIFIER)
    with Loopback(port) as loopback:
        page = connection.identity.consent_page(loopback.address, state, verifier)
        console.print("Allow access on Xero's page. If no browser opens, go to:", highlight=False)
        console.print(page, markup=False, highlight=False, soft_wrap=True)
        if browser:
            webbrowser.open(page)
        answer = loopback.answer(PATIENCE)
        redirect_uri = loopback.address
    return connection.identity.redeem(_code(answer, state), redirect_uri, verifier)


def _code(answer: str | None, state: str) -> str:
    """The code in the browser's answer, if that belongs to our question."""
    if answer is None:
        raise NotConnected(f"No answer came from Xero's page in {PATIENCE / 60:.0f} minutes. Try again.")
    query = {name: values[0] for name, values in parse_qs(urlsplit(answer).query).items()}
    if not compare_digest(query.get("state", "").encode(), state.encode()):
        raise NotConnected("The answer does not belong to this request (another state). Try again.")
    if query.get("error") == "access_denied":
        raise NotConnected("Access was not allowed on Xero's page. Nothing is connected.")
    if "code" not in query:
        why = re.sub(r"[^a-z_]", "", query.get("error", "")) or "without a code"
        raise NotConnected(f"Xero's page ended with an error ({why}). Nothing is connected.")
    return query["code"]


def _choose(
    organisations: list[Organisation], wanted: str | None, console: Console, *, other: bool
) -> Organisation | None:
    """The one that a person names; never guessed. None: another one, by a new consent (where `other` allows it)."""
    if not organisations and other:
        return None
    if not organisations:
        raise NotConnected("No organisation is reached. Nothing is connected.")
    if wanted is not None:
        return _named(organisations, wanted, other=other)
    for number, one in enumerate(organisations, 1):
        console.print(f"{number}  {one.name}  ({one.tenant_id})", markup=False, highlight=False)
    if len(organisations) == 1 and not other:
        typer.confirm(f'Connect to "{organisations[0].name}"?', abort=True)
        return organisations[0]
    if other:
        console.print(
            f"{len(organisations) + 1}  another organisation: opens Xero's consent", highlight=False
        )
    number = _number(len(organisations) + other)
    return organisations[number - 1] if number <= len(organisations) else None


def _named(organisations: list[Organisation], wanted: str, *, other: bool) -> Organisation | None:
    key = wanted.strip().casefold()
    fitting = [one for one in organisations if key in {one.name.casefold(), one.tenant_id.lower()}]
    if len(fitting) == 1:
        return fitting[0]
    if not fitting and other:
        return None
    known = ", ".join(f'"{one.name}" ({one.tenant_id})' for one in fitting or organisations)
    if fitting:
        raise NotConnected(f'Several organisations are called "{wanted}"; name one by its id: {known}.')
    raise NotConnected(f'"{wanted}" is not reached. Reached: {known}.')


def _number(highest: int) -> int:
    while True:
        number: int = typer.prompt("Which one", type=int)
        if 1 <= number <= highest:
            return number
        typer.echo(f"A number from 1 to {highest}, please.")


def _done(connection: Connection, what: str, sentences: list[str], console: Console) -> None:
    """Keep in the audit trail who did it, and say it."""
    entry = Entry(what, "connection", connection.name, content={"said": sentences})
    connection.trail.note(entry, f"person: {who()}")
    for sentence in sentences:
        console.print(sentence, markup=False, highlight=False, soft_wrap=True)
