"""Who may tell us of changes by webhooks, and for which connections each of them speaks."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from urllib.parse import urlsplit

from standardwebhooks import Webhook

from tasks.connections.settings import SANDBOX_WORDS, SecretPlace, Settings, secret
from tasks.domain.errors import Mistake, SettingsError
from tasks.ledger.database import Database
from tasks.ledger.pins import Pins
from tasks.ledger.told import Side
from tasks.monstock.events import verifier

_THIS_MACHINE = {"127.0.0.1", "localhost", "::1"}


@dataclass(frozen=True, slots=True)
class XeroApp:
    """An app of Xero's: the key that signs its webhooks, and the connections whose consent was given to it."""

    key: bytes = field(repr=False)
    connections: frozenset[str]


@dataclass(frozen=True, slots=True)
class MonstockAccount:
    """What verifies the webhooks that come for a connection, and all connections over its account."""

    webhook: Webhook = field(repr=False)
    connections: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Senders:
    """All who may tell us of changes: Xero's apps, each key once, and Monstock's accounts by connection."""

    apps: tuple[XeroApp, ...]
    accounts: Mapping[str, MonstockAccount]


def senders(settings: Settings) -> Senders:
    """Fetch the keys and secrets that the settings name. Raises `SettingsError` with every mistake and its place.

    A key of Xero's speaks for all connections of its app, a secret of Monstock's for all over its account.
    """
    found = _Secrets()
    speaks: dict[bytes, set[str]] = {}
    accounts: dict[str, MonstockAccount] = {}
    for name, connection in settings.connections.items():
        ours, place = connection.xero, f"connections.{name}.xero.webhook_key"
        if ours.webhook_key and (key := found.fetch(ours.webhook_key, place, ours.api_url)):
            same = [n for n, other in settings.connections.items() if other.xero.app == ours.app]
            speaks.setdefault(key.encode(), set()).update(same)
        theirs, place = connection.monstock, f"connections.{name}.monstock.webhook_secret"
        if theirs.webhook_secret and (shared := found.fetch(theirs.webhook_secret, place, theirs.url)):
            try:
                accounts[name] = MonstockAccount(verifier(shared), (name, *settings.beside(name)))
            except ValueError as error:
                found.mistakes.append(Mistake(place, str(error)))
    if found.mistakes:
        raise SettingsError(found.mistakes)
    return Senders(tuple(XeroApp(key, frozenset(names)) for key, names in speaks.items()), accounts)


def told_of(settings: Settings, name: str) -> tuple[Side, ...]:
    """Of which sides of a connection webhooks are taken; which secrets sign them is `senders`' to say."""
    everyone, app = settings.connections, settings.connections[name].xero.app
    by = {
        Side.orders: any(everyone[one].monstock.webhook_secret for one in (name, *settings.beside(name))),
        Side.documents: any(one.xero.webhook_key for one in everyone.values() if one.xero.app == app),
    }
    return tuple(side for side in Side if by[side])


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

    def fetch(self, place: SecretPlace, what: str, url: str) -> str | None:
        """The secret. The sandbox's is taken from nobody but a sandbox on this machine, for everybody knows it."""
        try:
            found = secret(place, what).get_secret_value().strip()
        except SettingsError as error:
            self.mistakes += error.mistakes
            return None
        if found in SANDBOX_WORDS and urlsplit(url).hostname not in _THIS_MACHINE:
            self.mistakes.append(
                Mistake(what, "is the sandbox's, which everybody knows: name one of your own.")
            )
            return None
        return found
