"""Opens a connection: its settings, its two clients, its part of the ledger. Once a process, then kept."""

from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import cached_property
from threading import Lock

from tasks.connections.settings import ConnectionSettings, connection_settings, ledger_url, secret
from tasks.domain.errors import WrongOrganisation
from tasks.ledger.attempts import Attempts
from tasks.ledger.contacts import Contacts
from tasks.ledger.database import Database
from tasks.ledger.documents import Documents
from tasks.ledger.orders import Orders
from tasks.ledger.trail import Trail
from tasks.mapping.rules import Rules
from tasks.monstock.client import MonstockClient
from tasks.transport.http import Http
from tasks.xero.auth import CustomConnection
from tasks.xero.client import XeroClient


@dataclass
class Connection:
    """One Monstock account joined to one Xero organisation, ready to work."""

    name: str
    settings: ConnectionSettings
    database: Database
    _noted: bool = field(default=False, init=False)

    @cached_property
    def monstock(self) -> MonstockClient:
        """Monstock's API."""
        place = self.settings.monstock
        key = secret(place.api_key, f"connections.{self.name}.monstock.api_key")
        return MonstockClient(
            Http(
                place.url,
                headers={"Authorization": f"Bearer {key.get_secret_value()}"},
                timeout=self.settings.request_timeout,
            )
        )

    @cached_property
    def xero(self) -> XeroClient:
        """Xero's accounting API for the pinned organisation."""
        place = self.settings.xero
        client_secret = secret(place.client_secret, f"connections.{self.name}.xero.client_secret")
        auth = CustomConnection(place.identity_url, place.client_id, client_secret)
        http = Http(place.api_url, auth=auth, timeout=self.settings.request_timeout)
        return XeroClient(http, place.tenant_id)

    @cached_property
    def orders(self) -> Orders:
        """Where each order stands."""
        return Orders(self.database, self.name, self.settings.digest)

    @cached_property
    def contacts(self) -> Contacts:
        """Who is who."""
        return Contacts(self.database, self.name)

    @cached_property
    def documents(self) -> Documents:
        """Documents and links."""
        return Documents(self.database, self.name, self.settings.digest)

    @cached_property
    def attempts(self) -> Attempts:
        """Stored requests."""
        lease = timedelta(seconds=self.settings.lease_seconds)
        return Attempts(self.database, self.name, self.settings.xero.tenant_id, lease)

    @cached_property
    def trail(self) -> Trail:
        """What was written and decided, and by whom."""
        return Trail(self.database, self.name)

    def bodies_kept_since(self, now: datetime) -> datetime:
        """The moment before which the audit trail keeps no contents: so many days of 365.25 a year ago."""
        return now - timedelta(days=365.25 * self.settings.keep_bodies_years)

    def check_organisation(self, live_name: str) -> None:
        """Refuse to go on unless the live organisation is the pinned one, in the settings and in the ledger.

        Raises `WrongOrganisation` before anything is written.
        """
        wanted = self.settings.xero
        if live_name != wanted.tenant_name:
            raise WrongOrganisation(
                f'Tenant {wanted.tenant_id} is "{live_name}" in Xero, but connection {self.name} is pinned to '
                f'"{wanted.tenant_name}". Nothing was written. Correct tenant_id or tenant_name.'
            )
        pinned = self.documents.pinned()
        if pinned and pinned[0] != wanted.tenant_id:
            raise WrongOrganisation(
                f'Connection {self.name} has written to "{pinned[1]}" ({pinned[0]}) so far; its settings now name '
                f'"{live_name}" ({wanted.tenant_id}). Give another organisation a connection of its own.'
            )

    def note(self) -> None:
        """Before any write: note the organisation that is written to, and the rules; once a process."""
        if self._noted:
            return
        if self.documents.pinned() is None:
            self.documents.pin(self.settings.xero.tenant_id, self.settings.xero.tenant_name)
        rules = self.settings.model_dump_json(include=set(Rules.model_fields))
        self.documents.remember_rules(self.settings.digest, rules)
        self._noted = True

    def close(self) -> None:
        """Let clients and ledger go."""
        for name in ("monstock", "xero"):
            if name in self.__dict__:
                self.__dict__[name].http.close()
        self.database.close()


_open: dict[tuple[str, str, str], Connection] = {}
_lock = Lock()


def open_connection(name: str) -> Connection:
    """The connection of that name, opened at its first use in this process and kept while its settings stay."""
    settings = connection_settings(name)
    key = (name, settings.model_dump_json(), ledger_url())
    with _lock:
        if key not in _open:
            _open[key] = Connection(name, settings, Database(ledger_url()))
        return _open[key]


def close_all() -> None:
    """Close every connection that this process opened."""
    with _lock:
        while _open:
            _open.popitem()[1].close()
