"""Opens a connection: its settings, its two clients, its part of the ledger. Once a process, then kept."""

import logging
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import cached_property
from threading import Lock

from tasks.connections.settings import (
    CallLimits,
    ConnectionSettings,
    connection_settings,
    key_digest,
    ledger_url,
    load,
    secret,
)
from tasks.domain.errors import NeedsConsent, Parked, WrongOrganisation
from tasks.ledger.attempts import Attempts
from tasks.ledger.backfills import Backfills
from tasks.ledger.columns import Columns
from tasks.ledger.consents import Consents
from tasks.ledger.contacts import Contacts
from tasks.ledger.credit_notes import CreditNotes
from tasks.ledger.database import Database
from tasks.ledger.discrepancies import Discrepancies
from tasks.ledger.documents import Documents
from tasks.ledger.governor import Governor, Today
from tasks.ledger.mirror import Mirror
from tasks.ledger.orders import Orders
from tasks.ledger.ownership import Ownership
from tasks.ledger.pins import Pin, Pins
from tasks.ledger.recalling import Recalling
from tasks.ledger.remaking import Remaking
from tasks.ledger.runs import Runs
from tasks.ledger.shown import Shown
from tasks.ledger.trail import Trail
from tasks.mapping.rules import OrderFilter, Rules
from tasks.monstock.client import MonstockClient
from tasks.transport.clock import FarClock
from tasks.transport.http import Http
from tasks.xero.auth import Consented, CustomConnection, TokenAuth, unconnected
from tasks.xero.client import XeroClient
from tasks.xero.identity import Addresses, Identity
from tasks.xero.reading import read_written, stamp

log = logging.getLogger(__name__)


