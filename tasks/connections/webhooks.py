"""Who may tell us of changes by webhooks, and for which connections each of them speaks."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from pydantic import SecretStr

from tasks.connections.settings import SecretPlace, Settings, secret
from tasks.domain.errors import Mistake, SettingsError
from tasks.ledger.database import Database
from tasks.ledger.pins import Pins
from tasks.monstock.events import verifier


@dataclass(frozen=True, slots=True)
class XeroApp:
    """An app of Xero's: the key that signs its webhooks, and the connections whose consent was given to it."""

    key: bytes = field(repr=False)
    connections: frozenset[str]


@dataclass(frozen=True, slots=True)
class MonstockAccount:
    """What verifies the webhooks that come for a connection, and all connections over its account."""

    webhook: Any = field(repr=False)
    connections: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Senders:
    """All who may tell us of changes: Xero's apps, each key once, and Monstock's accounts by connection."""

    apps: tuple[XeroApp, ...]
    accounts: Mapping[str, MonstockAccount]


def senders(settings: Settings) -> Senders:
    """Fetch the keys and secrets that the settings name. Raises `SettingsError` with every mistake and its place."""
    found = _Secrets()
    speaks: dict[str, set[str]] = {}
    accounts: dict[str, MonstockAccount] = {}
    for name, connection in settings.connections.items():
        key = found.fetch(connection.xero.webhook_key, f"connections.{name}.xero.webhook_key")
        if key is not None:
            same = [n for n, other in settings.connections.items() if other.xero.app == connection.xero.app]
            speaks.setdefault(key.get_secret_value(), set()).update(same)
        place = f"connections.{name}.monstock.webhook_secret"
        shared = found.fetch(connection.monstock.webhook_secret, place)
        if shared is not None and (webhook := found.webhook(shared, place)):
            accounts[name] = MonstockAccount(webhook, (name, *settings.beside(name)))
    if found.mistakes:
        raise SettingsError(found.mistakes)
    apps = (XeroApp(key.encode(), frozenset(names)) for key, names in speaks.items())
    return Senders(tuple(apps), accounts)


def tenants(settings: Settings, database: Database) -> dict[str, frozenset[str]]:
    """The connections of each organisation in Xero, by tenant id in lower case. As `Connection.organisation`."""
    pins = Pins(database, "").everyone()
    found: dict[str, set[str]] = {}
    for name, connection in settings.connections.items():
        joined = pins.get(name)
        pin = connection.xero.pin or (joined if joined and joined.consent_id else None)
        if pin is not None:
            found.setdefault(pin.tenant_id.lower(), set()).add(name)
    return {tenant: frozenset(names) for tenant, names in found.items()}


class _Secrets:
    """Fetches one after the other, and collects what is wrong."""

    def __init__(self) -> None:
        self.mistakes: list[Mistake] = []

    def fetch(self, place: SecretPlace | None, what: str) -> SecretStr | None:
        try:
            return secret(place, what) if place else None
        except SettingsError as error:
            self.mistakes += error.mistakes
            return None

    def webhook(self, shared: SecretStr, what: str) -> Any:
        try:
            return verifier(shared.get_secret_value())
        except ValueError as error:
            self.mistakes.append(Mistake(what, str(error)))
            return None
