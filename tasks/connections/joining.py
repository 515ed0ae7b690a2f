"""Joins a connection to an organisation in Xero, and parts them again.

Tokens belong to a consent, and one consent may serve several connections: what another one needs is left alone.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeVar

from pydantic import SecretStr

from tasks.connections.connection import Connection
from tasks.connections.settings import load
from tasks.domain.errors import NeedsConsent, NotAuthorised, WrongOrganisation
from tasks.ledger.consents import Consent, Tokens
from tasks.ledger.pins import Pin
from tasks.xero.auth import Consented, TokenAuth
from tasks.xero.identity import Organisation, missing_scopes

V = TypeVar("V")
Other = tuple[str, Pin, Consent]


@dataclass(frozen=True, slots=True)
class Reached:
    """An organisation, and the consent in the ledger by which it is reached."""

    organisation: Organisation
    consent_id: str


def reached(connection: Connection) -> list[Reached]:
    """The organisations that the app's consents in the ledger reach; those of a custom connection: its one."""
    if connection.settings.xero.is_custom:
        own = connection.settings.xero.app.own_id
        return [Reached(one, own) for one in _listed(connection, connection.auth)]
    found: dict[str, Reached] = {}
    for consent in connection.consents.living():
        if missing_scopes(consent.scopes):
            continue
        try:
            listed = _listed(connection, _auth(connection, consent.id))
        except NeedsConsent:  # it ended, as is only known now
            continue
        found |= {one.tenant_id: Reached(one, consent.id) for one in listed}
    return sorted(found.values(), key=lambda one: one.organisation.name.casefold())


def join(connection: Connection, organisation: Organisation, consent_id: str) -> list[str]:
    """Pin the organisation, by a consent that the ledger has. Returns what was done, in sentences.

    Raises `WrongOrganisation` where the connection belongs to another one.
    """
    _refuse(connection, organisation)
    with connection.database.begin() as tx:
        connection.pins.join(tx, organisation.tenant_id, organisation.name, consent_id)
        connection.consents.forget_unused(tx)
    return [_joined(connection, organisation)]


def join_anew(
    connection: Connection, organisation: Organisation, tokens: Tokens, listed: list[Organisation]
) -> list[str]:
    """The same by a consent that was just given. It serves others that it reaches, too, where their own has ended.

    Raises `WrongOrganisation`.
    """
    _refuse(connection, organisation)
    helped = _without_consent(connection, {one.tenant_id.lower() for one in listed})
    with connection.database.begin() as tx:
        consent_id = connection.consents.add(tx, tokens)
        connection.pins.join(tx, organisation.tenant_id, organisation.name, consent_id)
        connection.pins.move(tx, helped, consent_id)
        connection.consents.forget_unused(tx)
    said = [f"Connection {name}, whose consent had ended, uses this one from now on." for name in helped]
    return [_joined(connection, organisation), *said]


def part(connection: Connection) -> list[str]:
    """End the connection at Xero, and its consent if nothing else uses it. Returns what was done, in sentences.

    The organisation stays pinned. What is cut short can be done again. A custom connection that the file pins was
    never joined by a person: it is the file and the app's own token that let it in. Raises `NeedsConsent` where
    there is nothing to end.
    """
    pin = connection.pins.read()
    by_file = connection.settings.xero.pin if connection.settings.xero.is_custom else None
    consent = connection.consents.get(pin.consent_id) if pin and pin.consent_id else None
    if by_file is not None:
        pin, consent = by_file, connection.consents.own()
    if pin is None or consent is None:
        raise NeedsConsent(f"Connection {connection.name} is not connected; there is nothing to end.")
    others = _others(connection)
    try:
        said = _end_at_xero(connection, pin, consent, others)
    except NeedsConsent:
        said = ["Xero let it in no more; the ledger forgets the rest."]
    with connection.database.begin() as tx:
        connection.pins.move(tx, [connection.name], None)
        if by_file is None:
            connection.consents.forget_unused(tx)
        elif consent.id not in {given.id for _, _, given in others}:
            connection.consents.forget(tx, consent.id)
    if by_file is not None:
        return [*said, _lets_in_again(connection.name, pin)]
    return [*said, f'It stays pinned to "{pin.tenant_name}".']