@dataclass
class Connection:
    """One Monstock account joined to one Xero organisation, ready to work.

    `others` are the connections over the same account, with the orders that each takes.
    """

    name: str
    settings: ConnectionSettings
    database: Database
    others: Mapping[str, OrderFilter] = field(default_factory=dict)
    _compared: bool = field(default=False, init=False)
    _noted: bool = field(default=False, init=False)

    @cached_property
    def monstock(self) -> MonstockClient:
        """Monstock's API."""
        place = self.settings.monstock
        key = secret(place.api_key, f"connections.{self.name}.monstock.api_key")
        return MonstockClient(
            Http(
                place.url,
                gate=self._gate(
                    f"monstock {key_digest(place.url.rstrip('/'), key.get_secret_value())}", place.limits
                ),
                headers={"Authorization": f"Bearer {key.get_secret_value()}"},
                timeout=self.settings.request_timeout,
            )
        )

    @cached_property
    def xero(self) -> XeroClient:
        """Xero's accounting API for the pinned organisation. Raises `NeedsConsent` where there is none."""
        tenant_id = self.organisation.tenant_id
        timeout, clock = self.settings.request_timeout, self.xero_clock
        http = Http(
            self.settings.xero.api_url, auth=self.auth, gate=self._xero_gate, clock=clock, timeout=timeout
        )
        return XeroClient(http, tenant_id)

    @cached_property
    def xero_clock(self) -> FarClock:
        """What time it is at Xero."""
        return FarClock()

    @property
    def there_by_now(self) -> str:
        """Xero's time, as text that sorts with its stamps; known to the second, so that a little is added."""
        return stamp(self.xero_clock.now() + timedelta(seconds=2))

    @cached_property
    def identity(self) -> Identity:
        """Xero's identity service, as this connection's app sees it."""
        place, key = self.settings.xero, None
        if place.client_secret is not None:
            key = secret(place.client_secret, f"connections.{self.name}.xero.client_secret")
        at = Addresses(place.app.identity_url, place.login_url.rstrip("/"), place.connections_url)
        return Identity(at, place.client_id, key, self.xero_clock)

    @cached_property
    def consents(self) -> Consents:
        """The consents that its app was given."""
        return Consents(self.database, self.settings.xero.app)

    @cached_property
    def auth(self) -> TokenAuth:
        """The tokens it calls with."""
        if self.settings.xero.is_custom:
            return CustomConnection(self.identity, self.consents, self.xero_clock)
        return Consented(self.identity, self.consents, self.xero_clock, self.name)

    @cached_property
    def pins(self) -> Pins:
        """Organisations, as the ledger pins them."""
        return Pins(self.database, self.name)

    @property
    def organisation(self) -> Pin:
        """The one organisation: as the settings name it, else as `connect` pinned it.

        Raises `NeedsConsent` where neither does, or `disconnect` came since.
        """
        if (given := self.settings.xero.pin) is not None:
            return given
        pin = self.pins.read()
        if pin is None or pin.consent_id is None:
            raise NeedsConsent(unconnected(self.name))
        return pin

    def admitted(self) -> Pin:
        """The organisation, unless it is known that only a person can let us in. Asks nobody but the ledger.

        Raises `NeedsConsent`.
        """
        organisation = self.organisation
        self.auth.require()
        return organisation

    def today(self) -> Today:
        """How Xero's day stands for the work at hand."""
        gate = self._xero_gate
        return gate.today() if gate else Today()

    @cached_property
    def _xero_gate(self) -> Governor | None:
        place, tenant_id = self.settings.xero, self.organisation.tenant_id
        return self._gate(f"xero {tenant_id.lower()} {key_digest(place.client_id)}", place.limits)

    def _gate(self, scope: str, limits: CallLimits) -> Governor | None:
        """Where calls wait for their turn: what the far side counts by is shared by all connections to it."""
        given = limits.given
        return Governor(self.database, scope, given, self.settings.request_timeout) if given else None

    @cached_property
    def remaking(self) -> Remaking:
        """Orders whose documents were made under other rules."""
        return Remaking(self.database, self.name, self.settings.digest)

    @cached_property
    def backfills(self) -> Backfills:
        """What became of the chunks of backfills."""
        return Backfills(self.database, self.name)

    @cached_property
    def runs(self) -> Runs:
        """What runs wrote."""
        return Runs(self.database, self.name)

    @cached_property
    def recalling(self) -> Recalling:
        """Rolled back orders that are to be read again."""
        return Recalling(self.database, self.name)

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
    def mirror(self) -> Mirror:
        """Documents as they were last seen in Xero."""
        return Mirror(self.database, self.name)

    @cached_property
    def ownership(self) -> Ownership:
        """Whose documents are."""
        return Ownership(self.database, self.name, self.settings.digest)

    @cached_property
    def shown(self) -> Shown:
        """What Monstock shows of documents."""
        return Shown(self.database, self.name)

    @cached_property
    def columns(self) -> Columns:
        """Both sides as frames."""
        return Columns(self.database, self.name)

    @cached_property
    def discrepancies(self) -> Discrepancies:
        """In what the two sides differ, from night to night."""
        return Discrepancies(self.database, self.name, self.settings.digest)

    @cached_property
    def short_code(self) -> str | None:
        """The organisation's short code, which stands in addresses of its documents; asked for once a process.

        Raises `WrongOrganisation` where the live organisation is not the pinned one.
        """
        stream = "short code"
        try:
            organisation = self.xero.organisation()
        except Parked:
            # The day's calls are used up; it was the pinned organisation when it was last asked.
            if (known := self.orders.cursor(stream)) is None:
                raise
            return known or None
        self.check_organisation(organisation["Name"])
        found = organisation.get("ShortCode") or ""
        if found != self.orders.cursor(stream):
            self.orders.take_in([], "", stream, found)
        return found or None

    @cached_property
    def credit_notes(self) -> CreditNotes:
        """The credit notes that we made beside them."""
        return CreditNotes(self.database, self.name)

    @cached_property
    def attempts(self) -> Attempts:
        """Stored requests."""
        lease = timedelta(seconds=self.settings.lease_seconds)
        return Attempts(self.database, self.name, self.organisation.tenant_id, lease, read_written)

    @cached_property
    def trail(self) -> Trail:
        """What was written and decided, and by whom."""
        return Trail(self.database, self.name)

    def bodies_kept_since(self, now: datetime) -> datetime:
        """The moment before which the audit trail keeps no contents."""
        return bodies_kept_since(now, self.settings.keep_bodies_years)

    def check_organisation(self, live_name: str) -> None:
        """Refuse to go on unless the live organisation is the pinned one, in the settings and in the ledger.

        Raises `WrongOrganisation` before anything is written.
        """
        wanted, pinned = self.organisation, self.pins.read()
        if live_name != wanted.tenant_name:
            raise WrongOrganisation(
                f'Tenant {wanted.tenant_id} is "{live_name}" in Xero, but connection {self.name} is pinned to '
                f'"{wanted.tenant_name}". Nothing was written. {self._remedy}'
            )
        if pinned and not pinned.is_of(wanted.tenant_id):
            raise WrongOrganisation(
                f'Connection {self.name} belongs to "{pinned.tenant_name}" ({pinned.tenant_id}) so far; its settings '
                f'now name "{live_name}" ({wanted.tenant_id}). Give another organisation a connection of its own.'
            )
        self._compared = True

    @property
    def _remedy(self) -> str:
        if self.settings.xero.pin:
            return "Correct tenant_id or tenant_name."
        return f"If it has a new name, confirm it with `monstock-xero connect {self.name}`."

    def note(self) -> None:
        """Before any write, once a process: compare the live organisation, and note it with the rules.

        Raises `WrongOrganisation`; then nothing is written.
        """
        if self._noted:
            return
        if not self._compared:
            self.check_organisation(self.xero.organisation()["Name"])
        self.refuse_twin(self.organisation)
        self.pins.note(self.organisation.tenant_id, self.organisation.tenant_name)
        rules = self.settings.model_dump_json(include=set(Rules.model_fields))
        self.documents.remember_rules(self.settings.digest, rules)
        self._noted = True

    def refuse_twin(self, organisation: Pin) -> None:
        """Raise `WrongOrganisation` if another connection writes to that organisation under the same prefix."""
        pins, prefix = self.pins.everyone(), self.settings.prefix
        for name, settings in load().connections.items():
            pin = settings.xero.pin or pins.get(name)
            if name != self.name and settings.prefix == prefix and pin and pin.is_of(organisation.tenant_id):
                raise WrongOrganisation(
                    f'"{name}" and "{self.name}" would write to one organisation, '
                    f'"{organisation.tenant_name}" ({organisation.tenant_id}): give each its own prefix.'
                )

    def settle(self) -> None:
        """Leave no renewal of tokens without its answer, as far as that can be had. Raises nothing."""
        if "auth" not in self.__dict__:
            return
        try:
            self.auth.settle()
        except Exception as error:
            log.warning("Connection %s: no new tokens came (%s).", self.name, type(error).__name__)

    def close(self) -> None:
        """Let clients and ledger go."""
        self.settle()
        for name in ("monstock", "xero"):
            if name in self.__dict__:
                self.__dict__[name].http.close()
        self.database.close()


