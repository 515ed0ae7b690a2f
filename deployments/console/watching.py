"""Knows who may tell us of changes, as settings and ledger have it now; no request waits for either."""

import logging
from threading import Event as Flag
from threading import Thread

from sqlalchemy.exc import SQLAlchemyError

from tasks.connections.settings import Settings, load
from tasks.connections.webhooks import Senders, senders, tenants
from tasks.domain.errors import MonstockXeroError
from tasks.ledger.database import Database

log = logging.getLogger(__name__)

LOOK_SECONDS = 2.0


class Watching:
    """A thread that looks every few seconds. `senders` and `tenants` are what it last found.

    Raises `SettingsError` for settings that are wrong at the start; should they become so, what was known holds.
    """

    senders: Senders
    tenants: dict[str, frozenset[str]]

    def __init__(self, database: Database, every: float = LOOK_SECONDS) -> None:
        self._database, self._every = database, every
        self._settings: Settings | None = None
        self._complaint = ""
        self._look()
        if not self.senders.apps and not self.senders.accounts:
            log.warning("No connection has a webhook_key or webhook_secret: every webhook is refused.")
        self._ended = Flag()
        self._watcher = Thread(target=self._work, name="watching", daemon=True)
        self._watcher.start()

    def close(self) -> None:
        """End."""
        self._ended.set()
        self._watcher.join()

    def _work(self) -> None:
        while not self._ended.wait(self._every):
            try:
                self._look()
                self._complaint = ""
            except (MonstockXeroError, SQLAlchemyError) as error:
                self._complain(str(error) if isinstance(error, MonstockXeroError) else type(error).__name__)

    def _look(self) -> None:
        settings = load()
        if settings is not self._settings:
            self.senders = senders(settings)
            self._settings = settings
        self.tenants = tenants(settings, self._database)

    def _complain(self, text: str) -> None:
        if text != self._complaint:
            log.warning("What was known of senders holds, for now it cannot be read: %s", text)
            self._complaint = text