def _lets_in_again(name: str, pin: Pin) -> str:
    return (
        f'The settings still name "{pin.tenant_name}": the next run of {name} lets itself in again, as soon as the '
        "organisation allows it to the app. To end it for good, take the connection out of the file."
    )


def _end_at_xero(connection: Connection, pin: Pin, consent: Consent, all_others: list[Other]) -> list[str]:
    others = [(name, other) for name, other, given in all_others if not given.dead]
    auth = connection.auth if connection.settings.xero.is_custom else _auth(connection, consent.id)
    if sharing := [name for name, other in others if other.is_of(pin.tenant_id)]:
        said = f'The app stays connected to "{pin.tenant_name}", for connection {", ".join(sharing)}.'
    else:
        for one in _listed(connection, auth):
            if pin.is_of(one.tenant_id):
                connection.identity.leave(one, auth.token())
        said = f'The app is no longer connected to "{pin.tenant_name}".'
    return [said, *_revoke(connection, consent, [name for name, _ in others])]


def _revoke(connection: Connection, consent: Consent, others: list[str]) -> list[str]:
    """To revoke ends every connection of that person's to the app, by whatever consent of theirs."""
    refresh = (connection.consents.get(consent.id) or consent).refresh
    if set(connection.consents.users(consent.id)) - {connection.name} or refresh is None:
        return []
    if others:
        return [
            "Its consent is not revoked, for that may end another one's as well "
            f"({', '.join(others)}); its tokens are forgotten."
        ]
    connection.identity.revoke(refresh)
    return ["It was the last one: the consent is revoked."]


def _refuse(connection: Connection, organisation: Organisation) -> None:
    """Raise `WrongOrganisation` unless the connection may be joined to that organisation."""
    given, pinned = connection.settings.xero.pin, connection.pins.read()
    chosen = f'"{organisation.name}" ({organisation.tenant_id})'
    if given and not given.is_of(organisation.tenant_id):
        raise WrongOrganisation(
            f'The settings of connection {connection.name} name "{given.tenant_name}" ({given.tenant_id}), not '
            f"{chosen}. Choose that one, or correct tenant_id and tenant_name."
        )
    if pinned and not pinned.is_of(organisation.tenant_id) and connection.pins.has_written():
        raise WrongOrganisation(
            f'Connection {connection.name} has written to "{pinned.tenant_name}" ({pinned.tenant_id}) '
            f"and keeps to it. Give {chosen} a connection of its own."
        )
    connection.refuse_twin(Pin(organisation.tenant_id, organisation.name))


def _others(connection: Connection) -> list[Other]:
    """The other connections of the app, each with its organisation and its consent."""
    found = {}
    for name, pin in connection.pins.everyone().items():
        consent = connection.consents.get(pin.consent_id) if pin.consent_id else None
        if consent is not None:
            found[name] = name, pin, consent
    if connection.settings.xero.is_custom:
        for name, settings in load().connections.items():
            if settings.xero.app == connection.settings.xero.app and settings.xero.pin is not None:
                found[name] = name, settings.xero.pin, connection.consents.own()
    return [found[name] for name in sorted(found) if name != connection.name]


def _without_consent(connection: Connection, tenant_ids: set[str]) -> list[str]:
    """Other connections of the app to these organisations, whose consent has ended."""
    return [
        name
        for name, pin, consent in _others(connection)
        if consent.dead and pin.tenant_id.lower() in tenant_ids
    ]


def _auth(connection: Connection, consent_id: str) -> TokenAuth:
    return Consented(
        connection.identity, connection.consents, connection.xero_clock, connection.name, consent_id
    )


def _listed(connection: Connection, auth: TokenAuth) -> list[Organisation]:
    return _let_in(auth, connection.identity.organisations)


def _let_in(auth: TokenAuth, call: Callable[[SecretStr], V]) -> V:
    """A call by a token; a 401 costs another token and one more try."""
    token = auth.token()
    try:
        return call(token)
    except NotAuthorised as error:
        if error.status != 401 or not auth.refused(f"Bearer {token.get_secret_value()}"):
            raise
        return call(auth.token())


def _joined(connection: Connection, organisation: Organisation) -> str:
    return f'Connection {connection.name} is connected to "{organisation.name}" ({organisation.tenant_id}).'