def bodies_kept_since(now: datetime, years: int) -> datetime:
    """So many years of 365.25 days ago."""
    return now - timedelta(days=365.25 * years)


_open: dict[tuple[str, str, str], Connection] = {}
_ledgers: dict[str, Database] = {}
_lock = Lock()


def open_connection(name: str) -> Connection:
    """The connection of that name, opened at its first use in this process and kept while its settings stay.

    Raises `OtherSchema` where another version has upgraded the ledger since.
    """
    everything = load()
    settings = connection_settings(name, everything)
    others = {other: everything.connections[other].orders for other in everything.beside(name)}
    key = (name, f"{settings.model_dump_json()} {others}", ledger_url())
    with _lock:
        if key not in _open:
            _open[key] = Connection(name, settings, Database(ledger_url()), others)
        found = _open[key]
    found.database.require_ours()
    return found


def shared_ledger() -> Database:
    """The ledger, for what concerns all connections; opened at its first use in this process, and kept.

    Raises `OtherSchema` as `open_connection`.
    """
    url = ledger_url()
    with _lock:
        if url not in _ledgers:
            _ledgers[url] = Database(url)
        found = _ledgers[url]
    found.require_ours()
    return found


def opened(name: str) -> list[Connection]:
    """What this process has opened by that name: one for all settings that it had meanwhile, the present ones last."""
    with _lock:
        return [connection for (known, *_), connection in _open.items() if known == name]


def close_all() -> None:
    """Close every connection that this process opened."""
    with _lock:
        while _open:
            _open.popitem()[1].close()
        while _ledgers:
            _ledgers.popitem()[1].close()
