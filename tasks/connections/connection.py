"""Opens a connection: its settings, its two clients, its part of the ledger. Once a process, then kept."""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from functools import cached_property
from threading import Lock

from tasks.connections.settings import (
    CallLimits,
    ConnectionSettings,
    connection_settings,
    ledger_url,
    load,
    secret,
)
from tasks.domain.errors import WrongOrganisation
from tasks.ledger.attempts import Attempts
from tasks.ledger.contacts import Contacts
from tasks.ledger.database import Database
from tasks.ledger.documents import Documents
from tasks.ledger.governor import Governor, Today
from tasks.ledger.orders import Orders
from tasks.mapping.rules import OrderFilter, Rules
from tasks.monstock.client import MonstockClient
from tasks.transport.http import Http
from tasks.xero.auth import CustomConnection
from tasks.xero.client import XeroClient


@dataclass
class Connection:
    """One Monstock account joined to one Xero organisation, ready to work.

    `others` are the connections over the same account, with the orders that each takes.
    """

    name: str
    settings: ConnectionSettings
    database: Database
    others: Mapping[str, OrderFilter] = field(default_factory=dict)
    _noted: bool = field(default=False, init=False)

    @cached_property
    def monstock(self) -> MonstockClient:
        """Monstock's API."""
        place = self.settings.monstock
        key = secret(place.api_key, f"connections.{self.name}.monstock.api_key")
        return MonstockClient(
            Http(
                place.url,
                gate=self._gate(f"monstock {digest(place.url, key.get_secret_value())}", place.limits),
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
        http = Http(place.api_url, auth=auth, gate=self._xero_gate, timeout=self.settings.request_timeout)
        return XeroClient(http, place.tenant_id)

    def today(self) -> Today:
        """How Xero's day stands for the work at hand."""
        gate = self._xero_gate
        return gate.today() if gate else Today()

    @cached_property
    def _xero_gate(self) -> Governor | None:
        place = self.settings.xero
        return self._gate(f"xero {place.tenant_id.lower()} {digest(place.client_id)}", place.limits)

    def _gate(self, scope: str, limits: CallLimits) -> Governor | None:
        """Where calls wait for their turn: what the far side counts by is shared by all connections to it."""
        given = limits.given
        return Governor(self.database, scope, given, self.settings.request_timeout) if given else None

    @cached_property
    def orders(self) -> Orders:
        """Where each order stands."""
        return Orders(self.database, self.name)

    @cached_property
    def contacts(self) -> Contacts:
        """Who is who."""
        return Contacts(self.database, self.name)

    @cached_property
    def documents(self) -> Documents:
        """Documents and links."""
        return Documents(self.database, self.name)

    @cached_property
    def attempts(self) -> Attempts:
        """Stored requests."""
        lease = timedelta(seconds=self.settings.lease_seconds)
        return Attempts(self.database, self.name, self.settings.xero.tenant_id, lease)

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


def digest(*parts: str) -> str:
    """A short name for something that is not to be shown."""
    return hashlib.sha256("\n".join(parts).encode()).hexdigest()[:16]


_open: dict[tuple[str, str, str], Connection] = {}
_lock = Lock()


def open_connection(name: str) -> Connection:
    """The connection of that name, opened at its first use in this process and kept while its settings stay."""
    everything = load()
    settings = connection_settings(name, everything)
    others = {other: everything.connections[other].orders for other in everything.beside(name)}
    key = (name, f"{settings.model_dump_json()} {others}", ledger_url())
    with _lock:
        if key not in _open:
            _open[key] = Connection(name, settings, Database(ledger_url()), others)
        return _open[key]


def close_all() -> None:
    """Close every connection that this process opened."""
    with _lock:
        while _open:
            _open.popitem()[1].close()
